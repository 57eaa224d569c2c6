"""Channels tell means of payment, fees, taxes, dates and how a customer came: each in its place."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.channels.amazon.order import input_of
from adapters.channels.amazon.shapes import Fetched
from adapters.channels.shopify.order import canonical_order, unchecked_order
from adapters.channels.shopify.shapes import ShopifyOrder
from adapters.kit.told import acquisition_of, ppm, time_or_none
from schemas.contracts.validation import read_foreign
from schemas.messages.inputs import UpdateOrder
from schemas.order.canonical import Acquisition, Fee, Order, Tax, Tender
from tests import amazon_payloads, bigcommerce_payloads
from tests.shopify_payloads import a_payload, an_item, money


def of_amazon(**changes: Any) -> Order:
    """The canonical order of Amazon's."""
    tree = {"order": amazon_payloads.an_order(**changes)}
    found = input_of(read_foreign(tree, Fetched).order)
    assert isinstance(found, UpdateOrder)
    return found.order


def of_shopify(**changes: object) -> Order:
    """The canonical order of Shopify's."""
    return canonical_order(read_foreign(a_payload(**changes), ShopifyOrder))


def test_amazon_s_dates_payments_and_the_order_before() -> None:
    """Windows are times in UTC, amounts are told with their means, the replaced order is named; no
    part of it is an attribute any more."""
    usual = amazon_payloads.an_order()
    paid = [
        {"paymentMethod": "CreditCard", "paymentAmount": amazon_payloads.money("30.00")},
        {"paymentMethod": "Pix", "paymentAmount": amazon_payloads.money("2.20")},
        {"paymentMethod": "Other"},
    ]
    order = of_amazon(
        fulfillment={
            **usual["fulfillment"],
            "shipByWindow": {"latestDateTime": "2026-11-28T23:59:59+01:00"},
            "deliverByWindow": {
                "earliestDateTime": "2026-12-01T08:00:00Z",
                "latestDateTime": "2026-12-03T20:00:00Z",
            },
        },
        payment={"paymentExecutions": paid},
        associatedOrders=[{"orderId": "302-1", "associationType": "REPLACEMENT_ORIGINAL_ID"}],
    )
    assert order.ship_by == "2026-11-28T22:59:59Z"
    assert (order.deliver_from, order.deliver_by) == (
        "2026-12-01T08:00:00Z",
        "2026-12-03T20:00:00Z",
    )
    assert order.tenders == (
        Tender(amount_minor=3000, method="CreditCard", kind="card"),
        Tender(amount_minor=220, method="Pix"),
    )
    assert order.parent_ref == "302-1"
    assert not {"amazon.ship_by", "amazon.deliver_by"} & order.attributes.keys()


def test_a_date_that_can_not_be_read_refuses_no_order() -> None:
    """A window without sense is left out; the paid order is taken."""
    usual = amazon_payloads.an_order()
    window = {"latestDateTime": "soon"}
    order = of_amazon(fulfillment={**usual["fulfillment"], "shipByWindow": window})
    assert order.ship_by is None


@pytest.mark.parametrize(
    ("texts", "whole", "lines"),
    [
        (("Love", "Love"), "Love", ["", ""]),
        (("Love", ""), "Love", ["", ""]),
        (("For Ada", "For Bert"), "", ["For Ada", "For Bert"]),
        (("", ""), "", ["", ""]),
    ],
)
def test_gift_messages_that_differ_stay_with_their_lines(
    texts: tuple[str, str], whole: str, lines: list[str]
) -> None:
    """One message is the order's; several are each line's own, at Amazon and BigCommerce."""
    items = amazon_payloads.an_order()["orderItems"]
    for item, text in zip(items, texts, strict=True):
        item["fulfillment"]["packing"] = {"giftOption": {"giftMessage": text}}
    amazon = of_amazon(orderItems=items)
    bundle = bigcommerce_payloads.a_bundle()
    for product, text in zip(bundle["products"], texts, strict=True):
        product["wrapping_message"] = text
    for order in (amazon, bigcommerce_payloads.stated(bundle)):
        assert order.gift_message == whole
        assert [line.gift_message for line in order.lines[:2]] == lines


