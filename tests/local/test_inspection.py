"""What is read out of repositories."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_runloop.contract.views.repositories import RepositoryManifestView, Workspace
from pytest_runloop.local.inspection.files import folders
from pytest_runloop.local.inspection.manifest import Findings, look_through
from pytest_runloop.local.inspection.yaml import YamlError, parse


def found(root: Path, files: Mapping[str, str]) -> Findings:
    """Return what is found in these files."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return look_through(root)


def manifest(root: Path, files: Mapping[str, str]) -> RepositoryManifestView:
    """Return the manifest of these files."""
    return found(root, files).manifest


def only(view: RepositoryManifestView) -> Workspace:
    """Return the only workspace."""
    [workspace] = view.workspaces
    return workspace


def commands(workspace: Workspace) -> dict[str, list[str]]:
    """Return the commands of a workspace, without those that there are none of."""
    assert workspace.dev_commands is not None
    return {name: value for name, value in workspace.dev_commands.model_dump().items() if value}


def languages(view: RepositoryManifestView) -> dict[str | None, str | None]:
    """Return the versions by language."""
    return {one.language: one.version for one in view.languages}


def test_nothing_is_found_in_nothing(tmp_path: Path) -> None:
    view = manifest(tmp_path, {"README": "hello"})
    assert (view.languages, view.workspaces, view.containerized_services) == ([], [], None)
    assert (view.env_vars, view.required_env_vars) == (None, None)
    assert view.container_config.base_image_name == "ubuntu-latest"
    assert view.container_config.setup_commands is None


PACKAGE = json.dumps(
    {
        "name": "web",
        "engines": {"node": ">=20"},
        "scripts": {"build": "tsc", "test": "vitest", "lint": "eslint .", "dev": "vite"},
        "devDependencies": {"typescript": "5"},
    }
)


@pytest.mark.parametrize(
    ("lock", "tool", "install"),
    [
        ("package-lock.json", "npm", "npm ci"),
        ("yarn.lock", "yarn", "yarn install --frozen-lockfile"),
        ("pnpm-lock.yaml", "pnpm", "pnpm install --frozen-lockfile"),
        ("bun.lockb", "bun", "bun install --frozen-lockfile"),
        ("other", "npm", "npm install"),
    ],
)
def test_a_package_of_npm_is_a_workspace_of_its_package_manager(
    tmp_path: Path, lock: str, tool: str, install: str
) -> None:
    view = manifest(tmp_path, {"package.json": PACKAGE, lock: ""})
    workspace = only(view)
    assert (workspace.name, workspace.path, workspace.build_tool) == ("web", None, [tool])
    assert commands(workspace) == {
        "install": [install],
        "build": [f"{tool} run build"],
        "test": [f"{tool} test"],
        "lint": [f"{tool} run lint"],
        "scripts": [f"{tool} run dev"],
    }
    assert workspace.workspace_setup_commands == [install]
    assert languages(view) == {"typescript": ">=20"}


@pytest.mark.parametrize(
    ("files", "tool", "expected"),
    [
        (
            {"requirements.txt": "pytest\n", "requirements-dev.txt": ""},
            "pip",
            {
                "install": ["pip install -r requirements-dev.txt", "pip install -r requirements.txt"],
                "test": ["pytest"],
            },
        ),
        (
            {
                "pyproject.toml": '[project]\nname="p"\nscripts={go="p:go"}\n[build-system]\n'
                "[tool.pytest.ini_options]\n[tool.ruff]\n[tool.mypy]\n"
            },
            "pip",
            {
                "install": ["pip install -e ."],
                "build": ["python -m build"],
                "test": ["pytest"],
                "lint": ["ruff check", "mypy ."],
                "scripts": ["go"],
            },
        ),
        (
            {"pyproject.toml": "[tool.poetry]\nname='p'\n[build-system]\n", "tox.ini": "[flake8]"},
            "poetry",
            {
                "install": ["poetry install"],
                "build": ["poetry build"],
                "test": ["poetry run tox"],
                "lint": ["poetry run flake8"],
            },
        ),
        ({"pyproject.toml": "[project]\n", "uv.lock": ""}, "uv", {"install": ["uv sync"]}),
        ({"pyproject.toml": "[project]\n", "pdm.lock": ""}, "pdm", {"install": ["pdm install"]}),
        (
            {"Pipfile": "", "conftest.py": ""},
            "pipenv",
            {"install": ["pipenv install --dev"], "test": ["pipenv run pytest"]},
        ),
    ],
)
def test_python_is_built_by_what_its_files_name(
    tmp_path: Path, files: dict[str, str], tool: str, expected: dict[str, list[str]]
) -> None:
    workspace = only(manifest(tmp_path, files))
    assert workspace.build_tool == [tool]
    assert commands(workspace) == expected


