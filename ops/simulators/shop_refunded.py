"""A refund of a simulated shop, asked for by its id."""

from __future__ import annotations

from ops.simulators.graphql import Json
from ops.simulators.shop_book import Book
from ops.simulators.shop_nodes import around, refund_node


def refunded(book: Book, gid: str) -> Json | None:
    """The Refund with its units, None where there is none of this id."""
    for number in book.orders:
        it = around(book, number)
        for one in (it.stated or {}).get("refunds") or []:
            if one.get("admin_graphql_api_id") == gid:
                units = [
                    {
                        "__typename": "RefundLineItem",
                        "lineItem": {
                            "__typename": "LineItem",
                            "id": f"gid://shopify/LineItem/{x['line_item_id']}",
                        },
                        "quantity": x["quantity"],
                    }
                    for x in one.get("refund_line_items") or []
                ]
                told = {"__typename": "RefundLineItemConnection", "nodes": units}
                return {**refund_node(it, one), "refundLineItems": told}
    return None
