"""BigCommerce: fetch an order, show what left in the shop, and cancel there.

A shipment has no idempotency key: ours is found by the mark in its comment.
https://developer.bigcommerce.com/docs/rest-management/orders/order-shipments
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from actors.runtime.errors import NeedsPerson, Rejected, Unauthorised
from actors.runtime.partner import Call
from adapters.channels.bigcommerce.api import MAX_PAGES, PAGE, PARTNER, BigCommerceApi
from adapters.channels.bigcommerce.order import is_picked_up, travels
from adapters.channels.bigcommerce.refunding import give_back, given_back
from adapters.channels.bigcommerce.scopes import number_in
from adapters.channels.bigcommerce.shapes import Bundle, Product, Shipment, ShippedItem
from adapters.channels.bigcommerce.shipments import (
    body_of,
    collected,
    is_complete,
    mark_of,
    of_pickups,
    ours,
    planned,
)
from adapters.kit.fitting import printable
from adapters.kit.http_client import Answer, decoded
from schemas.contracts.refusals import Refused
from schemas.contracts.validation import read_foreign
from schemas.messages.effects import (
    CancelAtChannel,
    ChannelCancelled,
    FulfilmentPublished,
    PublishFulfilment,
    RefundPayment,
    Result,
    StandingTold,
    TellStanding,
)

T = TypeVar("T")

SHIPPED, PARTLY_SHIPPED, CANCELLED, WAITS, COMPLETED = 2, 3, 5, 8, 10
BUNDLE_CALLS = 5
"""Calls that one fetch costs: the order, its products, addresses, coupons and taxes; and one more
for its shipments when something was shipped."""
STORE_SECONDS = 3_600.0
"""How long the shop's own data are remembered; only its unit of weight is read."""


class _Status(msgspec.Struct, frozen=True):
    status_id: int
    items_shipped: float | None = None


_bundle = msgspec.json.Decoder(Bundle)
_status = msgspec.json.Decoder(_Status)
_made = msgspec.json.Decoder(Shipment)
_products = msgspec.json.Decoder(list[Product])
_shipments = msgspec.json.Decoder(list[Shipment])
_trees = msgspec.json.Decoder(list[object])
_tree = msgspec.json.Decoder(dict[str, object])


