"""Business Central: sales orders as its documentation describes them, found again and deleted."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from decimal import Decimal

import pytest
import yaml
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.runtime.errors import NeedsPerson, Rejected, Retryable
from adapters.erp.business_central.comments import comments
from adapters.kit.http_client import HttpClient
from schemas.messages.effects import (
    CancelSalesOrder,
    PostSalesOrder,
    SalesOrderPosted,
    Undone,
    Units,
)
from schemas.order.canonical import Address, Customer, Discount, Order, Presentment, Totals
from tests.contract.partner_calls import a_call, all_units, business_central, stubbed
from tests.contract.simulated import Client, Json, Running, spec, started
from tests.orders import an_order

POST = PostSalesOrder(units=all_units())
NONE: Json = {"value": []}
MADE = {"@odata.etag": 'W/"1"', "id": "b6f4017a-b749-ee11-ad0b-a1422c0f7f1f", "number": "101005"}


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started() as found:
        yield found


@functools.cache
def properties(resource: str) -> dict[str, str]:
    """Names and descriptions in the property table of a v2.0 resource."""
    path = spec("dynamics365-bc", "v2.0", "resources", f"dynamics_{resource}.md")
    rows = re.findall(r"(?m)^\|(\w+)\|[\w.]+ *\|(.*)\|$", path.read_text(encoding="utf-8"))
    return dict(rows)


@functools.cache
def lengths() -> dict[str, int]:
    """The lengths that the v1.0 OpenAPI description gives to texts of a sales order."""
    text = spec("dynamics365-bc", "BCOAS1.0.yaml").read_text(encoding="utf-8").replace("\t", "  ")
    document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    found = document["components"]["schemas"]["salesOrder"]["properties"]
    return {name: one["maxLength"] for name, one in found.items() if "maxLength" in one}


async def sent_body(order: Order, client: HttpClient, **changes: object) -> Json:
    """The body that is posted for this order, decimals kept as they stand."""
    effect = PostSalesOrder(units=all_units(order))
    async with stubbed(web.json_response(MADE, status=201)) as stub:
        partner = business_central(client, stub.url, **changes)  # type: ignore[arg-type]  # one dict of settings, for tests to change
        await partner.perform(a_call(effect, order))
        found: Json = json.loads(stub.sent("/salesOrders")[3], parse_float=Decimal)
        return found


def mark(reference: str) -> Json:
    """The comment line by which a document is known to be ours."""
    return {"lineType": "Comment", "description": f"Reference {reference}"}


def total(body: Json) -> Decimal:
    """What Business Central makes of the lines."""
    return sum(
        (
            line["quantity"] * Decimal(line["unitPrice"]) - Decimal(line.get("discountAmount", 0))
            for line in body["salesOrderLines"]
            if line["lineType"] != "Comment"
        ),
        Decimal(0),
    )


async def test_a_sales_order_is_created_found_and_deleted(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """The ERP's whole part in an order, and deleting twice is deleting once."""
    partner = business_central(client, running.http)
    call = a_call(POST, an_order(ref="88001"))
    made = await partner.perform(call)
    assert isinstance(made, SalesOrderPosted)
    assert made.number.startswith("S-ORD")
    assert await partner.look_up(call) == made
    delete = a_call(CancelSalesOrder(erp_id=made.erp_id), an_order(ref="88001"))
    assert await partner.look_up(delete) is None
    for _ in range(2):
        assert isinstance(await partner.perform(delete), Undone)
    assert isinstance(await partner.look_up(delete), Undone)
    assert len(await simulators.ledger("erp_order_delete")) == 1


async def test_the_body_has_only_documented_writable_fields(client: HttpClient) -> None:
    """Every field is in the v2.0 property tables, and none is read-only there."""
    body = await sent_body(an_order(), client, shipping_account="40100")
    for resource, sent in (("salesorder", body), ("salesorderline", body["salesOrderLines"][0])):
        known = properties(resource) | {"salesOrderLines": ""}
        assert set(sent) <= set(known)
        assert not [name for name in sent if "ead-only" in known[name].lower()]
    assert body["externalDocumentNumber"] == "ACME-US #1042"
    assert body["salesOrderLines"][-1] == mark(a_call(POST).reference)
    assert body["orderDate"] == "2026-11-27"
    assert {line["lineType"] for line in body["salesOrderLines"]} == {"Item", "Account", "Comment"}


