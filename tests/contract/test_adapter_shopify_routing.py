"""Shopify: which goods are ours where its fulfilment orders decide (`routing = "channel"`)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import msgspec
import pytest
from msgspec.structs import replace

from actors.runtime.errors import NeedsPerson, Retryable
from actors.runtime.partner import Call
from adapters.channels.shopify.goods import Goods, ShopifyGoods
from adapters.channels.shopify.goods_shapes import FulfilmentOrder
from adapters.channels.shopify.routing import count_ours, count_unasked, tell_ways
from adapters.channels.shopify.settings import ShopifyTranslation
from adapters.channels.shopify.source import Shopify
from adapters.kit.http_client import HttpClient
from ops.simulators.shop_statement import MAIN_LOCATION, SECOND_LOCATION
from ops.simulators.storefront import build_order
from schemas.messages.effects import FetchOrder
from schemas.messages.inputs import NoteReport, PlaceOrder, RefetchOrder, UpdateOrder
from tests.contract.partner_calls import a_call
from tests.contract.simulated import Client, Json, Running, started
from tests.contract.storefront_calls import shop_settings, shopify

BOOK = "/_sim/shops/acme-us.myshopify.com"

MOVED = "fulfillment_orders/moved"
ROUTED = Shopify(
    "acme-us",
    shop_domain="acme-us.myshopify.com",
    secrets=("a secret",),
    api_version="2026-10",
    routed=True,
)

OF_SERVICE = Shopify(
    "acme-us",
    shop_domain="acme-us.myshopify.com",
    secrets=("a secret",),
    api_version="2026-10",
    translation=ShopifyTranslation(fulfillment_services=("Our-3PL",)),
)

COLLECTED = ShopifyTranslation(pickup_methods=("Collect in store",))
SHOWS = Shopify(
    "acme-us",
    shop_domain="acme-us.myshopify.com",
    secrets=("a secret",),
    api_version="2026-10",
    translation=COLLECTED,
)


@pytest.fixture
def running() -> Iterator[Running]:
    """The simulators, for each test."""
    with started() as found:
        yield found


def an_order() -> Json:
    """An order of two articles, of which the first is there more than once."""
    drawn: Iterator[Json] = (build_order(9, number) for number in range(200))
    counts = ([line["quantity"] for line in one["line_items"]] for one in drawn)
    at = next(at for at, found in enumerate(counts) if len(found) == 2 and found[0] > 1)
    found: Json = build_order(9, at)
    return found


FIRST, SECOND = (str(line["id"]) for line in an_order()["line_items"])
FEW: int = an_order()["line_items"][1]["quantity"]
ORDER = int(an_order()["id"])


async def put(simulators: Client, places: Mapping[str, int]) -> None:
    """Have the shop know the order, with these lines at these locations."""
    order = an_order()
    known = {
        "id": ORDER, "updated_at": order["updated_at"], "order": order, "locations": dict(places),
    }  # fmt: skip
    answer = await simulators.call("POST", f"{BOOK}/orders", {"orders": [known]})
    assert answer.status == 200, answer.text


async def staff(simulators: Client, doing: str, **told: object) -> list[tuple[str, bytes]]:
    """What somebody does in the shop, and the webhooks that tell of it."""
    path = f"{BOOK}/orders/{ORDER}/{doing}"
    answer = await simulators.call("POST", path, {**told, "tell": False})
    assert answer.status == 200, answer.text
    news = json.loads(answer.text)["webhooks"]
    return [(one["topic"], json.dumps(one["body"]).encode()) for one in news]


async def gone(client: HttpClient, running: Running) -> dict[str, dict[str, int]]:
    """What is not ours to send, by the shipment's id and the line."""
    shop = shopify(client, running.http, routing="channel", locations=(str(MAIN_LOCATION),))
    found = ROUTED.translate(
        "update",
        "order/fetched",
        await shop.bundle(str(ORDER), replace(a_call(FetchOrder()), ref=str(ORDER))),
    )
    assert isinstance(found, UpdateOrder)
    return {
        one.outside_id and "named": {part.line_id: part.quantity for part in one.units}
        for one in found.fulfilled
    }


