"""Money told is money owed: whatever an order comes to, each partner is told the same total.

Every adapter runs as it is, with a recorder in place of the network; compared is the request
that would have left.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from decimal import Decimal
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.runtime.call_policy import CallPolicy
from actors.runtime.partner import Call, Partner
from adapters.carriers.fedex.partner import Fedex
from adapters.carriers.ups.partner import Ups
from adapters.erp.business_central.partner import BusinessCentral
from adapters.kit.http_client import Answer, HttpClient, Request
from adapters.messages.smtp.templates import order_confirmed, order_partly_cancelled
from schemas.contracts.checks import totals_add_up
from schemas.messages.effects import BuyLabel, PackedParcel, PostSalesOrder, Units
from schemas.order.canonical import Address, Line, Order, Presentment, Totals
from schemas.order.money import exponent_of
from schemas.order.shares import as_booked, as_paid, comes_to, shared
from schemas.order.things import PARCEL, Key, key_of
from tests.contract import partner_calls
from tests.contract.partner_calls import TestClock, a_call, all_units
from tests.orders import an_order

# Any: requests are free-form JSON, and reading them is what these tests are about.
Json = dict[str, Any]

TORONTO = Address(
    name="Zoë Groß", lines=("1 Queen Street",), city="Toronto", country="CA", region="ON",
    postal_code="M5H2N2", phone="416 555 0123",
)  # fmt: skip
MOST = 50_000


class Reached(Exception):
    """A request that writes was about to leave."""


class Recorder(HttpClient):
    """Keeps the request that writes, and sends nothing."""

    def __init__(self) -> None:  # without a session: there is no network
        self.clock = TestClock()
        self.exchanges = None
        self.sent: Json = {}

    async def send(self, request: Request) -> Answer:
        if "token" in request.url.path:
            return Answer(200, {}, b'{"access_token":"t","expires_in":3600}')
        if request.url.path.endswith("/items"):
            found = re.findall("'([^']*)'", request.url.query["$filter"])
            items = [{"number": one} for one in found]
            return Answer(200, {}, json.dumps({"value": items}).encode())
        assert request.writes
        assert request.body is not None
        self.sent = json.loads(request.body, parse_float=Decimal)
        raise Reached


def told(partner: Partner, recorder: Recorder, call: Call) -> Json:
    """The body that the adapter sends for this call."""
    recorder.sent = {}
    try:
        asyncio.run(partner.perform(call))
    except Reached:
        return recorder.sent
    raise AssertionError("No request left the adapter.")


RECORDER = Recorder()
ERP: BusinessCentral = partner_calls.business_central(
    RECORDER, "http://x.example", duty_account="40200", gross_customer_number="WEB-GROSS"
)
UPS: Ups = partner_calls.ups(RECORDER, "http://x.example", calls=CallPolicy())
FEDEX: Fedex = partner_calls.fedex(RECORDER, "http://x.example", country_of_manufacture="US")


@st.composite
def totals_of(draw: st.DrawFn, subtotal: int, given_off: int) -> Totals:
    """Totals over lines of this subtotal of which so much was given off already. The discount of
    the order may be above the goods, and takes at most everything."""
    shipping, duty, tax = (draw(st.sampled_from((0, 0, 1, 499, 3_333))) for _ in range(3))
    included = draw(st.booleans())
    everything = subtotal + shipping + duty + (0 if included else tax)
    discount = draw(
        st.one_of(
            st.just(given_off),
            st.integers(given_off, max(given_off, subtotal)),
            st.integers(min(max(given_off, subtotal), everything), everything),
        )
    )
    return Totals(
        subtotal_minor=subtotal,
        discount_minor=discount,
        shipping_minor=shipping,
        tax_minor=tax,
        duty_minor=duty,
        taxes_included=included,
        total_minor=everything - discount,
    )


@st.composite
def lines_of(draw: st.DrawFn, number: int) -> Line:
    """A line whose amount need not be a multiple of its quantity."""
    quantity, price = draw(st.integers(1, 7)), draw(st.integers(0, MOST))
    gross = max(0, quantity * price + draw(st.integers(-3, 3)))
    off = draw(st.one_of(st.just(0), st.integers(0, gross)))
    return Line(
        line_id=str(number),
        sku=f"SKU-{number}",
        title=f"Thing {number}",
        quantity=quantity,
        unit_price_minor=price,
        total_minor=gross - off,
        discount_minor=off,
        tax_minor=draw(st.integers(0, 300)),
        requires_shipping=number == 1 or draw(st.booleans()),
        weight_grams=draw(st.integers(1, 900)),
    )


@st.composite
def orders(draw: st.DrawFn) -> Order:
    """A valid order of one to five lines, in one currency or two."""
    lines = tuple(draw(lines_of(number)) for number in range(1, draw(st.integers(1, 5)) + 1))
    subtotal = sum(line.total_minor + line.discount_minor for line in lines)
    totals = draw(totals_of(subtotal, sum(line.discount_minor for line in lines)))
    currency = draw(st.sampled_from(("USD", "JPY", "KWD")))
    presentment = None
    seen = draw(st.sampled_from(("none", "lines", "totals")))
    if seen != "none":
        amounts = [draw(st.integers(0, MOST)) for _ in lines]
        customer_totals = draw(totals_of(sum(amounts), 0))
        presentment = Presentment(currency="EUR", totals=customer_totals)
        if seen == "lines":
            lines = tuple(
                replace(line, presentment_total_minor=amount)
                for line, amount in zip(lines, amounts, strict=True)
            )
    order = an_order(
        currency=currency, lines=lines, totals=totals, presentment=presentment, ship_to=TORONTO
    )
    assert totals_add_up(order) == ()
    return order


@st.composite
def packed(draw: st.DrawFn, order: Order) -> tuple[PackedParcel, ...]:
    """All goods of an order in one to four parcels, each piece in one of them."""
    count = draw(st.integers(1, 4))
    contents: list[Counter[str]] = [Counter() for _ in range(count)]
    for line in order.lines:
        for _ in range(line.quantity):
            contents[draw(st.integers(0, count - 1))][line.line_id] += 1
    return tuple(
        PackedParcel(
            parcel=key_of(PARCEL, number),
            units=tuple(Units(line_id, "", pieces) for line_id, pieces in content.items()),
            weight_grams=500,
        )
        for number, content in enumerate((one for one in contents if one), 1)
    )


def minor(amount: object, currency: str) -> int:
    """An amount of a request in minor units, exactly."""
    scaled = Decimal(str(amount)).scaleb(exponent_of(currency))
    assert scaled == int(scaled)
    return int(scaled)


def document_total(body: Json, currency: str) -> int:
    """What the ERP makes of a sales order's lines; no line is below zero."""
    amounts = [
        line["quantity"] * minor(line["unitPrice"], currency)
        - minor(line.get("discountAmount", 0), currency)
        for line in body["salesOrderLines"]
        if line["lineType"] != "Comment"
    ]
    assert min(amounts, default=0) >= 0
    return sum(amounts)


