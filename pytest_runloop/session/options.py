"""The plugin's options, each declared once: command line, ini, environment, meaning and default."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from ..commands import ISOLATIONS

T = TypeVar("T")


class Kind(NamedTuple, Generic[T]):
    """What values an option takes.

    :param parse: makes the value from text, or from a number of a typed ini file; ValueError if it is none.
    :param allowed: what is allowed, in words that follow "must be".
    :param metavar: the placeholder in `--help`.
    :param ini_type: the type that pytest reads from ini files.
    """

    parse: Callable[[Any], T]
    allowed: str
    metavar: str
    ini_type: Literal["string", "float", "bool", "linelist"] = "string"


class Option(NamedTuple, Generic[T]):
    """One option.

    :param name: the command line's name without `--runloop-`; the ini's name follows from it.
    :param kind: what values it takes.
    :param default: the value when nobody gives one.
    :param help: one sentence for `--help`.
    :param env: the environment variable that gives it too, if there is one.
    """

    name: str
    kind: Kind[T]
    default: T
    help: str
    env: str | None = None

    @property
    def flag(self) -> str:
        """The name on the command line."""
        return f"--runloop-{self.name}"

    @property
    def ini(self) -> str:
        """The name in ini files, which is the name in `config.option` too."""
        return "runloop_" + self.name.replace("-", "_")


class NotAllowedError(ValueError):
    """A value that is not allowed, for a reason that says more than what is allowed."""


def one_of(*values: str) -> Kind[str]:
    """Allow these words."""

    def parse(value: str | float) -> str:
        if value not in values:
            raise ValueError
        return str(value)

    return Kind(parse, " or ".join(filter(None, [", ".join(values[:-1]), values[-1]])), "|".join(values))


def text(what: str, metavar: str) -> Kind[str | None]:
    """Allow any text that is not empty."""

    def parse(value: str | float) -> str | None:
        if not str(value).strip():
            raise ValueError
        return str(value).strip()

    return Kind(parse, what, metavar)


def _url(value: str | float) -> str | None:
    address = str(value).strip().rstrip("/")
    scheme, separator, rest = address.partition("://")
    if scheme not in ("http", "https") or not separator or not rest:
        raise ValueError
    return address


def _seconds(value: str | float) -> float:
    number = float(value)
    if not 0 < number < float("inf"):
        raise ValueError
    return number


def _whole_seconds(value: str | float) -> int | None:
    number = float(value)
    if not number.is_integer() or not 0 < number <= 172_800:
        raise ValueError
    return int(number)


def _count(value: str | float) -> int | None:
    number = float(value)
    if not number.is_integer() or number < 1:
        raise ValueError
    return int(number)


def _number(value: str | float) -> int:
    number = float(value)
    if not number.is_integer() or number < 0:
        raise ValueError
    return int(number)


def _yes(value: str | float) -> bool:
    """Take what pytest made of it: the command line's option has no value, and ini files have their words."""
    return bool(value)


def _plan(value: str | float) -> str | None:
    """Check a fault plan. Who gives none imports nothing for it."""
    plan = str(value).strip()
    if not plan:
        return None
    from ..local.faults import FaultPlan, FaultPlanError

    try:
        FaultPlan.parse(plan)
    except FaultPlanError as error:
        raise NotAllowedError(str(error)) from None
    return plan


def _folder(value: str | float) -> str | None:
    from pathlib import Path

    given = str(value).strip()
    if not given:
        raise ValueError
    if Path(given).exists() and not Path(given).is_dir():
        raise NotAllowedError(f"{given} is there, and is no directory")
    return given


_NOTHING: Sequence[str] = ()


def _secrets(lines: Sequence[str]) -> Sequence[str]:
    from .evidence.redaction import parse

    try:
        return parse(lines)
    except ValueError as error:  # without the value: it may be a secret
        raise NotAllowedError(str(error)) from None


