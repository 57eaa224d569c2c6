"""Shopify: what of an order is fulfilled, and what its fulfilment orders still have open.

Fulfilment orders are split, moved and merged at any time, so they are read again before each
publication. https://shopify.dev/docs/apps/build/orders-fulfillment
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sized

import msgspec

from actors.runtime.errors import NeedsPerson, Rejected
from actors.runtime.partner import Call
from adapters.channels.shopify.goods_shapes import (
    CONTENTS_QUERY,
    FULFILMENTS_QUERY,
    GOODS_QUERY,
    MORE_LINES_QUERY,
    MORE_ORDERS_QUERY,
    OPEN,
    Data,
    FulfilledLine,
    Fulfilment,
    FulfilmentOrder,
    OpenLines,
    PageInfo,
    Told,
)
from adapters.channels.shopify.graphql import PARTNER, ShopifyGraphql, order_gid
from adapters.kit.fitting import phrases
from adapters.kit.http_client import lost

MAX_FULFILMENTS = 200
"""Fulfilments of an order that are read: four times what one has here at most."""
MAX_ROWS = 1_000
"""Fulfilment orders of one order, or lines of one of them, that are read; twice what an order may
have here."""

_FIRST_FULFILMENTS = 50


class Share(msgspec.Struct, frozen=True):
    """Units of one fulfilment order, by the ids of its lines."""

    fulfilment_order: str
    lines: dict[str, int]


_decoder = msgspec.json.Decoder(Data)


class Goods:
    """One order's goods as the shop tells them at one moment."""

    def __init__(
        self,
        fulfilments: list[Fulfilment],
        orders: list[FulfilmentOrder],
        *,
        cancelled: bool,
        updated_at: str = "",
    ) -> None:
        self.cancelled = cancelled
        self.updated_at = updated_at
        self.fulfilments = [one for one in fulfilments if one.stands]
        self.orders = orders
        self._left = {
            line.id: line.remaining_quantity
            for one in orders
            if one.is_open
            for line in one.line_items.nodes
        }

    def quantities(self) -> dict[str, int]:
        """Return how many of each line are wanted now, by the line's number."""
        return {
            number_of(line.line_item.id): line.line_item.current_quantity
            for one in self.orders
            for line in one.line_items.nodes
        }

    def too_many(self, missing: Mapping[str, int], whole: Mapping[str, int]) -> Counter[str]:
        """Return what of the missing units the shop can't show, because so many were never ordered:
        all parcels together (`whole`) hold more of a line than there ever were, and none are left.
        Units that were removed or cancelled there are not among them: of those a person must hear.
        """
        there = Counter[str]()
        ordered: dict[str, int] = {}
        for one in self.orders:
            for line in one.line_items.nodes:
                number = number_of(line.line_item.id)
                there[number] += line.remaining_quantity
                ordered[number] = line.line_item.quantity
        return +Counter(
            {
                line: min(quantity - there[line], whole[line] - ordered[line])
                for line, quantity in missing.items()
                if line in ordered
            }
        )

    def closed_of(self, missing: Mapping[str, int], lines: Collection[str]) -> Counter[str]:
        """Return what of the missing units of these lines is not open any more. Of lines that do
        not travel: a gift card is fulfilled by Shopify itself, and a tip by no one."""
        there = Counter[str]()
        for one in self.orders if not missing.keys().isdisjoint(lines) else ():
            for line in one.line_items.nodes:
                there[number_of(line.line_item.id)] += line.remaining_quantity
        return +Counter(
            {line: more - there[line] for line, more in missing.items() if line in lines}
        )

    def with_numbers(self, numbers: Collection[str]) -> list[Fulfilment]:
        """Return the fulfilments with one of these tracking numbers; those without any for none."""
        if not numbers:
            return [one for one in self.fulfilments if not one.numbers]
        return [one for one in self.fulfilments if not one.numbers.isdisjoint(numbers)]

    def elsewhere(self, wanted: Mapping[str, int], location: str) -> list[Share]:
        """Return what of the wanted units is open at other locations than this alone, and may be
        moved here."""
        left, remaining = dict(wanted), dict(self._left)
        for one in self.orders:
            if one.is_open and one.location == location:
                _share(one, left, remaining)
        away = [one for one in self.orders if one.is_movable and one.location != location]
        return [share for one in away if (share := _share(one, left, remaining)).lines]

    def take(self, wanted: Mapping[str, int], location: str = "") -> list[list[Share]]:
        """Take units by line number from what is open, and return the shares, grouped by location:
        one fulfilment has those of one location alone. `location` goes first, then one that has
        more of them.

        Raises Rejected, which names what is not there to fulfil, and takes nothing then.
        """
        left, groups = dict(wanted), []
        open_at: dict[str, list[FulfilmentOrder]] = {}
        for one in self.orders:
            if one.is_open:
                open_at.setdefault(one.location, []).append(one)
        remaining = dict(self._left)
        for at in sorted(
            open_at.values(),
            key=lambda some: (
                bool(location) and some[0].location != location,
                -self._has(some, wanted),
            ),
        ):
            shares = [share for one in at if (share := _share(one, left, remaining)).lines]
            if shares:
                groups.append(shares)
        if short := {line: quantity for line, quantity in left.items() if quantity}:
            raise self._short(short, wanted)
        self._left = remaining
        return groups

    def _has(self, orders: Iterable[FulfilmentOrder], wanted: Mapping[str, int]) -> int:
        have: Counter[str] = Counter()
        for one in orders:
            for line in one.line_items.nodes:
                have[number_of(line.line_item.id)] += self._left.get(line.id, 0)
        return sum(min(have[line], quantity) for line, quantity in wanted.items())

    def _short(self, short: Mapping[str, int], wanted: Mapping[str, int]) -> Rejected:
        names = [f"{quantity} of the line {line}" for line, quantity in list(short.items())[:5]]
        what = ", ".join(names) + (" and others" if len(short) > len(names) else "")
        about = [
            one
            for one in self.orders
            if any(
                number_of(line.line_item.id) in short and line.remaining_quantity
                for line in one.line_items.nodes
            )
        ]
        holds = [hold.display_reason for one in about for hold in one.fulfillment_holds]
        if holds or any(one.status == "ON_HOLD" for one in about):
            return Rejected(
                f"{PARTNER} holds {what} back: {phrases(holds)}. Release the hold in {PARTNER} and "
                "retry."
            )
        if any(one.status in OPEN for one in about):
            return Rejected(
                f"{PARTNER} has {what} assigned to a fulfilment service or location that this app "
                f"may not fulfil. Move it to one of ours in {PARTNER} and retry."
            )
        if any(one.status == "SCHEDULED" for one in about):
            return Rejected(
                f"{PARTNER} has scheduled {what} for later. Mark it as ready in {PARTNER} and "
                "retry."
            )
        return Rejected(
            f"{PARTNER} has {what} of this shipment no longer to fulfil: it was fulfilled, removed "
            "or cancelled there, without our tracking number. Add the number there by hand."
        )


