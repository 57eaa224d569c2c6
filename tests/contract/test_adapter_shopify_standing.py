"""A simulated shop is told that a pickup waits, and whether goods are stopped that it asked a
fulfilment service of ours not to send; goods are moved to where they leave from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest
from graphql import parse, specified_rules, validate
from graphql.validation import NoDeprecatedCustomRule

from actors.runtime.errors import NeedsPerson, Rejected, Unauthorised
from adapters.channels.shopify import standing
from adapters.channels.shopify.moving import MOVE_MUTATION
from adapters.channels.shopify.resolving import LEFT_QUERY, REQUESTED_QUERY
from adapters.channels.shopify.topics import says_nothing
from adapters.kit.fetching import SETTLED
from adapters.kit.http_client import HttpClient
from ops.simulators.graphql import Query
from ops.simulators.shop_statement import MAIN_LOCATION, SECOND_LOCATION
from schemas.messages.effects import (
    FulfilmentPublished,
    PublishFulfilment,
    SentParcel,
    StandingTold,
    TellStanding,
    Units,
)
from schemas.messages.inputs import AskedToStop, NoteReport
from schemas.order.canonical import Line
from schemas.order.things import Key
from tests.contract.partner_calls import a_call
from tests.contract.shop_given import REQUESTED as TOPIC
from tests.contract.shop_given import a_pickup, asked, given, of_service, ours
from tests.contract.shop_words import (
    MAIN,
    ORDER,
    SECOND,
    SIM,
    ask,
    ids,
    put,
    schema,
)
from tests.contract.simulated import Client, Json, Running, calling, started
from tests.contract.storefront_calls import shopify
from tests.shopify_payloads import SHOP

SCOPES = ["read_orders", "read_customers", "write_third_party_fulfillment_orders"]
MERCHANT, ASSIGNED = (f"write_{one}_fulfillment_orders" for one in ("merchant_managed", "assigned"))


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """The simulators, for all tests of this file."""
    with started() as found:
        yield found


@pytest.fixture
async def sim(running: Running) -> AsyncIterator[Client]:
    """What asks the simulated shop, which grants every scope."""
    async with calling(running) as found:
        await found.call("POST", f"{SIM}/app", {"scopes": []})
        yield found


def ready(*units: tuple[str, int]) -> TellStanding:
    """These units wait for their customer."""
    return TellStanding(what="ready", units=tuple(Units(line, "", n) for line, n in units))


async def shown(sim: Client, told: Json) -> list[Json]:
    """The order's fulfilment orders, as the shop has them."""
    answer = await sim.call("GET", f"{SIM}/orders/{told['id']}")
    found: list[Json] = answer.json["fulfilment_orders"]
    return found


DOCUMENTS = (
    standing.METHODS_QUERY, standing.PREPARED_MUTATION, standing.REQUEST_QUERY,
    standing.ACCEPT_MUTATION, standing.REJECT_MUTATION, standing.TAKE_MUTATION,
    standing.REFUSE_MUTATION, MOVE_MUTATION, LEFT_QUERY, REQUESTED_QUERY,
)  # fmt: skip


@pytest.mark.parametrize("document", DOCUMENTS)
def test_queries_are_valid_in_shopify_s_schema(document: str) -> None:
    """They name only fields and arguments that API 2026-10 has, and cost what a query may."""
    rules = [*specified_rules, NoDeprecatedCustomRule]
    assert validate(schema(), parse(document), rules) == []
    assert Query(document, {}).cost() <= 1_000


# --- a pickup that is ready -----------------------------------------------------------------------


async def test_a_pickup_is_shown_as_ready_once(
    running: Running, sim: Client, client: HttpClient
) -> None:
    """A repeat writes to no one; once it is fulfilled there is nothing to tell."""
    told = a_pickup(501)
    await put(sim, told)
    (line,) = ids(told)
    shop, order = shopify(client, running.http), ours(told)
    call = a_call(ready((line, 2)), order)
    assert await shop.look_up(call) is None
    assert await shop.perform(call) == StandingTold()
    assert [one["prepared"] for one in await shown(sim, told)] == [True]
    assert await shop.perform(call) == StandingTold(told=False)
    assert len(await sim.ledger("pickup_ready")) == 1
    handed = SentParcel(parcel=Key("K1"), units=(Units(line, "", 2),))
    await shop.perform(a_call(PublishFulfilment(fulfilment=Key("F1"), parcels=(handed,)), order))
    assert await shop.look_up(call) == await shop.perform(call) == StandingTold(told=False)


