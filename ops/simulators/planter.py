"""Who plants errors in the simulated books: picks orders, and changes what is said of them."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from ops.simulators.bc_book import Book as ErpBook
from ops.simulators.bc_orders import SalesOrder
from ops.simulators.shapes import JsonObject, NotUnderstood, dump, parse_object
from ops.simulators.shop_book import Book as ShopBook
from ops.simulators.shop_listed import enter_all
from ops.simulators.shop_payments import Entry

# Any: payloads of webhooks and bodies of sales orders are free-form JSON.
Json = dict[str, Any]

SHOP: Final = frozenset({"shop.goods", "shop.shipping", "shop.tax", "shop.duty"})
GATEWAY: Final = frozenset({"gateway.payment", "gateway.fee", "gateway.payout"})
ERP: Final = frozenset({"erp.goods", "erp.shipping", "erp.tax", "erp.duty", "erp.day"})
TWIN: Final = frozenset({"erp.twin"})
_ELSEWHERE: Final = 700_000_000_000


@dataclass(slots=True, frozen=True)
class Target:
    """One order in all books: its number in the shop, its charge, its refund, its sales order."""

    number: int
    name: str
    charge: Entry
    refund: Entry | None
    sales_order: SalesOrder


Act = Callable[["Planter", Target], str]


@dataclass(slots=True, frozen=True)
class Kind:
    """One kind of error: what of an order it touches, so that no other one may touch it, what does
    it, and whether it needs an order that was refunded (None: any)."""

    touches: frozenset[str]
    act: Act
    refunded: bool | None = None


class Planter:
    """Plants in one shop's books and those of its ERP."""

    def __init__(
        self,
        shop: ShopBook,
        erp: ErpBook,
        rng: random.Random,
        *,
        channel: str,
        refund: Callable[[int, str], None],
        clock: Callable[[], float],
    ) -> None:
        self.shop, self.erp, self.rng, self.channel = shop, erp, rng, channel
        self.refund, self.clock = refund, clock
        self._serial = 0

    def plant(self, kinds: Mapping[str, Kind], each: int) -> list[JsonObject]:
        """Plant so many of each kind. Raises NotUnderstood where there are too few orders."""
        enter_all(self.shop)
        targets = self._targets()
        taken: dict[int, frozenset[str]] = {}
        planted: list[JsonObject] = []
        # The narrowest first, so that what fits anywhere does not take their place.
        wanted = [name for name in kinds for _ in range(each)]
        wanted.sort(key=lambda name: (kinds[name].refunded is not True, -len(kinds[name].touches)))
        for name in wanted:
            kind = kinds[name]
            found = self._pick(kind, targets, taken)
            taken[found.number] = taken.get(found.number, frozenset()) | kind.touches
            about = kind.act(self, found)
            planted.append({"kind": name, "order": str(found.number), "about": about})
        return planted

    def _pick(
        self, kind: Kind, targets: list[Target], taken: Mapping[int, frozenset[str]]
    ) -> Target:
        """A target that fits; every second time one that has an error already."""
        again = self.rng.random() < 0.5
        fits = [
            one
            for one in targets
            if kind.refunded in (None, one.refund is not None)
            and not taken.get(one.number, frozenset()) & kind.touches
        ]
        if not fits:
            raise NotUnderstood("There are too few orders to plant so many errors.")
        begun = [one for one in fits if one.number in taken]
        return self.rng.choice(begun if again and begun else fits)

    def _targets(self) -> list[Target]:
        charges: dict[int, Entry] = {}
        refunds: dict[int, Entry] = {}
        for one in self.shop.payments.entries:
            (charges if one.type == "CHARGE" else refunds).setdefault(one.order, one)
        orders = {one.external: one for one in self.erp.orders.values()}
        found = []
        for number, known in self.shop.orders.items():
            if not isinstance(known.order, dict) or number not in charges:
                continue
            name = str(known.order["name"])
            booked = orders.get(f"{self.channel} {name}".upper())
            if booked is not None and not known.order["cancelled_at"]:
                found.append(Target(number, name, charges[number], refunds.get(number), booked))
        return sorted(found, key=lambda one: one.number)

    def serial(self) -> int:
        """A number that nothing else has."""
        self._serial += 1
        return _ELSEWHERE + self._serial

    def order(self, target: Target) -> Json:
        """A copy of what the shop states of an order."""
        stated = self.shop.orders[target.number].order
        return copy.deepcopy(dict(stated)) if isinstance(stated, dict) else {}

    def state(self, target: Target, order: Json) -> str:
        """Have the shop state an order so, without a word to anyone."""
        self.shop.orders[target.number].order = order
        return str(target.number)

    def amount(self) -> Decimal:
        """Some cents to some dollars."""
        return Decimal(self.rng.randrange(50, 900)) / 100

    def lines(self, target: Target, change: Callable[[list[Json]], None]) -> str:
        """Change the lines of a sales order."""
        sent = parse_object(target.sales_order.raw)
        lines: list[Json] = copy.deepcopy(list(sent["salesOrderLines"]))  # type: ignore[arg-type]  # a list of lines
        change(lines)
        target.sales_order.raw = dump({**sent, "salesOrderLines": lines})
        return target.sales_order.number