class BigCommerceStorefront:
    """One store, behind `actors.runtime.partner.Partner`, and `adapters.kit.fetching.Shows`."""

    can_look_up = True

    def __init__(self, api: BigCommerceApi) -> None:
        self.name = api.name
        self._api = api
        self._clock = api.clock
        self._store: dict[str, object] = {}
        self._store_until = 0.0

    async def bundle(self, ref: str, call: Call) -> bytes:
        """Return the order and its sub-resources as BigCommerce tells them now, without what
        no one here reads (the customer's IP address, links); of a shape that isn't known, all.

        Raises Rejected for an order that BigCommerce does not know.
        """
        path = _order_path(ref)
        store = await self._told_of_store(call)
        self._api.quota.want(BUNDLE_CALLS)
        answer = await self._get(path, call, {"include": "fees"}, counted=True)
        order = decoded(_tree, answer, partner=PARTNER, writes=False)
        status = decoded(_status, answer, partner=PARTNER, writes=False)
        found: dict[str, object] = {"order": order, "store": store}
        for name in ("products", "shipping_addresses", "coupons", "taxes"):
            query = {"details": "true"} if name == "taxes" else {}
            found[name] = await self._all(f"{path}/{name}", call, _trees, query, counted=True)
        if status.items_shipped or status.status_id == PARTLY_SHIPPED:
            found["shipments"] = await self._all(f"{path}/shipments", call, _trees, {})
        return pruned(msgspec.json.encode(found, order="sorted"))

    async def perform(self, call: Call) -> Result:
        """Make a shipment for each parcel, cancel the order, give money back, or show that it waits
        for its customer; what is done already is adopted."""
        path = _order_path(call.ref)
        match call.effect:
            case PublishFulfilment():
                return await self._publish(path, call, call.effect)
            case CancelAtChannel():
                return await self._cancel(path, call)
            case RefundPayment():
                products = await self._all(f"{path}/products", call, _products, {})
                return await give_back(self._api, _order_id(call.ref), call, call.effect, products)
            case TellStanding(what="ready"):
                return await self._ready(path, call, call.effect)
        raise TypeError(f"{PARTNER} has nothing to do with {type(call.effect).__name__}.")

    async def look_up(self, call: Call) -> Result | None:
        """Find our shipments, the cancellation, or the pickup that is ready; None while any of it
        is missing, or the order is not shown as shipped."""
        path, effect = _order_path(call.ref), call.effect
        if isinstance(effect, RefundPayment):
            return await given_back(self._api, _order_id(call.ref), call, effect)
        try:
            status = await self._status_of(path, call)
            if isinstance(effect, CancelAtChannel):
                return ChannelCancelled() if status == CANCELLED else None
            if isinstance(effect, TellStanding):
                return StandingTold() if status in (WAITS, SHIPPED, COMPLETED) else None
            if not isinstance(effect, PublishFulfilment):
                raise TypeError(f"{PARTNER} has nothing to do with {type(effect).__name__}.")
            products = await self._all(f"{path}/products", call, _products, {})
            shipments = await self._all(f"{path}/shipments", call, _shipments, {})
        except Rejected as error:
            # A refused question is not an answer: what was done before stays unknown.
            raise NeedsPerson(str(error), outcome_known=False) from error
        found = []
        for one in planned(call.stated, effect, products):
            made = ours(mark_of(call.reference, one.parcel), shipments)
            if made is None:
                return None
            found.append(str(made.id))
        wanted = _status_wanted(products, shipments, collected(call.stated, effect, products))
        return (
            None
            if wanted and status not in wanted
            else FulfilmentPublished(outside_ids=tuple(found))
        )

    async def _publish(self, path: str, call: Call, effect: PublishFulfilment) -> Result:
        """Of what is collected, and of an order of which nothing travels, only the status is set:
        a shipment goes to an address of the order."""
        shipments = await self._all(f"{path}/shipments", call, _shipments, {})
        standing = await self._standing(path, call)  # a shipment would undo a cancellation
        products = await self._all(f"{path}/products", call, _products, {})
        found = []
        for one in planned(call.stated, effect, products):
            mark = mark_of(call.reference, one.parcel)
            made = ours(mark, shipments)
            if made is None:
                made = await self._ship(path, call, body_of(one, mark, products), mark)
                shipments.append(made)
                products = _after(products, made)
            found.append(str(made.id))
        wanted = _status_wanted(products, shipments, collected(call.stated, effect, products))
        if found and standing not in wanted:
            standing = await self._standing(path, call)  # making the last shipment may set it
        if wanted and standing not in wanted:
            await self._show_as(wanted[0], path, call)
        return FulfilmentPublished(outside_ids=tuple(found))

    async def _ready(self, path: str, call: Call, effect: TellStanding) -> Result:
        """Show that the order waits for its customer, once nothing else of it is left: BigCommerce
        has one status for all of it. Raises Rejected for one that was cancelled there."""
        standing = await self._standing(path, call)
        products = await self._all(f"{path}/products", call, _products, {})
        shipments = await self._all(f"{path}/shipments", call, _shipments, {})
        waiting = of_pickups(call.stated, effect.units, products)
        is_shown = standing in (WAITS, SHIPPED, COMPLETED)
        if is_shown or not is_complete(products, shipments, waiting):
            return StandingTold(told=False)
        await self._show_as(WAITS, path, call)
        return StandingTold()

    async def _ship(self, path: str, call: Call, body: dict[str, object], mark: str) -> Shipment:
        try:
            answer = await self._api.ask("POST", f"{path}/shipments", call=call, body=body)
        except Rejected:
            # It may be refused because a lost call of ours, or another process, was here before.
            made = ours(mark, await self._all(f"{path}/shipments", call, _shipments, {}))
            if made is None:
                raise
            return made
        if answer.status == 404:
            raise _no_order(path)
        made = decoded(_made, answer, partner=PARTNER, writes=True)
        items = msgspec.convert(body["items"], list[ShippedItem])
        return msgspec.structs.replace(made, items=made.items or items)

    async def _cancel(self, path: str, call: Call) -> Result:
        """Give the order the status Cancelled, which refunds nothing; the shop puts its pieces back
        on sale as its own settings say."""
        answer = await self._get(path, call, {})
        status = decoded(_status, answer, partner=PARTNER, writes=False)
        if status.status_id == CANCELLED:
            return ChannelCancelled(told=False)
        if status.items_shipped:
            raise Rejected(
                f"{PARTNER} shows a part of the order as shipped, so it was not cancelled there. "
                f"Refund what is left in {PARTNER} by hand."
            )
        await self._show_as(CANCELLED, path, call)
        return ChannelCancelled()

    async def _show_as(self, status_id: int, path: str, call: Call) -> None:
        answer = await self._api.ask("PUT", path, call=call, body={"status_id": status_id})
        if answer.status == 404:
            raise _no_order(path)
        decoded(_status, answer, partner=PARTNER, writes=True)

    async def _standing(self, path: str, call: Call) -> int:
        """Return the order's status. Raises Rejected for one that was cancelled meanwhile: that
        stays so until a person has looked."""
        found = await self._status_of(path, call)
        if found == CANCELLED:
            raise Rejected(
                f"The order was cancelled in {PARTNER}, and what it is for has left. Make the "
                "shipment there by hand, or have the goods come back."
            )
        return found

    async def _status_of(self, path: str, call: Call) -> int:
        answer = await self._get(path, call, {})
        return decoded(_status, answer, partner=PARTNER, writes=False).status_id

    async def _get(
        self, path: str, call: Call, query: Mapping[str, str], *, counted: bool = False
    ) -> Answer:
        answer = await self._api.ask("GET", path, call=call, query=query, counted=counted)
        if answer.status == 404:
            raise _no_order(path)
        return answer

    async def _all(
        self,
        path: str,
        call: Call,
        decoder: msgspec.json.Decoder[list[T]],
        query: Mapping[str, str],
        *,
        counted: bool = False,
    ) -> list[T]:
        """Return every row of a sub-resource; BigCommerce says 204 where there is none."""
        found: list[T] = []
        for page in range(1, MAX_PAGES + 1):
            paged = {**query, "page": str(page), "limit": str(PAGE)}
            answer = await self._api.ask(
                "GET", path, call=call, query=paged, counted=counted and page == 1
            )
            if answer.status == 204:
                return found
            if answer.status == 404:
                raise _no_order(path)
            rows = decoded(decoder, answer, partner=PARTNER, writes=False)
            found += rows
            if len(rows) < PAGE:
                return found
        raise NeedsPerson(f"{PARTNER} has more than {MAX_PAGES * PAGE} rows at {path}.")

    async def _told_of_store(self, call: Call) -> dict[str, object]:
        """Return the unit that the shop weighs in; nothing where the token may not ask."""
        now = self._clock.monotonic()
        if now >= self._store_until:
            try:
                answer = await self._api.ask("GET", "/v2/store", call=call)
                told = decoded(_tree, answer, partner=PARTNER, writes=False)
            except Unauthorised:
                # Weights are not worth an order. A bad token fails at the order itself.
                told = {}
            self._store = {"weight_units": told.get("weight_units")}
            self._store_until = now + STORE_SECONDS
        return self._store


