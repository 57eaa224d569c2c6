"""What a channel tells of an order beside goods and totals: each in its typed place, or refused."""

from __future__ import annotations

import json

import msgspec
import pytest
from msgspec.structs import replace

from actors.order.normalise import Tables, normalise
from adapters.channels.canonical.example import examples
from adapters.channels.canonical.source import Canonical
from adapters.erp.business_central.comments import comments, is_ours
from schemas.contracts.mappings import Bundle, ChannelTables, Component, Mappings
from schemas.contracts.refusals import Refused
from schemas.messages.codec import decode_order, encode
from schemas.messages.inputs import PlaceOrder
from schemas.order.canonical import Fee, Order, Tax
from schemas.order.shares import taxes_within
from tests.orders import an_order

NEW = (
    "tenders", "fees", "shipping_taxes", "ship_by", "deliver_from", "deliver_by", "pickup_at",
    "parent_ref", "subscription_ref", "acquisition",
)  # fmt: skip


def example() -> Order:
    """The canonical order in which every field is filled."""
    return msgspec.convert(examples()[0].tree, Order)


def refused(**changes: object) -> str:
    """Why an order with these changes is refused."""
    tree = {**msgspec.to_builtins(example()), **changes}
    with pytest.raises(Refused) as caught:
        Canonical().translate("place", "", json.dumps(tree).encode())
    return " ".join(caught.value.sentences)


def test_an_order_keeps_all_that_is_told() -> None:
    """Through our own contract and the store, every new field comes out as it went in."""
    raw = json.dumps(msgspec.to_builtins(example())).encode()
    placed = Canonical().translate("place", "", raw)
    assert isinstance(placed, PlaceOrder)
    assert placed.order == example()
    assert decode_order(encode(placed.order)) == example()
    assert all(getattr(placed.order, name) for name in NEW)


def test_an_order_that_was_stored_before_still_loads() -> None:
    """Without the new fields an order is what it was, and is written as before."""
    order = an_order()
    tree = msgspec.to_builtins(order)
    assert not set(NEW) & set(tree)
    assert decode_order(encode(order)) == order
    assert not any(getattr(order, name) for name in NEW)


def test_what_can_not_be_is_refused_in_words() -> None:
    """Dates on no calendar, taxes that don't sum up, fees of a line that is none, and more given
    back than the order's discount."""
    assert "deliver_by is 2026-02-30, which is on no calendar" in refused(deliver_by="2026-02-30")
    assert "ship_by" in refused(ship_by="tomorrow")
    lines = msgspec.to_builtins(example().lines)
    lines[0]["taxes"] = [{"amount_minor": 215, "title": "State tax"}]
    assert 'taxes of the line "71" sum to 2.15 USD, but its tax is 2.16 USD' in refused(lines=lines)
    fee = {"amount_minor": 100, "title": "Wrapping", "line_id": "72"}
    assert 'names the line "72", which is not a line of the kind fee' in refused(fees=[fee])
    assert "sum to 5.01 USD, more than" in refused(fees=[{"amount_minor": -501, "title": "Gone"}])
    theirs = {"amount_minor": -501, "title": "Commission", "paid_by": "seller"}
    raw = json.dumps({**msgspec.to_builtins(example()), "fees": [theirs]}).encode()
    assert isinstance(Canonical().translate("place", "", raw), PlaceOrder)


@pytest.mark.parametrize(
    ("minor", "parts"), [(216, (200, 16)), (108, (100, 8)), (1, (1, 0)), (0, (0, 0))]
)
def test_taxes_of_a_part_sum_to_its_tax(minor: int, parts: tuple[int, int]) -> None:
    """Shared out by the largest remainder; what already fits stays as it is."""
    taxes = (Tax(amount_minor=200, title="State"), Tax(amount_minor=16, title="City"))
    found = taxes_within(taxes, minor)
    assert tuple(one.amount_minor for one in found) == parts
    assert [one.title for one in found] == ["State", "City"]


def test_an_opened_bundle_shares_its_taxes_and_says_its_message_once() -> None:
    """Each component's taxes sum to its own tax, and all of them to the bundle's."""
    line = replace(
        an_order().lines[0],
        tax_minor=101,
        taxes=(Tax(amount_minor=100, title="State"), Tax(amount_minor=1, title="City")),
        gift_message="For you",
    )
    parts = (Component(sku="A", quantity=1), Component(sku="B", quantity=2))
    mappings = Mappings(
        channels={"acme-us": ChannelTables(bundles={line.sku: Bundle(components=parts)})}
    )
    order = replace(an_order(), lines=(line, an_order().lines[1]))
    opened = normalise(order, Tables(mappings), "acme-us").order.lines[:2]
    assert [one.sku for one in opened] == ["A", "B"]
    for one in opened:
        assert sum(tax.amount_minor for tax in one.taxes) == one.tax_minor
    assert sum(one.tax_minor for one in opened) == 101
    assert [one.gift_message for one in opened] == ["For you", ""]


def test_the_erp_is_told_in_lines_that_are_known_as_ours() -> None:
    """Means of payment, fees below zero and the channel's, VAT id, references and dates; each is
    recognised when the order is amended."""
    found = comments(example(), "R" * 35)
    for text in (
        "Paid by: visa 4242, 40.00 USD",
        "Paid by: Gift card ab12, 10.46 USD",
        "Fee: Early payment, -0.50 USD",
        "Fee: Commission of the channel, 3.00 USD",
        "VAT id: DE123456789",
        "Continues order: 5550000",
        "Subscription: sub-9",
        "Collected at: 2026-11-27T10:00:00Z",
        "Delivery from: 2026-11-26",
        "Gift message of line 71: For your room",
    ):
        assert text in found
    assert all(map(is_ours, found))
    people = ("Paid by cheque, see folder", "Reference 12 of the customer", "Fee waived", "VAT id?")
    assert not any(map(is_ours, people))
    bare = replace(example(), fees=(Fee(amount_minor=5, line_id="9"),), tenders=())
    assert "Fee: without a name, 0.05 USD, in line 9" in comments(bare, "R" * 35)
