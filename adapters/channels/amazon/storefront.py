"""Amazon: fetch an order as it is now, and confirm its shipment package by package.

Orders are read by the Orders API 2026-01-01; `confirmShipment` exists in v0 only. A package is
named by a number of ours that follows from its tracking number: confirming it again edits it.
https://developer-docs.amazon.com/sp-api/reference/confirmshipment
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC

import msgspec

from actors.runtime.errors import NeedsPerson, Rejected
from actors.runtime.ports import Call, Clock
from adapters.channels.amazon.api import CONFIRM_SHIPMENT, GET_ORDER, PARTNER, AmazonApi, said
from adapters.channels.amazon.money import EXTRA
from adapters.channels.amazon.order import current_quantity, is_order_id, package_reference
from adapters.channels.amazon.shapes import API_VERSION, AmazonOrder, Fetched
from adapters.kit.fitting import printable
from adapters.kit.http_client import decoded, lost
from schemas.messages.effects import FulfilmentPublished, PublishFulfilment, Result
from schemas.order.canonical import Order

INCLUDED = "BUYER,RECIPIENT,PROCEEDS,PROMOTION,CANCELLATION,FULFILLMENT,PACKAGES,TAX,PAYMENT"
"""What we ask for of an order; whatever the application has no role for is left out by Amazon."""

CARRIER_CODES: Mapping[str, str] = {
    name.lower(): name
    for name in ("UPS", "USPS", "FedEx", "DHL", "DPD", "GLS", "Royal Mail", "Canada Post")
}
"""Our carriers' names in lower case, and Amazon's codes; any other is `Other` with its name."""

MARKETPLACE = "amazon.marketplace_id"
"""The attribute of an order that says where it was bought."""

_decoder = msgspec.json.Decoder(Fetched)


class AmazonStorefront:
    """One seller account behind `actors.runtime.ports.Partner`."""

    name = "storefront"
    can_look_up = True

    def __init__(self, api: AmazonApi, clock: Clock, *, marketplace_id: str) -> None:
        self._api = api
        self._clock = clock
        self._marketplace_id = marketplace_id

    async def perform(self, call: Call) -> Result:
        """Confirm the package; a repeat edits it to the same."""
        effect = _publication(call)
        if not effect.tracking_number:
            raise Rejected(
                f"{PARTNER} takes no shipment without a tracking number. Confirm it there by hand."
            )
        order = call.stated
        reference = package_reference(call.ref, effect.tracking_number)
        code = CARRIER_CODES.get(effect.carrier.lower(), "Other")
        package: dict[str, object] = {
            "packageReferenceId": reference,
            "carrierCode": code,
            "trackingNumber": effect.tracking_number,
            "shipDate": self._clock.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "orderItems": await self._items(call, order),
        }
        if code == "Other":
            package["carrierName"] = effect.carrier or "Other"
        answer = await self._api.ask(
            "confirmShipment",
            CONFIRM_SHIPMENT,
            "POST",
            f"/orders/v0/orders/{_order_id(call.ref)}/shipmentConfirmation",
            call=call,
            body={
                "marketplaceId": order.attributes.get(MARKETPLACE) or self._marketplace_id,
                "packageDetail": package,
            },
            writes=True,
        )
        if answer.status == 404:
            raise Rejected(f"{PARTNER} has no order {call.ref}: {said(answer)}.")
        if answer.status != 204:
            raise lost(PARTNER, f"answered HTTP {answer.status} to a shipment", writes=True)
        return FulfilmentPublished(fulfilment_id=reference)

    async def look_up(self, call: Call) -> Result | None:
        """Find our package on the order; None while Amazon does not show it."""
        effect = _publication(call)
        try:
            order = await self._order(call.ref, call)
        except Rejected as error:
            # A refused question is not an answer: what was done before stays unknown.
            raise NeedsPerson(str(error), outcome_known=False) from error
        reference = package_reference(call.ref, effect.tracking_number)
        for package in order.packages:
            if package.package_reference_id == reference:
                return FulfilmentPublished(fulfilment_id=reference)
        return None

    async def bundle(self, ref: str, call: Call | None = None) -> bytes:
        """Return the order as Amazon tells it now, as JSON with sorted keys.

        Raises Rejected for an order that Amazon does not know.
        """
        tree = msgspec.json.decode(await self._fetch(ref, call))
        return msgspec.json.encode({"order": tree["order"]}, order="sorted")

    async def _order(self, ref: str, call: Call) -> AmazonOrder:
        return _decoder.decode(await self._fetch(ref, call)).order

    async def _fetch(self, ref: str, call: Call | None) -> bytes:
        answer = await self._api.ask(
            "getOrder",
            GET_ORDER,
            "GET",
            f"/orders/{API_VERSION}/orders/{_order_id(ref)}",
            call=call,
            query={"includedData": INCLUDED},
        )
        if answer.status == 404:
            raise Rejected(
                f"{PARTNER} has no order {ref}. It is older than two years, or belongs to another "
                "seller than this channel's."
            )
        decoded(_decoder, answer, partner=PARTNER, writes=False)
        return answer.body

    async def _items(self, call: Call, order: Order) -> list[dict[str, object]]:
        """Return Amazon's items and how much of each is in the package.

        What a bundle was taken apart into is confirmed as the bundle, whose number Amazon knows.
        """
        amounts: dict[str, int] = {}
        bundles = set()
        for line in order.lines:
            if line.line_id.startswith(EXTRA):
                continue
            if line.bundle_line_id:
                bundles.add(line.bundle_line_id)
            else:
                amounts[line.line_id] = amounts.get(line.line_id, 0) + line.quantity
        if bundles:
            now = await self._order(call.ref, call)
            there = {one.order_item_id: current_quantity(one) for one in now.order_items}
            amounts |= {one: there.get(one, 0) for one in bundles}
        found: list[dict[str, object]] = [
            {"orderItemId": one, "quantity": amount} for one, amount in amounts.items() if amount
        ]
        if not found:
            raise Rejected(f"{PARTNER} has no items of this order that could be shipped.")
        return found


def _publication(call: Call) -> PublishFulfilment:
    if not isinstance(call.effect, PublishFulfilment):
        raise TypeError(f"{PARTNER} has nothing to do with {type(call.effect).__name__}.")
    return call.effect


def _order_id(ref: str) -> str:
    if not is_order_id(ref):
        raise Rejected(f"{printable(ref)[:40]!r} is not an order id of {PARTNER}: those are 3-7-7.")
    return ref