async def test_a_pickup_is_ready_when_all_of_it_is(
    running: Running, sim: Client, client: HttpClient
) -> None:
    """Shopify marks a fulfilment order as a whole, so a part of it is not told yet."""
    told = a_pickup(502, lines=2)
    await put(sim, told)
    one, two = ids(told)
    shop, order = shopify(client, running.http), ours(told)
    for part in (ready((one, 2)), ready((one, 2), (two, 1))):
        assert await shop.perform(a_call(part, order)) == StandingTold(told=False)
    assert await shop.perform(a_call(ready((one, 2), (two, 2)), order)) == StandingTold()


async def test_a_kit_waits_when_its_components_do(
    running: Running, sim: Client, client: HttpClient
) -> None:
    """What a line was taken apart into is told as that line."""
    told = a_pickup(503)
    await put(sim, told)
    (kit,) = ids(told)
    part = Line(
        line_id=f"{kit}:1", sku="PART", title="", quantity=4, unit_price_minor=0, total_minor=0,
        bundle_line_id=kit,
    )  # fmt: skip
    order = msgspec.structs.replace(ours(told), lines=(part,))
    shop = shopify(client, running.http)
    half, whole = (a_call(ready((part.line_id, count)), order) for count in (3, 4))
    assert await shop.perform(half) == StandingTold(told=False)
    assert await shop.perform(whole) == StandingTold()


async def test_a_pickup_stays_where_the_customer_was_told_to_come(
    running: Running, sim: Client, client: HttpClient
) -> None:
    """Packed at another place it is a person's, and no one is told to come; it is never moved."""
    told = a_pickup(508)
    gid, (line,) = await put(sim, told), ids(told)
    shop, order = shopify(client, running.http, place_locations=PLACES), ours(told)
    waits = a_call(msgspec.structs.replace(ready((line, 2)), place="wh2"), order)
    with pytest.raises(Rejected, match=f"at the location {MAIN_LOCATION} .* packed at wh2"):
        await shop.perform(waits)
    assert [one["prepared"] for one in await shown(sim, told)] == [False]
    here = a_call(msgspec.structs.replace(ready((line, 2)), place="wh1"), order)
    assert await shop.perform(here) == StandingTold()
    await shop.perform(a_call(publication("wh2", "", (line, 2)), order))
    assert await left_from(sim, gid) == [(MAIN, 2)]


async def test_what_is_shipped_is_not_told_as_ready(
    running: Running, sim: Client, client: HttpClient
) -> None:
    """A person changed the way of shipping there: no one is told to come."""
    told = given(504)
    await put(sim, told)
    (line,) = ids(told)
    call = a_call(ready((line, 2)), ours(told))
    shop = shopify(client, running.http)
    assert await shop.perform(call) == await shop.look_up(call) == StandingTold(told=False)
    assert [one["prepared"] for one in await shown(sim, told)] == [False]


async def test_a_pickup_needs_the_scope_for_the_shop_s_own_locations(
    running: Running, sim: Client, client: HttpClient
) -> None:
    """Other scopes for fulfilment orders do not do, and the missing one is named."""
    told = a_pickup(505)
    await put(sim, told)
    (line,) = ids(told)
    shop, call = shopify(client, running.http), a_call(ready((line, 2)), ours(told))
    await sim.call("POST", f"{SIM}/app", {"scopes": [*SCOPES, ASSIGNED]})
    with pytest.raises(Unauthorised, match=MERCHANT):
        await shop.perform(call)
    await sim.call("POST", f"{SIM}/app", {"scopes": [*SCOPES, MERCHANT]})
    assert await shop.perform(call) == StandingTold()