@pytest.mark.parametrize(
    ("files", "language", "version", "test"),
    [
        ({"go.mod": "module example.org/x\n\ngo 1.22\n"}, "go", "1.22", "go test ./..."),
        ({"Cargo.toml": '[package]\nname="x"\nrust-version="1.70"\n'}, "rust", "1.70", "cargo test"),
        (
            {"Cargo.toml": "[package]\n", "rust-toolchain.toml": '[toolchain]\nchannel="nightly"\n'},
            "rust",
            "nightly",
            "cargo test",
        ),
        ({"Gemfile": 'ruby "3.3"\ngem "rspec"\n'}, "ruby", "3.3", "bundle exec rspec"),
        ({"Gemfile": "", ".ruby-version": "3.2.1\n"}, "ruby", "3.2.1", "bundle exec rake test"),
        ({"pom.xml": "<java.version>21</java.version>", "mvnw": ""}, "java", "21", "./mvnw test"),
        ({"build.gradle.kts": "JavaLanguageVersion.of(17)"}, "java", "17", "gradle test"),
        (
            {"composer.json": '{"require":{"php":"^8.2"},"scripts":{"test":"x"}}'},
            "php",
            "^8.2",
            "composer test",
        ),
        ({"x.csproj": "", "global.json": '{"sdk":{"version":"8.0.1"}}'}, "csharp", "8.0.1", "dotnet test"),
        ({"CMakeLists.txt": "project(x)"}, "cpp", None, "ctest --test-dir build"),
        ({"setup.py": "", "runtime.txt": "python-3.11.4\n", "tox.ini": ""}, "python", "3.11.4", "tox"),
        ({"package.json": '{"scripts":{"test":"x"}}', ".nvmrc": "v18.1\n"}, "javascript", "18.1", "npm test"),
    ],
)
def test_languages_have_the_version_that_the_files_say(
    tmp_path: Path, files: dict[str, str], language: str, version: str | None, test: str
) -> None:
    view = manifest(tmp_path, files)
    assert languages(view) == {language: version}
    assert commands(only(view))["test"] == [test]


def test_targets_of_make_come_beside_other_tools(tmp_path: Path) -> None:
    makefile = "VAR := x\n.PHONY: test\nbuild: dep\n\tcc\ncheck:\nrelease :\n"
    workspace = only(manifest(tmp_path, {"Makefile": makefile, "go.mod": "module x"}))
    assert workspace.build_tool == ["go", "make"]
    assert commands(workspace)["build"] == ["go build ./...", "make build"]
    assert commands(workspace)["test"] == ["go test ./...", "make check"]
    assert commands(workspace)["scripts"] == ["make release"]


def test_each_directory_that_is_built_by_itself_is_a_workspace(tmp_path: Path) -> None:
    view = manifest(
        tmp_path,
        {
            "package.json": '{"name":"root","workspaces":["packages/*"]}',
            "yarn.lock": "",
            "packages/a/package.json": '{"name":"a"}',
            "services/api/pyproject.toml": "[project]\nname='api'\n",
            "node_modules/x/package.json": "{}",
            "services/api/.venv/lib/setup.py": "",
        },
    )
    assert [(one.path, one.name, one.workspace_setup_commands) for one in view.workspaces] == [
        (None, "root", ["yarn install --frozen-lockfile"]),
        ("packages/a", "a", None),
        ("services/api", "api", ["pip install -e ."]),
    ]
    assert view.container_config.setup_commands == [
        "command -v npm >/dev/null || { sudo apt-get update && sudo apt-get install -y nodejs npm; }",
        "command -v pip >/dev/null || { sudo apt-get update && sudo apt-get install -y python3-pip; }",
    ]


