"""Lists of a simulated shop that tell money: its orders with their transactions, by when they were
made, and the balance of Shopify Payments. Only the page that is asked for is made."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, TypeVar

from ops.simulators.graphql import Json, Mistake, Query
from ops.simulators.shop_book import Book
from ops.simulators.shop_money import shop_side
from ops.simulators.shop_nodes import around, order_node
from ops.simulators.shop_payments import Entry, entry_node
from ops.simulators.shop_statement import Json as Stated

MAX_FIRST: Final = 250
MAX_COST: Final = 1_000
_BOUND: Final = re.compile(r"(created_at|updated_at|processed_at):(>=|<=|>|<)'([^']+)'")
_T = TypeVar("_T")


def wants_lists(body: bytes) -> bool:
    """Whether a request asks for one of these lists."""
    return b"shopifyPaymentsAccount" in body or (b"orders(" in body and b"transactions(" in body)


def answer(book: Book, query: Query) -> tuple[Json, int]:
    """The `data` of such a request, and what it costs. Raises Mistake."""
    cost = query.cost()
    if cost > MAX_COST:
        raise Mistake(
            f"Query cost is {cost}, which exceeds the single query max cost limit ({MAX_COST}).",
            "MAX_COST_EXCEEDED",
        )
    return query.answer(_root(book)), cost


def enter_all(book: Book) -> None:
    """Enter every transaction of the shop that moved money."""
    for number, known in book.orders.items():
        if not isinstance(known.order, dict):
            continue
        order: Stated = known.order
        till = book.tills.of(number, order)
        for one in till.transactions:
            if one.status == "SUCCESS" and one.number not in book.payments.known:
                amount = shop_side(one.amount, order)
                moved = amount, str(order["currency"])
                book.payments.enter(one.kind, one.at, moved, number, one.number)


def _root(book: Book) -> Json:
    def orders(given: Json) -> Json:
        wanted = _wanted(str(given.get("query") or ""))
        found = [
            (str(known.order["created_at"]), number)
            for number, known in book.orders.items()
            if isinstance(known.order, dict) and wanted(str(known.order["created_at"]))
        ]
        found.sort(key=lambda one: (datetime.fromisoformat(one[0]), one[1]))
        return _page(
            "Order",
            [number for _, number in found],
            given,
            str,
            lambda number: order_node(around(book, number)),
        )

    def balance(given: Json) -> Json:
        enter_all(book)
        wanted = _wanted(str(given.get("query") or ""))
        found = [one for one in book.payments.entries if wanted(_text(one))]
        found.sort(key=lambda one: (one.at, one.number))
        return _page(
            "ShopifyPaymentsBalanceTransaction",
            found,
            given,
            lambda one: str(one.number),
            entry_node,
        )

    account: Json = {
        "__typename": "ShopifyPaymentsAccount",
        "id": "gid://shopify/ShopifyPaymentsAccount/1",
        "balanceTransactions": balance,
    }
    return {
        "__typename": "QueryRoot",
        "orders": orders,
        "shopifyPaymentsAccount": lambda given: account if book.takes_payments else None,
    }


def _text(one: Entry) -> str:
    return datetime.fromtimestamp(one.at, UTC).isoformat()


def _wanted(query: str) -> Callable[[str], bool]:
    bounds = [(sign, datetime.fromisoformat(at)) for _, sign, at in _BOUND.findall(query)]

    def within(text: str) -> bool:
        at = datetime.fromisoformat(text)
        return all(
            {">=": at >= x, "<=": at <= x, ">": at > x, "<": at < x}[sign] for sign, x in bounds
        )

    return within


def _page(
    kind: str,
    found: list[_T],
    given: Json,
    mark: Callable[[_T], str],
    node: Callable[[_T], Json],
) -> Json:
    first, after = given.get("first"), str(given.get("after") or "")
    if not isinstance(first, int) or not 0 < first <= MAX_FIRST:
        raise Mistake(
            f"`first` must be given on {kind}Connection, at most {MAX_FIRST}", "BAD_REQUEST"
        )
    marks = [mark(one) for one in found]
    begin = marks.index(after) + 1 if after in marks else 0
    shown = found[begin : begin + first]
    return {
        "__typename": f"{kind}Connection",
        "nodes": [node(one) for one in shown],
        "pageInfo": {
            "__typename": "PageInfo",
            "hasNextPage": begin + first < len(found),
            "hasPreviousPage": begin > 0,
            "startCursor": mark(shown[0]) if shown else None,
            "endCursor": mark(shown[-1]) if shown else None,
        },
    }
