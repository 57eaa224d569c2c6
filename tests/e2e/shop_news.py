"""What a shop tells of an order at its end that leaves nothing to do: every topic to which we
subscribe, in the shape of Shopify's own samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ops.simulators.shop_book import FULFILMENT_ORDER_OFFSET

# Any: a shop's news is free-form JSON.
Json = dict[str, Any]

RETURN_OFFSET = 5
"""What a return's number is above its order's."""
NOT_OF_A_DAY = {"app/uninstalled": "the shop ends its connection, which a person must see"}
"""Topics that no ordinary day has, and why."""

_REQUEST = {"id": "gid://shopify/FulfillmentOrderMerchantRequest/1", "message": "Please."}
_PROGRESS = {
    "fulfillment_request_submitted": "open", "cancellation_request_submitted": "in_progress",
    "cancellation_request_accepted": "cancelled", "cancellation_request_rejected": "in_progress",
    "fulfillment_request_accepted": "in_progress", "fulfillment_request_rejected": "open",
    "fulfillment_service_failed_to_complete": "closed", "cancelled": "cancelled",
    "line_items_prepared_for_local_delivery": "open", "line_items_prepared_for_pickup": "open",
    "manually_reported_progress_stopped": "open", "progress_reported": "in_progress",
    "split": "open", "moved": "open", "placed_on_hold": "on_hold", "hold_released": "open",
    "order_routing_complete": "open", "rescheduled": "open",
    "scheduled_fulfillment_order_ready": "open",
}  # fmt: skip


def news(order: Json) -> Iterator[tuple[str, Json]]:
    """Yield each topic, with what it says of this order. That it was deleted comes last."""
    number = order["id"]
    for name in ("partially_fulfilled", "fulfilled", "updated", "create", "paid"):
        yield f"orders/{name}", order
    named = {"order_id": number, "admin_graphql_api_order_id": order["admin_graphql_api_id"]}
    yield "orders/edited", {"order_edit": {"id": 1, "order_id": number, "committed_at": None}}
    yield "orders/risk_assessment_changed", {**named, "risk_level": "medium"}
    yield (
        "orders/shopify_protect_eligibility_changed",
        {"order_id": number, "status": "active", "eligibility": {"status": "eligible"}},
    )
    yield "order_transactions/create", {**named, "kind": "capture", "status": "success"}
    refund = {"id": number + 9, "order_id": number, "refund_line_items": [], "transactions": []}
    yield "refunds/create", {**refund, "created_at": order["updated_at"]}
    dispute = {"id": 1, "order_id": number, "type": "chargeback", "status": "under_review"}
    yield "disputes/create", {**dispute, "reason": "fraudulent", "amount": "11.50"}
    yield "disputes/update", {**dispute, "reason": "fraudulent", "amount": "11.50"}
    for sent in order["fulfillments"][:1]:
        yield "fulfillments/create", {**sent, "order_id": number}
        yield "fulfillments/update", {**sent, "order_id": number}
    yield from _goods(FULFILMENT_ORDER_OFFSET + number)
    yield from _returns(order)
    yield "orders/delete", {"id": number}


def _goods(number: int) -> Iterator[tuple[str, Json]]:
    one = {"id": f"gid://shopify/FulfillmentOrder/{number}"}
    hold = {"id": "gid://shopify/FulfillmentHold/1", "reason": "other"}
    for name in ("added", "released"):
        yield f"fulfillment_holds/{name}", {"fulfillment_order": one, "fulfillment_hold": hold}
    for name, status in _PROGRESS.items():
        where = "submitted_fulfillment_order" if name.startswith("fulfillment_request_sub") else ""
        where = where or ("moved_fulfillment_order" if name == "moved" else "fulfillment_order")
        asked = {"fulfillment_order_merchant_request": _REQUEST} if "_submitted" in name else {}
        yield f"fulfillment_orders/{name}", {where: {**one, "status": status}, **asked}
    yield (
        "fulfillment_orders/merged",
        {"fulfillment_order_merges": {"fulfillment_order": {**one, "status": "open"}}},
    )


def _returns(order: Json) -> Iterator[tuple[str, Json]]:
    number = order["id"]
    gid = f"gid://shopify/Return/{number + RETURN_OFFSET}"
    one = {"id": number + RETURN_OFFSET, "admin_graphql_api_id": gid}
    whole = {**one, "order": {"id": number, "admin_graphql_api_id": order["admin_graphql_api_id"]}}
    for name, status in (("request", "requested"), ("approve", "open"), ("decline", "declined")):
        yield f"returns/{name}", {**whole, "status": status}
    for name, status in (("reopen", "open"), ("close", "closed"), ("cancel", "canceled")):
        yield f"returns/{name}", {**one, "order_id": number, "status": status}
    for name in ("process", "update"):
        yield f"returns/{name}", {"admin_graphql_api_id": gid}
