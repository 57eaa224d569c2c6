"""BigCommerce: fetch an order as it is now, and show its shipment in the shop.

A shipment has no idempotency key: ours is found by its tracking number and the mark in its comment.
https://developer.bigcommerce.com/docs/rest-management/orders/order-shipments
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from actors.runtime.errors import NeedsPerson, Rejected, Unauthorised
from actors.runtime.ports import Call
from adapters.channels.bigcommerce.api import MAX_PAGES, PAGE, PARTNER, BigCommerceApi
from adapters.channels.bigcommerce.money import EXTRA
from adapters.channels.bigcommerce.order import mark_of, travels
from adapters.channels.bigcommerce.scopes import number_in
from adapters.channels.bigcommerce.shapes import Bundle, Product, Shipment
from adapters.kit.fitting import printable
from adapters.kit.http_client import Answer, decoded
from schemas.messages.effects import FulfilmentPublished, PublishFulfilment, Result
from schemas.order.canonical import Order

T = TypeVar("T")

PROVIDERS: Mapping[str, str] = {
    "ups": "ups",
    "usps": "usps",
    "fedex": "fedex",
    "canada post": "canadapost",
    "royal mail": "royalmail",
    "australia post": "auspost",
}
"""Our carriers' names in lower case, and BigCommerce's `shipping_provider`; another carrier is told
as the shipping method, and its parcels have no link in the shop."""

SHIPPED, CANCELLED, COMPLETED = 2, 5, 10
DONE = frozenset({SHIPPED, COMPLETED})
MAX_TRACKING_CHARACTERS = 50
"""What BigCommerce takes."""
BUNDLE_CALLS = 5
"""Calls that one look costs: the order, its products, addresses, coupons and taxes; and one more
for its shipments when something was shipped."""
STORE_SECONDS = 3_600.0
"""How long the shop's own data are remembered; only its unit of weight is read."""


class _Status(msgspec.Struct, frozen=True):
    status_id: int
    items_shipped: float | None = None


class _Made(msgspec.Struct, frozen=True):
    id: int


_bundle = msgspec.json.Decoder(Bundle)
_status = msgspec.json.Decoder(_Status)
_made = msgspec.json.Decoder(_Made)
_products = msgspec.json.Decoder(list[Product])
_shipments = msgspec.json.Decoder(list[Shipment])
_trees = msgspec.json.Decoder(list[object])
_tree = msgspec.json.Decoder(dict[str, object])


