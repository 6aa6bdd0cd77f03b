"""The configuration of an image, and the instructions that change nothing else."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from .parser import Instruction

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_SHELL = ("/bin/sh", "-c")


@dataclass(frozen=True, slots=True)
class Healthcheck:
    """How to see that a container is well.

    :param test: `("NONE",)`, `("CMD", program, …)` or `("CMD-SHELL", command)`.
    :param interval, timeout, start_period, start_interval: in seconds; 0 for the runtime's default.
    :param retries: 0 for the runtime's default.
    """

    test: tuple[str, ...]
    interval: float = 0
    timeout: float = 0
    start_period: float = 0
    start_interval: float = 0
    retries: int = 0


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What an image says of how it is used, and what an earlier stage hands on.

    :param working_dir: absolute.
    :param user: `NAME[:GROUP]` by name or number; empty for root.
    :param exposed_ports: as `80/tcp`.
    :param onbuild: instructions that run first where this image is built upon.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    working_dir: str = "/"
    user: str = ""
    shell: tuple[str, ...] = DEFAULT_SHELL
    entrypoint: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    exposed_ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    healthcheck: Healthcheck | None = None
    stop_signal: str | None = None
    author: str | None = None
    onbuild: tuple[str, ...] = ()


Expander = Callable[[str], str]
"""Replaces the variables of a word."""


def _command_line(config: ImageConfig, instruction: Instruction) -> tuple[str, ...]:
    return instruction.arguments if instruction.exec_form else (*config.shell, *instruction.arguments)


def _cmd(config: ImageConfig, instruction: Instruction, _expand: Expander) -> ImageConfig:
    return replace(config, command=_command_line(config, instruction))


def _entrypoint(config: ImageConfig, instruction: Instruction, _expand: Expander) -> ImageConfig:
    return replace(config, entrypoint=_command_line(config, instruction))


def _env(config: ImageConfig, instruction: Instruction, expand: Expander) -> ImageConfig:
    pairs = {expand(name): expand(value) for name, value in instruction.pairs()}
    for name in pairs:
        if not name or "=" in name:
            raise instruction.error(f"`{name}` cannot be the name of a variable")
    return replace(config, environment={**config.environment, **pairs})


def _label(config: ImageConfig, instruction: Instruction, expand: Expander) -> ImageConfig:
    pairs = {expand(name): expand(value) for name, value in instruction.pairs()}
    if "" in pairs:
        raise instruction.error("a label has no name")
    return replace(config, labels={**config.labels, **pairs})


_PORT = re.compile(
    r"(?:(?:[\d.]+|\[[\da-f:]+\]):)?(?:\d*(?:-\d+)?:)?(\d+)(?:-(\d+))?(?:/(tcp|udp|sctp))?", re.I
)


def _expose(config: ImageConfig, instruction: Instruction, expand: Expander) -> ImageConfig:
    ports = dict.fromkeys(config.exposed_ports)
    for word in instruction.arguments:
        for port in expand(word).split():
            match = _PORT.fullmatch(port)
            if not match or not 0 <= int(match[1]) <= int(match[2] or match[1]) <= 65535:
                raise instruction.error(f"`{port}` is no port", expected="as 80, 80/udp or 8000-8010/tcp")
            numbers = range(int(match[1]), int(match[2] or match[1]) + 1)
            ports.update(dict.fromkeys(f"{number}/{(match[3] or 'tcp').lower()}" for number in numbers))
    return replace(config, exposed_ports=tuple(ports))


def _volume(config: ImageConfig, instruction: Instruction, expand: Expander) -> ImageConfig:
    volumes = [expand(word) for word in instruction.arguments]
    if not all(volumes):
        raise instruction.error("a volume has an empty path")
    return replace(config, volumes=tuple(dict.fromkeys([*config.volumes, *volumes])))


def _stop_signal(config: ImageConfig, instruction: Instruction, expand: Expander) -> ImageConfig:
    name = expand(instruction.arguments[0])
    known = "SIG" + name.upper().removeprefix("SIG")
    is_number = name.isascii() and name.isdigit() and 0 < int(name) <= 64
    if (
        not is_number
        and known not in signal.Signals.__members__
        and not re.fullmatch(r"SIGRTM(IN|AX)[+-]\d+", known)
    ):
        raise instruction.error(f"there is no signal `{name}`", expected="as SIGTERM, TERM or 15")
    return replace(config, stop_signal=name)


def _user(config: ImageConfig, instruction: Instruction, expand: Expander) -> ImageConfig:
    name = expand(instruction.arguments[0])
    if not name:
        raise instruction.error("the user is empty")
    return replace(config, user=name)


def _shell(config: ImageConfig, instruction: Instruction, _expand: Expander) -> ImageConfig:
    return replace(config, shell=instruction.arguments)


def _maintainer(config: ImageConfig, instruction: Instruction, _expand: Expander) -> ImageConfig:
    return replace(config, author=instruction.arguments[0])


def _onbuild(config: ImageConfig, instruction: Instruction, _expand: Expander) -> ImageConfig:
    assert instruction.trigger is not None, "the parser makes one"
    return replace(config, onbuild=(*config.onbuild, instruction.trigger.source()))


_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")


def _seconds(instruction: Instruction, flag: str) -> float:
    text = instruction.flag(flag) or "0s"
    parts = _DURATION.findall(text)
    if text != "0" and "".join(number + unit for number, unit in parts) != text:
        raise instruction.error(f"`--{flag}={text}` is no duration", expected="as 30s, 1m30s or 500ms")
    total = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if 0 < total < 1e-3:
        raise instruction.error(f"`--{flag}={text}` is shorter than a millisecond")
    return total


def _healthcheck(config: ImageConfig, instruction: Instruction, _expand: Expander) -> ImageConfig:
    if instruction.arguments == ("NONE",):
        return replace(config, healthcheck=Healthcheck(("NONE",)))
    retries = instruction.flag("retries") or "0"
    if not (retries.isascii() and retries.isdigit()):
        raise instruction.error(f"`--retries={retries}` is no number")
    kind = "CMD" if instruction.exec_form else "CMD-SHELL"
    return replace(
        config,
        healthcheck=Healthcheck(
            (kind, *instruction.arguments[1:]),
            interval=_seconds(instruction, "interval"),
            timeout=_seconds(instruction, "timeout"),
            start_period=_seconds(instruction, "start-period"),
            start_interval=_seconds(instruction, "start-interval"),
            retries=int(retries),
        ),
    )


CONFIG_CHANGES: Mapping[str, Callable[[ImageConfig, Instruction, Expander], ImageConfig]] = {
    "CMD": _cmd,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "HEALTHCHECK": _healthcheck,
    "LABEL": _label,
    "MAINTAINER": _maintainer,
    "ONBUILD": _onbuild,
    "SHELL": _shell,
    "STOPSIGNAL": _stop_signal,
    "USER": _user,
    "VOLUME": _volume,
}
"""The instructions that change the configuration and no file."""
