"""A simulated shop is told exactly what left, and what it then states is known as our own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest

from actors.runtime.errors import Rejected
from adapters.channels.shopify.as_webhook import fulfilment_as_told
from adapters.channels.shopify.goods_shapes import Fulfilment
from adapters.kit.http_client import HttpClient
from ops.simulators.shop_totals import retotal
from schemas.messages.effects import (
    CancelAtChannel,
    ChannelCancelled,
    FulfilmentPublished,
    PublishFulfilment,
    SentParcel,
    Units,
)
from schemas.messages.inputs import CancelOrder, OutsideShipment, PlaceOrder, UpdateOrder
from schemas.order.canonical import Line, Order
from schemas.order.things import Key
from tests.contract.partner_calls import a_call
from tests.contract.shop_words import CANCEL, MOVE, ORDER, SECOND, SIM, ask, ids, order_of, put
from tests.contract.simulated import Client, Json, Running, calling, started
from tests.contract.storefront_calls import shopify
from tests.shopify_payloads import SHOP


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """The simulators, for all tests of this file."""
    with started() as found:
        yield found


@pytest.fixture
async def sim(running: Running) -> AsyncIterator[Client]:
    """What asks the simulated shop."""
    async with calling(running) as found:
        yield found


def given(number: int, lines: int) -> Json:
    """An order of so many lines, two pieces of each, whose amounts sum."""
    order = order_of(number, lines)
    retotal(order)
    return order


def ours(told: Json) -> Order:
    """The shop's order as it stands here."""
    found = SHOP.translate("place", "orders/create", msgspec.json.encode(told))
    assert isinstance(found, PlaceOrder)
    return found.order


def parcel(key: str, number: str, *units: tuple[str, int]) -> SentParcel:
    """A parcel with so many of these lines."""
    held = tuple(Units(line, "", quantity) for line, quantity in units)
    return SentParcel(parcel=Key(key), units=held, carrier="UPS", tracking_number=number)


def publication(*parcels: SentParcel, earlier: tuple[SentParcel, ...] = ()) -> PublishFulfilment:
    """What is told of them."""
    return PublishFulfilment(fulfilment=Key("F1"), parcels=parcels, earlier=earlier)


async def shown(sim: Client, gid: str) -> list[tuple[set[str], int]]:
    """The numbers and the pieces of each fulfilment that the shop has."""
    order = await ask(sim, ORDER, id=gid)
    return [
        ({x["number"] for x in one["trackingInfo"]}, one["totalQuantity"])
        for one in order["fulfillments"]
    ]


async def test_a_part_is_told_as_a_part_and_the_rest_later(
    running: Running, sim: Client, client: HttpClient
) -> None:
    """One of two pieces and no other line is fulfilled, with both numbers of its parcels; the rest
    follows; each repeat finds what there is and makes nothing."""
    told = given(301, lines=2)
    gid, (one, two) = await put(sim, told), ids(told)
    shop, order = shopify(client, running.http), ours(told)
    first = (parcel("K1", "1Z1", (one, 1)), parcel("K2", "1Z2", (two, 1)))
    call = a_call(publication(*first), order)
    assert await shop.look_up(call) is None
    made = await shop.perform(call)
    assert await shown(sim, gid) == [({"1Z1", "1Z2"}, 2)]
    assert await shop.perform(call) == await shop.look_up(call) == made
    rest = (parcel("K3", "1Z3", (one, 1), (two, 1)),)
    again = a_call(publication(*rest, earlier=first), order)
    assert await shop.look_up(again) is None
    later = await shop.perform(again)
    assert await shop.perform(again) == later != made
    assert await shown(sim, gid) == [({"1Z1", "1Z2"}, 2), ({"1Z3"}, 2)]
    assert len(await sim.ledger("fulfilment")) == 2


async def test_units_of_two_locations_are_two_fulfilments_with_the_same_number(
    running: Running, sim: Client, client: HttpClient
) -> None:
    """A fulfilment order that was moved since is found where it is; both ids are ours."""
    told = given(302, lines=2)
    gid, (one, two) = await put(sim, told), ids(told)
    state = await ask(sim, ORDER, id=gid)
    (waiting,) = state["fulfillmentOrders"]["nodes"]
    piece = {"id": waiting["lineItems"]["nodes"][1]["id"], "quantity": 1}
    await ask(sim, MOVE, id=waiting["id"], to=SECOND, lines=[piece])
    shop = shopify(client, running.http)
    call = a_call(publication(parcel("K1", "1Z1", (one, 2), (two, 2))), ours(told))
    made = await shop.perform(call)
    assert isinstance(made, FulfilmentPublished)
    assert len(made.outside_ids) == 2
    assert sorted(await shown(sim, gid), key=lambda x: x[1]) == [({"1Z1"}, 1), ({"1Z1"}, 3)]
    assert await shop.look_up(call) == made