COMPOSE = """\
# of the developers
services:
  db:
    image: "postgres:16"   # pinned
    ports:
      - "5432:5432"
      - target: 80
        published: 8080
    environment:
      POSTGRES_USER: app
      POSTGRES_PASSWORD: ${DB_PASSWORD}
  cache: {image: redis, ports: [6379], environment: [A=b, "C=d e"]}
  app:
    build: .
    environment:
      - TOKEN=${API_TOKEN:?needed}
      - LEVEL=${LEVEL:-info}
      - COST=$$5
"""
WORKFLOW = """\
name: CI
on: [push, pull_request]
jobs:
  test:
    runs-on: ubuntu-24.04
    services:
      queue:
        image: rabbitmq:3
        options: >-
          --health-cmd "rabbitmq-diagnostics ping"
          --health-interval 10s
        ports: ['5672:5672']
    steps:
    - uses: actions/checkout@v4
    - uses: actions/setup-python@v5
      with:
        python-version: '3.12'
    - name: Test
      run: |
        pip install -e .
        pytest # all: of them
    - uses: actions/cache@v4
    - uses: some/thing@v1
"""


def test_services_of_compose_files_and_workflows_are_found(tmp_path: Path) -> None:
    view = manifest(tmp_path, {"docker-compose.yml": COMPOSE, ".github/workflows/ci.yml": WORKFLOW})
    services = {one.name: one for one in view.containerized_services or []}
    assert list(services) == ["db", "cache", "queue"]
    db, cache, queue = services.values()
    assert (db.image, db.port_mappings) == ("postgres:16", ["5432:5432", "8080:80"])
    assert db.env == {"POSTGRES_USER": "app", "POSTGRES_PASSWORD": "${DB_PASSWORD}"}
    assert (cache.image, cache.port_mappings, cache.env) == ("redis", ["6379:6379"], {"A": "b", "C": "d e"})
    assert queue.options == '--health-cmd "rabbitmq-diagnostics ping" --health-interval 10s'
    assert queue.port_mappings == ["5672:5672"]
    assert view.required_env_vars == ["API_TOKEN", "DB_PASSWORD"]


def test_workflows_tell_runner_versions_and_what_their_actions_mean(tmp_path: Path) -> None:
    findings = found(tmp_path, {".github/workflows/ci.yml": WORKFLOW, "setup.py": ""})
    assert findings.manifest.container_config.base_image_name == "ubuntu-24.04"
    assert languages(findings.manifest) == {"python": "3.12"}
    assert findings.workflows == {
        "ci.yml": {
            "file_name": "ci.yml",
            "actions_context": {
                "actions_taken": ["actions/checkout@v4", "actions/setup-python@v5"],
                "actions_skipped_unnecessary": ["actions/cache@v4"],
                "actions_unknown": ["some/thing@v1"],
            },
        }
    }


def test_variables_have_a_value_or_are_required(tmp_path: Path) -> None:
    view = manifest(
        tmp_path,
        {
            ".env.example": "# comment\nPORT=8000 # here\nexport NAME='a b'\nKEY=\nSECRET=<your secret>\n"
            "TOKEN=changeme\nPORT=9000\nnot a line\n",
            "app/main.py": 'import os\nos.environ["DSN"]\nos.environ["PORT"]\nos.environ["SET"] = "x"\n'
            'os.environ.get("OPTIONAL")\nos.environ["HOME"]\n',
            "app/pyproject.toml": "[project]\n",
            "main.rb": "ENV.fetch('RUBY')\nENV.fetch('DEFAULT', 1)\n",
            "tests/main.py": 'os.environ["IN_TESTS"]\n',
            "package.json": "{}",
        },
    )
    assert view.env_vars == {"PORT": "8000", "NAME": "a b"}
    assert view.required_env_vars == ["DSN", "KEY", "RUBY", "SECRET", "TOKEN"]
    assert view.workspaces[0].required_env_vars == ["KEY", "RUBY", "SECRET", "TOKEN"]


def test_broken_files_say_nothing_and_break_nothing(tmp_path: Path) -> None:
    view = manifest(
        tmp_path,
        {
            "package.json": "{broken",
            "pyproject.toml": "= broken",
            "Cargo.toml": "[[[",
            "composer.json": "[]",
            "docker-compose.yml": "a: [b",
            ".github/workflows/x.yml": "- a: b\n - c",
            "go.mod": "\0\xff",
            "global.json": "[" * 100_000,
            "x.sln": "",
        },
    )
    assert {tool for one in view.workspaces for tool in one.build_tool} >= {
        "npm",
        "pip",
        "cargo",
        "go",
        "dotnet",
    }


