"""A program tested in the system that its Dockerfile describes: `pytest examples/dockerfile_blueprint -v`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pytest_runloop import Devbox, Runloop

APP = Path(__file__).parent / "app"


@pytest.fixture(scope="session")
def devbox_defaults(runloop: Runloop) -> Iterator[dict[str, Any]]:
    """Build the blueprint that all devboxes start from; what has not changed since the last run is kept."""
    context = runloop.storage_object.upload_from_dir(APP, ttl=timedelta(hours=1))
    blueprint = runloop.blueprint.create(
        name="shop",
        dockerfile=(APP / "Dockerfile").read_text(),
        build_context=context.as_build_context(),
    )
    yield {"blueprint_id": blueprint.id}
    blueprint.delete()
    context.delete()


def test_the_program_is_there_and_its_environment_is_set(devbox: Devbox) -> None:
    assert devbox.cmd.exec("shop/bin/shop price apple").stdout() == "0.50 EUR\n"


def test_a_sale_is_written_down(devbox: Devbox) -> None:
    devbox.cmd.exec("shop/bin/shop sell pear 3").check()
    assert "pear,4,0.80" in devbox.file.read(file_path="shop/stock.csv")


def test_each_test_begins_with_the_full_stock(devbox: Devbox) -> None:
    assert "pear,7,0.80" in devbox.file.read(file_path="shop/stock.csv")


def test_an_unknown_article_is_an_error(devbox: Devbox) -> None:
    result = devbox.cmd.exec("shop/bin/shop sell melon 1")
    assert (result.exit_code, result.stderr()) == (2, "there is no melon\n")


def test_what_is_ignored_is_not_there(devbox: Devbox) -> None:
    assert devbox.cmd.exec("ls shop").stdout().split() == ["bin", "shop.py", "stock.csv"]