async def test_a_question_that_is_refused_leaves_it_unknown(
    running: Running, sim: Client, client: HttpClient
) -> None:
    """The shop does not know the order: what was done before stays unknown."""
    told = a_pickup(506)
    await put(sim, told)
    call = a_call(ready((ids(told)[0], 2)), ours(told))
    await sim.fault("storefront", "graphql_order", refuse_rate=1)
    shop = shopify(client, running.http)
    with pytest.raises(NeedsPerson):
        await shop.look_up(call)
    with pytest.raises(Rejected):
        await shop.perform(call)
    await sim.call("DELETE", "/_sim/faults")


async def test_a_refusal_is_told_in_the_shop_s_words(
    running: Running, sim: Client, client: HttpClient
) -> None:
    """Whatever it says of the pickup or of the answer stands in the error."""
    told = a_pickup(507)
    await put(sim, told)
    call = a_call(ready((ids(told)[0], 2)), ours(told))
    await sim.fault("storefront", "fulfillment_order_prepared", refuse_rate=1)
    with pytest.raises(Rejected, match="refused to show the pickup as ready"):
        await shopify(client, running.http).perform(call)
    await sim.call("DELETE", "/_sim/faults")


# --- goods that the shop asks not to send ---------------------------------------------------------


def stop(gid: str, *, stopped: bool) -> TellStanding:
    """The answer."""
    what, reason = ("stopped", "nothing has left") if stopped else ("not_stopped", "it has left")
    return TellStanding(what=what, outside_id=gid, reason=reason)  # type: ignore[arg-type]  # of Standing


async def test_a_request_names_what_is_left_and_is_accepted_once(
    running: Running, sim: Client, client: HttpClient
) -> None:
    """The webhook has the fulfilment order's id alone, so the shop is asked; what was answered is
    not asked of us again."""
    told, gid, raw = await asked(sim, 511)
    shop = shopify(client, running.http)
    found = await shop.resolved(TOPIC, raw)
    assert found is not None
    note = SHOP.translate("note", TOPIC, found.raw)
    assert isinstance(note, NoteReport)
    one, two = ids(told)
    assert (note.ref, note.hold) == (str(told["id"]), "before_hand_over")
    assert note.stop == AskedToStop(outside_id=gid, units=(Units(one, "", 2), Units(two, "", 2)))
    call = a_call(stop(gid, stopped=True), of_service(told), key="O")
    assert await shop.look_up(call) is None
    assert await shop.perform(call) == await shop.look_up(call) == StandingTold()
    assert await shop.perform(call) == StandingTold(told=False)
    assert [(x["status"], x["request"]) for x in await shown(sim, told)] == [
        ("CANCELLED", "CANCELLATION_ACCEPTED"),
        ("OPEN", "UNSUBMITTED"),
    ]
    (entry,) = await sim.ledger("stop_answer")
    assert entry["detail"] == {"how": "accepted", "message": "Nothing has left"}
    assert await shop.resolved(TOPIC, raw) is SETTLED


async def test_a_request_that_comes_too_late_is_rejected_and_the_goods_are_shown(
    running: Running, sim: Client, client: HttpClient
) -> None:
    """With the reason; the fulfilment order stays, and what left is shown as shipped."""
    await sim.reset()
    told, gid, _ = await asked(sim, 512)
    shop, order = shopify(client, running.http), of_service(told)
    call = a_call(stop(gid, stopped=False), order, key="O")
    assert await shop.perform(call) == await shop.look_up(call) == StandingTold()
    (entry,) = await sim.ledger("stop_answer")
    assert entry["detail"] == {"how": "rejected", "message": "It has left"}
    units = tuple(Units(line, "", 2) for line in ids(told))
    left = SentParcel(parcel=Key("K1"), units=units, carrier="UPS", tracking_number="1Z512")
    publish = PublishFulfilment(fulfilment=Key("F1"), parcels=(left,))
    made = await shop.perform(a_call(publish, order))
    assert isinstance(made, FulfilmentPublished)
    assert [(x["status"], x["request"]) for x in await shown(sim, told)] == [
        ("CLOSED", "CANCELLATION_REJECTED")
    ]