def test_bigcommerce_s_taxes_are_brought_to_the_line_s_tax() -> None:
    """Estimates of four places sum to the tax of the line, whose names and rates they tell; those
    of shipping are the order's."""
    bundle = bigcommerce_payloads.a_bundle()
    one = str(bundle["products"][0]["id"])
    stated: list[dict[str, Any]] = [
        {"name": "State", "rate": "6.0000", "line_amount": "1.2000", "order_product_id": one,
         "line_item_type": "item"},
        {"name": "City", "rate": "4.0000", "line_amount": "0.8049", "order_product_id": one,
         "line_item_type": "item"},
        {"name": "State", "rate": "none", "line_amount": "0.4000", "line_item_type": "shipping"},
    ]  # fmt: skip
    bundle["taxes"] = stated
    order = bigcommerce_payloads.stated(bundle)
    line = order.lines[0]
    assert [(x.title, x.rate_ppm) for x in line.taxes] == [("State", 60_000), ("City", 40_000)]
    assert sum(x.amount_minor for x in line.taxes) == line.tax_minor > 0
    assert order.shipping_taxes == (Tax(amount_minor=40, title="State"),)


def test_bigcommerce_s_fees_and_where_it_was_sold() -> None:
    """A fee is a line, and named as one; below nothing it is a discount, and named as well."""
    fees = [
        {"id": 1, "display_name_customer": "Insurance", "cost_ex_tax": 1.25},
        {"id": 2, "display_name_customer": "Loyalty", "cost_ex_tax": "-2.0000"},
    ]
    order = bigcommerce_payloads.stated(
        bigcommerce_payloads.a_bundle(
            bigcommerce_payloads.an_order(
                fees=fees,
                handling_cost_ex_tax="2.0000",
                total_inc_tax="33.3000",
                order_source="manual",
            )
        )
    )
    assert order.fees == (
        Fee(amount_minor=200, title="Handling", kind="handling", line_id="bigcommerce-handling"),
        Fee(amount_minor=125, title="Insurance", line_id="bigcommerce-fee-1"),
        Fee(amount_minor=-200, title="Loyalty"),
    )
    assert order.totals.discount_minor == 200
    assert order.acquisition == Acquisition(point_of_sale="manual")


def test_shopify_s_taxes_by_name_and_rate() -> None:
    """Of a line of which pieces were taken off, the taxes are the share of what is left."""
    taxes = [
        {
            "title": "State",
            "rate": 0.06,
            "price": "0.61",
            "price_set": money("0.61"),
        },
        {
            "title": "City",
            "rate": None,
            "price": "0.20",
            "price_set": money("0.20"),
        },
    ]
    item = an_item(1, "10.00", quantity=2, current_quantity=1, tax_lines=taxes)
    source = read_foreign(a_payload(line_items=[item]), ShopifyOrder)
    line = unchecked_order(source).lines[0]
    assert [(x.title, x.rate_ppm) for x in line.taxes] == [("State", 60_000), ("City", None)]
    assert sum(x.amount_minor for x in line.taxes) == line.tax_minor
    assert line.tax_minor in (40, 41)


def test_shopify_s_visit_and_payment() -> None:
    """Page, referrer and campaign are told; the one gateway has paid what is not due any more, and
    of several it is not known which paid what."""
    order = of_shopify(
        landing_site="/lamps?utm_source=letter&utm_medium=email&utm_campaign=advent&x=1",
        referring_site="https://search.example.com",
        source_name="web",
        payment_gateway_names=["shopify_payments"],
        total_outstanding="0.00",
    )
    assert order.acquisition == Acquisition(
        landing_page="/lamps?utm_source=letter&utm_medium=email&utm_campaign=advent&x=1",
        referrer="https://search.example.com",
        point_of_sale="web",
        utm_source="letter",
        utm_medium="email",
        utm_campaign="advent",
    )
    assert order.tenders == (
        Tender(amount_minor=order.totals.total_minor, method="shopify_payments"),
    )
    several = of_shopify(payment_gateway_names=["gift_card", "x"], total_outstanding="0.00")
    assert several.tenders == ()


@pytest.mark.parametrize(
    ("rate", "percent", "found"),
    [
        (0.19, False, 190_000), ("8.875", True, 88_750), ("0", True, 0), (None, False, None),
        ("", True, None), ("x", True, None), ("nan", False, None), ("inf", False, None),
        (-0.1, False, None), (11, False, None),
    ],
)  # fmt: skip
def test_rates(rate: str | float | None, percent: bool, found: int | None) -> None:
    """A rate in millionths; what is none, or beyond all taxes, is not told."""
    assert ppm(rate, percent=percent) == found


def test_times_and_addresses_without_sense() -> None:
    """They are left out, and raise nothing."""
    assert time_or_none("2026-11-28") is None
    assert time_or_none("9999-12-31T23:59:59-12:00") is None
    assert acquisition_of("", "", "") is None
    broken = acquisition_of("//[?utm_source=x", "", "")
    assert broken is not None
    assert broken.utm_source == ""
    long = acquisition_of("/?" + "a=1&" * 500, "r" * 9_000, "")
    assert long is not None
    assert (len(long.landing_page), len(long.referrer)) == (2002, 5_000)
