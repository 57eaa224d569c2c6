"""BigCommerce's amounts: four places, two sides, discounts and extra costs, to the cent."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from adapters.channels.bigcommerce.order import canonical_order
from adapters.channels.bigcommerce.shapes import Bundle
from adapters.kit.rounding import Rounding
from schemas.contracts import refusals
from schemas.contracts.refusals import Refused
from schemas.contracts.strict_json import parse
from schemas.contracts.validation import read_foreign
from schemas.order.canonical import Discount
from tests.bigcommerce_payloads import (
    Json,
    a_bundle,
    a_product,
    an_address,
    an_order,
    examples,
    raw,
    read,
    reason_of,
    stated,
)
from tests.conftest import Say


def test_prices_with_tax_are_read_on_their_own_side() -> None:
    """Where the shop reckons with tax in its prices, the amounts with tax make the total."""
    order = stated(a_bundle(an_order(is_tax_inclusive_pricing=True, total_inc_tax="32.4500")))
    assert [line.total_minor for line in order.lines] == [2200, 605]
    assert (order.totals.shipping_minor, order.totals.total_minor) == (440, 3245)
    assert (order.totals.taxes_included, order.totals.tax_minor) == (True, 255)


def test_four_places_are_rounded_as_declared() -> None:
    """Three lines of 0.3333 are a dollar, as the shop says; by line they would be 0.99."""
    products = [a_product(n, "0.3333", total_tax="0.0000") for n in (1, 2, 3)]
    products[0]["total_ex_tax"] = "0.3334"
    order = an_order(shipping_cost_ex_tax="0.0000", total_tax="0.0000", total_inc_tax="1.0000")
    bundle = a_bundle(order, products=products)
    assert sum(line.total_minor for line in stated(bundle).lines) == 100
    by_line = read_foreign(parse(raw(bundle)), Bundle)
    with pytest.raises(Refused) as refused:
        canonical_order(by_line, Rounding(mode="half_up", level="line"))
    assert refused.value.reason == refusals.TOTAL_MISMATCH


def test_a_difference_beyond_rounding_is_refused() -> None:
    """An order whose parts don't make its total does not come in; a cent a rounded amount may."""
    assert reason_of(a_bundle(an_order(total_inc_tax="33.0500"))) == refusals.TOTAL_MISMATCH
    assert stated(a_bundle(an_order(total_inc_tax="32.0600"))).totals.total_minor == 3206


def test_discounts_are_named_and_shared() -> None:
    """Coupons and manual discounts by name, on lines where the shop says so; free shipping is on
    shipping."""
    one = {"id": "total-coupon", "name": "$5 off", "code": "FIVE", "amount": "1.5000"}
    two = {"id": "manual-discount", "name": "Manual Discount", "code": None, "amount": "2.0000"}
    products = [
        a_product(1, "10.0000", 2, applied_discounts=[one, two]),
        a_product(2, "5.5000", applied_discounts=[one | {"amount": "0.5000"}]),
    ]
    order = an_order(
        discount_amount="2.0000",
        coupon_discount="2.0000",
        total_inc_tax="28.0500",
    )
    coupons = [
        {"id": 1, "code": "FIVE", "type": 2, "discount": 2},
        {"id": 2, "code": "FREESHIP", "type": 4, "discount": "4.0000"},
    ]
    found = stated(a_bundle(order, products=products, coupons=coupons))
    assert [line.discount_minor for line in found.lines] == [350, 50]
    assert [line.total_minor for line in found.lines] == [1650, 500]
    assert (found.totals.discount_minor, found.totals.subtotal_minor) == (400, 2550)
    assert found.discounts == (
        Discount(code="FIVE", title="$5 off", amount_minor=200),
        Discount(title="Manual Discount", amount_minor=200),
        Discount(code="FREESHIP", amount_minor=400, applies_to="shipping"),
    )


def test_a_discount_of_the_whole_order_needs_no_lines() -> None:
    """What no line names is taken off the order."""
    found = stated(a_bundle(an_order(discount_amount="3.0000", total_inc_tax="29.0500")))
    assert [line.discount_minor for line in found.lines] == [0, 0]
    assert (found.totals.discount_minor, found.totals.total_minor) == (300, 2905)


def test_handling_wrapping_and_fees_are_lines() -> None:
    """What is not a product and costs money is a line that needs no shipping."""
    fee = {"id": 1, "display_name_customer": "Insurance", "cost_ex_tax": 1.25, "cost_inc_tax": "2"}
    order = an_order(
        handling_cost_ex_tax="2.0000",
        wrapping_cost_ex_tax="3.0000",
        fees=[fee],
        total_inc_tax="38.3000",
    )
    extra = stated(a_bundle(order)).lines[2:]
    assert [(one.line_id, one.title, one.total_minor) for one in extra] == [
        ("bigcommerce-handling", "Handling", 200),
        ("bigcommerce-wrapping", "Gift wrapping", 300),
        ("bigcommerce-fee-1", "Insurance", 125),
    ]
    assert not any(one.requires_shipping for one in extra)


