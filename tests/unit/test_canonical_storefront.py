"""A channel without an API is told by events what left and what was cancelled, exactly."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from actors.runtime.errors import Rejected
from actors.runtime.partner import Call
from adapters.channels.canonical.storefront import CanonicalStorefront
from schemas.contracts.validation import accepts
from schemas.messages.effects import (
    CancelAtChannel,
    ChannelCancelled,
    Effect,
    FetchOrder,
    FulfilmentPublished,
    PublishFulfilment,
    SentParcel,
    StandingTold,
    TellStanding,
    Units,
)
from schemas.order.ids import order_id_for, sign_reference
from schemas.order.things import ORDER, Key
from tests.orders import an_order

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
KEYS = {"1": b"a key for tests"}
PARCELS = (
    SentParcel(
        parcel=Key("K1"), units=(Units("1", "SKU-1", 1),), carrier="UPS", tracking_number="1Z1"
    ),
    SentParcel(
        parcel=Key("K2"),
        units=(Units("1", "SKU-1", 1), Units("2", "SKU-9", 1)),
        carrier="UPS",
        tracking_number="1Z2",
    ),
)
PUBLISH = PublishFulfilment(fulfilment=Key("F2"), parcels=PARCELS, notify_customer=True)


class Noon:
    """A clock that stands."""

    def now(self) -> datetime:
        """Return noon."""
        return NOON

    def monotonic(self) -> float:
        """Return nothing of interest."""
        return 0.0


@dataclass
class Stream:
    """Keeps what is published."""

    kept: list[tuple[str, str, dict[str, object]]] = field(default_factory=list)

    async def publish(
        self, subject: str, body: bytes, *, message_id: str, content_type: str, trace: str
    ) -> None:
        """Keep it."""
        self.kept.append((subject, message_id, json.loads(body)))


def a_call(effect: Effect, key: str, *, number: int = 1) -> Call:
    """A call of the channel for one thing of an order."""
    order = an_order(ref="F-1")
    order_id = order_id_for("acme", order.ref)
    reference = sign_reference(order_id, Key(key), "1", KEYS)
    return Call(
        order_id=order_id,
        channel="acme",
        ref=order.ref,
        key=Key(key),
        reference=reference,
        order_reference=sign_reference(order_id, ORDER, "1", KEYS),
        number=number,
        effect=effect,
        order=order,
        idempotency_key=f"verb-{reference}",
        attempt=0,
    )


async def test_each_parcel_is_named_with_its_number_and_units() -> None:
    """The event fits its published schema, and says no more than what left."""
    stream = Stream()
    shop = CanonicalStorefront("acme", stream, Noon())
    call = a_call(PUBLISH, "F2")
    made = await shop.perform(call)
    ((subject, message_id, event),) = stream.kept
    assert made == FulfilmentPublished(outside_ids=(message_id,))
    assert (subject, event["type"]) == ("orders.out.acme.order.fulfilled", "order.fulfilled.v2")
    data = event["data"]
    assert accepts("order.fulfilled.v2", data)
    assert data == {
        "channel": "acme",
        "ref": "F-1",
        "number": "#1042",
        "reference": call.order_reference,
        "fulfilment": "F2",
        "parcels": [
            {
                "parcel": "K1",
                "carrier": "UPS",
                "tracking_number": "1Z1",
                "lines": [{"line_id": "1", "sku": "SKU-1", "quantity": 1}],
            },
            {
                "parcel": "K2",
                "carrier": "UPS",
                "tracking_number": "1Z2",
                "lines": [
                    {"line_id": "1", "sku": "SKU-1", "quantity": 1},
                    {"line_id": "2", "sku": "SKU-9", "quantity": 1},
                ],
            },
        ],
        "notify_customer": True,
    }


async def test_a_repeat_has_the_same_id_also_after_a_person_s_retry() -> None:
    """The id is the thing's, not the effect's: readers drop the second."""
    stream = Stream()
    shop = CanonicalStorefront("acme", stream, Noon())
    for number in (1, 1, 7):
        await shop.perform(a_call(PUBLISH, "F2", number=number))
    await shop.perform(a_call(PUBLISH, "F3"))
    ids = [message_id for _, message_id, _ in stream.kept]
    assert ids[0] == ids[1] == ids[2] != ids[3]
    assert await shop.look_up(a_call(PUBLISH, "F2")) is None


async def test_a_cancellation_is_told_with_reason_and_stock() -> None:
    """It is an event of its own, by its published schema."""
    stream = Stream()
    cancel = CancelAtChannel(reason="inventory", restock=True)
    shop = CanonicalStorefront("acme", stream, Noon())
    assert await shop.perform(a_call(cancel, "O")) == ChannelCancelled()
    ((subject, _, event),) = stream.kept
    assert (subject, event["type"]) == (
        "orders.out.acme.order.cancelled",
        "order.cancelled_here.v1",
    )
    assert accepts("order.cancelled_here.v1", event["data"])
    assert isinstance(event["data"], dict)
    assert (event["data"]["reason"], event["data"]["restock"]) == ("inventory", True)


async def test_a_pickup_that_waits_is_told_with_its_units() -> None:
    """It is an event of its own, by its published schema, once for each fulfilment."""
    stream = Stream()
    ready = TellStanding(what="ready", units=(Units("1", "SKU-1", 2),))
    shop = CanonicalStorefront("acme", stream, Noon())
    call = a_call(ready, "F2")
    assert await shop.perform(call) == StandingTold()
    ((subject, message_id, event),) = stream.kept
    assert (subject, event["type"]) == (
        "orders.out.acme.order.ready_for_pickup",
        "order.ready_for_pickup.v1",
    )
    assert message_id == call.idempotency_key
    assert accepts("order.ready_for_pickup.v1", event["data"])
    assert isinstance(event["data"], dict)
    assert event["data"]["lines"] == [{"line_id": "1", "sku": "SKU-1", "quantity": 2}]
    assert event["data"]["fulfilment"] == "F2"


async def test_it_is_not_asked_about_what_it_can_t_be_told() -> None:
    """Whether goods are stopped is an answer to a storefront that asks."""
    stopped = TellStanding(what="stopped", outside_id="7")
    with pytest.raises(TypeError):
        await CanonicalStorefront("acme", Stream(), Noon()).perform(a_call(stopped, "O"))


async def test_it_has_nothing_to_fetch_from() -> None:
    """Whoever sends the orders is told to state it again."""
    shop = CanonicalStorefront("acme", Stream(), Noon())
    with pytest.raises(Rejected, match="must state it again"):
        await shop.perform(a_call(FetchOrder(), "O"))
