"""What becomes of each order of a shop's run: drawn by its number, before it is placed."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field

from ops.simulators.shop_template import Recipe

CORRUPTIONS = ("no_lines", "bad_currency", "negative_quantity", "torn_json")
NOTES = (
    "Please leave it at the back door.",
    "A present: no invoice, please.",
    "Ring twice. Thank you!",
)


TAGS = ("two-parcels", "split-later", "short-pick")
"""What the warehouse is to do with an order's parcels, as the order's tags tell it."""


@dataclass(slots=True, frozen=True)
class Plan:
    """What to send. Shares are parts of the orders; `orders` 0 goes on indefinitely."""

    recipe: Recipe = field(default_factory=Recipe)
    orders: int = 100
    rate: float = 0.0
    first_number: int = 1001
    paid_later: float = 0.1
    # Of those paid later, the part whose `orders/paid` overtakes its `orders/create`.
    paid_first: float = 0.1
    cancel: float = 0.03
    update: float = 0.05
    duplicate: float = 0.05
    bad: float = 0.0
    # The part of the orders of which no webhook is sent: the shop has them, and no one was told.
    drop: float = 0.0
    concurrency: int = 64
    give_up_seconds: float = 120.0
    # Edits by the shop's people, so long after the order was placed.
    edit_address: float = 0.0
    edit_add_line: float = 0.0
    edit_remove_line: float = 0.0
    edit_after: tuple[float, float] = (0.0, 5.0)
    cancel_late: float = 0.0
    cancel_after: tuple[float, float] = (0.0, 30.0)
    cod: float = 0.0
    terms: float = 0.0
    # Lines over two locations.
    split: float = 0.0
    multi_parcel: float = 0.0
    split_later: float = 0.0
    short_pick: float = 0.0
    # How much later the shop's own webhooks come, in milliseconds; None: it sends none.
    echo_ms: tuple[float, float] | None = None
    # Whether the further webhooks of a placed order are sent, too.
    news: bool = False

    @property
    def is_live(self) -> bool:
        """Whether the shop's book is what counts: it is edited there, and tells of what we did."""
        shares = (self.edit_address, self.edit_add_line, self.edit_remove_line, self.cancel_late)
        return any(shares) or self.split > 0 or self.echo_ms is not None

    @property
    def is_told_whole(self) -> bool:
        """Whether the report says what should come of each order."""
        shares = (self.cod, self.terms, self.multi_parcel, self.split_later, self.short_pick)
        return self.is_live or any(shares)


@dataclass(slots=True)
class Fate:
    """What was drawn for one order, and what came of it."""

    number: int
    cancelled: bool
    paid_later: bool
    paid_first: bool
    updated: bool
    duplicated: bool
    bad: str
    dropped: bool = False
    accepted: bool = False
    cancel_accepted: bool = False
    payment: str = "card"
    tags: tuple[str, ...] = ()
    split: bool = False
    edits: tuple[str, ...] = ()
    cancelled_late: bool = False
    # What should come of it, and how its changes went; empty if the report doesn't tell.
    expected: dict[str, object] = field(default_factory=dict)
    changes: list[dict[str, object]] = field(default_factory=list)


def draw(plan: Plan, number: int) -> Fate:
    """What becomes of the order with that number: the same whenever it is asked."""
    rng = random.Random(f"{plan.recipe.seed}:{number}:fate")
    later = rng.random() < plan.paid_later
    # Draws of their own, so that the older ones stay what they were.
    own = random.Random(f"{plan.recipe.seed}:{number}:shape")
    drawn = own.random()
    payment = "cod" if drawn < plan.cod else "terms" if drawn < plan.cod + plan.terms else "card"
    later = later and payment == "card"
    edits = ("edit_address", "edit_add_line", "edit_remove_line")
    shares = (plan.edit_address, plan.edit_add_line, plan.edit_remove_line)
    kinds = tuple(kind for kind, share in zip(edits, shares, strict=True) if own.random() < share)
    parcels = zip(TAGS, (plan.multi_parcel, plan.split_later, plan.short_pick), strict=True)
    return Fate(
        number=number,
        paid_later=later,
        paid_first=rng.random() < plan.paid_first and later,
        cancelled=rng.random() < plan.cancel,
        updated=rng.random() < plan.update,
        duplicated=rng.random() < plan.duplicate,
        bad=CORRUPTIONS[number % len(CORRUPTIONS)] if rng.random() < plan.bad else "",
        dropped=random.Random(f"{plan.recipe.seed}:{number}:drop").random() < plan.drop,
        payment=payment,
        edits=kinds,
        tags=tuple(tag for tag, share in parcels if own.random() < share),
        split=own.random() < plan.split,
        cancelled_late=own.random() < plan.cancel_late,
    )


def corrupt(body: bytes, how: str) -> bytes:
    """The payload made wrong in one of four ways (CORRUPTIONS)."""
    if how == "torn_json":
        return body[: len(body) * 2 // 3]
    order = json.loads(body)
    if how == "no_lines":
        order["line_items"] = []
    elif how == "bad_currency":
        order["currency"] = "US$"
    elif how == "negative_quantity":
        order["line_items"][0]["quantity"] = -1
    return json.dumps(order).encode()