def test_store_credit_and_gift_certificates_pay() -> None:
    """They are not a discount: the total stays, and what was paid so is told."""
    found = stated(
        a_bundle(an_order(store_credit_amount="5.0000", gift_certificate_amount="10.0000"))
    )
    assert found.totals.total_minor == 3205
    told = [(one.kind, one.amount_minor) for one in found.tenders]
    assert told == [("store_credit", 500), ("gift_card", 1000), ("", 1705)]


def test_the_currency_is_the_one_that_is_paid_in() -> None:
    """Amounts are in the transactional currency; the shop's and the shown one are told beside."""
    order = an_order(
        default_currency_code="EUR",
        currency_code="GBP",
        currency_exchange_rate="0.8500000000",
        store_default_to_transactional_exchange_rate="0.9000000000",
    )
    found = stated(a_bundle(order))
    assert (found.currency, found.presentment) == ("EUR", None)
    assert found.attributes["bigcommerce.display_currency"] == "GBP"
    assert found.attributes["bigcommerce.store_currency"] == "USD"
    assert found.attributes["bigcommerce.store_rate"] == "0.9000000000"


def test_yen_have_no_places() -> None:
    """Four zeros behind the point are none."""
    products = [a_product(1, "1200.0000", total_tax="120.0000", total_ex_tax="1200.0000")]
    order = an_order(
        default_currency_code="JPY",
        currency_code="JPY",
        shipping_cost_ex_tax="0.0000",
        total_tax="120.0000",
        total_inc_tax="1320.0000",
    )
    assert stated(a_bundle(order, products=products)).totals.total_minor == 1320


def whole(order: Json) -> Json:
    """Return an example of an order with the sub-resources that make its goods cost what it says:
    the description has none that belong to it."""
    side = "inc" if order["is_tax_inclusive_pricing"] else "ex"
    line = a_product(1, "0.0000", 1)
    line |= {f"total_{side}_tax": order[f"subtotal_{side}_tax"], "total_tax": order["subtotal_tax"]}
    return a_bundle(order, products=[line])


def test_every_official_order_comes_in_or_is_refused_on_purpose(
    say: Say,
) -> None:
    """Each example of an order, product, address, coupon, tax and shipment is read; orders come in
    where their own amounts add up. The counts are printed."""
    counts: Counter[str] = Counter()
    refused_totals = []
    for response in ("orderCollection_Resp", "order_Resp"):
        for _, order in examples(response):
            try:
                read(whole(order))
            except Refused as refused:
                counts[refused.reason] += 1
                refused_totals.append(order["id"])
            else:
                counts["order"] += 1
    assert counts.keys() == {"order", refusals.TOTAL_MISMATCH}
    # 100 states a subtotal of 336.32 without tax, a total of 361.95 and a tax of 0; 218 has fees
    # of 16.30 that its total leaves out, and a total that only adds up with tax.
    assert sorted(refused_totals) == [100, 218]
    parts: dict[str, str] = {
        "orderProductsCollection_Resp": "products",
        "orderProductLineItem_Resp": "products",
        "orderShippingAddressCollection_Resp": "shipping_addresses",
        "orderShippingAddress_Resp": "shipping_addresses",
        "orderCouponsCollection_Resp": "coupons",
        "orderTaxes_Resp": "taxes",
        "orderShipmentCollection_Resp": "shipments",
        "orderShipment_Resp": "shipments",
    }
    for response, part in parts.items():
        for name, one in examples(response):
            bundle = {**a_bundle(), part: [one]}
            found: Any = read_foreign(parse(raw(bundle)), Bundle)
            assert len(getattr(found, part)) == 1, name
            counts[part] += 1
            if part == "products":
                assert stated(as_an_order(one)).lines[0].sku == one["sku"], name
                counts["order of an official product"] += 1
    told = ", ".join(f"{name} {number}" for name, number in counts.most_common())
    say(f"BigCommerce's official examples: {told}.")


def as_an_order(product: Json) -> Json:
    """Return an order of one official product that costs what the product says."""
    taken = sum(float(one["amount"]) for one in product["applied_discounts"])
    total = float(product["total_ex_tax"]) + float(product["total_tax"]) - taken
    order = an_order(
        shipping_cost_ex_tax="0.0000",
        discount_amount=f"{taken:.4f}",
        total_tax=product["total_tax"],
        total_inc_tax=f"{total:.4f}",
    )
    return a_bundle(
        order,
        products=[product],
        shipping_addresses=[an_address(product["order_address_id"])],
    )