async def test_an_answer_needs_the_scope_of_a_fulfilment_service(
    running: Running, sim: Client, client: HttpClient
) -> None:
    """The scope that is missing is named; a refusal is told in the shop's words."""
    told, gid, _ = await asked(sim, 513)
    shop = shopify(client, running.http)
    call = a_call(stop(gid, stopped=True), of_service(told), key="O")
    await sim.call("POST", f"{SIM}/app", {"scopes": [*SCOPES, MERCHANT]})
    with pytest.raises(Unauthorised, match=ASSIGNED):
        await shop.perform(call)
    await sim.call("POST", f"{SIM}/app", {"scopes": []})
    await sim.fault("storefront", "cancellation_request_accept", refuse_rate=1)
    with pytest.raises(Rejected, match="refused the answer to its request"):
        await shop.perform(call)
    await sim.call("DELETE", "/_sim/faults")


# --- where goods leave from -----------------------------------------------------------------------

PLACES = {"wh1": str(MAIN_LOCATION), "wh2": str(SECOND_LOCATION), "attic": "77"}


def publication(place: str, number: str, *units: tuple[str, int]) -> PublishFulfilment:
    """A parcel that left from a place."""
    held = tuple(Units(line, "", quantity) for line, quantity in units)
    left = SentParcel(parcel=Key("K1"), units=held, carrier="UPS", tracking_number=number)
    return PublishFulfilment(fulfilment=Key("F1"), parcels=(left,), place=place)


async def left_from(sim: Client, gid: str) -> list[tuple[str, int]]:
    """Where the shop shows each fulfilment as sent from, and how many pieces."""
    order = await ask(sim, ORDER, id=gid)
    return [(one["location"]["id"], one["totalQuantity"]) for one in order["fulfillments"]]


async def test_goods_are_moved_to_where_they_leave_from(
    running: Running, sim: Client, client: HttpClient
) -> None:
    """A part is split off and moved, the rest stays where Shopify assigned it; repeats move and
    make nothing, and the news of the move means nothing here."""
    told = given(521, 2)
    gid, (one, two) = await put(sim, told), ids(told)
    shop, order = shopify(client, running.http, place_locations=PLACES), ours(told)
    call = a_call(publication("wh2", "1Z521", (one, 1), (two, 2)), order)
    assert await shop.look_up(call) is None
    made = await shop.perform(call)
    assert await shop.perform(call) == await shop.look_up(call) == made
    assert await left_from(sim, gid) == [(SECOND, 3)]
    rest = a_call(publication("wh1", "1Z522", (one, 1)), order)
    await shop.perform(rest)
    assert await left_from(sim, gid) == [(SECOND, 3), (MAIN, 1)]
    moved = {"moved_fulfillment_order": {"id": "gid://shopify/FulfillmentOrder/1"}}
    assert says_nothing("fulfillment_orders/moved", moved)


async def test_goods_of_a_place_without_a_location_stay_where_they_are(
    running: Running, sim: Client, client: HttpClient
) -> None:
    """As without any: they are shown where Shopify assigned them."""
    told = given(522)
    gid, (line,) = await put(sim, told), ids(told)
    shop = shopify(client, running.http, place_locations={"wh2": str(SECOND_LOCATION)})
    await shop.perform(a_call(publication("wh1", "1Z523", (line, 2)), ours(told)))
    assert await left_from(sim, gid) == [(MAIN, 2)]


async def test_a_refused_move_is_a_person_s(
    running: Running, sim: Client, client: HttpClient
) -> None:
    """Shopify's words stand in the error, and nothing is shown as shipped from elsewhere."""
    told = given(523)
    gid, (line,) = await put(sim, told), ids(told)
    shop = shopify(client, running.http, place_locations=PLACES)
    call = a_call(publication("attic", "1Z524", (line, 2)), ours(told))
    with pytest.raises(Rejected, match=r"does not move the goods to the location 77.*not exist"):
        await shop.perform(call)
    assert await left_from(sim, gid) == []


async def test_goods_that_a_service_has_taken_on_are_not_moved(
    running: Running, sim: Client, client: HttpClient
) -> None:
    """Shopify does not let them be: they are shown where the service has them."""
    told, _, _ = await asked(sim, 524)
    gid, lines = str(told["admin_graphql_api_id"]), ids(told)
    shop = shopify(client, running.http, place_locations=PLACES)
    units = [(line, 2) for line in lines]
    await shop.perform(a_call(publication("wh2", "1Z525", *units), of_service(told)))
    ((location, pieces),) = await left_from(sim, gid)
    assert (location not in (MAIN, SECOND), pieces) == (True, 4)
