"""Orders of which a program wrote some things otherwise than the channel's documentation says, in
each place where it can mean one thing only: taken, and the order is what it would have been."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec import inspect

from adapters.channels.amazon.shapes import Fetched
from adapters.channels.bigcommerce.shapes import Bundle
from adapters.channels.shopify.shapes import ShopifyOrder
from schemas.contracts.refusals import SCHEMA_MISMATCH, SHIP_TO_MISSING, Refused
from schemas.contracts.validation import read_foreign
from schemas.messages.inputs import PlaceOrder
from schemas.order.canonical import Order
from tests import amazon_payloads, bigcommerce_payloads
from tests.cases import field
from tests.conftest import Say
from tests.csv_files import a_file, a_row
from tests.csv_files import read as read_file
from tests.shopify_payloads import SHOP, a_payload, an_item, headers, money

# Any: payloads as JSON.
Json = dict[str, Any]
Path = tuple[str | int, ...]

READ: dict[str, tuple[Callable[[], Json], Callable[[Json], Order], type]] = {
    "shopify": (
        lambda: {**a_payload(), "line_items": [_item(1, "10.00"), _item(2, "10.00")]},
        lambda tree: field.order_of(field.shopify(field.encoded(tree))),
        ShopifyOrder,
    ),
    "bigcommerce": (
        bigcommerce_payloads.a_bundle,
        lambda tree: field.order_of(field.bigcommerce(field.encoded(tree))),
        Bundle,
    ),
    "amazon": (
        amazon_payloads.an_order,
        lambda tree: field.order_of(field.amazon(field.encoded(tree))),
        Fetched,
    ),
}
ENOUGH = {"shopify": 60, "bigcommerce": 80, "amazon": 25}
"""How many places each channel's order has at least."""


def _item(number: int, price: str) -> Json:
    """A line of which everything is told, and adds up with the totals of `a_payload`."""
    tax = {"title": "State", "price": "1.00", "price_set": money("1.00"), "rate": 0.1}
    return an_item(
        number, price, title="Thing", gift_card=False, taxable=True, tax_lines=[tax],
        fulfillable_quantity=1, properties=[{"name": "a", "value": "b"}],
    )  # fmt: skip


def _places(tree: object, kind: inspect.Type, path: Path = ()) -> Iterator[tuple[Path, object]]:
    """Yield each value of what is read of a message, with its place."""
    kinds = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    for one in kinds:
        if isinstance(one, inspect.StructType) and isinstance(tree, dict):
            for known in one.fields:
                if known.encode_name in tree:
                    there = (*path, known.encode_name)
                    yield there, tree[known.encode_name]
                    yield from _places(tree[known.encode_name], known.type, there)
        if isinstance(one, inspect.ListType) and isinstance(tree, list):
            for index, inner in enumerate(tree):
                yield from _places(inner, one.item_type, (*path, index))


def _otherwise(value: object) -> Iterator[object]:
    """Yield what a program may write for a value."""
    if isinstance(value, bool):
        yield from (str(value).lower(), str(value), int(value))
    elif isinstance(value, int | float):
        yield from (str(value), float(value))
    elif isinstance(value, str) and value.replace(".", "", 1).isdecimal() and value[0] != "0":
        yield float(value) if "." in value else int(value)
    elif value == []:
        yield from ({}, None)
    elif isinstance(value, list):
        yield {str(index): one for index, one in enumerate(value)}
        yield [*value, None]


@pytest.mark.parametrize("channel", READ)
def test_each_value_may_be_written_otherwise(channel: str, say: Say) -> None:
    """A number as text, a text of digits as number, a truth value as text or number, an empty list
    as an object, a list as an object of 0, 1 …: the order is the same. The count is printed."""
    made, read, shape = READ[channel]
    base = made()
    wanted, count = read(base), 0
    kind = inspect.type_info(shape)
    if channel == "amazon":
        assert isinstance(kind, inspect.StructType)
        kind = next(one.type for one in kind.fields if one.name == "order")
    for path, value in _places(base, kind):
        for other in _otherwise(value):
            tree = copy.deepcopy(base)
            inner: Any = tree
            for step in path[:-1]:
                inner = inner[step]
            inner[path[-1]] = other
            assert read(tree) == wanted, (path, value, other)
            count += 1
    assert count >= ENOUGH[channel]
    say(f"Values of {channel} written otherwise: {count}, each read as what it is.")


@pytest.mark.parametrize(
    "none",
    [
        None,
        {},
        [],
        {"shop_money": None, "presentment_money": None},
        {"shop_money": {"amount": None, "currency_code": "USD"}},
    ],
)
def test_an_amount_in_both_currencies_may_be_empty(none: object) -> None:
    """The flat amount beside it counts, for a line as for the whole order."""
    base = a_payload()
    wanted = field.order_of(field.shopify(field.encoded(base)))
    base["line_items"][0]["price_set"] = none
    base["line_items"][1]["discount_allocations"][0]["amount_set"] = none
    base["line_items"][0]["tax_lines"][0]["price_set"] = none
    base["current_total_price_set"] = base["current_total_tax_set"] = none
    found = field.order_of(field.shopify(field.encoded(base)))
    assert (found.totals, found.lines) == (wanted.totals, wanted.lines)


