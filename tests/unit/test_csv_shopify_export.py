"""Shopify's own export of orders is read as it is; what was done there is not begun again."""

from __future__ import annotations

import csv
import io

import pytest

from adapters.channels.csv.orders import Found
from adapters.channels.csv.rows import open_sheet
from schemas.contracts import refusals
from schemas.contracts.refusals import Refused
from schemas.messages.inputs import PlaceOrder
from schemas.order.canonical import UNLISTED, Discount, Order
from tests.cases import field
from tests.csv_files import read

HEAD = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,"
    "Currency,Subtotal,Shipping,Taxes,Total,Discount Code,Discount Amount,Shipping Method,"
    "Created at,"
    "Lineitem quantity,Lineitem name,Lineitem price,Lineitem compare at price,Lineitem sku,"
    "Lineitem requires shipping,Lineitem taxable,Lineitem fulfillment status,Billing Name,"
    "Billing Street,Billing Address1,Billing Address2,Billing Company,Billing City,Billing Zip,"
    "Billing Province,Billing Country,Billing Phone,Shipping Name,Shipping Street,"
    "Shipping Address1,Shipping Address2,Shipping Company,Shipping City,Shipping Zip,"
    "Shipping Province,Shipping Country,Shipping Phone,Notes,Note Attributes,Cancelled at,"
    "Payment Method,Payment Reference,Refunded Amount,Vendor,Outstanding Balance,Employee,Location,"
    "Device ID,Id,Tags,Risk Level,Source,Lineitem discount,Tax 1 Name,Tax 1 Value,Phone,"
    "Receipt Number,Duties,Billing Province Name,Shipping Province Name,Payment ID,"
    "Payment Terms Name,Next Payment Due At,Payment References"
).split(",")
FIRST = {
    "Name": "#1001", "Email": "ada@example.com", "Financial Status": "paid",
    "Paid at": "2026-11-27 09:50:26 +0100", "Fulfillment Status": "unfulfilled",
    "Accepts Marketing": "no", "Currency": "EUR", "Subtotal": "94.90", "Shipping": "4.90",
    "Taxes": "0.00", "Total": "99.80", "Discount Code": "WELCOME", "Discount Amount": "9.80",
    "Shipping Method": "Livraison Rapide", "Created at": "2026-11-27 09:50:26 +0100",
    "Lineitem quantity": "3", "Lineitem name": "Masque", "Lineitem price": "24.90",
    "Lineitem compare at price": "39.90", "Lineitem sku": "MASQUE-1",
    "Lineitem requires shipping": "true", "Lineitem taxable": "false", "Lineitem discount": "0.00",
    "Billing Name": "Ada Archer", "Billing Address1": "15 rue de Berri", "Billing City": "PARIS",
    "Billing Zip": "'75008", "Billing Country": "FR", "Shipping Name": "Ada Archer",
    "Shipping Street": "15 rue de Berri", "Shipping Address1": "15 rue de Berri",
    "Shipping City": "PARIS", "Shipping Zip": "'75008", "Shipping Country": "FR",
    "Shipping Phone": "+33144950000", "Payment Method": "Shopify Payments",
    "Refunded Amount": "0.00", "Outstanding Balance": "0.00", "Id": "7410991464714",
    "Risk Level": "Low", "Source": "web",
}  # fmt: skip
SECOND = {
    "Name": "#1001", "Created at": "2026-11-27 09:50:26 +0100", "Lineitem quantity": "1",
    "Lineitem name": "Sérum", "Lineitem price": "30.00", "Lineitem sku": "SERUM-2",
    "Lineitem requires shipping": "true", "Lineitem discount": "0.00",
}  # fmt: skip


