"""What happens to one order after it was placed, when the shop's book is what counts: each change
is done in the book, as its people would do it, and the webhooks of it are sent from here."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from ops.simulators.shop_data import product
from ops.simulators.shop_fates import NOTES, Fate, Plan
from ops.simulators.shop_orders import PRODUCTS
from ops.simulators.shop_statement import SECOND_LOCATION, Json, current, line_id

MAX_ROAD = 9_999


@dataclass(slots=True, frozen=True)
class Change:
    """One change: so many seconds after the order was placed, this is done in the book."""

    after_seconds: float
    name: str
    what: str


def changes(plan: Plan, fate: Fate, rng: random.Random) -> list[Change]:
    """What will happen, in order of time."""
    found = []
    if fate.paid_later and not fate.paid_first:
        found.append(Change(rng.uniform(0.05, 1.5), "pay", "pay"))
    if fate.updated:
        found.append(Change(rng.uniform(0.1, 3.0), "note", "edit"))
    found += [Change(rng.uniform(*plan.edit_after), kind, "edit") for kind in fate.edits]
    if fate.cancelled:
        found.append(Change(rng.uniform(0.1, 4.0), "cancel", "cancel"))
    if fate.cancelled_late:
        found.append(Change(rng.uniform(*plan.cancel_after), "cancel_late", "cancel"))
    return sorted(found, key=lambda change: change.after_seconds)


def request(change: Change, order: Json, rng: random.Random) -> Json | None:
    """What is asked of the book; None where the order has nothing that could be changed so."""
    match change.name:
        case "note":
            return {"note": rng.choice(NOTES)}
        case "edit_address":
            street = f"{rng.randint(1, MAX_ROAD)} Pine Road"
            return {"ship_to": {"address1": street, "address2": None}}
        case "edit_add_line":
            taken = {line["sku"] for line in order["line_items"]}
            free = [n for n in range(1, PRODUCTS + 1) if product(n).sku not in taken]
            return {"add_lines": [{"sku": product(rng.choice(free)).sku, "quantity": 1}]}
        case "edit_remove_line":
            return _less(order, rng)
        case "cancel" | "cancel_late":
            return {"reason": "customer", "refund": True}
    return {}


def _less(order: Json, rng: random.Random) -> Json | None:
    """Without one of its lines, or with a piece less where there is only one."""
    left = [line for line in order["line_items"] if current(line)]
    line = rng.choice(left) if left else None
    if line is None or (len(left) == 1 and current(line) == 1):
        return None
    if len(left) > 1:
        return {"remove": [line_id(line)]}
    return {"quantities": {line_id(line): current(line) - 1}}


def locations(fate: Fate, order: Json) -> dict[str, int]:
    """Which lines are fulfilled from the second location: every other one, if it was drawn so."""
    lines = order["line_items"]
    return {line_id(line): SECOND_LOCATION for line in lines[1::2]} if fate.split else {}


def fulfilled(told: Mapping[str, object]) -> int:
    """How many pieces had left when the book answered."""
    made = told.get("fulfilments")
    return sum(
        part["quantity"]
        for one in (made if isinstance(made, list) else [])
        if one["status"] == "SUCCESS"
        for part in one["lines"]
    )