def test_values_of_other_types_are_passed_over(tmp_path: Path) -> None:
    odd = {"name": 1, "scripts": ["x"], "engines": 3, "workspaces": 1, "dependencies": None}
    view = manifest(
        tmp_path,
        {
            "package.json": json.dumps(odd),
            "pyproject.toml": "project = 1\ntool = 2\n",
            "compose.yml": "services: [a]\n",
            ".github/workflows/x.yml": "jobs:\n  a: b\n  c:\n    steps: d\n    services: {e: {image: [f]}}\n",
        },
    )
    assert view.workspaces[0].name is None


def test_no_link_is_followed_and_no_large_file_is_read(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / ".env.example").write_text("STOLEN=1\n")
    (outside / "go.mod").write_text("module stolen")
    root = tmp_path / "root"
    root.mkdir()
    (root / ".env.example").symlink_to(outside / ".env.example")
    (root / "linked").symlink_to(outside)
    (root / "loop").symlink_to(root)
    (root / "package.json").write_text('{"name":"' + "x" * 1_100_000 + '"}')
    view = look_through(root).manifest
    assert (view.env_vars, only(view).name) == (None, None)


def test_only_so_much_of_a_repository_is_looked_at(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*"abcdefghij")
    deep.mkdir(parents=True)
    (deep / "go.mod").touch()
    assert look_through(tmp_path).manifest.workspaces == []
    assert len(list(folders(tmp_path))) == 7


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: b", {"a": "b"}),
        ("---\na: 1\nb: ~\nc:\n", {"a": "1", "b": None, "c": None}),
        ("a:\n- b\n- c: d\n  e: f\n-\n  - g\n", {"a": ["b", {"c": "d", "e": "f"}, ["g"]]}),
        ("- - a\n  - b\n- c\n", [["a", "b"], "c"]),
        ("a: 'it''s'\nb: \"x\\ny # no\"\n'c d': e # yes\n", {"a": "it's", "b": "x\ny # no", "c d": "e"}),
        ("a: |\n  b\n    c\n\n  d: e\nf: >\n  g\n  h\n", {"a": "b\n  c\n\nd: e\n", "f": "g h\n"}),
        (
            "a: [b, 'c, d', {e: f}]\ng: {h: [i],\n  j: k}\n",
            {"a": ["b", "c, d", {"e": "f"}], "g": {"h": ["i"], "j": "k"}},
        ),
        (
            "[a, [b]]",
            ["a", ["b"]],
        ),
        ("a: {}\nb: []\n", {"a": {}, "b": []}),
        ("a: http://x:80/y\n", {"a": "http://x:80/y"}),
        ("a: b\n  c\nd: e", {"a": "b c", "d": "e"}),
        ("a: &x\n  b: c\nd: *x\n<<: *x\n", {"a": {"b": "c"}, "d": "*x", "<<": "*x"}),
        ("on:\n  push:\n    branches: [ main ]\n", {"on": {"push": {"branches": ["main"]}}}),
        ('run: echo "a: b"; c\n', {"run": 'echo "a: b"; c'}),
        ("a:\n  # comment\n\n  b: c\n", {"a": {"b": "c"}}),
        ("just text", "just text"),
    ],
)
def test_yaml_is_read_as_people_write_it(text: str, value: Any) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    "text", ["a: [b", "a: {b", "a: [}", "a:\n    b: c\n  d: e\n", "a: b\nc\n", "[" * 50 + "]" * 50]
)
def test_yaml_that_is_broken_is_refused(text: str) -> None:
    with pytest.raises(YamlError):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "a" + " " * 900_000 + "b",
        "a: [" + "b " * 400_000,
        "a: [\n" + "b,\n" * 300_000,
        "- " * 4_000,
        "".join(f"{' ' * depth}a:\n" for depth in range(1_000)),
    ],
)
def test_yaml_made_to_take_long_is_refused(text: str) -> None:
    with pytest.raises(YamlError):
        parse(text)
