"""Rules, counted stock and checks against the world, for the product's side with `--brain`: what an
order costs when everything is asked about it and nothing comes of it.
"""

from __future__ import annotations

import asyncio
import csv
import json
import sys
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from ops.bench.load import Partners
from ops.bench.processes import ROOT, BenchFailed
from schemas.contracts.rules import SETS, Rule, Rules
from service.demo.world import PLACES
from service.rules.bench import rules_of

RULES = 20
SKUS = 1_000
ON_HAND = 100_000_000
"""Of each SKU at each place: nothing is short, so both sides do the same for an order."""

_ASKING = (
    Rule(name="known", when="has(customer.orders) && customer.orders > 900", hold="a regular"),
    Rule(name="nowhere", when="address.verdict == 'undeliverable'", hold="no such address"),
)
"""Rules that have the customer's history and the address looked up for every order."""


def brain_rules() -> Rules:
    """Return twenty rules over all sets, none of which matches an order of the bench."""
    found = rules_of(RULES - len(_ASKING))
    return replace(found, review=(*found.review, *_ASKING))


def as_toml(rules: Rules) -> str:
    """Return rules as the file that people publish."""
    lines = []
    for name in SETS:
        for rule in rules.of(name):
            lines.append(f"[[{name}]]")
            told = {"name": rule.name, "when": rule.when, "hold": rule.hold, "tag": rule.tag}
            lines += [f"{key} = {json.dumps(value)}" for key, value in told.items() if value]
    return "\n".join(lines) + "\n"


def checking(table: dict[str, Any], world: Partners) -> None:
    """Add an address service to the product's configuration."""
    table["partners"]["usps"] = {
        "kind": "usps",
        "base_url": f"{world.url}/usps",
        "client_id": "bench",
        "client_secret": "bench",
        "hourly": 1_000_000,
    }


async def teach(home: Path) -> None:
    """Publish the rules and count the stock, as an operator does, at a running service. Raises
    BenchFailed."""
    rules, stock = home / "rules.toml", home / "stock.csv"
    rules.write_text(as_toml(brain_rules()))
    with stock.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("sku", "place", "on_hand"))
        rows.writerows(
            (f"SKU-{number:03d}", place, ON_HAND) for place in PLACES for number in range(1, SKUS)
        )
    data = ("--data", str(home / "data"))
    await _told("rules", "publish", str(rules), "--reason", "the bench", *data)
    await _told("stock", "import", str(stock), "--reason", "the bench", *data)


async def _told(*words: str) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "service.cli", *words,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await child.communicate()
    if child.returncode:
        raise BenchFailed(f"`orderwright {' '.join(words[:2])}` failed: {out.decode()[:2000]}")
