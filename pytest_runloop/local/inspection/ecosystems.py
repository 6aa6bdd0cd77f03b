"""What the files of a directory say of languages, package managers and commands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .files import Folder


@dataclass(slots=True)
class Part:
    """One way in which a directory is built.

    :param language: and its version, where the files say one.
    :param tool: the package manager or build tool.
    :param install: what fetches and installs what it needs.
    """

    language: str
    tool: str
    version: str | None = None
    name: str | None = None
    install: list[str] = field(default_factory=list)
    build: list[str] = field(default_factory=list)
    test: list[str] = field(default_factory=list)
    lint: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)


def parts_of(folder: Folder) -> Iterator[Part]:
    """Yield the ways in which a directory is built."""
    for find in _FINDERS:
        part = find(folder)
        if part is not None:
            yield part


# JavaScript

_LOCKS = {
    "pnpm-lock.yaml": ("pnpm", "pnpm install --frozen-lockfile"),
    "yarn.lock": ("yarn", "yarn install --frozen-lockfile"),
    "bun.lockb": ("bun", "bun install --frozen-lockfile"),
    "bun.lock": ("bun", "bun install --frozen-lockfile"),
    "package-lock.json": ("npm", "npm ci"),
    "npm-shrinkwrap.json": ("npm", "npm ci"),
}


def _javascript(folder: Folder) -> Part | None:
    if "package.json" not in folder.names:
        return None
    package = folder.json("package.json")
    tool, install = next((known for lock, known in _LOCKS.items() if lock in folder.names), ("npm", ""))
    declared = re.match(r"(npm|pnpm|yarn|bun)\b", str(package.get("packageManager", "")))
    if declared and declared[1] != tool:
        tool, install = declared[1], ""
    part = Part(_dialect(folder, package), tool, _node_version(folder, package), _word(package.get("name")))
    part.install = [install or f"{tool} install"]
    scripts = package.get("scripts")
    for name in scripts if isinstance(scripts, dict) else ():
        place = getattr(part, name) if name in ("build", "test", "lint") else part.scripts
        place.append(f"{tool} {name}" if name == "test" else f"{tool} run {name}")
    return part


def _dialect(folder: Folder, package: Mapping[str, Any]) -> str:
    needed = {**_mapping(package.get("dependencies")), **_mapping(package.get("devDependencies"))}
    return "typescript" if "tsconfig.json" in folder.names or "typescript" in needed else "javascript"


def _node_version(folder: Folder, package: Mapping[str, Any]) -> str | None:
    engines = _mapping(package.get("engines")).get("node")
    return _first_line(folder, ".nvmrc", ".node-version") or _word(engines)


# Python

_PYTHON = ("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "Pipfile")
_RUNNERS = {"poetry": "poetry run ", "uv": "uv run ", "pdm": "pdm run ", "pipenv": "pipenv run "}
_INSTALLS = {
    "poetry": "poetry install",
    "uv": "uv sync",
    "pdm": "pdm install",
    "pipenv": "pipenv install --dev",
}


def _python(folder: Folder) -> Part | None:
    if not folder.names.intersection(_PYTHON):
        return None
    project = folder.toml("pyproject.toml")
    tools, about = _mapping(project.get("tool")), _mapping(project.get("project"))
    tool = _python_tool(folder, tools)
    run = _RUNNERS.get(tool, "")
    part = Part("python", tool, _python_version(folder, about, tools), _word(about.get("name")))
    part.install = [_INSTALLS[tool]] if tool in _INSTALLS else list(_by_pip(folder, project))
    if "build-system" in project or "setup.py" in folder.names:
        part.build = {"uv": ["uv build"], "poetry": ["poetry build"]}.get(tool, [f"{run}python -m build"])
    part.test = list(_python_tests(folder, tools, run))
    part.lint = list(_python_lints(folder, tools, run))
    part.scripts = [f"{run}{name}" for name in _mapping(about.get("scripts"))]
    return part


def _python_tool(folder: Folder, tools: Mapping[str, Any]) -> str:
    locks = {"uv.lock": "uv", "poetry.lock": "poetry", "pdm.lock": "pdm", "Pipfile": "pipenv"}
    for name, tool in locks.items():
        if name in folder.names:
            return tool
    return next((tool for tool in ("poetry", "uv", "pdm") if tool in tools), "pip")


def _by_pip(folder: Folder, project: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(folder.names):
        if re.fullmatch(r"(?:dev[-_]?)?requirements(?:[-_](?:dev|test)s?)?\.txt", name):
            yield f"pip install -r {name}"
    if "build-system" in project or "project" in project or "setup.py" in folder.names:
        yield "pip install -e ."


def _python_version(folder: Folder, about: Mapping[str, Any], tools: Mapping[str, Any]) -> str | None:
    of_poetry = _mapping(_mapping(tools.get("poetry")).get("dependencies")).get("python")
    runtime = re.match(r"python-(\S+)", folder.text("runtime.txt"))
    return (
        _first_line(folder, ".python-version")
        or _word(about.get("requires-python"))
        or _word(of_poetry)
        or (runtime[1] if runtime else None)
    )


def _python_tests(folder: Folder, tools: Mapping[str, Any], run: str) -> Iterator[str]:
    if "tox.ini" in folder.names:
        yield f"{run}tox"
    if "noxfile.py" in folder.names:
        yield f"{run}nox"
    configured = "pytest" in tools or folder.names.intersection({"pytest.ini", "conftest.py"})
    told = "".join(folder.text(name) for name in sorted(folder.names) if "requirements" in name)
    if (
        configured
        or "[tool:pytest]" in folder.text("setup.cfg")
        or re.search(r"^pytest\b", told, re.MULTILINE)
    ):
        yield f"{run}pytest"


def _python_lints(folder: Folder, tools: Mapping[str, Any], run: str) -> Iterator[str]:
    if "ruff" in tools or folder.names.intersection({"ruff.toml", ".ruff.toml"}):
        yield f"{run}ruff check"
    if ".flake8" in folder.names or "[flake8]" in folder.text("setup.cfg") + folder.text("tox.ini"):
        yield f"{run}flake8"
    if "mypy" in tools or "mypy.ini" in folder.names:
        yield f"{run}mypy ."
    if "black" in tools:
        yield f"{run}black --check ."


# Others


def _go(folder: Folder) -> Part | None:
    if "go.mod" not in folder.names:
        return None
    text = folder.text("go.mod")
    version = re.search(r"^go\s+(\S+)", text, re.MULTILINE)
    name = re.search(r"^module\s+(\S+)", text, re.MULTILINE)
    part = Part("go", "go", version[1] if version else None, name[1] if name else None)
    part.install, part.build = ["go mod download"], ["go build ./..."]
    part.test, part.lint = ["go test ./..."], ["go vet ./..."]
    return part


def _rust(folder: Folder) -> Part | None:
    if "Cargo.toml" not in folder.names:
        return None
    package = _mapping(folder.toml("Cargo.toml").get("package"))
    channel = _mapping(folder.toml("rust-toolchain.toml").get("toolchain")).get("channel")
    version = _word(channel) or _first_line(folder, "rust-toolchain") or _word(package.get("rust-version"))
    part = Part("rust", "cargo", version, _word(package.get("name")))
    part.install, part.build = ["cargo fetch"], ["cargo build"]
    part.test, part.lint = ["cargo test"], ["cargo clippy"]
    return part


def _ruby(folder: Folder) -> Part | None:
    if "Gemfile" not in folder.names:
        return None
    declared = re.search(r"^\s*ruby\s+[\"']([^\"']+)", folder.text("Gemfile"), re.MULTILINE)
    version = _first_line(folder, ".ruby-version") or (declared[1] if declared else None)
    part = Part("ruby", "bundler", version, install=["bundle install"])
    spec = ".rspec" in folder.names or "rspec" in folder.text("Gemfile")
    part.test = ["bundle exec rspec"] if spec else ["bundle exec rake test"]
    part.lint = ["bundle exec rubocop"] if ".rubocop.yml" in folder.names else []
    return part


def _java(folder: Folder) -> Part | None:
    if "pom.xml" in folder.names:
        text = folder.text("pom.xml")
        version = re.search(r"<(?:java\.version|maven\.compiler\.(?:release|source))>([^<]+)<", text)
        tool = "./mvnw" if "mvnw" in folder.names else "mvn"
        goals = ("dependency:resolve", "package -DskipTests", "test")
    elif folder.names.intersection({"build.gradle", "build.gradle.kts"}):
        text = folder.text("build.gradle") + folder.text("build.gradle.kts")
        version = re.search(r"(?:JavaLanguageVersion\.of\(|JavaVersion\.VERSION_)(\d+)", text)
        tool = "./gradlew" if "gradlew" in folder.names else "gradle"
        goals = ("dependencies", "assemble", "test")
    else:
        return None
    install, build, test = (f"{tool} {goal}" for goal in goals)
    name = "gradle" if "gradle" in tool or "gradlew" in tool else "maven"
    part = Part("java", name, version[1].strip() if version else None)
    part.install, part.build, part.test = [install], [build], [test]
    return part


def _php(folder: Folder) -> Part | None:
    if "composer.json" not in folder.names:
        return None
    package = folder.json("composer.json")
    part = Part(
        "php", "composer", _word(_mapping(package.get("require")).get("php")), _word(package.get("name"))
    )
    part.install = ["composer install"]
    scripts = _mapping(package.get("scripts"))
    part.test = ["composer test"] if "test" in scripts else []
    part.scripts = [f"composer {name}" for name in scripts if name != "test"]
    return part


def _dotnet(folder: Folder) -> Part | None:
    projects = [name for name in folder.names if name.endswith((".sln", ".csproj", ".fsproj"))]
    if not projects:
        return None
    version = _word(_mapping(folder.json("global.json").get("sdk")).get("version"))
    part = Part("csharp", "dotnet", version, install=["dotnet restore"])
    part.build, part.test = ["dotnet build"], ["dotnet test"]
    return part


def _cmake(folder: Folder) -> Part | None:
    if "CMakeLists.txt" not in folder.names or "project(" not in folder.text("CMakeLists.txt").lower():
        return None
    part = Part("cpp", "cmake", install=["cmake -S . -B build"], build=["cmake --build build"])
    part.test = ["ctest --test-dir build"]
    return part


def _make(folder: Folder) -> Part | None:
    text = folder.text("Makefile") or folder.text("makefile") or folder.text("GNUmakefile")
    targets = list(dict.fromkeys(re.findall(r"^([A-Za-z][\w-]*)\s*:(?!=)", text, re.MULTILINE)))
    if not targets:
        return None
    part = Part("", "make")
    for target in targets:
        place = {"check": "test", "tests": "test"}.get(target, target)
        getattr(part, place if place in ("build", "test", "lint") else "scripts").append(f"make {target}")
    return part


_FINDERS: tuple[Callable[[Folder], Part | None], ...] = (
    *(_javascript, _python, _go, _rust, _ruby, _java, _php, _dotnet, _cmake),
    # Last: it mostly calls the others.
    _make,
)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _first_line(folder: Folder, *names: str) -> str | None:
    for name in names:
        lines = [line.strip() for line in folder.text(name).splitlines() if line.strip()]
        if lines and not lines[0].startswith("["):
            return lines[0].removeprefix("v")
    return None
