"""`refundCreate` of a simulated shop: what is given back, entered in the ledger."""

from __future__ import annotations

from ops.simulators.graphql import Json
from ops.simulators.ledger import Ledger
from ops.simulators.shop_asked import digits_of
from ops.simulators.shop_doings import Doings
from ops.simulators.shop_echo import News
from ops.simulators.shop_nodes import around, refund_node


def repay(doings: Doings, ledger: Ledger, wish: Json) -> tuple[Json, list[News]]:
    """Give money back. Returns the payload and the news. Raises NotEditable for an order that no
    one told of, Refusal where Shopify says no."""
    number, book = digits_of(str(wish.get("orderId")), "Order"), doings.book
    made, amount, news = doings.refund(number, wish)
    till = book.tills.of(number, doings.known(number))
    name = f"gid://shopify/Order/{number}"
    detail: Json = {
        "order": name,
        "amount": str(amount),
        "currency": till.currency,
        "received": str(till.received()),
        "refunded": str(till.refunded()),
        "lines": [
            {"line_item_id": str(x["line_item_id"]), "quantity": x["quantity"]}
            for x in made["refund_line_items"]
        ],
    }
    gid = made["admin_graphql_api_id"]
    ledger.record("refund", "storefront", str(wish.get("note") or gid), gid, detail)
    refund = refund_node(around(book, number), made)
    return {"refund": refund, "order": {"id": name}, "userErrors": []}, news