BACKEND = Option(
    "backend",
    one_of("auto", "cloud", "local"),
    "auto",
    "Where devboxes run. auto: Runloop's cloud when RUNLOOP_API_KEY is set or a base URL is given, "
    "else sandboxes on this machine.",
)
ISOLATION = Option(
    "isolation",
    one_of(*ISOLATIONS),
    "auto",
    "What isolates the local backend's devboxes. auto: the best that this machine permits. "
    "A named one that cannot be had is an error.",
    env="RUNLOOP_ISOLATION",
)
BASE_URL = Option(
    "base-url",
    Kind(_url, "a URL that begins with http:// or https://", "URL"),
    None,
    "The server to ask for devboxes, instead of Runloop's own.",
    env="RUNLOOP_BASE_URL",
)
BLUEPRINT = Option(
    "blueprint",
    text("the name of a blueprint", "NAME"),
    None,
    "The blueprint of devboxes whose marker names no source.",
)
FROM_SNAPSHOT = Option(
    "from-snapshot",
    text("the id of a snapshot", "ID"),
    None,
    "The snapshot that devboxes start from whose marker names no source; "
    "given on the command line, it holds over markers too.",
)
MAX_DEVBOXES = Option(
    "max-devboxes",
    Kind(_count, "a whole number greater than 0", "N", "float"),
    None,
    "How many devboxes the run may have at once, over all xdist workers. Tests that need one more wait.",
)
REUSE = Option(
    "reuse",
    one_of("never", "reset", "shared"),
    "never",
    "Which devbox a test gets whose marker does not say it. never: a new one. "
    "reset: one that other tests had before, put back to its starting state, and proven to be in it. "
    "shared: one that other tests had before, as they left it.",
)
BOOT_TIMEOUT = Option(
    "boot-timeout",
    Kind(_seconds, "a number of seconds greater than 0", "S", "float"),
    300.0,
    "Seconds that a devbox may take until it runs.",
)
TTL = Option(
    "ttl",
    Kind(_whole_seconds, "a whole number of seconds from 1 to 172800", "S", "float"),
    None,
    "Lifetime of a devbox in seconds, should nobody end it (keep_alive_time_seconds). "
    "Without it a devbox lives as long as the run needs it, and ten minutes longer at the most.",
)
SNAPSHOT = Option(
    "snapshot",
    one_of("off", "on-failure", "always"),
    "off",
    "When to keep a snapshot of a test's devbox: its id is in the report.",
)
ARTIFACTS = Option(
    "artifacts",
    Kind(_folder, "a directory", "DIR"),
    None,
    "Where to keep a folder for each failed test that used a devbox, with everything that is known of it.",
)
REDACT = Option(
    "redact",
    Kind(_secrets, "names of variables, text:TEXT or re:PATTERN", "NAME,…", "linelist"),
    _NOTHING,
    "What else to take out of reports and artifacts, beside what looks secret: values of variables of these "
    "names, text:TEXT, or what re:PATTERN matches. Several: give it again, or a line each in an ini file.",
)
SNAPSHOT_TIMEOUT = Option(
    "snapshot-timeout",
    Kind(_seconds, "a number of seconds greater than 0", "S", "float"),
    120.0,
    "Seconds that a snapshot of a test's devbox may take. "
    "If it is not complete by then, the devbox is kept instead of ended.",
)
KEEP = Option(
    "keep",
    one_of("never", "on-failure", "always"),
    "never",
    "When to let a test's devbox live on after the test, and after the run: for an hour, or as long as "
    "--runloop-ttl says. The summary says how to enter it, and how to end it.",
)
STRICT_CLEANUP = Option(
    "strict-cleanup",
    Kind(_yes, "true or false", "", "bool"),
    False,
    "Fail the run (exit status 1) if a devbox was not confirmed to have ended.",
)
RERUN_ENVIRONMENT = Option(
    "rerun-environment",
    Kind(_number, "a whole number, 0 or greater", "N", "float"),
    0,
    "How often to repeat a test, each time with a new devbox, whose failure is proven to be that of the "
    "environment, and not of the code.",
)
STRICT_COMMANDS = Option(
    "strict-commands",
    Kind(_yes, "true or false", "", "bool"),
    False,
    "Fail a test that passed although a command failed in it whose exit status nobody looked at.",
)
FAULTS = Option(
    "faults",
    Kind(_plan, "a fault plan", "PLAN"),
    None,
    "What is to go wrong on the local backend, and how long things take there, as "
    "`preset=cloud, seed=7, http_503=0.02@devboxes.create*`; an empty plan takes back that of the ini file.",
)
SNAPSHOT_ON_FAIL = "--runloop-snapshot-on-fail"

OPTIONS: tuple[Option[Any], ...] = (
    BACKEND,
    ISOLATION,
    BASE_URL,
    BLUEPRINT,
    FROM_SNAPSHOT,
    MAX_DEVBOXES,
    REUSE,
    BOOT_TIMEOUT,
    TTL,
    SNAPSHOT,
    ARTIFACTS,
    REDACT,
    SNAPSHOT_TIMEOUT,
    KEEP,
    STRICT_CLEANUP,
    RERUN_ENVIRONMENT,
    STRICT_COMMANDS,
    FAULTS,
)


def register(parser: Any) -> None:
    """Declare all options to pytest, for the command line and for ini files.

    :param parser: pytest's parser. Values are only read by `settings.resolve`, which says more than argparse.
    """
    group = parser.getgroup("runloop", "devboxes (pytest-runloop)")
    for option in OPTIONS:
        value: dict[str, Any] = {"metavar": option.kind.metavar}
        if option.kind.ini_type == "bool":
            value = {"action": "store_const", "const": True}
        if option.kind.ini_type == "linelist":
            value["action"] = "append"
        group.addoption(option.flag, dest=option.ini, default=None, help=_help(option), **value)
        parser.addini(option.ini, f"Same as {option.flag}.", type=option.kind.ini_type, default=None)
    group.addoption(
        SNAPSHOT_ON_FAIL,
        dest=SNAPSHOT.ini,
        action="store_const",
        const="on-failure",
        help=f"Short for {SNAPSHOT.flag}=on-failure.",
    )


def _help(option: Option[Any]) -> str:
    default = "" if option.default in (None, False, _NOTHING) else f" Default: {option.default}."
    environment = f" Environment: {option.env}." if option.env else ""
    return option.help + default + environment
