"""Short ways to a plan, for the tests beside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_runloop.local.dockerfile.config import ImageConfig
from pytest_runloop.local.dockerfile.context import Tree
from pytest_runloop.local.dockerfile.parser import parse
from pytest_runloop.local.dockerfile.plan import BaseImage, BuildPlan, CopyStep, RunStep, Stage
from pytest_runloop.local.dockerfile.planner import BuildInputs, make_plan

IMAGES = {name: BaseImage(f"key of {name}") for name in ("debian", "alpine:3", "bpt_1")}


def plan(text: str, *, image: ImageConfig | None = None, **inputs: Any) -> BuildPlan:
    """Plan a Dockerfile; `image` is the configuration of `debian`."""
    images = IMAGES if image is None else {**IMAGES, "debian": BaseImage("key", image)}
    return make_plan(BuildInputs(parse(text), images=images, **inputs))


def result(text: str, **inputs: Any) -> Stage:
    """Plan the instructions of one stage after `FROM debian`."""
    return plan(f"FROM debian\n{text}", **inputs).result


def run(text: str, **inputs: Any) -> RunStep:
    """Return the last RUN of one stage."""
    return [step for step in result(text, **inputs).steps if isinstance(step, RunStep)][-1]


def copy(text: str, **inputs: Any) -> CopyStep:
    """Return the last COPY or ADD of one stage."""
    return [step for step in result(text, **inputs).steps if isinstance(step, CopyStep)][-1]


def files(root: Path, *names: str, **contents: str) -> Tree:
    """Write files, each with its name as text unless given, and return them as a build context."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(contents.get(name, name))
    return Tree.of_context(root)
