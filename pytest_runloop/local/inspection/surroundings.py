"""What a repository says of its surroundings: variables, services, workflows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...contract.views.repositories import ContainerizedService
from .files import Folder

_EXAMPLES = re.compile(r"\.?env\.(?:example|sample|template|dist|defaults)|\.(?:example|sample)\.env")
_VARIABLE = re.compile(r"\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*")
_PLACEHOLDER = re.compile(
    r"(?i)$|<.*>$|\$?\{.*\}$|\[.*\]$|your[-_ ].*|.*change[-_ ]?me.*|x{3,}$|\.{3}|todo\b.*|replace[-_ ].*"
)
_COMPOSE = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
_ASKED = re.compile(r"\$\{([A-Za-z_]\w*)(?::?\?[^}]*)?\}|\$([A-Za-z_]\w*)")
_PYTHON = re.compile(r"os\.environ\[\s*[\"']([A-Za-z_]\w*)[\"']\s*\](?!\s*=[^=])")
_RUBY = re.compile(r"ENV\.fetch\(\s*[\"']([A-Za-z_]\w*)[\"']\s*\)(?!\s*\{)")
_TESTS = re.compile(r"(?:^|/)(?:tests?|spec)(?:/|$)")
_LONGEST = 10_000
"""Characters of a line that an expression is matched against."""
_OF_EVERYBODY = frozenset({"HOME", "PATH", "USER", "SHELL", "PWD", "TMPDIR", "LANG", "TERM", "CI"})
_SET_UP = re.compile(r"actions/(?:checkout|setup-(\w+))")
_NEEDLESS = re.compile(r"actions/(?:cache|upload-|download-)|codecov/|docker/login-action|coverallsapp/")
_VERSION_KEYS = (
    "python-version",
    "node-version",
    "go-version",
    "ruby-version",
    "java-version",
    "dotnet-version",
)


class Variables:
    """The variables that a repository names, with values or without."""

    def __init__(self) -> None:
        self.given: dict[str, str] = {}
        self._needed: dict[str, None] = {}

    @property
    def needed(self) -> list[str]:
        """Those without a value, sorted."""
        return sorted(name for name in self._needed if name not in self.given and name not in _OF_EVERYBODY)

    def note(self, folder: Folder) -> list[str]:
        """Take the variables of a directory's files.

        :return: those that its files need, with or without values.
        """
        here: dict[str, None] = {}
        for name in sorted(folder.names):
            if _EXAMPLES.fullmatch(name):
                self._note_examples(folder.text(name), here)
            elif name in _COMPOSE:
                here.update(dict.fromkeys(_asked(folder.yaml(name))))
            elif name.endswith((".py", ".rb")) and not _TESTS.search(folder.path) and "test" not in name:
                found = (_PYTHON if name.endswith(".py") else _RUBY).findall(folder.text(name))
                here.update(dict.fromkeys(found))
        self._needed.update(here)
        return list(here)

    def _note_examples(self, text: str, here: dict[str, None]) -> None:
        for line in text.splitlines():
            match = _VARIABLE.fullmatch(line) if len(line) <= _LONGEST else None
            if match is None:
                continue
            value = re.sub(r"\s+#.*", "", match[2]).strip("\"'")
            if _PLACEHOLDER.match(value):
                here[match[1]] = None
            else:
                self.given.setdefault(match[1], value)


def _asked(value: object) -> Iterator[str]:
    """Yield the variables without a default that the texts below a value ask for."""
    if isinstance(value, str):
        for match in _ASKED.finditer(value.replace("$$", "")):
            yield match[1] or match[2]
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _asked(inner)


def services_of(folder: Folder) -> Iterator[ContainerizedService]:
    """Yield the services that compose files and workflows of a directory run in containers of an image."""
    for name in _COMPOSE:
        yield from _services(folder.yaml(name).get("services"))
    for _, workflow in workflows_of(folder):
        for job in _mappings(_mapping(workflow.get("jobs")).values()):
            yield from _services(job.get("services"))


def _services(services: object) -> Iterator[ContainerizedService]:
    for name, service in _mapping(services).items():
        about = {"image": service} if isinstance(service, str) else _mapping(service)
        image = about.get("image")
        if isinstance(image, str):
            options = about.get("options")
            yield ContainerizedService(
                name=name,
                image=image,
                env=_environment(about.get("environment") or about.get("env")) or None,
                options=options.strip() if isinstance(options, str) else None,
                port_mappings=list(_ports(about.get("ports"))) or None,
            )


def _environment(value: object) -> dict[str, str]:
    if isinstance(value, dict):
        return {name: one if isinstance(one, str) else "" for name, one in value.items()}
    pairs = [one.partition("=") for one in value if isinstance(one, str)] if isinstance(value, list) else []
    return {name: text for name, _, text in pairs}


def _ports(value: object) -> Iterator[str]:
    for port in value if isinstance(value, list) else ():
        if isinstance(port, dict):
            inner = port.get("target")
            port = f"{port.get('published') or inner}:{inner}"
        if isinstance(port, str):
            yield port if ":" in port else f"{port}:{port}"


def workflows_of(folder: Folder) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the workflows of a directory, by file name."""
    if folder.path == ".github/workflows":
        for name in sorted(folder.names):
            if name.endswith((".yml", ".yaml")) and (workflow := folder.yaml(name)):
                yield name, workflow


def context_of(name: str, workflow: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the actions of a workflow mean here, as the API has it."""
    used = dict.fromkeys(uses for step in _steps(workflow) if isinstance(uses := step.get("uses"), str))
    sorts: dict[str, list[str]] = {
        "actions_skipped_unnecessary": [],
        "actions_taken": [],
        "actions_unknown": [],
    }
    for action in used:
        if _SET_UP.match(action):
            sorts["actions_taken"].append(action)
        elif _NEEDLESS.match(action):
            sorts["actions_skipped_unnecessary"].append(action)
        else:
            sorts["actions_unknown"].append(action)
    return {"file_name": name, "actions_context": sorts}


def versions_of(workflow: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the languages that a workflow sets up, with their versions."""
    for step in _steps(workflow):
        for key in _VERSION_KEYS:
            version = _mapping(step.get("with")).get(key)
            if isinstance(version, str) and "${{" not in version:
                yield key.removesuffix("-version"), version


def runner_of(workflow: Mapping[str, Any]) -> str | None:
    """Return what a workflow runs on, as `ubuntu-latest`."""
    for job in _mappings(_mapping(workflow.get("jobs")).values()):
        runner = job.get("runs-on")
        if isinstance(runner, str) and "${{" not in runner:
            return runner
    return None


def _steps(workflow: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for job in _mappings(_mapping(workflow.get("jobs")).values()):
        steps = job.get("steps")
        yield from _mappings(steps if isinstance(steps, list) else ())


def _mappings(values: Iterable[object]) -> Iterator[Mapping[str, Any]]:
    return (value for value in values if isinstance(value, dict))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
