"""A shop: `shop.py check`, `shop.py price ARTICLE`, `shop.py sell ARTICLE PIECES`."""

from __future__ import annotations

import csv
import os
import sys
from pathlib import Path

STOCK = Path(__file__).parent / "stock.csv"


def read() -> dict[str, dict[str, str]]:
    """Return the stock by article."""
    with STOCK.open(newline="") as file:
        return {row["article"]: row for row in csv.DictReader(file)}


def write(stock: dict[str, dict[str, str]]) -> None:
    """Write the stock down."""
    with STOCK.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["article", "pieces", "price"])
        writer.writeheader()
        writer.writerows(stock.values())


def main(command: str, article: str = "", pieces: str = "1") -> int:
    """Do what the command line says."""
    stock = read()
    if command == "check":
        return 0 if stock else 1
    if article not in stock:
        print(f"there is no {article}", file=sys.stderr)
        return 2
    if command == "price":
        print(stock[article]["price"], os.environ["SHOP_CURRENCY"])
        return 0
    left = int(stock[article]["pieces"]) - int(pieces)
    stock[article]["pieces"] = str(left)
    write(stock)
    print(left, "left")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
