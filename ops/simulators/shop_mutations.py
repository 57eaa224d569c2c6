"""The mutations of Shopify's Admin GraphQL (2026-10) that an order's way needs.

https://shopify.dev/docs/api/admin-graphql/2026-10/mutations
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from ops.simulators.graphql import Field, Json, Mistake, Query
from ops.simulators.ledger import Ledger
from ops.simulators.shop_asked import digits_of
from ops.simulators.shop_book import Book
from ops.simulators.shop_doings import REASONS, Doings, goods_news, move_news
from ops.simulators.shop_echo import News
from ops.simulators.shop_edit import NotEditable
from ops.simulators.shop_goods import (
    Fulfilment,
    FulfilmentOrder,
    Hold,
    Refusal,
    Tracking,
    Wanted,
)
from ops.simulators.shop_money import gid_of, transaction_node
from ops.simulators.shop_nodes import (
    around,
    fulfilment_node,
    fulfilment_order_node,
    order_node,
)
from ops.simulators.shop_refusals import OPERATIONS, REFUSED, refused
from ops.simulators.shop_repaying import repay
from ops.simulators.shop_requests import (
    accept,
    accept_cancellation,
    refuse,
    reject_cancellation,
)
from ops.simulators.shop_rerouting import hold, move, prepare, release, split
from ops.simulators.shop_statement import LOCATIONS

_NAMED: Final = re.compile(rf"\b({'|'.join(OPERATIONS)})\s*\(".encode())
MAX_LINES: Final = 512


def named(body: bytes) -> str:
    """The mutation in a request, or ""."""
    match = _NAMED.search(body)
    return match[1].decode() if match else ""


class Mutations:
    """One shop's. `tell` sends webhooks; `again` has a closed fulfilment order fulfilled once more,
    which the real one never does."""

    def __init__(
        self,
        doings: Doings,
        ledger: Ledger,
        next_number: Callable[[], int],
        tell: Callable[[list[News]], None],
    ) -> None:
        self._doings = doings
        self._ledger = ledger
        self._next_number = next_number
        self._tell = tell
        self._again = False
        self._query: Query | None = None

    @property
    def _book(self) -> Book:
        return self._doings.book

    def answer(self, query: Query, *, again: bool) -> Json:
        """The `data` of a request with mutations; they are done one after the other."""
        self._again = again
        self._query = query
        root: Json = {"__typename": "Mutation"}
        for name, do in self._known().items():
            root[name] = self._guarded(name, do)
        return query.answer(root)

    def _known(self) -> dict[str, Callable[[Json], Json]]:
        return {
            "fulfillmentCreate": self._create,
            "fulfillmentCreateV2": self._create,
            "fulfillmentTrackingInfoUpdate": self._track,
            "fulfillmentCancel": self._cancel_fulfilment,
            "orderCancel": self._cancel,
            "orderCapture": self._capture,
            "inventorySetQuantities": self._set_quantities,
            "fulfillmentOrderMove": self._move,
            "fulfillmentOrderSplit": self._split,
            "fulfillmentOrderHold": self._hold,
            "fulfillmentOrderReleaseHold": self._release,
            "fulfillmentOrderLineItemsPreparedForPickup": self._prepare,
            "fulfillmentOrderAcceptFulfillmentRequest": partial(self._take, taken=True),
            "fulfillmentOrderRejectFulfillmentRequest": partial(self._take, taken=False),
            "fulfillmentOrderAcceptCancellationRequest": partial(self._stop, stopped=True),
            "fulfillmentOrderRejectCancellationRequest": partial(self._stop, stopped=False),
        }

    @staticmethod
    def _guarded(name: str, do: Callable[[Json], Json]) -> Callable[[Json], Json]:
        def answer(given: Json) -> Json:
            try:
                found = do(given)
            except Refusal as error:
                return refused(name, error)
            how = REFUSED[name]
            blank = dict.fromkeys(how.empty)
            return {
                "__typename": how.payload, **blank, "userErrors": [], how.errors: [], **found,
            }  # fmt: skip

        return answer

    def _fulfilment_order(self, gid: Any) -> tuple[int, FulfilmentOrder]:  # Any: see graphql.Json
        number = digits_of(str(gid), "FulfillmentOrder")
        owner = self._book.owner(number, is_fulfilment_order=True)
        if owner is None:
            raise Refusal(
                "Fulfillment order does not exist.", ["id"], "FULFILLMENT_ORDER_NOT_FOUND"
            )
        return owner, self._book.goods(owner).find(number)

    def _fulfilment(self, gid: Any, at: str) -> tuple[int, Fulfilment]:  # Any: see graphql.Json
        number = digits_of(str(gid), "Fulfillment")
        owner = self._book.owner(number)
        found = None if owner is None else self._book.goods(owner).fulfilment(number)
        if owner is None or found is None:
            raise Refusal("Fulfillment does not exist.", [at], "NOT_FOUND")
        return owner, found

    def _create(self, given: Json) -> Json:
        wish = given.get("fulfillment") or {}
        wanted: list[Wanted] = []
        order = 0
        groups = wish.get("lineItemsByFulfillmentOrder") or []
        for group in groups if isinstance(groups, list) else [groups]:
            number = digits_of(str(group.get("fulfillmentOrderId")), "FulfillmentOrder")
            owner = self._book.owner(number, is_fulfilment_order=True)
            if owner is None:
                raise Refusal("Fulfillment order does not exist.", ["fulfillment"])
            if order and owner != order:
                words = "All fulfillment orders must belong to the same order."
                raise Refusal(words, ["fulfillment"])
            order = owner
            wanted.append((number, _pieces(group.get("fulfillmentOrderLineItems"))))
        made, news = self._doings.fulfil(
            order, wanted, _tracking(wish.get("trackingInfo")), again=self._again
        )
        self._record("fulfilment", order, made)
        self._tell(news)
        return {"fulfillment": fulfilment_node(around(self._book, order), made)}

    def _record(self, kind: str, order: int, made: Fulfilment) -> None:
        it = around(self._book, order)
        detail: Json = {
            "fulfillment_order": f"gid://shopify/FulfillmentOrder/{made.parts[0].fulfilment_order}",
            "lines": [
                {
                    "line_item_id": part.line,
                    "sku": it.line(part.line)["sku"],
                    "quantity": part.quantity,
                    "fulfillment_order": f"gid://shopify/FulfillmentOrder/{part.fulfilment_order}",
                }
                for part in made.parts
            ],
            "numbers": list(made.tracking.numbers),
            "company": made.tracking.company,
            "location": made.location,
        }
        gid = f"gid://shopify/Fulfillment/{made.number}"
        self._ledger.record(kind, "storefront", it.gid, gid, detail)

    def _set_quantities(self, given: Json) -> Json:
        query = self._query
        assert query is not None, "it is part of one"
        field = next(one for one in query.fields if one.name == "inventorySetQuantities")
        return self._book.inventory.set(given.get("input") or {}, idempotency_key(query, field))

    def _track(self, given: Json) -> Json:
        order, made = self._fulfilment(given.get("fulfillmentId"), "fulfillmentId")
        if made.status != "SUCCESS":
            raise Refusal("Fulfillment is cancelled.", ["fulfillmentId"])
        self._tell(self._doings.track(order, made, _tracking(given.get("trackingInfoInput"))))
        return {"fulfillment": fulfilment_node(around(self._book, order), made)}

    def _cancel_fulfilment(self, given: Json) -> Json:
        order, made = self._fulfilment(given.get("id"), "id")
        news = self._doings.cancel_fulfilment(order, made)
        self._record("fulfilment_cancel", order, made)
        self._tell(news)
        return {"fulfillment": fulfilment_node(around(self._book, order), made)}

    def _cancel(self, given: Json) -> Json:
        if "restock" not in given:
            words = "Field 'orderCancel' is missing required arguments: restock"
            raise Mistake(words, "missingRequiredArguments")
        number = digits_of(str(given.get("orderId")), "Order")
        reason = str(given.get("reason", "")).lower()
        if reason not in REASONS:
            raise Refusal("Reason is invalid.", ["reason"])
        method = given.get("refundMethod") or {}
        refund = given.get("refund") is True or method.get("originalPaymentMethodsRefund") is True
        refund = refund or bool(method.get("storeCreditRefund"))
        try:
            refund_number, news = self._doings.cancel(number, reason, refund=refund)
        except NotEditable as error:
            raise Refusal(str(error), ["orderId"], "INVALID") from error
        order, job = f"gid://shopify/Order/{number}", f"gid://shopify/Job/{self._next_number()}"
        detail: Json = {
            "reason": reason,
            "refund": refund,
            "restock": given.get("restock") is True,
            "notify_customer": given.get("notifyCustomer") is True,
            "staff_note": str(given.get("staffNote") or ""),
        }
        self._ledger.record("order_cancel", "storefront", order, job, detail)
        if refund_number:
            refund_gid = f"gid://shopify/Refund/{refund_number}"
            self._ledger.record("refund", "storefront", order, refund_gid, {"by": "order_cancel"})
        self._tell(news)
        return {
            "job": {"__typename": "Job", "id": job, "done": False},
            "jobResult": {
                "__typename": "OrderCancelJobResult",
                "id": job,
                "done": True,
                "status": "SUCCEEDED",
                "errors": [],
                "order": order_node(around(self._book, number)),
            },
        }

    def _capture(self, given: Json) -> Json:
        wish = given.get("input") or {}
        number = digits_of(str(wish.get("id")), "Order")
        try:
            made, order, news = self._doings.capture(number, wish)
        except NotEditable as error:
            raise Refusal("Order does not exist.", ["id"]) from error
        till = self._book.tills.of(number, order)
        if made.status == "SUCCESS":
            detail: Json = {
                "amount": str(made.amount),
                "currency": till.currency,
                "authorised": str(
                    next(x.amount for x in till.transactions if x.number == made.parent)
                ),
                "captured": str(till.captured()),
            }
            name = f"gid://shopify/Order/{number}"
            self._ledger.record("capture", "storefront", name, gid_of(made.number), detail)
        self._tell(news)
        return {"transaction": transaction_node(till, made, order)}

    def refund(self, wish: Json) -> Json:
        """Give money back. Raises NotEditable for an order that no one told of, Refusal where
        Shopify says no."""
        told, news = repay(self._doings, self._ledger, wish)
        self._tell(news)
        return told

    def _move(self, given: Json) -> Json:
        order, one = self._fulfilment_order(given.get("id"))
        location = digits_of(str(given.get("newLocationId")), "Location")
        if location not in LOCATIONS:
            raise Refusal("Location does not exist.", ["newLocationId"])
        pieces = _pieces(given.get("fulfillmentOrderLineItems"))
        source, book = one.location, self._book
        moved, rest = move(book.goods(order), one, location, pieces, book.clock())
        self._tell([move_news(one, moved, source)])
        it = around(book, order)
        return {
            "movedFulfillmentOrder": fulfilment_order_node(it, moved),
            "originalFulfillmentOrder": fulfilment_order_node(it, one),
            "remainingFulfillmentOrder": fulfilment_order_node(it, rest) if rest else None,
        }

    def _split(self, given: Json) -> Json:
        results = []
        for wish in given.get("fulfillmentOrderSplits") or []:
            order, one = self._fulfilment_order(wish.get("fulfillmentOrderId"))
            pieces = _pieces(wish.get("fulfillmentOrderLineItems")) or []
            made = split(self._book.goods(order), one, pieces, self._book.clock())
            it = around(self._book, order)
            results.append(
                {
                    "__typename": "FulfillmentOrderSplitResult",
                    "fulfillmentOrder": fulfilment_order_node(it, one),
                    "remainingFulfillmentOrder": fulfilment_order_node(it, made),
                    "replacementFulfillmentOrder": None,
                }
            )
            rest = goods_news("split", made)[1]["fulfillment_order"]
            self._tell([goods_news("split", one, remaining_fulfillment_order=rest)])
        return {"fulfillmentOrderSplits": results}

    def _hold(self, given: Json) -> Json:
        order, one = self._fulfilment_order(given.get("id"))
        wish = given.get("fulfillmentHold") or {}
        made = Hold(
            self._next_number(),
            str(wish.get("reason") or "OTHER"),
            str(wish.get("reasonNotes") or ""),
            str(wish.get("handle") or ""),
        )
        hold(one, made, self._book.clock())
        self._tell([goods_news("placed_on_hold", one)])
        node = fulfilment_order_node(around(self._book, order), one)
        return {"fulfillmentOrder": node, "fulfillmentHold": node["fulfillmentHolds"][-1]}

    def _release(self, given: Json) -> Json:
        order, one = self._fulfilment_order(given.get("id"))
        ids = given.get("holdIds")
        holds = [digits_of(str(x), "FulfillmentHold") for x in ids] if ids else None
        release(one, holds, self._book.clock())
        self._tell([goods_news("hold_released", one)])
        return {"fulfillmentOrder": fulfilment_order_node(around(self._book, order), one)}

    def _take(self, given: Json, *, taken: bool) -> Json:
        order, one = self._fulfilment_order(given.get("id"))
        (accept if taken else refuse)(one, self._book.clock())
        how = "accepted" if taken else "rejected"
        return self._answered("request", order, one, str(given.get("message") or ""), how)

    def _answered(self, what: str, order: int, one: FulfilmentOrder, said: str, how: str) -> Json:
        name, gid = f"gid://shopify/Order/{order}", f"gid://shopify/FulfillmentOrder/{one.number}"
        detail: Json = {"how": how, "message": said}
        self._ledger.record(f"{what}_answer", "storefront", name, gid, detail)
        about = "fulfillment" if what == "request" else "cancellation"
        more = {} if what == "request" and how == "accepted" else {"message": said}
        self._tell([goods_news(f"{about}_request_{how}", one, **more)])
        return {"fulfillmentOrder": fulfilment_order_node(around(self._book, order), one)}

    def _stop(self, given: Json, *, stopped: bool) -> Json:
        order, one = self._fulfilment_order(given.get("id"))
        if stopped:
            accept_cancellation(self._book.goods(order), one, self._book.clock())
        else:
            reject_cancellation(one, self._book.clock())
        how = "accepted" if stopped else "rejected"
        return self._answered("stop", order, one, str(given.get("message") or ""), how)

    def _prepare(self, given: Json) -> Json:
        wish = (given.get("input") or {}).get("lineItemsByFulfillmentOrder") or []
        for group in wish:
            at = ["input", "lineItemsByFulfillmentOrder"]
            gid = str(group.get("fulfillmentOrderId"))
            try:
                order, one = self._fulfilment_order(gid)
            except Refusal as error:
                raise Refusal(error.message, at, "FULFILLMENT_ORDER_INVALID") from error
            prepare(one, at, self._book.clock())
            detail: Json = {
                "lines": [{"line_item_id": x.line, "quantity": x.remaining} for x in one.pieces]
            }
            name = f"gid://shopify/Order/{order}"
            self._ledger.record("pickup_ready", "storefront", name, gid, detail)
            told = goods_news("line_items_prepared_for_pickup", one)
            more = {"preparable": True, "delivery_method": {"method_type": "pickup"}}
            told[1]["fulfillment_order"] |= more
            self._tell([told])
        return {}


def _pieces(value: Any) -> list[tuple[int, int]] | None:  # Any: see graphql.Json
    """Fulfilment order lines with quantities; an empty list is none, which means all of them."""
    if not value:
        return None
    if len(value) > MAX_LINES:
        raise Refusal(f"At most {MAX_LINES} line items.", ["fulfillment"])
    return [
        (digits_of(str(one.get("id")), "FulfillmentOrderLineItem"), int(one.get("quantity") or 0))
        for one in value
    ]


def _tracking(info: Any) -> Tracking:  # Any: see graphql.Json
    if not isinstance(info, dict):
        return Tracking()
    numbers = info.get("numbers") or [info.get("number")]
    urls = info.get("urls") or [info.get("url")]
    return Tracking(
        str(info.get("company") or ""),
        tuple(str(one) for one in numbers if one),
        tuple(str(one) for one in urls if one),
    )


def idempotency_key(query: Query, field: Field) -> str | None:
    """What `@idempotent(key:)` says of a mutation; None without it."""
    given = field.directives.get("idempotent")
    return None if given is None else str(query.value(given.get("key")) or "")
