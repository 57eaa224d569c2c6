"""Any canonical order survives; whatever is changed, three readers and one contract agree."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, get_args

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from adapters.channels.canonical.source import Canonical
from schemas.contracts import published, validation
from schemas.contracts.refusals import REASONS, Refused
from schemas.messages.codec import decode_order, encode
from schemas.order.canonical import (
    Acquisition,
    Address,
    Customer,
    Discount,
    Fee,
    Line,
    Order,
    Payment,
    Presentment,
    Tax,
    Tender,
    Totals,
)

# Any: orders as JSON, to be corrupted in every way.
Json = dict[str, Any]

SLOW = Draft202012Validator(published.all_schemas()["order.v1"])
CHARACTERS = st.characters(codec="utf-8", exclude_characters="\0")
TEXTS = st.text(CHARACTERS, max_size=20)
PRINTABLE = st.characters(codec="utf-8", min_codepoint=0x20, exclude_characters="\x7f")
REFS = st.text(PRINTABLE, min_size=1, max_size=20)
MINOR = st.integers(0, 10**15)
TIMES = st.datetimes().map(lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S}Z".rjust(20, "0"))
ADDRESSES = st.builds(
    Address,
    name=st.text(CHARACTERS, min_size=1, max_size=20),
    lines=st.lists(TEXTS, min_size=1, max_size=4).map(tuple),
    city=TEXTS,
    country=st.sampled_from(["US", "DE", "ZZ"]),
    company=TEXTS,
    region=TEXTS,
    postal_code=TEXTS,
    phone=TEXTS,
    pickup_point=st.booleans(),
)
CUSTOMERS = st.builds(
    Customer,
    name=TEXTS,
    email=TEXTS,
    phone=TEXTS,
    reference=TEXTS,
    locale=TEXTS,
    vat_id=TEXTS,
)
TAXES = st.builds(
    Tax,
    amount_minor=MINOR,
    title=TEXTS,
    rate_ppm=st.none() | st.integers(0, 10_000_000),
    jurisdiction=TEXTS,
)
TENDERS = st.builds(
    Tender,
    amount_minor=MINOR,
    method=TEXTS,
    kind=st.sampled_from(["", "card", "gift_card", "store_credit", "cash", "on_delivery", "terms"]),
    reference=TEXTS,
)
FEES = st.builds(
    Fee,
    amount_minor=st.integers(-(10**15), 10**15),
    title=TEXTS,
    kind=st.sampled_from(["", "handling", "wrapping", "payment", "insurance", "commission"]),
    paid_by=st.sampled_from(["customer", "seller"]),
    line_id=TEXTS,
)
ACQUISITIONS = st.builds(
    Acquisition,
    landing_page=TEXTS,
    referrer=TEXTS,
    point_of_sale=TEXTS,
    utm_source=TEXTS,
    utm_medium=TEXTS,
    utm_campaign=TEXTS,
    utm_term=TEXTS,
    utm_content=TEXTS,
)
DAYS_OR_TIMES = st.none() | TIMES | TIMES.map(lambda time: time[:10])
LINES = st.builds(
    Line,
    line_id=REFS,
    sku=st.text(CHARACTERS, min_size=1, max_size=20),
    title=TEXTS,
    quantity=st.integers(1, 1_000_000),
    unit_price_minor=MINOR,
    total_minor=MINOR,
    discount_minor=MINOR,
    tax_minor=MINOR,
    requires_shipping=st.booleans(),
    weight_grams=st.integers(0, 100_000_000),
    channel_sku=TEXTS,
    tax_code=TEXTS,
    bundle_line_id=TEXTS,
    bundle_sku=TEXTS,
    kind=st.sampled_from(["goods", "gift_card", "tip", "fee", "service"]),
    presentment_total_minor=st.none() | MINOR,
    delivery=st.sampled_from(["", "parcel", "local_delivery", "pickup", "digital", "elsewhere"]),
    taxes=st.lists(TAXES, max_size=2).map(tuple),
    gift_message=TEXTS,
    unit_codes=st.sampled_from(["", "transparency"]),
)
TOTALS = st.builds(
    Totals,
    subtotal_minor=MINOR,
    discount_minor=MINOR,
    shipping_minor=MINOR,
    tax_minor=MINOR,
    total_minor=MINOR,
    duty_minor=MINOR,
    taxes_included=st.booleans(),
)
DISCOUNTS = st.builds(
    Discount,
    amount_minor=MINOR,
    code=TEXTS,
    title=TEXTS,
    applies_to=st.sampled_from(["goods", "shipping"]),
)
ORDERS = st.builds(
    Order,
    ref=REFS,
    number=st.text(CHARACTERS, min_size=1, max_size=20),
    placed_at=TIMES,
    updated_at=TIMES,
    currency=st.sampled_from(["USD", "JPY", "ZZZ"]),
    payment=st.sampled_from(get_args(Payment)),
    lines=st.lists(LINES, min_size=1, max_size=3).map(tuple),
    totals=TOTALS,
    customer=CUSTOMERS,
    ship_to=st.none() | ADDRESSES,
    bill_to=st.none() | ADDRESSES,
    shipping_method=TEXTS,
    note=TEXTS,
    gift_message=TEXTS,
    attributes=st.dictionaries(TEXTS, TEXTS, max_size=3),
    test=st.booleans(),
    discounts=st.lists(DISCOUNTS, max_size=3).map(tuple),
    presentment=st.none()
    | st.builds(Presentment, currency=st.sampled_from(["EUR", "ZZZ"]), totals=TOTALS),
    channel_shipping_method=TEXTS,
    shipping_tax_code=TEXTS,
    payment_method=TEXTS,
    amount_due_minor=st.none() | MINOR,
    tenders=st.lists(TENDERS, max_size=2).map(tuple),
    fees=st.lists(FEES, max_size=2).map(tuple),
    shipping_taxes=st.lists(TAXES, max_size=2).map(tuple),
    ship_by=st.none() | TIMES,
    deliver_from=DAYS_OR_TIMES,
    deliver_by=DAYS_OR_TIMES,
    pickup_at=DAYS_OR_TIMES,
    parent_ref=TEXTS,
    subscription_ref=TEXTS,
    labels_from=st.sampled_from(["", "channel"]),
    marketplace_ref=st.sampled_from(["", "amazon:902-3159896-1390916", "e:~"]),
    acquisition=st.none() | ACQUISITIONS,
)
ODD: list[Any] = [
    None, True, 0, -1, 1, 1.0, 1.5, 2**53, 10**15 + 1, "", "x", "US", "US\n", "USD\n", "ＵＳＤ",
    "2026-11-27T00:00:00Z", "2026-11-27T00:00:00Z\n", "٢٠٢٦-11-27T00:00:00Z", "a\nb", "\x7f",
    "x" * 129, "x" * 256, "😀" * 256, "😀" * 257, "x" * 5001, [], {}, ["x"] * 5, {"x": "y"},
    {"k" * 257: "v"}, {"k": 1}, "orderwright.order.v1", "orderwright.order.v2", "paid", "PAID",
]  # fmt: skip


def containers(value: object) -> list[Any]:
    """Return every object and list inside a value that has something in it."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    found = [value] if isinstance(value, dict | list) and value else []
    return found + [one for part in inner for one in containers(part)]


