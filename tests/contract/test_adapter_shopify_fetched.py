"""Shopify's orders as they are now: asked of the simulated shop, they say what a webhook says."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from graphql import execute_sync, parse, specified_rules, validate
from graphql.validation import NoDeprecatedCustomRule
from msgspec.structs import replace

from actors.runtime.errors import NeedsPerson, Rejected, Retryable, Unauthorised
from adapters.channels.shopify import fetched as shopify_fetched
from adapters.channels.shopify.fetched import (
    ARTICLES_QUERY,
    LINES_QUERY,
    ORDER_QUERY,
)
from adapters.channels.shopify.resolving import ORDER_OF_QUERY
from adapters.kit.http_client import HttpClient
from ops.simulators.graphql import Query
from ops.simulators.storefront import Moment, build_order
from schemas.messages.effects import FetchOrder
from schemas.messages.inputs import CancelOrder, UpdateOrder
from schemas.messages.privacy import Read
from tests.conftest import Say
from tests.contract.partner_calls import a_call, stubbed
from tests.contract.simulated import Client, Json, Running, calling, spec, started
from tests.contract.storefront_calls import shopify
from tests.contract.test_adapter_shopify import schema
from tests.shopify_payloads import SHOP, money

BOOK = "/_sim/shops/acme-us.myshopify.com"
AT_ONCE = 40
CALL = a_call(FetchOrder())
CANCELLED = Moment(paid=False, cancelled_at="2026-11-22T10:00:00-05:00")
WHOLE_ORDERS = (
    "orders.cancelled", "orders.create", "orders.fulfilled", "orders.paid",
    "orders.partially_fulfilled", "orders.updated",
)  # fmt: skip


@pytest.fixture
def running() -> Iterator[Running]:
    """The simulators, for each test: a shop that was asked much asks to slow down."""
    with started() as found:
        yield found


@pytest.mark.parametrize("document", [ORDER_QUERY, LINES_QUERY, ARTICLES_QUERY, ORDER_OF_QUERY])
def test_queries_are_valid_in_shopify_s_schema(document: str) -> None:
    """The queries name only fields and arguments that API 2026-10 has, none of them deprecated but
    one that is said to stay (a webhook has it, too), and none may cost more than the thousand
    points that Shopify lets a query ask for."""
    rules = [*specified_rules, NoDeprecatedCustomRule]
    found = validate(schema(), parse(document), rules)
    assert [x for x in found if "LineItem.fulfillmentService" not in x.message] == []
    assert len(found) == (document in (ORDER_QUERY, LINES_QUERY))
    given = {
        "lines": shopify_fetched.FIRST_LINES
        if document is ORDER_QUERY
        else shopify_fetched.MORE_LINES,
        "ways": shopify_fetched.MAX_SHIPPING_LINES,
        "discounts": shopify_fetched.MAX_DISCOUNTS,
    }
    assert 0 < Query(document, given).cost() < 900


def ref_of(order: Json) -> str:
    """The reference we know an order by."""
    return str(order["admin_graphql_api_id"].rpartition("/")[2])


async def put(simulators: Client, *orders: Json) -> None:
    """Have the simulated shop know these orders."""
    for at in range(0, len(orders), AT_ONCE):
        known = [
            {"id": int(ref_of(one)), "updated_at": one["updated_at"], "order": one}
            for one in orders[at : at + AT_ONCE]
        ]
        answer = await simulators.call("POST", f"{BOOK}/orders", {"orders": known})
        assert answer.status == 200, answer.text


async def fetched(client: HttpClient, running: Running, ref: str) -> bytes:
    """The order as the adapter brings it."""
    return await shopify(client, running.http).bundle(ref, CALL)


def read(raw: bytes) -> Read:
    """What a fetched order means."""
    return SHOP.translate("update", "order/fetched", raw)


def told(order: Json) -> Read:
    """What the webhook about it means."""
    return SHOP.translate("update", "orders/updated", json.dumps(order).encode())


def changed(order: Json, dice: random.Random) -> Json:
    """The order after something that happens to orders, drawn: each keeps its totals right."""
    lines: list[Json] = order["line_items"]
    currency = order["currency"]
    several = [one for one in lines if one["quantity"] > 1 and not one["discount_allocations"]]
    match dice.randrange(9):
        case 0 if len(lines) > 1 and not lines[-1]["discount_allocations"]:
            lines[-1]["current_quantity"] = lines[-1]["fulfillable_quantity"] = 0
        case 1 if several:
            several[0]["current_quantity"] = 1
        case 2:
            order["note_attributes"] = [
                {"name": "Gift message", "value": "For Ada"},
                {"name": "engraving", "value": "A. A."},
                {"name": "count", "value": 3},
                {"name": "wrapped", "value": True},
                {"name": "nothing", "value": None},
            ]
            lines[0]["properties"] = [{"name": "_side", "value": "left"}]
            order["po_number"] = "PO-7"
        case 3:
            lines[0]["sku"] = dice.choice(("", " ", None))
        case 4:
            order["customer"] = None
            order["billing_address"] = None
            order["email"], order["phone"] = None, "+12025550123"
        case 5:
            order["shipping_address"] = None
            for one in lines:
                one["requires_shipping"] = False
        case 6:
            order["discount_codes"] = [{"code": "PHONED", "amount": "0.00", "type": "fixed_amount"}]
            order["discount_applications"] = [
                *order["discount_applications"],
                {
                    "target_type": "line_item", "type": "manual", "value": "0", "value_type": "x",
                    "allocation_method": "one", "target_selection": "explicit",
                    "title": "By hand", "description": "A regular",
                },
                {"target_type": "line_item", "type": "automatic", "title": "Season"},
            ]  # fmt: skip
        case 7:
            fee = money("1.50", currency)
            fee["presentment_money"] = {
                "amount": "1.40",
                "currency_code": order["presentment_currency"],
            }
            order["current_total_additional_fees_set"] = fee
            order["current_total_duties_set"] = fee
        case _:
            order["financial_status"] = dice.choice(
                ("authorized", "partially_paid", "partially_refunded", "refunded", "expired")
            )
            order["refunds"] = [{"id": 1, "created_at": order["updated_at"]}]
            order["shipping_lines"][0]["is_removed"] = dice.random() < 0.5
            order["test"] = True
    return _with_right_totals(order)


def _with_right_totals(order: Json) -> Json:
    """What is left to pay after the change, in both currencies."""
    for side in ("shop_money", "presentment_money"):

        def cents(both: Json | None, side: str = side) -> int:
            return round(float(both[side]["amount"]) * 100) if both else 0

        total = cents(order["current_shipping_price_set"])
        total += cents(order["current_total_duties_set"])
        total += cents(order["current_total_additional_fees_set"])
        if not order["taxes_included"]:
            total += cents(order["current_total_tax_set"])
        for line in order["line_items"]:
            total += cents(line["price_set"]) * line["current_quantity"]
            if line["current_quantity"]:
                total -= sum(cents(one["amount_set"]) for one in line["discount_allocations"])
        amount = f"{total // 100}.{total % 100:02d}"
        order["current_total_price_set"][side]["amount"] = amount
    order["current_total_price"] = order["current_total_price_set"]["shop_money"]["amount"]
    return order


async def test_what_is_fetched_is_what_the_webhook_said(
    client: HttpClient, simulators: Client, running: Running, say: Say
) -> None:
    """Of 200 orders, most of them changed somehow, both ways give the same canonical order, to the
    last field; of cancelled ones the same cancel."""
    orders = []
    for number in range(200):
        dice = random.Random(number)
        moment = Moment(note="Ring twice") if number % 3 else Moment(paid=False)
        order: Json = build_order(9, number, moment=CANCELLED if number % 20 == 0 else moment)
        orders.append(changed(order, dice) if number % 4 and number % 20 else order)
    await put(simulators, *orders)
    kinds = set()
    for order in orders:
        found = read(await fetched(client, running, ref_of(order)))
        assert found == told(order), ref_of(order)
        kinds.add(type(found))
    assert kinds == {UpdateOrder, CancelOrder}
    say(f"Shopify's orders fetched and told by webhook: {len(orders)}, all alike.")


@pytest.mark.parametrize("topic", WHOLE_ORDERS)
async def test_the_official_samples_say_the_same_fetched(
    topic: str, client: HttpClient, simulators: Client, running: Running
) -> None:
    """Shopify's own sample of each topic that carries the whole order, cancelled as it is and as if
    it were not, is the same order both ways."""
    sample = json.loads(spec("shopify", "webhooks", f"{topic}.meta.json").read_text())["response"]
    order: Json = json.loads(sample) if isinstance(sample, str) else sample
    order["admin_graphql_api_id"] += f"{WHOLE_ORDERS.index(topic)}"
    await put(simulators, order)
    assert read(await fetched(client, running, ref_of(order))) == told(order)
    order |= {"cancelled_at": None, "updated_at": "2026-11-24T10:00:00-05:00"}
    await put(simulators, order)
    found = read(await fetched(client, running, ref_of(order)))
    assert isinstance(found, UpdateOrder)
    assert found == told(order)


async def test_a_code_without_an_application_loses_its_amount_only(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """The one declared difference: GraphQL says which codes were typed, and of a code that no
    discount bears (another app made the order) not what it took off."""
    order: Json = build_order(9, 900)
    order["discount_applications"] = []
    order["discount_codes"] = [{"code": "BY-APP", "amount": "1.00", "type": "fixed_amount"}]
    for line in order["line_items"]:
        line["discount_allocations"] = []
    order = _with_right_totals(order)
    await put(simulators, order)
    found, webhook = read(await fetched(client, running, ref_of(order))), told(order)
    assert isinstance(found, UpdateOrder)
    assert isinstance(webhook, UpdateOrder)
    (named,) = webhook.order.discounts
    assert found.order.discounts == (replace(named, amount_minor=0),)
    assert replace(found.order, discounts=()) == replace(webhook.order, discounts=())


async def test_the_same_state_gives_the_same_bytes(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Asked twice, an order that did not change has the same bytes, with sorted keys; after a
    change it has others."""
    order: Json = build_order(9, 901)
    await put(simulators, order)
    first = await fetched(client, running, ref_of(order))
    assert await fetched(client, running, ref_of(order)) == first
    again = json.dumps(json.loads(first), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert first.decode() == again
    await put(simulators, {**order, "note": "x", "updated_at": "2026-11-24T10:00:00-05:00"})
    assert await fetched(client, running, ref_of(order)) != first


async def test_an_order_of_many_lines_is_read_page_by_page(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """All 310 lines come, in their order, those without SKU with what they are."""
    order: Json = build_order(9, 902, lines=(1, 1))
    (line,) = order["line_items"]
    line["discount_allocations"] = []
    order["line_items"] = [
        {
            **line,
            "admin_graphql_api_id": f"gid://shopify/LineItem/{7_000_000 + at}",
            "sku": None if at % 3 == 0 else f"SKU-{at}",
            "variant_id": None if at % 6 == 0 else 5_000 + at,
        }
        for at in range(310)
    ]
    order = _with_right_totals(order)
    await put(simulators, order)
    found = read(await fetched(client, running, ref_of(order)))
    assert found == told(order)
    assert isinstance(found, UpdateOrder)
    assert len(found.order.lines) == 310
    assert {found.order.lines[at].sku.partition(":")[0] for at in (0, 3)} == {"product", "variant"}


async def test_what_the_simulated_shop_answers_fits_shopify_s_schema(
    simulators: Client, running: Running
) -> None:
    """Every answer has the types that the official schema gives its fields."""
    order: Json = build_order(9, 903, lines=(5, 5))
    await put(simulators, order)
    lines = {"lines": 3, "ways": 5, "discounts": 10, "id": order["admin_graphql_api_id"]}
    answer = await simulators.graphql(ORDER_QUERY, **lines)
    assert answer.json["extensions"]["cost"]["actualQueryCost"] > 20

    def resolve(source: Any, info: Any, **_: object) -> object:  # Any: graphql-core's own types
        return source[info.path.key]

    def kind(value: Any, *_: object) -> str:  # Any: the same
        return "DiscountCodeApplication" if "code" in value else "ManualDiscountApplication"

    found = execute_sync(
        schema(), parse(ORDER_QUERY), answer.json["data"],
        variable_values=lines, field_resolver=resolve, type_resolver=kind,
    )  # fmt: skip
    assert not found.errors
    assert found.data == answer.json["data"]


async def test_what_the_schema_does_not_have_is_refused_by_the_simulated_shop(
    simulators: Client, running: Running
) -> None:
    """An unknown field, a list without a length, and a query that could cost too much are errors as
    Shopify words them."""
    order: Json = build_order(9, 904)
    await put(simulators, order)
    gid = order["admin_graphql_api_id"]
    dear = "variant { id } product { id } weight { unit } a: variant { id } b: variant { id }"
    ask = "query { order(id: %s) { %s lineItems(first: %d) { nodes { id %s } } } }"
    for query, code in (
        (ask % (json.dumps(gid), "shoeSize", 5, ""), "undefinedField"),
        (ask % (json.dumps(gid), "id", 5, "shoeSize"), "undefinedField"),
        (ask % (json.dumps(gid), "id", 500, ""), "BAD_REQUEST"),
        (ask % (json.dumps(gid), "id", 250, dear), "MAX_COST_EXCEEDED"),
        (ask % (json.dumps(gid), "id", 5, "{"), "GRAPHQL_PARSE_FAILED"),
    ):  # fmt: skip
        answer = await simulators.graphql(query)
        assert answer.json["errors"][0]["extensions"]["code"] == code, answer.text


async def test_an_order_the_shop_does_not_have_is_refused_in_words(
    client: HttpClient, running: Running
) -> None:
    """An unknown number is a refusal that says so; what is not a number is not even asked for."""
    with pytest.raises(Rejected, match="has no order 404404"):
        await fetched(client, running, "404404")
    with pytest.raises(Rejected, match="numbers"):
        await fetched(client, running, "A-7")


async def test_what_is_not_shown_names_what_is_missing(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Without the approval for customer data, or a scope, the refusal names both; a credential that
    is not valid is another matter; a throttled shop is asked again."""
    await simulators.fault("storefront", "graphql_fetch", refuse_rate=1.0)
    with pytest.raises(Rejected, match="not approved to access the Customer") as no:
        await fetched(client, running, "5")
    assert "read_customers" in str(no.value)
    assert "protected customer data" in str(no.value)
    half = {"data": {"order": None}, "errors": [
        {"message": "Access denied for customer field.", "path": ["order", "customer"],
         "extensions": {"code": "ACCESS_DENIED"}}]}  # fmt: skip
    async with stubbed(web.json_response(half)) as stub:
        with pytest.raises(Rejected, match="Access denied for customer field"):
            await shopify(client, stub.url).bundle("5", CALL)
    await simulators.fault("storefront", "graphql_fetch", unauthorized=True)
    with pytest.raises(Unauthorised):
        await fetched(client, running, "5")
    await simulators.fault("storefront", "graphql_fetch", rate_limited_rate=1.0)
    with pytest.raises(Retryable) as throttled:
        await fetched(client, running, "5")
    assert throttled.value.throttled


async def test_an_order_that_changes_while_it_is_read_is_read_again(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Lines of two different moments are never put together."""
    order: Json = build_order(9, 905, lines=(5, 5))
    await put(simulators, order)
    lines = {"lines": 2, "ways": 5, "discounts": 10, "id": order["admin_graphql_api_id"]}
    first = (await simulators.graphql(ORDER_QUERY, **lines)).json
    after = first["data"]["order"]["lineItems"]["pageInfo"]["endCursor"]
    more = (await simulators.graphql(LINES_QUERY, **lines, after=after)).json
    more["data"]["order"]["updatedAt"] = "2026-11-24T00:00:00Z"
    async with stubbed(web.json_response(first), web.json_response(more)) as stub:
        with pytest.raises(Retryable, match="changed"):
            await shopify(client, stub.url).bundle("5", CALL)


async def test_what_is_beyond_our_bounds_is_for_a_person(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order with more ways of shipping than are read, and one with endless lines, are told."""
    # Simulators of its own: others have used up the points of the shop that all tests share.
    with started() as fresh:
        async with calling(fresh) as simulators:
            order: Json = build_order(9, 906)
            order["shipping_lines"] = [*order["shipping_lines"] * 11]
            await put(simulators, order)
            with pytest.raises(NeedsPerson, match="ways of shipping"):
                await fetched(client, fresh, ref_of(order))
            order = build_order(9, 907, lines=(1, 1))
            order["line_items"] *= 90
            await put(simulators, order)
            monkeypatch.setattr(shopify_fetched, "MAX_LINES", 60)
            with pytest.raises(NeedsPerson, match="60 lines"):
                await fetched(client, fresh, ref_of(order))
