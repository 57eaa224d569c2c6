"""Amazon: fetch an order, confirm its shipment package by package, and cancel it.

Orders are read by the Orders API 2026-01-01; `confirmShipment` exists in v0 only. A package is
named by the number of our parcel: confirming it again edits it.
https://developer-docs.amazon.com/sp-api/reference/confirmshipment
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC

import msgspec

from actors.runtime.errors import NeedsPerson, Rejected, Retryable
from actors.runtime.partner import Call
from actors.runtime.ports import Clock
from adapters.channels.amazon.api import (
    CONFIRM_SHIPMENT,
    GET_ORDER,
    PARTNER,
    UPDATE_STATUS,
    AmazonApi,
    said,
)
from adapters.channels.amazon.cancelling import Cancelling, is_cancelled
from adapters.channels.amazon.money import EXTRA
from adapters.channels.amazon.order import current_quantity, is_order_id
from adapters.channels.amazon.shapes import API_VERSION, AmazonOrder, Fetched
from adapters.channels.amazon.waiting import Waiting
from adapters.kit.fitting import printable
from adapters.kit.http_client import decoded, lost
from adapters.kit.units import Room, channel_units
from schemas.contracts.validation import read_foreign
from schemas.messages.effects import (
    CancelAtChannel,
    ChannelCancelled,
    FulfilmentPublished,
    PublishFulfilment,
    Result,
    SentParcel,
    StandingTold,
    TellStanding,
    Units,
)
from schemas.order.canonical import Order
from schemas.order.things import number_of

INCLUDED = "BUYER,RECIPIENT,PROCEEDS,PROMOTION,CANCELLATION,FULFILLMENT,PACKAGES,TAX,PAYMENT"
"""What we ask for of an order; whatever the application has no role for is left out by Amazon."""

CARRIER_CODES: Mapping[str, str] = {
    name.lower(): name
    for name in ("UPS", "USPS", "FedEx", "DHL", "DPD", "GLS", "Royal Mail", "Canada Post")
}
"""Our carriers' names in lower case, and Amazon's codes; any other is `Other` with its name."""

FIRST_PACKAGE = 100_000

MARKETPLACE = "amazon.marketplace_id"
"""The attribute of an order that says where it was bought."""

_decoder = msgspec.json.Decoder(Fetched)


class AmazonStorefront:
    """One seller account, behind `actors.runtime.partner.Partner`."""

    can_look_up = True

    def __init__(
        self, api: AmazonApi, clock: Clock, *, marketplace_ids: tuple[str, ...], seller_id: str = ""
    ) -> None:
        self.name = api.name
        self._api = api
        self._clock = clock
        self._marketplace_id = marketplace_ids[0]
        self._waiting = Waiting(api, marketplace_ids)
        self._cancelling = Cancelling(api, seller_id=seller_id)

    async def perform(self, call: Call) -> Result:
        """Confirm each package, where a repeat edits it to the same, or cancel the order."""
        match call.effect:
            case PublishFulfilment():
                return await self._confirm(call, call.effect)
            case CancelAtChannel():
                return await self._cancelling.cancel(
                    call, call.effect, lambda: self._order(call.ref, call), self._marketplace_id
                )
            case TellStanding(what="ready"):
                return await self._ready(call, call.effect)
        raise TypeError(f"{PARTNER} has nothing to do with {type(call.effect).__name__}.")

    async def look_up(self, call: Call) -> Result | None:
        """Find our packages on the order, or its cancellation; None while any of it is missing."""
        effect = call.effect
        if isinstance(effect, TellStanding):
            return None  # it may be told again
        try:
            order = await self._order(call.ref, call)
        except Rejected as error:
            # A refused question is not an answer: what was done before stays unknown.
            raise NeedsPerson(str(error), outcome_known=False) from error
        if isinstance(effect, CancelAtChannel):
            return ChannelCancelled() if is_cancelled(order) else None
        if not isinstance(effect, PublishFulfilment):
            raise TypeError(f"{PARTNER} has nothing to do with {type(effect).__name__}.")
        there = {one.package_reference_id: one.tracking_number for one in order.packages}
        collected = _collected(call)
        ours = [
            (package_reference(parcel), parcel.tracking_number)
            for parcel, units in await self._packages(call, effect)
            if not collected.issuperset(units)
        ]
        if not ours:
            return None
        if any(there.get(name) != number for name, number in ours):
            return None
        return FulfilmentPublished(outside_ids=tuple(name for name, _ in ours))

    async def _confirm(self, call: Call, effect: PublishFulfilment) -> Result:
        packages = await self._packages(call, effect)
        collected = _collected(call)
        for parcel, units in packages:
            codes_of(call.stated, parcel, units)
            if not parcel.tracking_number and not collected.issuperset(units):
                raise Rejected(
                    f"{PARTNER} takes no shipment without a tracking number. Confirm it there by "
                    "hand."
                )
        for parcel, units in packages:
            if collected.issuperset(units):
                await self._hand_out(call, units)
            else:
                await self._send(call, parcel, units)
        return FulfilmentPublished(
            outside_ids=tuple(package_reference(parcel) for parcel, _ in packages)
        )

    async def _send(self, call: Call, parcel: SentParcel, units: Mapping[str, int]) -> None:
        code = CARRIER_CODES.get(parcel.carrier.lower(), "Other")
        codes = codes_of(call.stated, parcel, units)
        package: dict[str, object] = {
            "packageReferenceId": package_reference(parcel),
            "carrierCode": code,
            "trackingNumber": parcel.tracking_number,
            "shipDate": self._clock.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "orderItems": [
                one | ({"transparencyCodes": codes[item]} if item in codes else {})
                for item, one in _items(units).items()
            ],
        }
        if code == "Other":
            package["carrierName"] = parcel.carrier or "Other"
        answer = await self._api.ask(
            "confirmShipment",
            CONFIRM_SHIPMENT,
            "POST",
            f"/orders/v0/orders/{_order_id(call.ref)}/shipmentConfirmation",
            call=call,
            body={
                "marketplaceId": call.stated.attributes.get(MARKETPLACE) or self._marketplace_id,
                "packageDetail": package,
            },
            writes=True,
        )
        if answer.status == 404:
            raise Rejected(f"{PARTNER} has no order {call.ref}: {said(answer)}.")
        if answer.status != 204:
            raise lost(PARTNER, f"answered HTTP {answer.status} to a shipment", writes=True)

    async def _ready(self, call: Call, effect: TellStanding) -> Result:
        """Say that items wait for their buyer in the seller's shop."""
        order, collected = call.stated, _collected(call)
        kits = await self._kits(call)
        items = {
            item: quantity
            for item, quantity in channel_units(order, (), effect.units, kits).items()
            if item in collected and not item.startswith(EXTRA)
        }
        if items:
            await self._hand_out(call, items, "ReadyForPickup")
        return StandingTold(told=bool(items))

    async def _kits(self, call: Call) -> dict[str, int]:
        """Return how many Amazon has of each item, where some became components here."""
        if not any(line.bundle_line_id for line in call.stated.lines):
            return {}
        now = await self._order(call.ref, call)
        return {one.order_item_id: current_quantity(one) for one in now.order_items}

    async def _hand_out(
        self, call: Call, units: Mapping[str, int], status: str = "PickedUp"
    ) -> None:
        """Say that the buyer collected items of an order for the seller's shop, or can; a repeat
        changes nothing. https://developer-docs.amazon.com/sp-api/reference/updateshipmentstatus"""
        answer = await self._api.ask(
            "updateShipmentStatus",
            UPDATE_STATUS,
            "POST",
            f"/orders/v0/orders/{_order_id(call.ref)}/shipment",
            call=call,
            body={
                "marketplaceId": call.stated.attributes.get(MARKETPLACE) or self._marketplace_id,
                "shipmentStatus": status,
                "orderItems": list(_items(units).values()),
            },
            writes=True,
        )
        if answer.status == 404:
            raise Rejected(f"{PARTNER} has no order {call.ref}: {said(answer)}.")
        if answer.status != 204:
            raise lost(PARTNER, f"answered HTTP {answer.status} to a status", writes=True)

    async def bundle(self, ref: str, call: Call | None = None) -> bytes:
        """Return the order as Amazon tells it now, as JSON with sorted keys.

        Raises Rejected for an order that Amazon does not know.
        """
        raw = self._waiting.take(ref)
        if raw is None:
            try:
                raw = await self._fetch(ref, call)
            except Retryable as error:
                if not error.alone:
                    raise
                raw = await self._waiting.throttled(ref, error, INCLUDED)
            else:
                self._waiting.ended(ref)
        tree = msgspec.json.decode(raw)
        return msgspec.json.encode({"order": tree["order"]}, order="sorted")

    async def _order(self, ref: str, call: Call) -> AmazonOrder:
        return read_foreign(msgspec.json.decode(await self._fetch(ref, call)), Fetched).order

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

    async def _packages(
        self, call: Call, effect: PublishFulfilment
    ) -> list[tuple[SentParcel, dict[str, int]]]:
        """Return the parcels that hold some of Amazon's items, and how much of each, as far as it
        was ordered: Amazon refuses a whole package for one piece too many. One that only begins a
        kit has none: the kit is confirmed with the parcel that completes it."""
        order, kits = call.stated, await self._kits(call)
        have = {line.line_id: line.quantity for line in order.lines if not line.bundle_line_id}
        have |= {line: quantity for line, quantity in kits.items() if quantity}
        told: list[Units] = [unit for one in effect.earlier for unit in one.units]
        room = Room(have, channel_units(order, (), told, kits))
        found = []
        for parcel in effect.parcels:
            units = room.take(channel_units(order, told, parcel.units, kits))
            items = {item: q for item, q in units.items() if not item.startswith(EXTRA)}
            if items:
                found.append((parcel, items))
            told += parcel.units
        return found