async def test_what_the_fulfilment_orders_lack_is_refused_by_name(
    running: Running, sim: Client, client: HttpClient
) -> None:
    """A piece that somebody else shipped is not told again, and nothing of the rest either."""
    told = given(303, lines=2)
    gid, (one, two) = await put(sim, told), ids(told)
    body = {"lines": {one: 2}, "numbers": ["THEIRS"], "tell": False}
    assert (await sim.call("POST", f"{SIM}/orders/{told['id']}/fulfil", body)).status == 200
    call = a_call(publication(parcel("K1", "1Z1", (one, 1), (two, 2))), ours(told))
    with pytest.raises(Rejected, match=f"1 of the line {one} .* no longer to fulfil"):
        await shopify(client, running.http).perform(call)
    assert await shown(sim, gid) == [({"THEIRS"}, 2)]


async def test_more_than_was_ordered_is_shown_as_far_as_it_was_ordered(
    running: Running, sim: Client, client: HttpClient
) -> None:
    """A warehouse shipped one piece too many, in the first parcel or in a second: the shop shows
    what it knows of, with its number, and repeats find that."""
    told = given(390, lines=1)
    gid, (line,) = await put(sim, told), ids(told)
    shop, order = shopify(client, running.http), ours(told)
    first, second = parcel("K1", "1Z1", (line, 3)), parcel("K2", "1Z2", (line, 1))
    call = a_call(publication(first), order)
    assert await shop.look_up(call) is None
    made = await shop.perform(call)
    assert await shown(sim, gid) == [({"1Z1"}, 2)]
    assert await shop.look_up(call) == await shop.perform(call) == made
    more = a_call(publication(second, earlier=(first,)), order)
    assert await shop.perform(more) == FulfilmentPublished(outside_ids=())
    assert await shown(sim, gid) == [({"1Z1"}, 2)]


async def test_goods_of_an_order_that_was_cancelled_there_are_a_persons(
    running: Running, sim: Client, client: HttpClient
) -> None:
    """They left before we heard of it, and the shop can't show them. These are not units that were
    never ordered."""
    told = given(391, lines=1)
    gid, (line,) = await put(sim, told), ids(told)
    assert (await ask(sim, CANCEL, id=gid, money=None))["orderCancelUserErrors"] == []
    call = a_call(publication(parcel("K1", "1Z1", (line, 2))), ours(told))
    shop = shopify(client, running.http)
    with pytest.raises(Rejected, match=f"2 of the line {line} .* cancelled there"):
        await shop.perform(call)
    assert await shop.look_up(call) is None


async def test_what_needs_no_parcel_has_no_number(
    running: Running, sim: Client, client: HttpClient
) -> None:
    """Two collections of the same line without numbers are two fulfilments, each told once."""
    told = given(304, lines=1)
    gid, (line,) = await put(sim, told), ids(told)
    shop, order = shopify(client, running.http), ours(told)
    first = SentParcel(parcel=Key("K1"), units=(Units(line, "", 1),))
    second = SentParcel(parcel=Key("K2"), units=(Units(line, "", 1),))
    one = await shop.perform(a_call(publication(first), order))
    call = a_call(publication(second, earlier=(first,)), order)
    two = await shop.perform(call)
    assert one != two == await shop.look_up(call)
    assert await shown(sim, gid) == [(set(), 1), (set(), 1)]


async def test_what_does_not_travel_and_the_shop_fulfilled_is_not_told_again(
    running: Running, sim: Client, client: HttpClient
) -> None:
    """A gift card is fulfilled by Shopify as it is sold, and a tip by no one: neither is refused as
    missing, and the download beside them is shown."""
    told = given(777, lines=3)
    for line in told["line_items"]:
        line |= {"requires_shipping": False, "quantity": 1, "current_quantity": 1}
    for line, left in zip(told["line_items"], (0, 0, 1), strict=True):
        line["fulfillable_quantity"] = left
    retotal(told)
    gid, lines = await put(sim, told), ids(told)
    shop, order = shopify(client, running.http), ours(told)
    units = tuple(Units(line, "", 1) for line in lines)
    call = a_call(publication(SentParcel(parcel=Key("K1"), units=units)), order)
    done = await shop.perform(call)
    assert isinstance(done, FulfilmentPublished)
    assert len(done.outside_ids) == 1
    assert await shown(sim, gid) == [(set(), 1)]
    assert await shop.look_up(call) == done