async def test_hostile_texts_fit(client: HttpClient) -> None:
    """Texts are cut to the described lengths, counted as Windows counts; nothing is left half."""
    hostile = Address(
        name="😀" * 200, company="ر" * 256, lines=("Str " * 60, "x" * 256, "\u202e\r\n", "🏠"),
        city="á" * 99, region="R" * 200, country="US", postal_code="4" * 32, phone="call me: 5" * 6,
    )  # fmt: skip
    customer = Customer(email="a" * 90 + "@x.de", phone="")
    order = an_order(ship_to=hostile, customer=customer)
    body = await sent_body(
        replace(order, lines=(replace(order.lines[0], title="📦" * 150),)), client
    )
    limits = lengths() | {
        "shipToAddressLine1": 100, "shipToAddressLine2": 50, "shipToCity": 30, "shipToState": 30,
        "shipToPostCode": 20, "shipToCountry": 10, "orderDate": 10, "currencyCode": 10,
    }  # fmt: skip
    for name, text in body.items():
        if isinstance(text, str):
            assert 0 < len(text.encode("utf-16-le")) // 2 <= limits[name], name
    assert "email" not in body
    assert "phoneNumber" not in body or not re.search("[a-z]", body["phoneNumber"])
    assert len(body["salesOrderLines"][0]["description"]) == 50
    assert "\u202e" not in json.dumps(body, ensure_ascii=False, default=str)


async def test_the_lines_add_up_to_the_channel_s_total(client: HttpClient) -> None:
    """Order-level discounts are shared out to the cent; line rounding by the channel is kept."""
    order = an_order()
    lines = (
        replace(order.lines[0], quantity=3, unit_price_minor=333, total_minor=1000),
        replace(
            order.lines[1], quantity=7, unit_price_minor=100, total_minor=650, discount_minor=50
        ),
    )
    totals = Totals(
        subtotal_minor=1650, discount_minor=101, shipping_minor=500, tax_minor=0, total_minor=2049
    )
    body = await sent_body(
        replace(order, lines=lines, totals=totals), client, shipping_account="401"
    )
    assert total(body) == Decimal("20.49")
    yen = replace(order, currency="JPY", lines=lines, totals=totals)
    assert total(await sent_body(yen, client)) == Decimal(2049)


async def test_an_sku_that_is_no_item_number(client: HttpClient) -> None:
    """An SKU longer than Business Central's numbers is refused before anything is sent."""
    order = an_order()
    order = replace(order, lines=(replace(order.lines[0], sku="S" * 21),))
    async with stubbed() as stub:
        with pytest.raises(Rejected, match="alias"):
            await business_central(client, stub.url).perform(
                a_call(PostSalesOrder(units=all_units(order)), order)
            )
        assert stub.requests == []


