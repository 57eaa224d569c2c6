"""What a channel's order comes to here is what is still paid there, and its parts sum to it.

Lines, order discount, shipping, tax and duty are what every partner is told of an order: as long as
they sum to the total, what an ERP, a carrier and a customer are told does, too. Shopify's orders
are in `test_totals.py`.
"""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest
from msgspec.structs import replace

from adapters.channels.amazon.order import input_of
from adapters.channels.amazon.shapes import Fetched
from schemas.contracts.checks import totals_add_up
from schemas.contracts.validation import read_foreign
from schemas.messages.inputs import CancelOrder, UpdateOrder
from schemas.order.canonical import Order
from tests import amazon_payloads as amazon
from tests import bigcommerce_payloads as bigcommerce
from tests.conftest import Say

ORDERS = 400
Json = dict[str, object]


def parts_of(order: Order) -> int:
    """Return what the parts of an order come to, as a partner adds them up."""
    totals = order.totals
    common = totals.discount_minor - sum(line.discount_minor for line in order.lines)
    tax = 0 if totals.taxes_included else totals.tax_minor
    goods = sum(line.total_minor for line in order.lines)
    return goods - common + totals.shipping_minor + tax + totals.duty_minor


def is_whole(order: Order) -> bool:
    """Say whether an order's parts sum to its total, and none is below nothing."""
    assert totals_add_up(order) == ()
    assert all(line.total_minor >= 0 and line.discount_minor >= 0 for line in order.lines)
    return parts_of(order) == order.totals.total_minor


def text(minor: int) -> str:
    """Write an amount as BigCommerce does."""
    sign = "-" if minor < 0 else ""
    return f"{sign}{abs(minor) // 100}.{abs(minor) % 100:02}00"