def corrupt(order: Json, draw: Callable[[Any], Any]) -> None:
    """Change, remove or add one thing somewhere in the order."""
    place = draw(st.sampled_from(containers(order)))
    key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
    what = draw(st.sampled_from(["change", "remove", "add"]))
    if what == "change":
        place[key] = odd(draw)
    elif what == "remove":
        del place[key]
    elif isinstance(place, dict):
        place[draw(st.sampled_from(["unknown", "company", "test", ""]))] = odd(draw)
    else:
        place.append(odd(draw))


def odd(draw: Callable[[Any], Any]) -> Any:
    """Draw something odd, as a copy: what is corrupted later must not spoil the next example."""
    return copy.deepcopy(draw(st.sampled_from(ODD)))


def verdicts(value: Json) -> set[bool]:
    """Return what the three readers say; a set of one when they agree."""
    try:
        validation.read_order(value)
        reads = True
    except Refused:
        reads = False
    return {validation.accepts("order.v1", value), SLOW.is_valid(value), reads, decodes(value)}


def decodes(value: Json) -> bool:
    """Say whether msgspec alone takes it, once 3.0 is 3 and the tag is there."""
    if value.get("schema") != "orderwright.order.v1":
        return False
    try:
        decode_order(msgspec.json.encode(validation.whole_numbers(value)))
    except msgspec.ValidationError:
        return False
    return True


