"""Counts and countries as programs write them, and orders whose goods go several ways."""

from __future__ import annotations

import pytest

from schemas.contracts.refusals import Refused
from schemas.messages import inputs as i
from tests.cases import field
from tests.cases.test_what_programs_write import of_shopify
from tests.shopify_payloads import a_payload, an_item, money


def test_a_count_may_be_a_text() -> None:
    """Programs write what they read from a form; half a piece is refused as ever."""
    item = an_item(1, "20.00", quantity="2", current_quantity="2.0", grams="300")
    changes = {
        "current_total_price": "40.00",
        "current_total_price_set": money("40.00"),
        "current_total_tax_set": money("0.00"),
        "current_shipping_price_set": money("0.00"),
    }
    order = of_shopify(line_items=[item], **changes)
    (line,) = order.lines
    assert (line.quantity, line.total_minor, line.weight_grams) == (2, 4000, 300)
    for wrong in ("1.5", "-1", "two", ""):
        with pytest.raises(Refused, match="quantity"):
            of_shopify(line_items=[an_item(1, "20.00", quantity=wrong)], **changes)


@pytest.mark.parametrize(
    ("written", "country"), [("us", "US"), (" Us ", "US"), ("UK", "GB"), ("uk", "GB"), ("EL", "GR")]
)
def test_a_country_may_be_written_as_people_do(written: str, country: str) -> None:
    """Small letters, and the two codes that everybody uses and ISO does not."""
    there = {**a_payload()["shipping_address"], "country_code": written}
    order = of_shopify(shipping_address=there)
    assert order.ship_to is not None
    assert order.ship_to.country == country


@pytest.mark.parametrize("kind", ["place", "update", "pay"])
def test_an_order_whose_goods_go_several_ways_is_fetched(kind: str) -> None:
    """A part is brought by the shop and a part is sent: no webhook says which, and nothing of it is
    taken for the other. Two ways of the same kind are believed."""
    topic = {"place": "orders/create", "update": "orders/updated", "pay": "orders/paid"}[kind]
    ways = [{"title": "Local Delivery"}, {"title": "Standard"}]
    raw = field.encoded(a_payload(shipping_lines=ways))
    assert isinstance(field.SHOPIFY.translate(kind, topic, raw), i.RefetchOrder)
    download = an_item(1, "20.00", requires_shipping=False)
    for changes in (
        {"shipping_lines": [{"title": "Express"}, {"title": "Standard"}]},
        {"shipping_lines": [{"title": "Local Delivery"}, {"title": "S", "is_removed": True}]},
        {"shipping_lines": ways, "line_items": [download]},
    ):
        raw = field.encoded(a_payload(**changes))
        assert not isinstance(field.SHOPIFY.translate(kind, topic, raw), i.RefetchOrder)
