"""Shopify's totals always reconcile with ours to the minor unit, or the order is refused."""

from __future__ import annotations

import json
import random
from collections import Counter

from schemas.contracts import refusals
from schemas.contracts.checks import totals_add_up
from schemas.contracts.refusals import Refused
from schemas.messages.inputs import PlaceOrder
from schemas.order.money import decimal_text, exponent_of
from tests.shopify_payloads import SHOP, Json, a_payload, an_item, money

CURRENCIES = ("USD", "EUR", "JPY", "KWD")
MOST = {"USD": 99_999, "EUR": 99_999, "JPY": 99_999, "KWD": 999_999}


class Shop:
    """Writes orders as Shopify does, from whole minor units."""

    def __init__(self, number: int) -> None:
        self.dice = random.Random(number)
        self.currency = self.dice.choice(CURRENCIES)

    def sum_of(self, minor: int) -> Json:
        """Return a money set."""
        return money(decimal_text(minor, self.currency), self.currency)

    def item(self, number: int) -> tuple[Json, int]:
        """Return a line, and what it comes to after its discount."""
        dice = self.dice
        price, quantity = dice.randrange(1, MOST[self.currency]), dice.randint(1, 9)
        parts = [dice.randrange(price * quantity // 4 + 1) for _ in range(dice.randrange(3))]
        text = decimal_text(price, self.currency)
        allocations = [
            {"amount": decimal_text(part, self.currency), "amount_set": self.sum_of(part)}
            for part in parts
        ]
        item = an_item(
            number,
            text,
            price_set=self.sum_of(price),
            quantity=quantity,
            current_quantity=quantity,
            discount_allocations=allocations,
        )
        if dice.random() < 0.15:
            item["current_quantity"] = 0
            return item, 0
        return item, price * quantity - sum(parts)

    def order(self) -> tuple[Json, int]:
        """Return an order and its total: lines, shipping, tax (in the prices or not), duties, fees,
        a tip, and money given back without a line."""
        dice = self.dice
        pairs = [self.item(number) for number in range(1, dice.randint(2, 8))]
        items = [item for item, _ in pairs]
        if not any(item["current_quantity"] for item in items):
            return self.order()
        total = sum(amount for _, amount in pairs)
        shipping, tax, duty, fees = (dice.choice((0, dice.randrange(5_000))) for _ in range(4))
        tip = dice.choice((0, 0, dice.randrange(5_000)))
        included = dice.random() < 0.5
        total += shipping + duty + fees + tip + (0 if included else tax)
        back = dice.randrange(total + 1) if dice.random() < 0.2 and not tip else 0
        total -= back
        payload = a_payload(
            currency=self.currency,
            line_items=items,
            taxes_included=included,
            current_total_price=decimal_text(total, self.currency),
            current_total_price_set=self.sum_of(total),
            current_total_tax_set=self.sum_of(tax),
            current_shipping_price_set=self.sum_of(shipping),
            current_total_duties_set=self.sum_of(duty),
            current_total_additional_fees_set=self.sum_of(fees),
            total_tip_received=decimal_text(tip, self.currency),
            refunds=[{"id": 1}] if back else [],
        )
        return payload, total


def translated(payload: Json) -> PlaceOrder:
    """Return what orders/create makes of it."""
    found = SHOP.translate("place", "orders/create", json.dumps(payload).encode())
    assert isinstance(found, PlaceOrder)
    return found


def test_totals_of_any_order_reconcile() -> None:
    """1,500 orders in currencies of 0, 2 and 3 places: our total is Shopify's, and adds up."""
    for number in range(1_500):
        payload, total = Shop(number).order()
        order = translated(payload).order
        assert order.totals.total_minor == total, number
        assert totals_add_up(order) == (), number
        pieces = {item["admin_graphql_api_id"].rpartition("/")[2]: item["current_quantity"]
                  for item in payload["line_items"]}  # fmt: skip
        ours = {x.line_id: x.quantity for x in order.lines if x.line_id not in ("fees", "tip")}
        assert ours == {key: value for key, value in pieces.items() if value}, number


def test_a_total_that_is_off_by_anything_is_refused() -> None:
    """A single minor unit that no one explains keeps the order out, with the sum told."""
    outcomes: Counter[str] = Counter()
    for number in range(400):
        shop = Shop(number)
        payload, total = shop.order()
        off = total + shop.dice.choice((-1, 1, 7, 10 ** exponent_of(shop.currency)))
        if off < 0 or payload["refunds"]:
            continue
        payload["current_total_price_set"] = shop.sum_of(off)
        try:
            found = translated(payload).order
        except Refused as refused:
            outcomes[refused.reason] += 1
        else:  # explained after all: a tip that was not left, to the unit
            assert found.totals.total_minor == off
            assert totals_add_up(found) == ()
            outcomes["explained"] += 1
    assert outcomes[refusals.TOTAL_MISMATCH] > 200
    assert outcomes["explained"] < 10
