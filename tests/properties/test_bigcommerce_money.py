"""Whatever adds up at BigCommerce, with its four places, adds up in cents."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from adapters.channels.bigcommerce.money import ROUNDING
from adapters.channels.bigcommerce.order import canonical_order
from adapters.channels.bigcommerce.shapes import Bundle
from schemas.contracts.strict_json import parse
from schemas.contracts.validation import read_foreign
from tests.bigcommerce_payloads import (
    a_bundle,
    a_product,
    an_order,
    raw,
)

PRICE = st.decimals(1, 999, places=4)


@given(
    prices=st.lists(st.tuples(PRICE, st.integers(1, 9)), min_size=1, max_size=8),
    shipping=st.decimals(0, 999, places=4),
    off=st.integers(0, 90),
    with_tax=st.booleans(),
)
def test_whatever_adds_up_in_four_places_adds_up_in_cents(
    prices: list[tuple[Any, int]], shipping: Any, off: int, *, with_tax: bool
) -> None:
    """Lines, a discount shared out to them, shipping and tax, all in four places, and a total that
    the shop rounded once: the order comes in, and each line is off by what rounding left over."""
    side = "inc" if with_tax else "ex"
    products, goods, taken, tax = [], 0, 0, 0
    for number, (price, quantity) in enumerate(prices, 1):
        total = price * quantity
        part = (total * off / 100).quantize(price)
        line_tax = ((total - part) / 11).quantize(price)
        goods, taken, tax = goods + total, taken + part, tax + line_tax
        product = a_product(number, "0.0000", quantity, total_tax=str(line_tax))
        product[f"price_{side}_tax"], product[f"total_{side}_tax"] = str(price), str(total)
        product["applied_discounts"] = [{"id": "c", "name": "C", "code": "C", "amount": str(part)}]
        products.append(product)
    total = round(goods - taken + shipping + (0 if with_tax else tax), 2)
    order = an_order(
        is_tax_inclusive_pricing=with_tax,
        coupon_discount=str(taken),
        total_tax=str(tax),
        total_inc_tax=f"{total}00",
        **{f"shipping_cost_{side}_tax": str(shipping)},
    )
    source = read_foreign(parse(raw(a_bundle(order, products=products))), Bundle)
    found = canonical_order(source, ROUNDING)
    assert found.totals.total_minor == total * 100
    for line, product in zip(found.lines, products, strict=True):
        exact = (float(product[f"total_{side}_tax"]) * 100
                 - float(product["applied_discounts"][0]["amount"]) * 100)  # fmt: skip
        assert abs(line.total_minor - exact) <= 3 + len(products)