def pruned(raw: bytes) -> bytes:
    """Return a bundle without what is not read; as it is where it hasn't the shape it should."""
    try:
        found = _bundle.decode(raw)
    except msgspec.ValidationError:
        try:
            found = read_foreign(msgspec.json.decode(raw), Bundle)
        except Refused:
            return raw  # the edge refuses it, and says in whole sentences what is wrong
    return msgspec.json.encode(found, order="sorted")


def _status_wanted(
    products: Sequence[Product], shipments: Sequence[Shipment], taken: Mapping[int, int]
) -> tuple[int, ...]:
    """Return the statuses that show what has left and was collected, the one to set first. None
    while only a part was collected: BigCommerce has no status for it."""
    whole = is_complete(products, shipments, taken)
    if not any(travels(one) and not is_picked_up(one) for one in products):
        return (COMPLETED,) if whole else ()
    if whole:
        return (SHIPPED, COMPLETED)
    return (PARTLY_SHIPPED, SHIPPED, COMPLETED)


def _after(products: list[Product], made: Shipment) -> list[Product]:
    """Return the lines after a shipment was made."""
    sent = {one.order_product_id: one.quantity for one in made.items}
    return [
        msgspec.structs.replace(
            one, quantity_shipped=(one.quantity_shipped or 0) + sent.get(one.id, 0)
        )
        for one in products
    ]


def _order_id(ref: str) -> str:
    found = number_in(ref)
    if not found:
        raise Rejected(
            f"{printable(ref)[:40]!r} is not an order id of {PARTNER}: those are numbers."
        )
    return found


def _order_path(ref: str) -> str:
    return f"/v2/orders/{_order_id(ref)}"


def _no_order(path: str) -> Rejected:
    ref = path.split("/")[3]
    return Rejected(
        f"{PARTNER} has no order {ref}. It was deleted there, or belongs to another store than "
        "this channel's."
    )