@given(orders())
def test_the_erp_books_what_the_customer_owes(order: Order) -> None:
    """The document sums to the order's total, less the tax that the ERP adds by itself, and is
    booked on the customer whose prices are as the shop's."""
    totals = order.totals
    if totals.discount_minor > totals.subtotal_minor:
        event("a discount above the goods")
    body = told(ERP, RECORDER, a_call(PostSalesOrder(units=all_units(order)), order))
    assert document_total(body, order.currency) == totals.total_minor - as_booked(order).tax_minor
    assert body["customerNumber"] == ("WEB-GROSS" if totals.taxes_included else "WEB")


@given(orders(), st.data())
def test_the_erp_books_the_units_that_are_left(order: Order, data: st.DataObject) -> None:
    """With fewer units the document is what those come to: never more than before, and together
    with what the units taken away came to, the same, but for the rounding of each line."""
    left = tuple(
        Units(line.line_id, "", data.draw(st.integers(0, line.quantity))) for line in order.lines
    )
    body = told(ERP, RECORDER, a_call(PostSalesOrder(units=left), order))
    basis = as_booked(order)
    amounts = comes_to(basis, left)
    assert document_total(body, order.currency) == amounts.total_minor - amounts.tax_minor
    assert amounts.total_minor <= order.totals.total_minor
    gone = tuple(
        Units(one.line_id, "", line.quantity - one.quantity)
        for one, line in zip(left, order.lines, strict=True)
    )
    both = sum(part.net_minor for units in shared(basis, (left, gone)) for part in units)
    assert both == comes_to(basis).goods_minor


