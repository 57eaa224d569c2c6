"""What a shop shows as fulfilled, by whomever, is stated by its own ids, units and numbers."""

from __future__ import annotations

import json

from schemas.messages.effects import Units
from schemas.messages.inputs import ConfirmPayment, OutsideShipment, PlaceOrder, UpdateOrder
from tests.shopify_payloads import SHOP, Json, a_payload, an_item


def gid(number: int) -> str:
    """The global id of a fulfilment."""
    return f"gid://shopify/Fulfillment/{number}"


def a_fulfilment(number: int, *lines: tuple[int, int], **changes: object) -> Json:
    """A fulfilment with so many pieces of these lines."""
    return {
        "admin_graphql_api_id": gid(number),
        "status": "success",
        "tracking_numbers": [f"1Z{number}"],
        "line_items": [
            {"admin_graphql_api_id": f"gid://shopify/LineItem/{line}", "quantity": quantity}
            for line, quantity in lines
        ],
        **changes,
    }


def lines(*left: tuple[int, int | None], travels: bool = True) -> list[Json]:
    """Lines with these (wanted, fulfillable) pieces, and one with the money that never travels."""
    found = [
        an_item(
            at, "0.00", quantity=wanted, current_quantity=wanted, fulfillable_quantity=fulfillable,
            requires_shipping=travels,
        )
        for at, (wanted, fulfillable) in enumerate(left, 1)
    ]  # fmt: skip
    return [*found, an_item(99, "20.00", requires_shipping=False, fulfillable_quantity=0)]


def stated(topic: str = "update", **changes: object) -> tuple[OutsideShipment, ...]:
    """What a payload states as fulfilled."""
    found = SHOP.translate(topic, "", json.dumps(a_payload(**changes)).encode())
    assert isinstance(found, UpdateOrder | PlaceOrder | ConfirmPayment)
    return found.fulfilled


def test_each_fulfilment_is_a_shipment_under_its_global_id() -> None:
    """Units name our lines and SKUs; every kind of statement has them."""
    payload = {
        "line_items": lines((2, 0), (1, 0)),
        "fulfillments": [a_fulfilment(1, (1, 1)), a_fulfilment(2, (1, 1), (2, 1))],
    }
    expected = (
        OutsideShipment(
            outside_id=gid(1), units=(Units("1", "SKU-1", 1),), tracking_numbers=("1Z1",)
        ),
        OutsideShipment(
            outside_id=gid(2),
            units=(Units("1", "SKU-1", 1), Units("2", "SKU-2", 1)),
            tracking_numbers=("1Z2",),
        ),
    )
    for kind in ("place", "pay", "update"):
        assert stated(kind, **payload) == expected


def test_what_was_taken_back_or_never_travels_says_nothing() -> None:
    """A cancelled fulfilment has no units, and a gift card that the shop sent by itself neither."""
    assert (
        stated(
            line_items=lines((2, 2)),
            fulfillments=[
                a_fulfilment(1, (1, 2), status="cancelled"),
                a_fulfilment(2, (1, 2), status="failure"),
                a_fulfilment(3, (99, 1)),
            ],
        )
        == ()
    )


def test_pieces_that_no_fulfilment_explains_are_a_shipment_without_an_id() -> None:
    """The sums of a line may say more than the fulfilments that came along, never less; then they
    are stated as sums, with what the fulfilments hold among them."""
    assert stated(line_items=lines((2, 2), (1, 1))) == ()
    assert stated(line_items=lines((2, 1), (1, 1))) == (
        OutsideShipment(outside_id="", units=(Units("1", "SKU-1", 1),)),
    )
    assert stated(line_items=lines((2, 0)), fulfillments=[a_fulfilment(1, (1, 1))])[1] == (
        OutsideShipment(outside_id="", units=(Units("1", "SKU-1", 2),))
    )
    returned = stated(line_items=lines((1, 0)), fulfillments=[a_fulfilment(1, (1, 2))])
    assert [(one.outside_id, one.units[0].quantity) for one in returned] == [(gid(1), 2)]
    assert stated(line_items=lines((2, None))) == ()
    assert stated(line_items=lines((2, 0), travels=False)) == ()


def test_several_numbers_are_told_and_each_once() -> None:
    """A fulfilment of two parcels has both numbers, also where the first is told twice."""
    found = stated(
        line_items=lines((2, 0)),
        fulfillments=[
            a_fulfilment(1, (1, 2), tracking_number="A", tracking_numbers=["A", "B", ""])
        ],
    )
    assert found[0].tracking_numbers == ("A", "B")