def structs_in(value: object) -> list[msgspec.Struct]:
    """Return a struct and every one inside it."""
    if isinstance(value, tuple):
        return [one for part in value for one in structs_in(part)]
    if not isinstance(value, msgspec.Struct):
        return []
    inner = [getattr(value, name) for name in value.__struct_fields__]
    return [value, *(one for part in inner for one in structs_in(part))]


def test_every_field_of_an_order_is_drawn() -> None:
    """No field of any part of an order is always its default: "any order" means any."""
    drawn: dict[tuple[type, str], set[str]] = {}
    seen = set()

    @given(ORDERS)
    @settings(max_examples=60, deadline=None, database=None, derandomize=True)
    def draw(order: Order) -> None:
        for one in structs_in(order):
            seen.add(type(one))
            for name in one.__struct_fields__:
                drawn.setdefault((type(one), name), set()).add(repr(getattr(one, name)))

    draw()
    parts = {Order, Line, Address, Customer, Totals, Discount, Presentment}
    assert seen == parts | {Tax, Tender, Fee, Acquisition}
    assert [field for field, values in drawn.items() if len(values) < 2] == []


@given(ORDERS)
@settings(max_examples=80, deadline=None)
def test_every_order_survives_the_way_and_all_readers_take_it(order: Order) -> None:
    """Encode → decode gives the same order, and jsonschema-rs, jsonschema and msgspec accept it."""
    raw = encode(order)
    assert decode_order(raw) == order
    assert verdicts(msgspec.json.decode(raw)) == {True}


@given(ORDERS, st.data())
@settings(max_examples=250, deadline=None)
def test_a_malformed_order_is_taken_by_all_readers_or_by_none(
    order: Order, data: st.DataObject
) -> None:
    """Whatever is changed, removed or added: all readers agree, and a refusal has sentences."""
    value: Json = msgspec.json.decode(encode(order))
    for _ in range(data.draw(st.integers(1, 3))):
        corrupt(value, data.draw)
    agreed = verdicts(value)
    assert len(agreed) == 1, value
    told = validation.explain("order.v1", value)
    assert bool(told) == (agreed == {False})
    assert all(one.endswith(".") and one[0].isupper() and len(one) < 700 for one in told)


@given(ORDERS, st.data())
@settings(max_examples=150, deadline=None)
def test_the_edge_takes_only_what_both_validators_take(order: Order, data: st.DataObject) -> None:
    """Whatever the edge lets in is valid by jsonschema and jsonschema-rs; the rest has a reason."""
    value: Json = msgspec.json.decode(encode(order))
    for _ in range(data.draw(st.integers(0, 2))):
        corrupt(value, data.draw)
    try:
        Canonical().translate("place", "", msgspec.json.encode(value))
    except Refused as refused:
        reason = refused.reason
    else:
        assert SLOW.is_valid({"schema": "orderwright.order.v1"} | value)
        assert validation.accepts("order.v1", {"schema": "orderwright.order.v1"} | value)
        return
    assert reason in REASONS
