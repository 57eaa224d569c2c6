"""BigCommerce: shipping and cancelling, against the simulated store."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from actors.runtime.errors import NeedsPerson, Rejected, Unauthorised, Unknown
from adapters.channels.bigcommerce.source import BigCommerce
from adapters.kit.http_client import HttpClient
from schemas.messages.effects import (
    CancelAtChannel,
    ChannelCancelled,
    FetchOrder,
    FulfilmentPublished,
    StandingTold,
    TellStanding,
    Units,
)
from schemas.messages.inputs import OutsideShipment, UpdateOrder
from tests.bigcommerce_payloads import (
    STORE,
    a_product,
    an_address,
)
from tests.contract.bigcommerce_calls import (
    BOOK,
    NUMBER,
    PUBLISH,
    WHOLE,
    a_line,
    bundle_of,
    faults,
    habits,
    known,
    parcel,
    publication,
    put,
    shipments_in,
    told,
)
from tests.contract.partner_calls import a_call
from tests.contract.simulated import Client, Running, started
from tests.contract.storefront_calls import bigcommerce

CANCEL = CancelAtChannel(reason="customer", restock=True)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """The simulators, for all tests of this file."""
    with started() as found:
        yield found


async def test_each_parcel_is_a_shipment_and_a_part_leaves_the_rest_open(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Two parcels of two pieces are two shipments with their numbers, and the order is shown as
    partly shipped; the rest makes it whole. Every repeat finds what there is."""
    await put(simulators, bundle_of(321))
    shop = bigcommerce(client, running.http)
    first = (parcel("K1", "1Z1", ("1", 1)), parcel("K2", "1Z2", ("2", 1)))
    call = a_call(publication(*first), known(321))
    assert await shop.look_up(call) is None
    made = await shop.perform(call)
    assert made == await shop.look_up(call) == await shop.perform(call)
    assert await told(simulators, 321) == [("1Z1", {1: 1}), ("1Z2", {2: 1})]
    assert (await simulators.call("GET", f"{BOOK}/statuses")).json["321"] == 3
    rest = a_call(publication(parcel("K3", "1Z3", ("1", 1)), earlier=first), known(321), key="F2")
    assert await shop.look_up(rest) is None
    later = await shop.perform(rest)
    assert later == await shop.look_up(rest) != made
    assert await told(simulators, 321) == [("1Z1", {1: 1}), ("1Z2", {2: 1}), ("1Z3", {1: 1})]
    assert (await simulators.call("GET", f"{BOOK}/statuses")).json["321"] == 2


