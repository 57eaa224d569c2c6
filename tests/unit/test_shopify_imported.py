"""Orders of Amazon's in a shop of Shopify: known by Amazon's id, wherever an app wrote it."""

from __future__ import annotations

import json

import pytest

from schemas.messages.inputs import PlaceOrder
from tests.shopify_payloads import SHOP, Json, a_payload

ID = "902-3159896-1390916"
APP = {"source_name": "580111", "landing_site": None}


def ref_of(**changes: object) -> str:
    """Return the marketplace's id of an order that an app made."""
    raw = json.dumps(a_payload(**{**APP, **changes})).encode()
    found = SHOP.translate("place", "orders/create", raw)
    assert isinstance(found, PlaceOrder)
    return found.order.marketplace_ref


@pytest.mark.parametrize(
    "changes",
    [
        {"source_identifier": ID},
        {"source_name": "channel:amazon-us", "source_identifier": ID},
        {"source_url": f"https://sellercentral.amazon.com/orders-v3/order/{ID}"},
        {"name": f"#{ID}"},
        {"name": ID},
        {"tags": f"Amazon, {ID}, FBM"},
        {"tags": ["Amazon", f"Amazon order {ID}"]},
        {"note_attributes": [{"name": "Amazon Order ID", "value": ID}]},
        {"note_attributes": {"amazon_order_id": ID}},
        {"source_name": None, "source_identifier": ID},
    ],
)
def test_amazon_s_id_is_found_where_apps_write_it(changes: Json) -> None:
    """Shopify's own fields, the order's name, its tags, and attributes that say what they are."""
    assert ref_of(**changes) == f"amazon:{ID}"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"source_identifier": "1234-12-1000"},
        {"source_identifier": 1234},
        {"source_identifier": f"1{ID}"},
        {"source_identifier": f"{ID}-1"},
        {"tags": f"{ID}, 902-3159896-1390917"},
        {"note": f"Is this {ID}?"},
        {"note_attributes": [{"name": "gift note", "value": ID}]},
        {"note_attributes": [{"name": "Amazon Order ID", "value": 5}]},
        {"landing_site": "/cart/1:1", "note_attributes": [{"name": "amazon", "value": ID}]},
    ],
)
def test_nothing_else_is_an_id_of_amazon_s(changes: Json) -> None:
    """Other numbers, two ids of which no one knows which is meant, and what customers may write."""
    assert ref_of(**changes) == ""


@pytest.mark.parametrize("checkout", ["web", "pos", "iphone", "android", "mobile_app"])
def test_the_shop_s_own_checkouts_sell_nothing_of_amazon_s(checkout: str) -> None:
    """Apps can't use these names, and customers must not have their order taken for another."""
    told = {"name": "Amazon Order ID", "value": ID}
    assert ref_of(source_name=checkout, note_attributes=[told], tags=ID) == ""


def test_the_surest_field_decides() -> None:
    """The shop's own field for it goes before what somebody wrote into a tag."""
    assert ref_of(source_identifier=ID, tags="902-3159896-1390917") == f"amazon:{ID}"