class BigCommerceStorefront:
    """One store behind `actors.runtime.ports.Partner`, and `adapters.kit.fetching.Shows`."""

    name = "storefront"
    can_look_up = True

    def __init__(self, api: BigCommerceApi) -> None:
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
        shipped = decoded(_status, answer, partner=PARTNER, writes=False).items_shipped
        found: dict[str, object] = {"order": order, "store": store}
        for name in ("products", "shipping_addresses", "coupons", "taxes"):
            query = {"details": "true"} if name == "taxes" else {}
            found[name] = await self._all(f"{path}/{name}", call, _trees, query, counted=True)
        if shipped:
            found["shipments"] = await self._all(f"{path}/shipments", call, _trees, {})
        return pruned(msgspec.json.encode(found, order="sorted"))

    async def perform(self, call: Call) -> Result:
        """Make the shipment, or adopt the one that a lost call of ours made, and see that the
        order is shown as shipped. Of an order of which nothing travels only the status is set."""
        effect = _publication(call)
        path = _order_path(call.ref)
        if not effect.tracking_number:
            await self._show_as(COMPLETED, path, call)
            return FulfilmentPublished(fulfilment_id=f"status-{COMPLETED}")
        ours = await self._ours(path, call)
        if ours is None:
            await self._standing(path, call)  # a shipment would undo the shop's cancellation
            ours = await self._ship(path, call, effect)
        await self._show_as(SHIPPED, path, call)
        return FulfilmentPublished(fulfilment_id=str(ours))

    async def look_up(self, call: Call) -> Result | None:
        """Find our shipment; None while there is none, or the order is not shown as shipped."""
        effect = _publication(call)
        path = _order_path(call.ref)
        try:
            ours = await self._ours(path, call) if effect.tracking_number else COMPLETED
            if ours is None or await self._status_of(path, call) not in DONE:
                return None
        except Rejected as error:
            # A refused question is not an answer: what was done before stays unknown.
            raise NeedsPerson(str(error), outcome_known=False) from error
        done = str(ours) if effect.tracking_number else f"status-{COMPLETED}"
        return FulfilmentPublished(fulfilment_id=done)

    async def _ours(self, path: str, call: Call) -> int | None:
        number = _publication(call).tracking_number
        mark = mark_of(_order_id(call.ref), number)
        for one in await self._all(f"{path}/shipments", call, _shipments, {}):
            if one.tracking_number == number and mark in (one.comments or ""):
                return one.id
        return None

    async def _ship(self, path: str, call: Call, effect: PublishFulfilment) -> int:
        body = await self._shipment(path, call, effect)
        try:
            answer = await self._api.ask("POST", f"{path}/shipments", call=call, body=body)
        except Rejected:
            # It may be refused because a lost call of ours, or another process, was here before.
            ours = await self._ours(path, call)
            if ours is None:
                raise
            return ours
        if answer.status == 404:
            raise _no_order(path)
        return decoded(_made, answer, partner=PARTNER, writes=True).id

    async def _shipment(
        self, path: str, call: Call, effect: PublishFulfilment
    ) -> dict[str, object]:
        if len(effect.tracking_number) > MAX_TRACKING_CHARACTERS:
            raise Rejected(
                f"{PARTNER} takes tracking numbers of {MAX_TRACKING_CHARACTERS} characters at "
                "most. Make the shipment there by hand."
            )
        products = await self._all(f"{path}/products", call, _products, {})
        items, addresses = _items(call.stated, products)
        if len(addresses) > 1:
            raise Rejected(
                f"The goods go to {len(addresses)} addresses by now. Make the shipments in "
                f"{PARTNER} by hand."
            )
        provider = PROVIDERS.get(effect.carrier.lower(), "")
        body: dict[str, object] = {
            "order_address_id": addresses.pop(),
            "tracking_number": effect.tracking_number,
            "shipping_provider": provider,
            "tracking_carrier": "",
            "comments": mark_of(_order_id(call.ref), effect.tracking_number),
            "items": items,
        }
        if not provider and effect.carrier:
            body["shipping_method"] = effect.carrier
        return body

    async def _show_as(self, status_id: int, path: str, call: Call) -> None:
        """Set the order's status unless it says so already: making the last shipment may do it."""
        if await self._standing(path, call) in DONE:
            return
        answer = await self._api.ask("PUT", path, call=call, body={"status_id": status_id})
        if answer.status == 404:
            raise _no_order(path)

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
        return msgspec.json.encode(_bundle.decode(raw), order="sorted")
    except msgspec.ValidationError:
        return raw  # the edge refuses it, and says in whole sentences what is wrong


def _items(order: Order, products: list[Product]) -> tuple[list[dict[str, object]], set[int]]:
    """Return what of the order is shipped and not shown so yet, and the addresses it goes to.

    What a bundle was taken apart into is shipped as the bundle, whose id the shop knows.
    """
    amounts: dict[str, int] = {}
    bundles = set()
    for line in order.lines:
        if line.line_id.startswith(EXTRA):
            continue
        if line.bundle_line_id:
            bundles.add(line.bundle_line_id)
        else:
            amounts[line.line_id] = line.quantity
    items: list[dict[str, object]] = []
    addresses: set[int] = set()
    for product in products:
        still_open = product.quantity - int(product.quantity_shipped or 0)
        name = str(product.id)
        wanted = still_open if name in bundles else min(amounts.get(name, 0), still_open)
        if wanted > 0 and travels(product):
            items.append({"order_product_id": product.id, "quantity": wanted})
            addresses.add(product.order_address_id or 0)
    if not items:
        raise Rejected(
            f"{PARTNER} has nothing left to ship on this order: somebody shipped it there, without "
            "our tracking number. Add the number there."
        )
    return items, addresses


def _publication(call: Call) -> PublishFulfilment:
    if not isinstance(call.effect, PublishFulfilment):
        raise TypeError(f"{PARTNER} has nothing to do with {type(call.effect).__name__}.")
    return call.effect


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