async def test_more_than_was_ordered_is_shown_as_far_as_it_was_ordered(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """A warehouse shipped one piece too many, in the first parcel or in a second."""
    await put(simulators, bundle_of(341))
    shop = bigcommerce(client, running.http)
    first = parcel("K1", "1Z1", ("1", 3))
    call = a_call(publication(first), known(341))
    made = await shop.perform(call)
    assert await told(simulators, 341) == [("1Z1", {1: 2})]
    assert made == await shop.look_up(call) == await shop.perform(call)
    more = a_call(publication(parcel("K2", "1Z2", ("1", 1)), earlier=(first,)), known(341))
    assert await shop.perform(more) == FulfilmentPublished(outside_ids=())
    assert await told(simulators, 341) == [("1Z1", {1: 2})]


async def test_our_own_write_back_comes_back_under_the_same_id(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """The fetched order states our shipment with the id that publishing returned."""
    await put(simulators, bundle_of(322))
    shop = bigcommerce(client, running.http)
    call = a_call(publication(parcel("K1", "1Z1", ("1", 1))), known(322))
    made = await shop.perform(call)
    assert isinstance(made, FulfilmentPublished)
    raw = await shop.bundle("322", call)
    stated = BigCommerce("x", store_hash=STORE, secrets=()).translate("update", "", raw)
    assert isinstance(stated, UpdateOrder)
    assert stated.fulfilled == (
        OutsideShipment(
            outside_id=made.outside_ids[0],
            units=(Units("1", "SKU-1", 1),),
            tracking_numbers=("1Z1",),
        ),
    )


async def test_an_order_shipped_twice_is_shipped_once(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """BigCommerce acts and never answers: the look-up finds it, another call adopts it, and the
    answer's shipment fits the description."""
    await simulators.reset()
    await put(simulators, bundle_of(302))
    call, shop = a_call(PUBLISH, known(302)), bigcommerce(client, running.http, seconds=0.5)
    assert await shop.look_up(call) is None
    await simulators.fault("bigcommerce", "create_shipment", {"act_no_answer_rate": 1})
    with pytest.raises(Unknown):
        await shop.perform(call)
    await simulators.call("DELETE", "/_sim/faults")
    (made,) = shipments_in((await simulators.call("GET", f"{BOOK}/shipments")).json, 302)
    assert faults("orderShipment", made) == []
    wanted = FulfilmentPublished(outside_ids=(str(made["id"]),))
    assert await shop.look_up(call) == wanted
    assert await shop.perform(call) == wanted
    assert [one["reference"] for one in await simulators.ledger("fulfilment")] == ["302"]
    assert (await simulators.call("GET", f"{BOOK}/statuses")).json["302"] == 2


async def test_the_status_follows_also_where_the_shop_does_not_set_it(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """A shipment that leaves the status alone is followed by the status; until then the look-up
    says no."""
    await habits(simulators, ships_by_itself=False)
    await put(simulators, bundle_of(303))
    call, shop = a_call(PUBLISH, known(303)), bigcommerce(client, running.http)
    await simulators.fault("bigcommerce", "update_order", {"error_rate": 1})
    with pytest.raises(Unknown):
        await shop.perform(call)
    await simulators.call("DELETE", "/_sim/faults")
    assert await shop.look_up(call) is None
    await shop.perform(call)
    assert await shop.look_up(call) is not None
    await habits(simulators, ships_by_itself=True)
    assert len(shipments_in((await simulators.call("GET", f"{BOOK}/shipments")).json, 303)) == 1
    assert (await simulators.call("GET", f"{BOOK}/statuses")).json["303"] == 2


async def test_a_bundle_is_shipped_as_the_shop_sold_it(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """A kit goes under the line it was taken from, as many as are complete; extra costs are
    not articles."""
    await put(simulators, bundle_of(304))
    parts = (
        a_line("c1", 4, bundle_line_id="1"),
        a_line("c2", 2, bundle_line_id="1"),
        a_line("2"),
        a_line("bigcommerce-handling", requires_shipping=False),
    )
    held = parcel("K1", NUMBER, ("c1", 3), ("c2", 2), ("2", 1), ("bigcommerce-handling", 1))
    order, shop = known(304, *parts), bigcommerce(client, running.http)
    await shop.perform(a_call(publication(held), order))
    last = parcel("K2", "1Z2", ("c1", 1))
    await shop.perform(a_call(publication(last, earlier=(held,)), order))
    assert await told(simulators, 304) == [(NUMBER, {1: 1, 2: 1}), ("1Z2", {1: 1})]


async def test_an_order_without_parcels_is_completed(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Nothing travels, so there is no shipment; the shop shows it as completed, once."""
    digital = [a_product(1, "10.0000", 2, type="digital"), a_product(2, "5.5", type="digital")]
    await put(simulators, {**bundle_of(305), "products": digital})
    call = a_call(publication(parcel("K1", "", ("1", 2), ("2", 1))), known(305))
    shop = bigcommerce(client, running.http)
    assert await shop.look_up(call) is None
    done = await shop.perform(call)
    assert done == await shop.look_up(call) == await shop.perform(call)
    assert done == FulfilmentPublished(outside_ids=())
    assert (await simulators.call("GET", f"{BOOK}/statuses")).json["305"] == 10


async def test_an_order_that_is_collected_is_completed_with_its_last_piece(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """The customer collects it, so there is no address and no shipment: the order stays as it is
    until he has all of it, and is shown as completed then, once."""
    picked = [
        a_product(1, "10.0000", 2, order_pickup_method_id=3, order_address_id=0),
        a_product(2, "5.5000", order_pickup_method_id=3, order_address_id=0),
    ]
    bundle = {**bundle_of(315), "products": picked, "shipping_addresses": []}
    await put(simulators, bundle)
    order = known(315, a_line("1", 2, delivery="pickup"), a_line("2", delivery="pickup"))
    shop = bigcommerce(client, running.http)
    before = (await simulators.call("GET", f"{BOOK}/statuses")).json["315"]
    held, last = parcel("K1", "", ("1", 1), ("2", 1)), parcel("K2", "", ("1", 1))
    first = a_call(publication(held), order)
    assert (
        await shop.perform(first)
        == await shop.look_up(first)
        == FulfilmentPublished(outside_ids=())
    )
    assert (await simulators.call("GET", f"{BOOK}/statuses")).json["315"] == before
    call = a_call(publication(last, earlier=(held,)), order)
    assert await shop.look_up(call) is None
    done = await shop.perform(call)
    assert (
        done
        == await shop.look_up(call)
        == await shop.perform(call)
        == FulfilmentPublished(outside_ids=())
    )
    assert (await simulators.call("GET", f"{BOOK}/statuses")).json["315"] == 10
    assert not shipments_in((await simulators.call("GET", f"{BOOK}/shipments")).json, 315)


async def test_a_pickup_that_is_packed_awaits_its_customer_there_once(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """The order's status says so, once all of it is packed; what was collected stays as it is."""
    picked = [
        a_product(1, "10.0000", 2, order_pickup_method_id=3, order_address_id=0),
        a_product(2, "5.5000", order_pickup_method_id=3, order_address_id=0),
    ]
    bundle = {**bundle_of(316), "products": picked, "shipping_addresses": []}
    await put(simulators, bundle)
    order = known(316, a_line("1", 2, delivery="pickup"), a_line("2", delivery="pickup"))
    shop = bigcommerce(client, running.http)
    before = (await simulators.call("GET", f"{BOOK}/statuses")).json["316"]
    one, two = Units("1", "SKU-1", 2), Units("2", "SKU-2", 1)
    part = a_call(TellStanding(what="ready", units=(one,)), order)
    assert await shop.perform(part) == StandingTold(told=False)
    assert (await simulators.call("GET", f"{BOOK}/statuses")).json["316"] == before
    call = a_call(TellStanding(what="ready", units=(one, two)), order)
    assert await shop.look_up(call) is None
    assert await shop.perform(call) == await shop.look_up(call) == StandingTold()
    assert await shop.perform(call) == StandingTold(told=False)
    assert (await simulators.call("GET", f"{BOOK}/statuses")).json["316"] == 8
    held = a_call(publication(parcel("K1", "", ("1", 2), ("2", 1))), order)
    await shop.perform(held)
    assert (await simulators.call("GET", f"{BOOK}/statuses")).json["316"] == 10
    assert await shop.perform(call) == StandingTold(told=False)


async def test_what_was_cancelled_in_the_shop_is_not_shown_as_shipped(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """The cancellation came too late for us: it stays in the shop, and a person is told."""
    await put(simulators, bundle_of(311, status_id=5))
    call = a_call(PUBLISH, known(311))
    shop = bigcommerce(client, running.http)
    for _ in range(2):
        with pytest.raises(Rejected, match="was cancelled in BigCommerce"):
            await shop.perform(call)
    assert await shop.look_up(call) is None
    assert (await simulators.call("GET", f"{BOOK}/statuses")).json["311"] == 5
    shipments = (await simulators.call("GET", f"{BOOK}/shipments")).json
    assert not shipments_in(shipments, 311)


async def test_an_order_is_cancelled_once_and_only_while_nothing_has_left(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """The status says it; a look-up and a repeat find it, and what left keeps the order."""
    await put(simulators, bundle_of(313), bundle_of(314, items_shipped=1, status_id=3))
    shop, call = bigcommerce(client, running.http), a_call(CANCEL, known(313))
    assert await shop.look_up(call) is None
    assert await shop.perform(call) == ChannelCancelled()
    assert await shop.perform(call) == ChannelCancelled(told=False)
    assert await shop.look_up(call) == ChannelCancelled()
    assert (await simulators.call("GET", f"{BOOK}/statuses")).json["313"] == 5
    with pytest.raises(Rejected, match="a part of the order as shipped"):
        await shop.perform(a_call(CANCEL, known(314)))
    assert (await simulators.call("GET", f"{BOOK}/statuses")).json["314"] == 3


async def test_a_page_in_place_of_an_answer_is_no_cancellation(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """A proxy's HTML, or half an answer, with status 200 is Unknown, and a look-up says which."""
    await put(simulators, bundle_of(316))
    shop, call = bigcommerce(client, running.http), a_call(CANCEL, known(316))
    await simulators.fault("bigcommerce", "update_order", rubbish_rate=1.0, times=1)
    with pytest.raises(Unknown):
        await shop.perform(call)
    status = (await simulators.call("GET", f"{BOOK}/statuses")).json["316"]
    assert (await shop.look_up(call) == ChannelCancelled()) == (status == 5)
    assert isinstance(await shop.perform(call), ChannelCancelled)


async def test_what_can_t_be_shipped_is_told(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Nothing left, several addresses, an order that is gone, a number that is too long."""
    shop = bigcommerce(client, running.http)
    sent = [a_product(1, "10.0000", 2, quantity_shipped=2), a_product(2, "5.5000")]
    two = [a_product(1, "10.0000", 2), a_product(2, "5.5000", order_address_id=32)]
    addresses = [an_address(), an_address(32)]
    await put(
        simulators,
        {**bundle_of(306), "products": sent},
        {**bundle_of(307), "products": two, "shipping_addresses": addresses},
    )
    for ref, words in (
        (306, "has 0 of the line 1 left to ship, and 2 left"),
        (307, "2 addresses"),
        (9999, "no order"),
    ):
        with pytest.raises(Rejected, match=words):
            await shop.perform(a_call(PUBLISH, known(ref)))
    long = publication(replace(WHOLE, tracking_number="1" * 51))
    await put(simulators, bundle_of(308))
    with pytest.raises(Rejected, match="50 characters"):
        await shop.perform(a_call(long, known(308)))
    with pytest.raises(NeedsPerson) as unknown:
        await shop.look_up(a_call(PUBLISH, known(9999)))
    assert not unknown.value.outcome_known
    with pytest.raises(TypeError):
        await shop.perform(a_call(FetchOrder()))


async def test_a_refused_credential_and_a_refused_shipment_are_told_apart(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """One rests the lane, the other is for a person, with BigCommerce's words."""
    await put(simulators, bundle_of(309))
    shop, call = bigcommerce(client, running.http), a_call(PUBLISH, known(309))
    await simulators.fault("bigcommerce", "*", {"unauthorized": True})
    with pytest.raises(Unauthorised):
        await shop.perform(call)
    await simulators.fault("bigcommerce", "*")
    await simulators.fault("bigcommerce", "create_shipment", {"refuse_rate": 1})
    with pytest.raises(Rejected, match="The field 'items' is invalid"):
        await shop.perform(call)
    await simulators.call("DELETE", "/_sim/faults")
