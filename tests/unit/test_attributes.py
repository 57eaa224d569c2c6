"""More attributes than an order has room for: kept together, told of, and read again."""

from __future__ import annotations

import json

from adapters.kit.attributes import MAX_ATTRIBUTES, MAX_NAME, MAX_TEXT, bounded, unpacked
from schemas.contracts.doubts import TOO_MANY_ATTRIBUTES
from schemas.messages.inputs import PlaceOrder
from schemas.order.canonical import DOUBT
from tests.given import given_placed
from tests.shopify_payloads import SHOP, a_payload, an_item

TOLD = DOUBT + TOO_MANY_ATTRIBUTES


def fits(made: dict[str, str]) -> bool:
    """Whether an order takes these."""
    return len(made) <= MAX_ATTRIBUTES and all(
        len(name) <= MAX_NAME and len(text) <= MAX_TEXT for name, text in made.items()
    )


def test_long_texts_go_on_in_the_next_one() -> None:
    """Five hundred engravings of a thousand characters that JSON writes as six are told as far as
    there is room, and the doubt counts the others."""
    long = {f"line {n}: Engraving": "\x01" * 1_000 for n in range(500)}
    made = bounded(long, "acme")
    assert fits(made)
    assert "did not fit: read them in the channel" in made.pop(TOLD)
    whole = {name for name, text in unpacked(made).items() if text == long[name]}
    assert len(whole) > 40
    few = {f"line {n}": "\x01" * MAX_TEXT for n in range(10)} | {f"n{n}": "v" for n in range(90)}
    assert unpacked(bounded(dict(reversed(few.items())), "acme")).items() >= few.items()


def test_a_customers_own_of_that_name_is_no_pack() -> None:
    """What only looks like ours stays as it was written."""
    alike = {"shopify.more_attributes.1": "red"}
    assert unpacked(bounded(alike, "shopify")) == alike
    many = alike | {f"n{n}": "v" for n in range(99)}
    made = bounded(many, "shopify")
    assert "did not fit" not in made.pop(TOLD)
    assert unpacked(made) == many


def test_an_order_with_many_engravings_is_told_of() -> None:
    """Two hundred engraved lines of Shopify come in, every engraving is kept, and the timeline says
    that they are together."""
    engraved = [{"name": "Engraving", "value": "For M."}]
    items = [an_item(n, "0.00", properties=engraved) for n in range(10, 210)]
    payload = a_payload()
    payload["line_items"] = [*payload["line_items"], *items]
    found = SHOP.translate("place", "orders/create", json.dumps(payload).encode())
    assert isinstance(found, PlaceOrder)
    told = unpacked(found.order.attributes)
    assert {told[f"line {n}: Engraving"] for n in range(10, 210)} == {"For M."}
    story = given_placed(attributes=found.order.attributes)
    assert story.events[0].doubts == (TOO_MANY_ATTRIBUTES,)  # type: ignore[union-attr]  # Placed


def test_a_long_text_is_read_as_far_as_there_is_room() -> None:
    """Of megabytes in one attribute no more is measured than fits: a hundredfold text costs the
    same, and the doubt says that it did not fit."""
    for size in (1_000_000, 100_000_000):
        many = {f"n{n}": "v" for n in range(100)} | {"long": "\x01" * size}
        made = bounded(many, "acme")
        assert fits(made)
        assert "1 did not fit" in made[TOLD]