async def test_another_location_s_goods_are_not_ours(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Assigned there from the beginning, moved there in part and moved back: what is ours follows
    the fulfilment orders; what the other location fulfils bears its id beside the sums."""
    await put(simulators, {SECOND: SECOND_LOCATION})
    assert await gone(client, running) == {"": {FIRST: 0, SECOND: FEW}}
    await staff(simulators, "move", location=SECOND_LOCATION, lines={FIRST: 1})
    assert await gone(client, running) == {"": {FIRST: 1, SECOND: FEW}}
    await staff(simulators, "fulfil", lines={SECOND: FEW})
    assert await gone(client, running) == {"named": {SECOND: FEW}, "": {FIRST: 1}}
    await staff(simulators, "move", location=MAIN_LOCATION)
    assert await gone(client, running) == {"named": {SECOND: FEW}, "": {FIRST: 0}}


async def test_what_changes_between_the_questions_is_asked_again(
    client: HttpClient, running: Running, monkeypatch: pytest.MonkeyPatch, simulators: Client
) -> None:
    """An order that is cancelled after it was read and before its fulfilment orders were has none
    that are open: they are not another location's."""
    await put(simulators, {})
    told = ShopifyGoods.now

    async def now(self: ShopifyGoods, call: Call) -> Goods:
        await staff(simulators, "cancel", reason="customer")
        return await told(self, call)

    monkeypatch.setattr(ShopifyGoods, "now", now)
    with pytest.raises(Retryable, match="changed at Shopify while its fulfilment orders"):
        await gone(client, running)


async def test_held_and_scheduled_goods_of_ours_stay_ours(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """They wait, and no one else sends them."""
    await put(simulators, {})
    await staff(simulators, "hold")
    assert await gone(client, running) == {"": {FIRST: 0, SECOND: 0}}
    await staff(simulators, "release")
    await staff(simulators, "schedule", fulfill_at="2026-12-31T19:00:00-05:00")
    assert await gone(client, running) == {"": {FIRST: 0, SECOND: 0}}


def test_an_order_that_is_assigned_nowhere_yet_is_fetched_again() -> None:
    """Shopify makes fulfilment orders a moment after the order; without any, no one knows."""
    line = {"admin_graphql_api_id": "gid://shopify/LineItem/1", "requires_shipping": True,
            "fulfillable_quantity": 1}  # fmt: skip
    with pytest.raises(Retryable):
        count_ours([line], [], frozenset({"1001"}))
    sent = {**line, "fulfillable_quantity": 0}
    count_ours([sent], [], frozenset({"1001"}))
    assert sent["fulfillable_quantity"] == 0


@pytest.mark.parametrize("topic", ["orders/create", "orders/paid", "orders/updated"])
def test_an_order_s_webhook_makes_it_be_fetched(topic: str) -> None:
    """A webhook does not say where goods are assigned; a cancelled order is cancelled at once."""
    raw = json.dumps(an_order()).encode()
    kind = ROUTED.address(topic, raw)[1]
    assert kind == "refetch"
    found = ROUTED.translate(kind, topic, raw)
    assert found == RefetchOrder(ref=str(ORDER), source="shopify", topic=topic)
    assert ROUTED.address("orders/cancelled", raw)[1] == "cancel"


async def test_a_move_is_news_where_fulfilment_orders_decide(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Shopify is asked which order it is, and the order is fetched; else a move says nothing."""
    await put(simulators, {})
    ((topic, raw),) = await staff(simulators, "move", location=SECOND_LOCATION)
    assert topic == MOVED
    shop = shopify(client, running.http, routing="channel", locations=(str(MAIN_LOCATION),))
    found = await shop.resolved(topic, raw)
    assert found is not None
    note = ROUTED.translate("note", topic, found.raw)
    assert isinstance(note, NoteReport)
    assert (note.ref, note.refetch, note.hold) == (str(ORDER), True, "")
    assert await shopify(client, running.http).resolved(topic, raw) is None


@pytest.mark.parametrize("changes", [{"routing": "channel"}, {"locations": ("1001",)}])
def test_locations_and_routing_belong_together(changes: dict[str, object]) -> None:
    """One without the other is refused at the start, in words."""
    with pytest.raises(ValueError, match="belong together"):
        shop_settings("http://127.0.0.1:1", **changes)  # type: ignore[arg-type]  # settings


def test_locations_of_places_are_for_our_own_routing() -> None:
    """Where the shop's fulfilment orders decide, nothing is moved."""
    places = {"wh1": "1"}
    with pytest.raises(ValueError, match="place_locations is for"):
        shop_settings("http://x", routing="channel", locations=("1",), place_locations=places)


async def unasked(client: HttpClient, running: Running) -> dict[str, int] | None:
    """What no fulfilment service of ours is asked for, by the line; None where none is stated."""
    shop = shopify(
        client, running.http, translation=ShopifyTranslation(fulfillment_services=("Our-3PL",))
    )
    call = replace(a_call(FetchOrder()), ref=str(ORDER))
    found = OF_SERVICE.translate("update", "order/fetched", await shop.bundle(str(ORDER), call))
    assert isinstance(found, UpdateOrder)
    told = found.unasked
    return None if told is None else {one.line_id: one.quantity for one in told.units}


async def test_a_service_s_goods_wait_for_the_seller_s_request(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Nothing is asked for at first; then all is, also while the request is not answered yet."""
    order = an_order()
    order["line_items"][1]["fulfillment_service"] = "our-3pl"
    known = {"id": ORDER, "updated_at": order["updated_at"], "order": order, "locations": {}}
    answer = await simulators.call("POST", f"{BOOK}/orders", {"orders": [known]})
    assert answer.status == 200, answer.text
    assert await unasked(client, running) == {SECOND: FEW}
    await staff(simulators, "request")
    assert await unasked(client, running) == {}


async def test_the_shop_s_own_goods_are_asked_for_by_no_one(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """An order without a line of ours by service states nothing about it."""
    await put(simulators, {})
    assert await unasked(client, running) is None


def test_only_an_order_of_our_service_is_fetched() -> None:
    """Its webhook names the service of a line, in whatever case; any other order is believed."""
    order = an_order()
    raw = json.dumps(order).encode()
    assert OF_SERVICE.address("orders/create", raw)[1] == "place"
    order["line_items"][0]["fulfillment_service"] = "OUR-3pl"
    raw = json.dumps(order).encode()
    assert OF_SERVICE.address("orders/create", raw)[1] == "refetch"
    assert OF_SERVICE.address("orders/cancelled", raw)[1] == "cancel"


def test_a_service_s_goods_that_are_assigned_nowhere_yet_are_fetched_again() -> None:
    """Shopify makes fulfilment orders a moment after the order; without any, no one knows."""
    line = {"admin_graphql_api_id": "gid://shopify/LineItem/1", "fulfillable_quantity": 1}
    with pytest.raises(Retryable):
        count_unasked([line], [], ())


def several(order: Json) -> Json:
    """It has goods that are sent, and goods that the customer collects."""
    order["shipping_lines"] = [
        {**order["shipping_lines"][0], "id": number, "title": title}
        for number, title in enumerate(("Standard", "Collect in store"), start=1)
    ]
    return order


async def test_of_an_order_that_goes_several_ways_each_line_goes_its_own(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Its webhook names both ways and not which line goes which, so it is fetched; its fulfilment
    orders know, also of what the customer has collected. Any other order is believed."""
    order = several(an_order())
    order["line_items"][1]["_method"] = "PICK_UP"
    raw = json.dumps(order).encode()
    found = SHOWS.translate("place", "orders/create", raw)
    assert found == RefetchOrder(ref=str(ORDER), source="shopify", topic="orders/create")
    assert isinstance(SHOWS.translate("place", "orders/create", json.dumps(an_order()).encode()),
                      PlaceOrder)  # fmt: skip
    known = {"id": ORDER, "updated_at": order["updated_at"], "order": order, "locations": {}}
    answer = await simulators.call("POST", f"{BOOK}/orders", {"orders": [known]})
    assert answer.status == 200, answer.text
    assert await ways(client, running) == {FIRST: "", SECOND: "pickup"}
    await staff(simulators, "fulfil", lines={SECOND: FEW})
    assert await ways(client, running) == {FIRST: "", SECOND: "pickup"}


async def ways(client: HttpClient, running: Running) -> dict[str, str]:
    """How each line of the order reaches the customer, as it is fetched."""
    shop = shopify(client, running.http, translation=COLLECTED)
    call = replace(a_call(FetchOrder()), ref=str(ORDER))
    found = SHOWS.translate("update", "order/fetched", await shop.bundle(str(ORDER), call))
    assert isinstance(found, UpdateOrder)
    return {line.line_id: line.delivery for line in found.order.lines}


def test_a_line_of_which_pieces_go_several_ways_is_a_person_s() -> None:
    """No line is sent and collected; without fulfilment orders it is asked again."""
    line = {"admin_graphql_api_id": "gid://shopify/LineItem/1", "name": "Cup",
            "requires_shipping": True, "fulfillable_quantity": 2}  # fmt: skip
    part = {"id": "p", "remainingQuantity": 1, "lineItem": {"id": "gid://shopify/LineItem/1"}}
    orders = msgspec.convert(
        [
            {"id": name, "status": "OPEN", "lineItems": {"nodes": [part], "pageInfo": {}}}
            for name in ("sent", "collected")
        ],
        list[FulfilmentOrder],
    )
    with pytest.raises(NeedsPerson, match="'Cup' some pieces are sent"):
        tell_ways([line], orders, {"sent": "SHIPPING", "collected": "PICK_UP"})
    tell_ways([line], orders, {"sent": "SHIPPING", "collected": "SHIPPING"})
    assert line["way"] == "SHIPPING"
    with pytest.raises(Retryable):
        tell_ways([line], [], {})