def test_an_amount_may_be_told_once_alone() -> None:
    """A line's price in its set, the order's total as the current one."""
    base = a_payload()
    del base["line_items"][0]["price"]
    del base["total_price"]
    assert field.order_of(field.shopify(field.encoded(base))).totals.total_minor == 2600


def test_shipping_may_be_told_before_its_discount() -> None:
    """Apps that make orders tell a way's price, and what was taken off it."""
    way = {
        "title": "Standard", "price": "5.00",
        "discount_allocations": [{"amount": "1.00", "discount_application_index": 0}],
    }  # fmt: skip
    base = a_payload(shipping_lines=[way], current_shipping_price_set=None)
    assert field.order_of(field.shopify(field.encoded(base))).totals.shipping_minor == 400


def test_a_shopify_order_may_have_its_numbers_alone() -> None:
    """Without global ids the order, its lines, fulfilments and customer are known by their numbers,
    also on the way in, which names the order before it is read."""
    base = a_payload(id=4711, order_number=1042, fulfillments=[{"id": 5, "line_items": []}])
    base["fulfillments"][0] |= {"status": "success", "line_items": [{"id": 1, "quantity": 1}]}
    for number, one in enumerate((base, base["customer"], *base["line_items"])):
        one.pop("admin_graphql_api_id")
        one.setdefault("id", number - 1)
    del base["name"]
    raw = field.encoded(base)
    found = field.shopify(raw)
    assert isinstance(found, PlaceOrder)
    assert (found.order.ref, found.order.number) == ("4711", "#1042")
    assert [line.line_id for line in found.order.lines] == ["1", "2"]
    assert [one.outside_id for one in found.fulfilled] == ["gid://shopify/Fulfillment/5"]
    receipt = SHOP.receive(headers(raw), raw, amazon_payloads.NOW)
    assert (receipt.kind, receipt.ref) == ("place", "4711")


def test_a_number_of_something_else_names_no_order() -> None:
    """Other things have no payment status, so under an order's topic their number names none."""
    raw = field.encoded({"id": 4711, "title": "A product", "admin_graphql_api_id": None})
    assert SHOP.receive(headers(raw), raw, amazon_payloads.NOW).kind == "unreadable"


@pytest.mark.parametrize("nothing", [{}, [], {"name": None, "address1": "", "country_code": None}])
def test_an_empty_address_is_none(nothing: object) -> None:
    """An order of which something travels is refused for it; what a checkout sold without one is
    collected, and what does not travel needs none."""
    base = a_payload(shipping_address=nothing, billing_address=nothing, customer=nothing)
    with pytest.raises(Refused) as refused:
        field.shopify(field.encoded(base))
    assert refused.value.reason == SHIP_TO_MISSING
    collected = field.order_of(field.shopify(field.encoded({**base, "source_name": "web"})))
    assert {line.delivery for line in collected.lines} == {"pickup"}
    for one in base["line_items"]:
        one["requires_shipping"] = "false"
    order = field.order_of(field.shopify(field.encoded(base)))
    assert (order.ship_to, order.bill_to) == (None, None)


@pytest.mark.parametrize("quantity", ["two", "2.5", 2.5, True, [2], {"2": 2}, "-"])
def test_what_may_mean_several_things_is_refused(quantity: object) -> None:
    """No quantity is made of it, and the sentence names the place alone."""
    base = a_payload(taxes_included="false")
    base["line_items"][0]["quantity"] = quantity
    with pytest.raises(Refused) as refused:
        read_foreign(base, ShopifyOrder)
    assert refused.value.reason == SCHEMA_MISMATCH
    (sentence,) = refused.value.sentences
    assert "line_items[0].quantity" in sentence


@pytest.mark.parametrize("dash", ["-", "--", ".", "–", " / ", "***"])
def test_a_dash_in_an_address_says_nothing(dash: str) -> None:
    """Forms want something where a country has no postal code: it is left out, in every channel
    and in files, and what a label needs is held as missing."""
    empty = dict.fromkeys(("address2", "company", "province_code", "zip", "phone"), dash)
    there = {**a_payload()["shipping_address"], **empty, "country_code": "BD", "city": "Dhaka"}
    order = field.order_of(field.shopify(field.encoded(a_payload(shipping_address=there))))
    sheet = a_file(
        a_row(
            ship_to_line2=dash, ship_to_company=dash, ship_to_region=dash, ship_to_phone=dash,
            ship_to_postal_code=dash, ship_to_country="BD", phone=dash,
        )
    )  # fmt: skip
    (found,) = read_file(sheet)
    assert found.order is not None, found.sentences
    for one in (order, found.order):
        assert one.ship_to is not None
        at = one.ship_to
        assert (at.postal_code, at.region, at.company, at.phone, len(at.lines)) == (
            "",
            "",
            "",
            "",
            1,
        )
        assert one.customer.phone == ""
    there["city"] = dash
    held = field.placed(field.shopify(field.encoded(a_payload(shipping_address=there))))
    assert field.holds(held) == {"unmapped-address"}
