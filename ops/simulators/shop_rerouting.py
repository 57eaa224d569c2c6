"""What Shopify lets an app do with open fulfilment orders: move, split, hold, and prepare them."""

from __future__ import annotations

from ops.simulators.shop_goods import (
    FULFILLABLE,
    LIVE,
    MAX_HOLDS,
    TAKEN,
    FulfilmentOrder,
    Goods,
    Hold,
    Refusal,
)

Pieces = list[tuple[int, int]]


def split(goods: Goods, one: FulfilmentOrder, pieces: Pieces, now: float) -> FulfilmentOrder:
    """Move pieces into a new fulfilment order of the same place; the old one keeps the rest. Raises
    Refusal."""
    if one.status not in FULFILLABLE:
        words = f"Fulfillment order is not in a splittable state: {one.status.lower()}."
        raise Refusal(words, ["fulfillmentOrderSplits"])
    if not pieces:
        raise Refusal(
            "At least one line item is needed to split.",
            ["fulfillmentOrderSplits", "fulfillmentOrderLineItems"],
            "NO_LINE_ITEMS_PROVIDED_TO_SPLIT",
        )
    at = ["fulfillmentOrderSplits", "fulfillmentOrderLineItems", "quantity"]
    if sum(quantity for _, quantity in pieces) >= one.remaining:
        raise Refusal("Something must remain.", at, "INVALID_LINE_ITEM_QUANTITY")
    return goods.part_off(one, pieces, one.location, now, at)


def move(
    goods: Goods, one: FulfilmentOrder, location: int, pieces: Pieces | None, now: float
) -> tuple[FulfilmentOrder, FulfilmentOrder | None]:
    """Assign pieces (None: all that remain) to another place. Return the fulfilment order that now
    holds them, and the one that keeps the rest. Raises Refusal."""
    if one.status not in FULFILLABLE:
        raise Refusal("The fulfillment order is closed.", ["id"])
    if one.request in ("SUBMITTED", *TAKEN):
        raise Refusal("The fulfillment order awaits action by its fulfillment service.", ["id"])
    everything = [(piece.number, piece.remaining) for piece in one.pieces if piece.remaining]
    wanted = everything if pieces is None else pieces
    chosen = goods.chosen(one, wanted, ["fulfillmentOrderLineItems"])
    whole = sum(quantity for _, quantity in chosen) == one.remaining
    if whole and all(piece.total == piece.remaining for piece in one.pieces):
        one.location, one.at = location, now
        return one, None
    moved = goods.part_off(one, wanted, location, now, ["fulfillmentOrderLineItems"])
    return moved, None if whole else one


def hold(one: FulfilmentOrder, made: Hold, now: float) -> None:
    """Put on hold. Raises Refusal."""
    if one.status not in LIVE:
        raise Refusal("The fulfillment order is not in a holdable state.", ["id"])
    if any(other.handle == made.handle for other in one.holds):
        words = "The handle provided for the fulfillment hold is already in use."
        raise Refusal(words, ["fulfillmentHold", "handle"], "DUPLICATE_FULFILLMENT_HOLD_HANDLE")
    if len(one.holds) >= MAX_HOLDS:
        words = "The maximum number of fulfillment holds has been reached."
        raise Refusal(words, ["id"], "FULFILLMENT_ORDER_HOLD_LIMIT_REACHED")
    one.holds.append(made)
    one.status, one.at = "ON_HOLD", now


def release(one: FulfilmentOrder, holds: list[int] | None, now: float) -> None:
    """Release holds; None releases everybody's, as the real one does. Raises Refusal."""
    if one.status != "ON_HOLD":
        raise Refusal("The fulfillment order is not on hold.", ["id"])
    one.holds = [] if holds is None else [x for x in one.holds if x.number not in holds]
    one.at = now
    if not one.holds:
        begun = any(piece.total > piece.remaining for piece in one.pieces)
        one.status = "IN_PROGRESS" if begun else "OPEN"


def schedule(one: FulfilmentOrder, at: float, now: float) -> None:
    """Put off until that time. Raises Refusal."""
    if one.status not in (*FULFILLABLE, "SCHEDULED"):
        raise Refusal("The fulfillment order can't be rescheduled.", ["id"])
    one.status, one.fulfil_at, one.at = "SCHEDULED", at, now


def fall_due(one: FulfilmentOrder, now: float) -> None:
    """Open what was put off. Raises Refusal."""
    if one.status != "SCHEDULED":
        raise Refusal("The fulfillment order is not scheduled.", ["id"])
    one.status, one.fulfil_at, one.at = "OPEN", None, now


def prepare(one: FulfilmentOrder, at: list[str], now: float) -> None:
    """Mark as ready for pick-up. Raises Refusal."""
    if one.method != "PICK_UP" or one.status not in FULFILLABLE or one.prepared:
        raise Refusal(
            "The fulfillment order does not have any line items that can be prepared.",
            at,
            "NO_LINE_ITEMS_TO_PREPARE_FOR_FULFILLMENT_ORDER",
        )
    one.prepared, one.at = True, now
