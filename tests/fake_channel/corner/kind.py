"""The kind `corner`: its messages are one line of text, `till;order;sku;pieces;cents`."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

from msgspec import Meta

from actors.runtime.partner import Call
from adapters.kit.inbound import Receipt, SignatureRefused, Translator, delivery_of, header
from adapters.kit.instance import Instance, Kit
from adapters.kit.kind import Channel, Kind
from adapters.kit.lineage import Carried, Example, Stated, one_parcel
from adapters.kit.orders import checked
from adapters.kit.settings import ChannelSettings, Signing
from schemas.contracts import refusals
from schemas.contracts.refusals import refused
from schemas.messages.effects import (
    CancelAtChannel,
    ChannelCancelled,
    FulfilmentPublished,
    PublishFulfilment,
    Result,
)
from schemas.messages.inputs import PlaceOrder
from schemas.messages.privacy import Read
from schemas.order.canonical import Address, Line, Order, Totals


class CornerSettings(ChannelSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One till of the corner shop."""

    webhook_secrets: Signing
    street: Annotated[str, Meta(min_length=1, max_length=100, description="Where everybody lives.")]


class Corner:
    """Its messages: a bare HMAC in hex, and a line of text."""

    kind = "corner"

    def __init__(self, settings: CornerSettings, name: str) -> None:
        self._settings = settings
        self._name = name

    def receive(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> Receipt:
        """Check the signature."""
        given = header(headers, "X-Corner")
        keys = [one.reveal().encode() for one in self._settings.webhook_secrets]
        good = [hmac.compare_digest(hmac.digest(k, raw, "sha256").hex(), given) for k in keys]
        if not any(good):
            raise SignatureRefused("The header X-Corner does not fit the body.")
        parts = raw.split(b";")
        ref = parts[1].decode("ascii", "replace") if len(parts) == 5 else ""
        return Receipt(
            channel=self._name,
            kind="place" if 0 < len(ref) <= 128 else "unreadable",
            ref=ref if 0 < len(ref) <= 128 else hashlib.sha256(raw).hexdigest(),
            topic="sold",
            delivery_id=delivery_of(self._name, header(headers, "X-Delivery"), "sold", raw),
        )

    def translate(self, kind: str, topic: str, raw: bytes) -> Read:
        """Read the line of text."""
        try:
            _, ref, sku, pieces, cents = raw.decode("ascii").split(";")
            order = _order(ref, sku, int(pieces), int(cents), self._settings.street)
        except ValueError as error:
            raise refused(refusals.SCHEMA_MISMATCH, "The line is not a till's.") from error
        return PlaceOrder(order=checked(order))


def _order(ref: str, sku: str, pieces: int, cents: int, street: str) -> Order:
    line = Line(
        line_id="1", sku=sku, title=sku, quantity=pieces, unit_price_minor=cents,
        total_minor=cents * pieces,
    )  # fmt: skip
    totals = Totals(
        subtotal_minor=line.total_minor, discount_minor=0, shipping_minor=0, tax_minor=0,
        total_minor=line.total_minor,
    )  # fmt: skip
    return Order(
        ref=ref, number=ref, placed_at="2026-11-20T09:00:00Z", updated_at="2026-11-20T09:00:00Z",
        currency="USD", payment="paid", lines=(line,), totals=totals,
        ship_to=Address(name="A. Neighbour", lines=(street,), city="Louisville", region="KY",
                        postal_code="40202", country="US"),
    )  # fmt: skip


class Counter:
    """The counter, where parcels are put: it is an event for other services."""

    name = "counter"
    can_look_up = True

    def __init__(self, kit: Kit) -> None:
        self._events = kit.events

    async def perform(self, call: Call) -> Result:
        """Put the parcels on the counter, or take the order off its list."""
        match call.effect:
            case PublishFulfilment() as effect:
                parcels = {
                    one.tracking_number: {unit.line_id: unit.quantity for unit in one.units}
                    for one in effect.parcels
                }
                await self._tell(call, {"parcels": parcels})
                return FulfilmentPublished(outside_ids=(call.reference,))
            case CancelAtChannel(reason=reason):
                await self._tell(call, {"cancelled": reason})
                return ChannelCancelled()
        raise TypeError("A counter takes parcels and cancellations.")

    async def _tell(self, call: Call, said: dict[str, object]) -> None:
        body = json.dumps({"reference": call.reference, **said}).encode()
        await self._events.publish(
            "orders.out.corner.counter", body, message_id=call.idempotency_key,
            content_type="application/json", trace=call.trace,
        )  # fmt: skip

    async def look_up(self, call: Call) -> Result | None:
        """The same event may be published again."""
        return None


async def _probe(settings: CornerSettings, kit: Kit) -> str:
    return "the shop is around the corner."


def _webhooks(settings: CornerSettings, instance: Instance) -> Corner:
    return Corner(settings, instance.name)


def _storefront(settings: CornerSettings, kit: Kit) -> Counter:
    return Counter(kit)


def _examples() -> Sequence[Example]:
    return (Example(when="", tree="till;1;LAMP;2;1000"),)


def _read(reader: Translator, raw: bytes) -> Read:
    return reader.translate("place", "sold", raw.strip(b'"'))


KIND = Kind(
    name="corner",
    title="The corner shop",
    words="Its till sends a line of text; parcels are put on its counter.",
    roles=("storefront",),
    settings=CornerSettings,
    example={"webhook_secrets": ["an example's secret"], "street": "1 Corner Street"},
    partner=_storefront,
    probe=_probe,
    carried=Carried(effect=one_parcel),
    channel=Channel(
        transports=("webhook",),
        webhooks=_webhooks,
        translator=None,
        sync=None,
        fetches=False,
        statuses={"sold": "is taken"},
        mapped=("skus",),
        speaks=lambda settings: "",
        stated=Stated(examples=_examples, read=_read),
    ),
)