@given(orders(), st.data())
def test_customs_is_told_what_the_goods_came_to(order: Order, data: st.DataObject) -> None:
    """Over all parcels the value of goods is what the customer paid for them, in his currency,
    after discounts, gift cards and the like left out; both carriers say the same, and nothing is
    ever worth nothing."""
    parcels = data.draw(packed(order))
    buy = BuyLabel(fulfilment=Key("F1"), place="main", parcels=parcels)
    ups = told(UPS, RECORDER, a_call(buy, order))["ShipmentRequest"]["Shipment"]
    fedex = told(FEDEX, RECORDER, a_call(buy, order))["requestedShipment"]
    seen = order.presentment
    is_seen = seen is not None and seen.totals.total_minor and order.totals.total_minor
    basis = as_paid(order) if is_seen else as_booked(order)
    customs, currency = fedex["customsClearanceDetail"], basis.currency
    assert {one["customsValue"]["currency"] for one in customs["commodities"]} == {currency}
    assert ups["InvoiceLineTotal"]["CurrencyCode"] == currency
    values = [minor(one["customsValue"]["amount"], currency) for one in customs["commodities"]]
    total = minor(customs["totalCustomsValue"]["amount"], currency)
    assert sum(values) == total
    assert min(values) > 0
    least = 10 ** exponent_of(currency)
    assert minor(ups["InvoiceLineTotal"]["MonetaryValue"], currency) == max(total, least)
    goods = {line.line_id for line in order.lines if line.requires_shipping}
    split = shared(basis, [parcel.units for parcel in parcels])
    worth = [part.net_minor for parts in split for part in parts if part.line_id in goods]
    if min(worth) > 0:
        event("every piece was paid for")
        assert total == sum(basis.lines[line_id].net_minor for line_id in goods)
    else:
        assert total >= sum(worth)


def bill(text: str, currency: str) -> tuple[int, int]:
    """What the rows of a message's bill sum to, and its total."""
    rows = re.findall(rf"(?m)^(.+): (-?[0-9.]+) {currency}$", text)
    amounts = [(name, minor(amount, currency)) for name, amount in rows]
    assert amounts[-1][0] == "Total"
    return sum(amount for _, amount in amounts[:-1]), amounts[-1][1]


@given(orders(), st.data())
def test_messages_show_what_the_customer_pays(order: Order, data: st.DataObject) -> None:
    """In the customer's currency the rows sum to the total that the shop showed; a message about
    some units sums as well, and one about a cancelled part names no money."""
    seen = order.presentment
    currency = order.currency if seen is None else seen.currency
    total = order.totals.total_minor if seen is None else seen.totals.total_minor
    _, text = order_confirmed(order, (), "Acme")
    assert bill(text, currency) == (total, total)
    some = tuple(
        Units(line.line_id, "", data.draw(st.integers(0, line.quantity))) for line in order.lines
    )
    if any(one.quantity for one in some):
        _, text = order_confirmed(order, some, "Acme")
        assert bill(text, currency) == (comes_to(as_paid(order), some).total_minor,) * 2
    _, text = order_partly_cancelled(order, some, "Acme")
    assert currency not in text
