"""Expensive set-up is done once: a snapshot of the prepared disk is where the tests start from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_runloop import Devbox, DevboxFactory


@pytest.fixture(scope="module")
def prepared(devbox_factory: DevboxFactory) -> Iterator[str]:
    """Prepare a devbox, and keep its disk as a snapshot for all tests of this module."""
    with devbox_factory(name="preparation") as devbox:
        devbox.cmd.exec("mkdir shop && seq 1 1000 > shop/stock.txt").check()
        snapshot = devbox.snapshot_disk(name="a shop with stock")
    yield snapshot.id
    snapshot.delete()


@pytest.fixture
def shop(prepared: str, devbox_factory: DevboxFactory) -> Iterator[Devbox]:
    """A devbox of the test's own that starts from the prepared disk."""
    with devbox_factory(snapshot=prepared) as devbox:
        yield devbox


def test_the_stock_is_there(shop: Devbox) -> None:
    assert shop.cmd.exec("wc -l < shop/stock.txt").stdout().strip() == "1000"


def test_a_sale_takes_from_the_stock(shop: Devbox) -> None:
    shop.cmd.exec("sed -i 1d shop/stock.txt").check()
    assert shop.cmd.exec("wc -l < shop/stock.txt").stdout().strip() == "999"


def test_but_not_from_the_next_tests(shop: Devbox) -> None:
    assert shop.cmd.exec("head -n1 shop/stock.txt").stdout() == "1\n"