class Store:
    """Writes BigCommerce's orders, with discounts, fees and refunds, from whole cents."""

    def __init__(self, number: int) -> None:
        self.dice = random.Random(number)
        self.with_tax = self.dice.random() < 0.5

    def product(self, number: int) -> tuple[Json, int, int, int]:
        """Return a line; what it comes to, its tax, and its own discount."""
        dice = self.dice
        price, quantity = dice.randrange(1, 9_999), dice.randint(1, 9)
        gross, off = price * quantity, 0
        if dice.random() < 0.4:
            off = dice.randrange(gross + 1)
        tax = gross // 10
        inc = gross if self.with_tax else gross + tax
        ex = gross - tax if self.with_tax else gross
        line = bigcommerce.a_product(
            number, "0.0000", quantity,
            price_ex_tax=text(ex // quantity), price_inc_tax=text(inc // quantity),
            total_ex_tax=text(ex), total_inc_tax=text(inc), total_tax=text(tax),
            quantity_refunded=dice.choice([0, 0, 0, 1, quantity]),
            applied_discounts=[{"id": "d", "amount": text(off)}] if off else [],
        )  # fmt: skip
        return line, gross, tax, off

    def bundle(self) -> tuple[Json, int, bool]:
        """Return an order, what of it is still paid, and whether anything of it is wanted."""
        dice = self.dice
        made = [self.product(number) for number in range(1, dice.randint(2, 7))]
        lines = [line for line, _, _, _ in made]
        goods = sum(gross for _, gross, _, _ in made)
        tax, off = sum(tax for _, _, tax, _ in made), sum(off for *_, off in made)
        shipping = dice.choice([0, 400, 2_000])
        fee = dice.choice([0, 0, 250, -min(100, goods)])
        coupon = dice.choice([0, 0, dice.randrange(goods - off + shipping + max(fee, 0) + 1)])
        coupon = min(coupon, goods + shipping + fee - off)
        total = goods - off - coupon + shipping + fee + (0 if self.with_tax else tax)
        refunded = 0
        if any(line["quantity_refunded"] for line in lines) or dice.random() < 0.2:
            refunded = dice.randrange(max(total, 0) + 1)
        both = {"cost_ex_tax": text(fee), "cost_inc_tax": text(fee)}
        order = bigcommerce.an_order(
            is_tax_inclusive_pricing=self.with_tax, total_inc_tax=text(total),
            total_ex_tax=text(total - tax), total_tax=text(tax),
            shipping_cost_ex_tax=text(shipping), shipping_cost_inc_tax=text(shipping),
            discount_amount=text(off), coupon_discount=text(coupon),
            refunded_amount=text(refunded), fees=[{"id": 4, **both}] if fee else [],
        )  # fmt: skip
        wanted = any(line["quantity"] > line["quantity_refunded"] for line in lines)  # type: ignore[operator]  # both are numbers
        return bigcommerce.a_bundle(order, products=lines), total - refunded, wanted


@pytest.mark.parametrize("first", range(0, ORDERS, 100))
def test_bigcommerce_s_orders_come_to_what_is_still_paid(first: int, say: Say) -> None:
    """Refunds with and without goods, money kept, fees below nothing, coupons above the goods."""
    counts: Counter[str] = Counter()
    for number in range(first, first + 100):
        bundle, paid, wanted = Store(number).bundle()
        found = bigcommerce.read(bundle)
        if not wanted:
            assert isinstance(found, CancelOrder)
            counts["cancelled"] += 1
            continue
        assert isinstance(found, UpdateOrder), number
        assert is_whole(found.order), number
        assert found.order.totals.total_minor == paid, number
        counts["whole"] += 1
    assert counts["whole"] > 50
    if first == 0:
        say(f"BigCommerce's orders: {dict(counts)}.")


def amount(minor: int) -> str:
    """Write an amount as Amazon does."""
    return f"{'-' if minor < 0 else ''}{abs(minor) // 100}.{abs(minor) % 100:02}"


def an_amazon_order(number: int) -> tuple[Json, int]:
    """Return an order of Amazon's, and its total."""
    dice, total, items = random.Random(number), 0, []
    for at in range(1, dice.randint(2, 6)):
        price, quantity = dice.randrange(1, 9_999), dice.randint(1, 5)
        goods = price * quantity
        off = dice.choice([0, dice.randrange(goods + 1)])
        shipping, tax = dice.choice([0, 399]), goods // 10
        wrap, other = dice.choice([0, 200]), dice.choice([0, -50, 75])
        sums = {
            "ITEM": goods, "SHIPPING": shipping, "DISCOUNT": -off, "TAX": tax, "GIFT_WRAP": wrap,
            "OTHER": other,
        }  # fmt: skip
        total += sum(sums.values())
        parts = [amazon.part(kind, amount(minor)) for kind, minor in sums.items() if minor]
        items.append(amazon.an_item(at, amount(price), quantity, *parts))
    proceeds = {"grandTotal": amazon.money(amount(total)), "breakdowns": []}
    return amazon.an_order(orderItems=items, proceeds=proceeds), total


def test_amazon_s_orders_come_to_their_grand_total() -> None:
    """Discounts, shipping, wrapping and charges below nothing, each in any mixture."""
    for number in range(ORDERS):
        order, total = an_amazon_order(number)
        if total < 0:
            continue
        found = input_of(read_foreign({"order": order}, Fetched).order)
        assert isinstance(found, UpdateOrder), number
        assert is_whole(found.order), number
        assert found.order.totals.total_minor == total, number


def test_a_part_that_is_wrong_is_seen() -> None:
    """The sum above is not a tautology: a cent more on one line, and it does not hold."""
    order, _ = an_amazon_order(1)
    found = input_of(read_foreign(json.loads(json.dumps({"order": order})), Fetched).order)
    assert isinstance(found, UpdateOrder)
    line = found.order.lines[0]
    wrong = replace(line, total_minor=line.total_minor + 1)
    assert parts_of(replace(found.order, lines=(wrong, *found.order.lines[1:]))) != (
        found.order.totals.total_minor
    )