def exported(*rows: dict[str, str], head: list[str] = HEAD) -> bytes:
    """The file."""
    out = io.StringIO()
    writer = csv.DictWriter(out, head, restval="", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def the_one(*rows: dict[str, str]) -> Found:
    """The only order of the file."""
    (found,) = read(exported(*rows))
    return found


def placed(*rows: dict[str, str]) -> Order:
    """The order that the file places."""
    found = the_one(*rows)
    assert found.order is not None, found.sentences
    return found.order


def test_an_order_of_two_lines_is_read_as_it_is() -> None:
    """Lines, sums, discount, addresses without apostrophes, times with their zone, and what has no
    column of ours as attributes."""
    order = placed(FIRST, SECOND)
    assert (order.ref, order.number, order.currency) == ("#1001", "#1001", "EUR")
    assert order.placed_at == "2026-11-27T09:50:26+01:00"
    assert [(x.sku, x.quantity, x.unit_price_minor) for x in order.lines] == [
        ("MASQUE-1", 3, 2490), ("SERUM-2", 1, 3000),
    ]  # fmt: skip
    totals = order.totals
    assert (totals.subtotal_minor, totals.discount_minor, totals.total_minor) == (10470, 980, 9980)
    assert order.discounts == (Discount(amount_minor=980, code="WELCOME"),)
    assert order.ship_to is not None
    assert (order.ship_to.postal_code, order.ship_to.country) == ("75008", "FR")
    assert order.payment_method == "Shopify Payments"
    assert order.amount_due_minor == 0
    assert order.attributes == {"shopify.id": "7410991464714"}


@pytest.mark.parametrize(("total", "included"), [("99.80", True), ("115.61", False)])
def test_the_sums_show_whether_prices_include_the_tax(total: str, included: bool) -> None:
    """Tax that the total does not add is in the prices."""
    order = placed({**FIRST, "Taxes": "15.81", "Total": total}, SECOND)
    assert order.totals.taxes_included is included
    assert order.totals.tax_minor == 1581


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Cancelled at": "2026-11-27 10:00:00 +0100"}, "is cancelled in the shop already"),
        ({"Fulfillment Status": "partial"}, "is fulfilled in the shop already"),
        ({"Fulfillment Status": "fulfilled"}, "is fulfilled in the shop already"),
        ({"Refunded Amount": "10.00"}, "is refunded, at least in part, in the shop already"),
        ({"Lineitem sku": "", "Lineitem name": ""}, "The sku in row 2 is empty"),
        ({"Total": "100.80"}, "the difference is 1.00 EUR"),
        ({"Total": "x"}, "amount like 1234.50"),
    ],
)
def test_what_may_not_be_placed_is_refused_whole(changes: dict[str, str], words: str) -> None:
    """No line of such an order is placed, and the others of the file are."""
    other = {**FIRST, "Name": "#1002"}
    found = {
        x.ref: x
        for x in read(exported({**FIRST, **changes}, SECOND, other, {**SECOND, "Name": "#1002"}))
    }
    assert found["#1001"].order is None
    assert words in " ".join(found["#1001"].sentences)
    assert found["#1002"].order is not None


def test_what_is_not_shipped_needs_no_sku() -> None:
    """A service has none in Shopify."""
    service = {**SECOND, "Lineitem sku": "", "Lineitem requires shipping": "false"}
    order = placed(FIRST, service)
    assert (order.lines[1].sku, order.lines[1].requires_shipping) == ("unlisted", False)


def test_goods_without_a_sku_are_called_by_their_title() -> None:
    """Half of the shops have none: the order is taken, and held before stock until a table says
    which article it is, as from a webhook."""
    order = placed({**FIRST, "Lineitem sku": ""}, SECOND)
    assert order.lines[0].sku == f"{UNLISTED}{FIRST['Lineitem name']}"
    story = field.placed(PlaceOrder(order=order))
    assert "unmapped-sku" in field.holds(story)
    assert field.spent(story) == set()


def test_a_header_that_lacks_a_column_and_a_row_that_lacks_a_cell() -> None:
    """Both are said as they are; a file of ours is not taken for Shopify's."""
    head = [name for name in HEAD if name not in ("Total", "Currency")]
    with pytest.raises(Refused, match="lacks the column Currency, Total") as caught:
        open_sheet(io.BytesIO(exported(FIRST, head=head)))
    assert caught.value.reason == refusals.CSV_MALFORMED
    raw = exported(FIRST).rstrip(b"\r\n").removesuffix(b",")
    (found,) = read(raw)
    assert "cells, but the header names" in found.sentences[0]
    with pytest.raises(Refused, match="lacks the column"):
        open_sheet(io.BytesIO(b"ref,total\n"))