async def test_a_kit_is_told_when_its_last_component_left(
    running: Running, sim: Client, client: HttpClient
) -> None:
    """What a line was taken apart into is told as that line, once it is complete."""
    told = given(305, lines=1)
    gid, (kit,) = await put(sim, told), ids(told)
    parts = tuple(
        Line(
            line_id=f"{kit}:{number}", sku=f"PART-{number}", title="", quantity=quantity,
            unit_price_minor=0, total_minor=0, bundle_line_id=kit,
        )
        for number, quantity in ((1, 2), (2, 4))
    )  # fmt: skip
    order = msgspec.structs.replace(ours(told), lines=parts)
    shop = shopify(client, running.http)
    cups = parcel("K1", "1Z1", (f"{kit}:1", 2))
    assert await shop.perform(a_call(publication(cups), order)) == FulfilmentPublished(
        outside_ids=()
    )
    lids = parcel("K2", "1Z2", (f"{kit}:2", 3))
    await shop.perform(a_call(publication(lids, earlier=(cups,)), order))
    assert await shown(sim, gid) == [({"1Z2"}, 1)]


async def test_our_own_write_back_comes_back_under_the_same_id(
    running: Running, sim: Client, client: HttpClient
) -> None:
    """The fetched order states the fulfilment with the id that publishing returned, the units by
    our lines and the numbers; so does the webhook."""
    told = given(306, lines=2)
    await put(sim, told)
    one, _ = ids(told)
    shop, order = shopify(client, running.http), ours(told)
    call = a_call(publication(parcel("K1", "1Z1", (one, 1)), parcel("K2", "1Z2", (one, 1))), order)
    made = await shop.perform(call)
    assert isinstance(made, FulfilmentPublished)
    stated = SHOP.translate("update", "order/fetched", await shop.bundle(order.ref, call))
    assert isinstance(stated, UpdateOrder)
    (seen,) = stated.fulfilled
    sku = order.lines[0].sku
    assert seen == OutsideShipment(
        outside_id=made.outside_ids[0],
        units=(Units(one, sku, 2),),
        tracking_numbers=("1Z1", "1Z2"),
    )
    answer = await sim.call("GET", f"{SIM}/orders/{told['id']}")
    body = msgspec.json.encode(answer.json["order"])
    webhook = SHOP.translate("update", "orders/partially_fulfilled", body)
    assert isinstance(webhook, UpdateOrder)
    assert webhook.fulfilled == stated.fulfilled


async def test_an_order_is_cancelled_without_a_refund(
    running: Running, sim: Client, client: HttpClient
) -> None:
    """The shop cancels with our reason and our wish about stock, refunds nothing, and is asked no
    second time."""
    told = given(307, lines=1)
    await put(sim, told)
    shop, order = shopify(client, running.http), ours(told)
    call = a_call(CancelAtChannel(reason="inventory", restock=True, notify_customer=True), order)
    assert await shop.perform(call) == ChannelCancelled()
    assert await shop.perform(call) == ChannelCancelled(told=False)
    assert await shop.look_up(call) == ChannelCancelled()
    (entry,) = await sim.ledger("order_cancel")
    assert entry["detail"] == {
        "reason": "inventory",
        "refund": False,
        "restock": True,
        "notify_customer": True,
        "staff_note": "inventory",
    }
    assert await sim.ledger("refund") == []
    stated = SHOP.translate("update", "order/fetched", await shop.bundle(order.ref, call))
    assert isinstance(stated, CancelOrder)


async def test_an_order_of_which_something_left_is_not_cancelled(
    running: Running, sim: Client, client: HttpClient
) -> None:
    """One piece has left, so the shop is not asked to cancel."""
    told = given(308, lines=1)
    await put(sim, told)
    (line,) = ids(told)
    shop, order = shopify(client, running.http), ours(told)
    await shop.perform(a_call(publication(parcel("K1", "1Z1", (line, 1))), order))
    with pytest.raises(Rejected, match="a part of the order as fulfilled"):
        await shop.perform(a_call(CancelAtChannel(reason="customer", restock=True), order))
    assert await sim.ledger("order_cancel") == []


def test_a_fulfilment_is_told_as_a_webhook_tells_it() -> None:
    """The fields are those of Shopify's own sample."""
    told = fulfilment_as_told(Fulfilment(id="gid://shopify/Fulfillment/1", status="SUCCESS"), {})
    assert told == {
        "admin_graphql_api_id": "gid://shopify/Fulfillment/1",
        "status": "success",
        "tracking_numbers": [],
        "line_items": [],
    }
