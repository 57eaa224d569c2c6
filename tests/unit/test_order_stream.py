"""Orders as the runtime runs them: the family of machines over the journal's twin in memory."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from actors.order.policy import Policy
from actors.order.stream import encode_state, replay
from actors.runtime.mailbox import Envelope
from actors.runtime.registry import Registry
from schemas.messages import effects as f
from schemas.messages import inputs as i
from schemas.order.ids import order_id_for, sign_reference
from schemas.order.things import Key
from service.wiring.order_stream import OrderStream
from tests.given import CHANNEL, REF, SETUP, an_order
from tests.house import KEYS, POLICY
from tests.live_orders import ORDER_ID, Shop
from tests.waiting import eventually

ZPL = base64.b64encode(b"^XA^XZ").decode()


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    """A shop at work."""
    made = Shop()
    made.dispatcher.start()
    made.clock.seconds += POLICY.settle_seconds
    yield made
    await made.dispatcher.drain(1.0)
    await made.registry.drain(1.0)


async def packed(shop: Shop) -> None:
    """An order is placed, and its warehouse has packed it into one parcel."""
    label = f.BoughtLabel(
        parcel=Key("K1"), tracking_number="1Z1", image_base64=ZPL, image_format="ZPL"
    )
    bought = f.LabelBought(shipment_id="1Z1", carrier="UPS", labels=(label,))
    shop.partners["ups"].answers[f.BuyLabel] = bought
    shop.post(i.PlaceOrder(order=an_order()), "w-1")
    await eventually(lambda: bool(shop.did("wms")))
    await eventually(
        lambda: any(one.stage == "released" for one in shop.state.fulfilments.values())
    )
    units = tuple(f.Units(line.line_id, line.sku, line.quantity) for line in an_order().lines)
    parcel = i.ReportedParcel(parcel_id="p-1", units=units, weight_grams=600)
    report = i.ReportPacked(
        ref=REF, fulfilment=Key("F1"), task_id="t-1", parcels=(parcel,), complete=True
    )
    shop.post(report, "w-2")
    await eventually(lambda: bool(shop.did("ups")))


async def test_a_placed_order_goes_to_the_lanes_of_its_channel(shop: Shop) -> None:
    """Who plays which role comes from the setup; each thing has a reference of its own, and what
    is stored is what the events give."""
    await packed(shop)
    await eventually(lambda: bool(shop.did(SETUP.mail)) and bool(shop.did(SETUP.erp)))
    assert shop.did("stock") == ["stock.reserve.v2"]
    assert shop.did("wms") == ["warehouse.create_task.v2"]
    assert shop.did("ups") == ["carrier.buy_label.v2"]
    called = {
        name: (one.calls[0].key, one.calls[0].reference)
        for name, one in shop.partners.items()
        if one.calls
    }
    for key, reference in called.values():
        assert reference == sign_reference(ORDER_ID, key, "1", KEYS)
    assert {key for key, _ in called.values()} == {"F1", "L1", "D1", "M1"}
    assert shop.partners["ups"].calls[0].stated == an_order()
    await eventually(lambda: shop.registry.busy == 0)
    assert encode_state(replay(shop.store.events(ORDER_ID))) == shop.store.stored_state(ORDER_ID)


async def test_a_bought_label_is_kept_with_its_label(shop: Shop) -> None:
    """The image is a document of the thing that bought it."""
    await packed(shop)
    await eventually(lambda: any(one.shipment for one in shop.state.labels.values()))
    (label,) = await shop.store.documents(ORDER_ID)
    assert (label.key, label.content, label.content_type) == ("L1", b"^XA^XZ", "image/zpl")


async def test_the_row_is_what_the_machines_say(shop: Shop) -> None:
    """Lists show the order's number, stage and progress."""
    await packed(shop)
    await eventually(lambda: shop.registry.busy == 0)
    row = shop.store.row(ORDER_ID)
    assert row is not None
    assert (row.channel, row.ref, row.number) == (CHANNEL, REF, an_order().number)
    assert (row.stage, row.progress, row.attention) == ("open", "packed", False)


async def test_a_state_of_other_machines_is_built_again(shop: Shop) -> None:
    """A newer version of a machine takes over an order that an older one has stored."""
    await packed(shop)
    await eventually(lambda: shop.registry.busy == 0)
    before = shop.store.stored_state(ORDER_ID)
    assert before is not None
    again = Shop()
    again.store = shop.store
    order = shop.store._orders[ORDER_ID]
    order.state = before.replace(b'"family":"', b'"family":"older ')
    shop.registry.forget([ORDER_ID])
    shop.post(i.CancelOrder(ref=REF), "w-9")
    await eventually(lambda: len(shop.ends) == 3)
    assert shop.ends[-1] == "committed"
    assert shop.state.cancel is not None


async def test_no_one_plays_a_role_for_a_channel_that_is_not_configured() -> None:
    """Its orders are taken all the same: their life is shorter, not stuck."""
    shop = Shop()
    stream = OrderStream(policy=Policy(), setups={})
    registry = Registry(shop.runtime, stream)
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    envelope = Envelope(
        i.PlaceOrder(order=replace(an_order(), ref="7")),
        "w-1",
        lambda outcome, reason: ended.set_result(outcome),
        channel="unknown",
        ref="7",
    )
    registry.post(order_id_for("unknown", "7"), envelope)
    assert await ended == "committed"