async def test_two_orders_under_one_reference_need_a_person(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """When both are there, both numbers are named, and nothing is guessed."""
    partner = business_central(client, running.http)
    call = a_call(POST, an_order(ref="88002"))
    numbers = []
    for _ in range(2):
        made = await partner.perform(call)
        assert isinstance(made, SalesOrderPosted)
        numbers.append(made.number)
    with pytest.raises(NeedsPerson, match=f"{numbers[0]} and {numbers[1]}"):
        await partner.look_up(call)


async def test_a_look_up_that_is_refused(client: HttpClient) -> None:
    """A refused look-up tells nothing, so the outcome stays unknown."""
    refusal = {
        "error": {"code": "BadRequest", "message": "Bad filter.  CorrelationId:  " + "a" * 36}
    }
    async with stubbed(web.json_response(refusal, status=400)) as stub:
        with pytest.raises(NeedsPerson, match=r"Bad filter \(BadRequest\)") as caught:
            await business_central(client, stub.url).look_up(a_call(POST))
        assert not caught.value.outcome_known
        path = stub.sent("/salesOrders")[1]
    assert "externalDocumentNumber%20eq%20'ACME-US%20%231042'" in path


async def test_deleting_what_somebody_changes(client: HttpClient) -> None:
    """The etag goes along; a change meanwhile is tried again, a stranger's order is left alone."""
    call = a_call(CancelSalesOrder(erp_id=MADE["id"]))
    ours = {**MADE, "salesOrderLines": [{"id": "1", **mark(call.reference)}]}
    answers = [
        web.json_response(ours),
        web.json_response({"error": {"code": "Request_EntityChanged"}}, status=409),
        web.json_response({**MADE, "externalDocumentNumber": "another"}),
    ]
    async with stubbed(*answers) as stub:
        partner = business_central(client, stub.url)
        with pytest.raises(Retryable) as caught:
            await partner.perform(call)
        assert not caught.value.sick
        method, path, headers, _ = stub.requests[-1]
        assert (method, headers["if-match"]) == ("DELETE", 'W/"1"')
        assert path.endswith(f"/companies(3e5f)/salesOrders({MADE['id']})")
        with pytest.raises(NeedsPerson, match="101005"):
            await partner.perform(call)


async def test_the_token_is_had_as_microsoft_wants_it(client: HttpClient) -> None:
    """Id, secret and scope go in the form; one token serves several calls."""
    answers = [web.json_response(MADE, status=201) for _ in range(2)]
    async with stubbed(*answers) as stub:
        partner = business_central(client, stub.url)
        await partner.perform(a_call(POST))
        await partner.perform(a_call(POST))
        tokens = [one for one in stub.requests if "/token" in one[1]]
    assert len(tokens) == 1
    assert b"scope=https%3A%2F%2Fapi.businesscentral" in tokens[0][3]
    assert b"client_secret=secret" in tokens[0][3]
    assert "secret'" not in repr(partner._settings)


async def test_shipping_and_duty_are_lines_so_that_the_total_is_what_was_paid(
    client: HttpClient,
) -> None:
    """With both accounts the sales order's lines sum to the channel's total before tax."""
    totals = Totals(
        subtotal_minor=1750,
        discount_minor=200,
        shipping_minor=500,
        tax_minor=0,
        duty_minor=133,
        total_minor=2183,
    )
    accounts = {"shipping_account": "40100", "duty_account": "40200"}
    body = await sent_body(an_order(totals=totals), client, **accounts)
    assert total(body) == Decimal("21.83")
    duty = body["salesOrderLines"][-2]
    assert (duty["lineType"], duty["lineObjectNumber"]) == ("Account", "40200")
    assert Decimal(duty["unitPrice"]) == Decimal("1.33")
    for missing in accounts:
        with pytest.raises(Rejected, match=f"Set {missing}"):
            await sent_body(an_order(totals=totals), client, **{**accounts, missing: ""})


async def test_what_people_wrote_stands_in_comment_lines(client: HttpClient) -> None:
    """Discounts by name, the total that the customer saw, note, gift message and attributes: each
    line fits, words stay whole, long texts end in an ellipsis, and our own doubts stay here."""
    order = an_order(
        note="word, " * 900,
        gift_message="Many\nhappy returns",
        attributes={"Delivery day": "Friday", "orderwright.doubt.email_invalid": "No e-mail."},
        discounts=(
            Discount(code="GREEN", title="Green week", amount_minor=400),
            Discount(title="Free shipping", amount_minor=500, applies_to="shipping"),
        ),
        presentment=Presentment(
            currency="JPY",
            totals=Totals(
                subtotal_minor=1, discount_minor=0, shipping_minor=0, tax_minor=0, total_minor=1
            ),
        ),
    )
    lines = (await sent_body(order, client))["salesOrderLines"]
    told = [line for line in lines if line["lineType"] == "Comment"]
    assert lines[-len(told) :] == told
    assert all(set(line) == {"lineType", "description"} for line in told)
    texts = [line["description"] for line in told]
    assert texts.pop(0) == f"Reference {a_call(POST, order).reference}"
    assert texts[:3] == [
        "Discount GREEN Green week: 4.00 USD",
        "Discount Free shipping: 5.00 USD off shipping",
        "The customer saw a total of 1 JPY",
    ]
    assert texts[-2:] == ["Gift message: Many happy returns", "Attribute Delivery day: Friday"]
    note = texts[3:-2]
    assert len(note) == 10
    assert note[-1].endswith("…")
    assert all(0 < len(text) <= 100 for text in texts)
    assert all(text.startswith("… ") for text in note[1:])
    assert set(" ".join(text[2:] for text in note[1:-1]).split()) == {"word,"}


@given(st.text(max_size=3_000), st.dictionaries(st.text(max_size=256), st.text(max_size=300)))
def test_comments_fit_whatever_was_written(note: str, attributes: dict[str, str]) -> None:
    """At most 50 lines of at most 100 characters as Windows counts them, none of them empty."""
    found = comments(an_order(note=note, attributes=attributes), "R" * 35)
    assert len(found) <= 50
    assert all(0 < len(text.encode("utf-16-le")) // 2 <= 100 for text in found)


async def test_a_discount_above_the_goods_comes_off_shipping(client: HttpClient) -> None:
    """The document comes to what the customer paid, and no line is below zero."""
    totals = Totals(
        subtotal_minor=1750, discount_minor=1950, shipping_minor=1000, tax_minor=0, total_minor=800
    )
    body = await sent_body(an_order(totals=totals), client)
    assert total(body) == Decimal("8.00")
    assert [Decimal(line["unitPrice"]) for line in body["salesOrderLines"][:-1]] == [
        Decimal("5.00"), Decimal("7.50"), Decimal("8.00"),
    ]  # fmt: skip


async def test_units_that_are_left_come_to_their_share(client: HttpClient) -> None:
    """Fewer units than the order's make a smaller document; a substitute has its own item number;
    a line without units is left out."""
    units = (Units("1", "SKU-9", 1), Units("2", "SKU-2", 0))
    async with stubbed(web.json_response(MADE, status=201)) as stub:
        await business_central(client, stub.url).perform(a_call(PostSalesOrder(units=units)))
        body = json.loads(stub.sent("/salesOrders")[3], parse_float=Decimal)
    lines = body["salesOrderLines"][:-1]
    assert [(line["lineObjectNumber"], line["quantity"]) for line in lines] == [
        ("SKU-9", 1), ("40100", 1),
    ]  # fmt: skip
    assert total(body) == Decimal("10.00")


async def test_the_tax_basis_stands_on_the_document(client: HttpClient) -> None:
    """An order whose prices include tax is booked on the customer whose prices do, and a comment
    says which; a document that takes the prices otherwise goes to a person."""
    totals = Totals(
        subtotal_minor=1750, discount_minor=0, shipping_minor=500, tax_minor=359, total_minor=2250,
        taxes_included=True,
    )  # fmt: skip
    gross = an_order(totals=totals)
    body = await sent_body(gross, client, gross_customer_number="WEB-GROSS")
    assert body["customerNumber"] == "WEB-GROSS"
    assert total(body) == Decimal("22.50")
    assert body["salesOrderLines"][-1]["description"] == "Prices include tax of 3.59 USD"
    net = an_order(totals=replace(totals, taxes_included=False, total_minor=2609))
    body = await sent_body(net, client, gross_customer_number="WEB-GROSS")
    assert body["customerNumber"] == "WEB"
    assert "Prices without tax" in body["salesOrderLines"][-1]["description"]
    wrong = web.json_response({**MADE, "pricesIncludeTax": False}, status=201)
    async with stubbed(wrong) as stub:
        with pytest.raises(NeedsPerson, match="set gross_customer_number"):
            await business_central(client, stub.url).perform(a_call(POST, gross))


async def test_a_line_that_the_order_lost(client: HttpClient) -> None:
    """Units of a line that the order does not have can't be priced, and nothing is sent."""
    async with stubbed() as stub:
        with pytest.raises(Rejected, match="no line '9'"):
            await business_central(client, stub.url).perform(
                a_call(PostSalesOrder(units=(Units("9", "SKU-9", 1),)))
            )
        assert stub.requests == []
