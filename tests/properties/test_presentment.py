"""Shop and presentment money reconcile under every rounding rule, or the order is refused."""

from __future__ import annotations

import copy
import json
import random
from collections import Counter
from typing import Any

import pytest

from adapters.channels.shopify.source import Shopify
from adapters.kit.rounding import Level, Mode, Rounding
from schemas.contracts import refusals
from schemas.contracts.checks import totals_add_up
from schemas.contracts.refusals import Refused
from schemas.messages.inputs import PlaceOrder
from schemas.messages.privacy import Read
from schemas.order.canonical import Order
from schemas.order.money import decimal_text
from tests.shopify_payloads import Json, a_payload, an_item

RATES = {"USD": 1.0847, "JPY": 1.6213, "KWD": 3.3391}
"""Minor units of the shop's currency for a cent of what the customer saw, in euros."""


class Market:
    """Writes orders of a shop that shows euros: each amount is converted and rounded by itself."""

    def __init__(self, number: int) -> None:
        self.dice = random.Random(number)
        self.shop = self.dice.choice(sorted(RATES))
        self.parts = Counter[str]()

    def both(self, cents: int) -> Json:
        """Return a money set."""
        shop = round(cents * RATES[self.shop])
        return {
            "shop_money": {"amount": decimal_text(shop, self.shop), "currency_code": self.shop},
            "presentment_money": {"amount": decimal_text(cents, "EUR"), "currency_code": "EUR"},
        }

    def item(self, number: int) -> Json:
        """Return a line whose discount is of one of two applications."""
        dice = self.dice
        price, quantity = dice.randrange(200, 30_000), dice.randint(1, 3)
        off = dice.choice((0, dice.randrange(1, price // 2)))
        self.parts["goods"] += price * quantity - off
        allocation = {
            "amount_set": self.both(off),
            "discount_application_index": dice.randrange(2),
        }
        return an_item(
            number,
            "0",
            price_set=self.both(price),
            quantity=quantity,
            current_quantity=quantity,
            discount_allocations=[allocation] if off else [],
            tax_lines=[{"title": "VAT", "price_set": self.both(3)}],
        )

    def order(self) -> tuple[Json, int]:
        """Return an order, and its total in cents of a euro."""
        items = [self.item(number) for number in range(1, self.dice.randint(2, 9))]
        shipping, tax, duty = (self.dice.choice((0, self.dice.randrange(1_500))) for _ in range(3))
        total = self.parts["goods"] + shipping + tax + duty
        payload = a_payload(
            currency=self.shop,
            presentment_currency="EUR",
            line_items=items,
            current_total_price_set=self.both(total),
            current_total_tax_set=self.both(tax),
            current_shipping_price_set=self.both(shipping),
            current_total_duties_set=self.both(duty),
            discount_applications=[{"code": "GREEN"}, {"title": "Summer sale"}],
            discount_codes=[{"code": "green", "amount": "1.00"}],
        )
        return payload, total


def translated(payload: Json, rounding: Rounding) -> Read:
    """Return what a shop with that rule makes of orders/create."""
    shop = Shopify("", shop_domain="", secrets=(), api_version="", rounding=rounding)
    return shop.translate("place", "orders/create", json.dumps(payload).encode())


def read(payload: Json, rounding: Rounding) -> Order:
    """Return the order in it."""
    found = translated(payload, rounding)
    assert isinstance(found, PlaceOrder)
    return found.order


@pytest.mark.parametrize("mode", ["exact", "half_even", "half_up", "down"])
@pytest.mark.parametrize("level", ["line", "order"])
def test_both_currencies_reconcile_or_the_order_is_refused(mode: Mode, level: Level) -> None:
    """Totals are the channel's in both currencies, to the unit. What the customer saw adds up, so
    what conversion left over in the shop's money is known for that, whatever the settings say."""
    outcomes: Counter[str] = Counter()
    for number in range(150):
        payload, cents = Market(number).order()
        try:
            order = read(payload, Rounding(mode=mode, level=level))
        except Refused as refused:
            outcomes[refused.reason] += 1
            continue
        outcomes["taken"] += 1
        told = payload["current_total_price_set"]["shop_money"]
        assert decimal_text(order.totals.total_minor, order.currency) == told["amount"], number
        assert order.presentment is not None
        assert order.presentment.totals.total_minor == cents, number
        assert totals_add_up(order) == (), number
        seen = [line.presentment_total_minor or 0 for line in order.lines]
        totals = order.presentment.totals
        assert sum(seen) == totals.subtotal_minor - totals.discount_minor, number
        goods = sum(one.amount_minor for one in order.discounts)
        assert goods == order.totals.discount_minor, number
        assert {line.tax_code for line in order.lines} == {"VAT"}
    assert outcomes == {"taken": 150}


def test_what_the_customer_saw_must_add_up_too() -> None:
    """A presentment total that is a cent off is refused, with the sum told in its currency."""
    found: Counter[str] = Counter()
    for number in range(60):
        payload, cents = Market(number).order()
        money = payload["current_total_price_set"]["presentment_money"]
        money["amount"] = decimal_text(cents + 50_000, "EUR")
        with pytest.raises(Refused) as refused:
            read(payload, Rounding(level="order"))
        found[refused.value.reason] += 1
        assert "As the customer saw it" in refused.value.sentences[0]
    assert found == {refusals.TOTAL_MISMATCH: 60}


# Any: payloads as JSON, to be corrupted in every way.
def places(value: object) -> list[tuple[Any, Any]]:
    """Return every container in a payload with each of its keys or indexes."""
    found: list[tuple[Any, Any]] = []
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            found.append((value, key))
            found += places(value[key])
    return found


def test_malformed_prices_raise_nothing_but_refusals() -> None:
    """Amounts, indexes and currencies of every odd kind anywhere in an order of two currencies."""
    odd: list[Any] = [
        None, True, -1, 7, 2**63, "", "-1", "-99999.00", "1e400000", "1e15", "0.005", "NaN", "USD",
        "EUR", [], {}, [None], [{}], "999999999999.99", 10**9, 0,
    ]  # fmt: skip
    outcomes: Counter[str] = Counter()
    levels: list[Level] = ["line", "order"]
    modes: list[Mode] = ["exact", "half_up"]
    for number in range(1_500):
        dice = random.Random(number)
        payload, _ = Market(number).order()
        # By JSON, because amounts that an order uses twice must become two.
        payload = json.loads(json.dumps(payload))
        for _ in range(dice.randint(1, 3)):
            inside, key = dice.choice(places(payload))
            inside[key] = copy.deepcopy(dice.choice(odd))
        rule = Rounding(mode=dice.choice(modes), level=dice.choice(levels))
        try:
            found = translated(payload, rule)
        except Refused as refused:
            outcomes[refused.reason] += 1
        else:
            outcomes["taken"] += 1
            # What is not placed is cancelled: `cancelled_at` was corrupted, or every quantity.
            assert not isinstance(found, PlaceOrder) or totals_add_up(found.order) == (), number
    assert outcomes["taken"] > 30
    assert outcomes[refusals.MONEY_UNREADABLE] > 20
    assert outcomes[refusals.SCHEMA_MISMATCH] > 100
