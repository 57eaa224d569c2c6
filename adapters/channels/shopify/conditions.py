"""What the payload of a webhook says that decides what its topic means."""

from __future__ import annotations

from adapters.channels.shopify.naming import at


def is_risky(tree: object) -> bool:
    """Say so of an order that the shop holds for a fraud."""
    return at(tree, "risk_level") == "high"


def is_scheduled(tree: object) -> bool:
    """Say so of a fulfilment order whose day has not come; nearly all are open at once."""
    return at(tree, "fulfillment_order.status") == "scheduled"


def gave_money_back(tree: object) -> bool:
    """Say so of a transaction. Others come with every order, and orders/paid tells what they do."""
    return at(tree, "status") == "success" and at(tree, "kind") in ("refund", "void")


def refunds_goods(tree: object) -> bool:
    """Say so of a refund that names lines, and of one that does not say."""
    lines = at(tree, "refund_line_items")
    return not isinstance(lines, list) or bool(lines)


def leaves_units_open(tree: object) -> bool:
    """Say so of a refund of units that are not fulfilled, by a `restock_type` that leaves the
    number of units to be fulfilled as it was."""
    lines = at(tree, "refund_line_items")
    return isinstance(lines, list) and any(
        at(one, "restock_type") == "no_restock" and at(one, "line_item.fulfillable_quantity")
        for one in lines
    )