def package_reference(parcel: SentParcel) -> str:
    """Return the number of our package in its order: the parcel's own, so that confirming it again
    edits it. It begins where the numbers end that Seller Central gives by itself."""
    return str(FIRST_PACKAGE + number_of(parcel.parcel))


def codes_of(order: Order, parcel: SentParcel, units: Mapping[str, int]) -> dict[str, list[str]]:
    """Return the codes of a parcel's pieces by Amazon's item, of those that need them. Raises
    Rejected where the warehouse told too few: Amazon would refuse the whole package."""
    found: dict[str, list[str]] = {}
    for line in order.lines:
        item = line.bundle_line_id or line.line_id
        if line.unit_codes != "transparency" or item not in units:
            continue
        told = found.setdefault(item, [])
        told += [x for one in parcel.codes if one.line_id == line.line_id for x in one.codes]
    for item, codes in found.items():
        if len(codes) < units[item]:
            raise Rejected(
                f"{PARTNER} wants the Transparency code of each piece, and of the item {item} the "
                f"warehouse told {len(codes)} for {units[item]}. Enter those on the pieces with "
                f"`orders codes` for {parcel.parcel}; or confirm the shipment in Seller Central, "
                "and skip this."
            )
    return found


def _collected(call: Call) -> frozenset[str]:
    """Return the items that the buyer collects."""
    return frozenset(
        line.bundle_line_id or line.line_id
        for line in call.stated.lines
        if line.delivery == "pickup"
    )


def _items(units: Mapping[str, int]) -> dict[str, dict[str, object]]:
    """Return items as Amazon is told them, by their ids."""
    return {item: {"orderItemId": item, "quantity": count} for item, count in units.items()}


def _order_id(ref: str) -> str:
    if not is_order_id(ref):
        raise Rejected(f"{printable(ref)[:40]!r} is not an order id of {PARTNER}: those are 3-7-7.")
    return ref