class ShopifyGoods:
    """Asks one shop about the goods of its orders."""

    def __init__(self, graphql: ShopifyGraphql) -> None:
        self._graphql = graphql

    async def now(self, call: Call) -> Goods:
        """Return the order's goods. Raises Rejected for an order that the shop does not have."""
        order = _there(
            (await self._ask(call, GOODS_QUERY, {"id": order_gid(call.ref)})).order, call
        )
        orders, page = list(order.fulfillment_orders.nodes), order.fulfillment_orders.page_info
        while page.has_next_page:
            _refuse_too_many(orders)
            asked = {"id": order.id, "after": page.end_cursor}
            more = _there((await self._ask(call, MORE_ORDERS_QUERY, asked)).order, call)
            orders += more.fulfillment_orders.nodes
            page = page.then(more.fulfillment_orders.page_info)
        fulfilments = order.fulfillments
        if len(fulfilments) >= _FIRST_FULFILMENTS:
            fulfilments = await self.fulfilments(call)
        return Goods(
            fulfilments,
            [await self._whole(call, one) for one in orders],
            cancelled=order.cancelled_at is not None,
            updated_at=order.updated_at,
        )

    async def fulfilments(self, call: Call) -> list[Fulfilment]:
        """Return the order's fulfilments, also those that were cancelled or failed."""
        asked = {"id": order_gid(call.ref)}
        order = _there((await self._ask(call, FULFILMENTS_QUERY, asked)).order, call)
        if len(order.fulfillments) >= MAX_FULFILMENTS:
            raise NeedsPerson(
                f"The order has {MAX_FULFILMENTS} fulfilments or more in {PARTNER}; so many are "
                "not read. Compare it there by hand."
            )
        return order.fulfillments

    async def contents(self, call: Call, fulfilment: str) -> dict[str, int]:
        """Return how much of each line a fulfilment holds, by the line's number."""
        lines: list[FulfilledLine] = []
        page = PageInfo(has_next_page=True)
        while page.has_next_page:
            _refuse_too_many(lines)
            asked = {"id": fulfilment, "after": page.end_cursor}
            data = await self._ask(call, CONTENTS_QUERY, asked)
            if data.fulfillment is None:
                raise lost(PARTNER, "answered without what was asked for", writes=False)
            lines += data.fulfillment.fulfillment_line_items.nodes
            page = page.then(data.fulfillment.fulfillment_line_items.page_info)
        found: Counter[str] = Counter()
        for line in lines:
            found[number_of(line.line_item.id)] += line.quantity or 0
        return dict(found)

    async def _whole(self, call: Call, one: FulfilmentOrder) -> FulfilmentOrder:
        """Return a fulfilment order with all of its lines."""
        lines, page = list(one.line_items.nodes), one.line_items.page_info
        while page.has_next_page:
            _refuse_too_many(lines)
            asked = {"id": one.id, "after": page.end_cursor}
            data = await self._ask(call, MORE_LINES_QUERY, asked)
            if data.fulfillment_order is None:
                raise lost(PARTNER, "answered without what was asked for", writes=False)
            lines += data.fulfillment_order.line_items.nodes
            page = page.then(data.fulfillment_order.line_items.page_info)
        return msgspec.structs.replace(one, line_items=OpenLines(lines, PageInfo()))

    async def _ask(self, call: Call, query: str, variables: object) -> Data:
        return await self._graphql.ask(call, query, variables, _decoder, writes=False)


def number_of(gid: str) -> str:
    """Return the digits of a global id."""
    return gid.rpartition("/")[2]


def _share(one: FulfilmentOrder, left: dict[str, int], remaining: dict[str, int]) -> Share:
    """Move what a fulfilment order has of the units that are left to it."""
    lines: dict[str, int] = {}
    for line in one.line_items.nodes:
        name = number_of(line.line_item.id)
        some = min(left.get(name, 0), remaining.get(line.id, 0))
        if some > 0:
            lines[line.id] = some
            left[name] -= some
            remaining[line.id] -= some
    return Share(one.id, lines)


def _refuse_too_many(rows: Sized) -> None:
    if len(rows) >= MAX_ROWS:
        raise NeedsPerson(
            f"The order has more than {MAX_ROWS:,} fulfilment orders or lines in {PARTNER}; so "
            "many are not read. Tell it of the shipment there by hand."
        )


def _there(order: Told | None, call: Call) -> Told:
    if order is None:
        raise Rejected(
            f"{PARTNER} has no order {call.ref}. It was deleted there, or belongs to another "
            "shop than this channel's."
        )
    return order
