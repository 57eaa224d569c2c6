"""What a merchant asks of a fulfilment service, and how its app answers.

https://shopify.dev/docs/apps/build/orders-fulfillment/fulfillment-service-apps/build-for-fulfillment-services
"""

from __future__ import annotations

from ops.simulators.shop_goods import FULFILLABLE, MANUAL, FulfilmentOrder, Goods, Refusal


def submit(one: FulfilmentOrder, now: float) -> None:
    """Ask the service to fulfil it. Raises Refusal."""
    if one.service == MANUAL or one.status != "OPEN" or one.request != "UNSUBMITTED":
        raise Refusal("The fulfillment order can't be requested.", ["id"])
    one.request, one.at = "SUBMITTED", now


def accept(one: FulfilmentOrder, now: float) -> None:
    """The service takes it on. Raises Refusal."""
    if one.request != "SUBMITTED":
        raise Refusal("The fulfillment order has no request to accept.", ["id"])
    one.request, one.status, one.at = "ACCEPTED", "IN_PROGRESS", now


def refuse(one: FulfilmentOrder, now: float) -> None:
    """The service does not take it on. Raises Refusal."""
    if one.request != "SUBMITTED":
        raise Refusal("The fulfillment order has no request to reject.", ["id"])
    one.request, one.at = "REJECTED", now


def ask_to_cancel(one: FulfilmentOrder, now: float) -> None:
    """Ask the service not to fulfil what is left. Raises Refusal."""
    if one.request not in ("ACCEPTED", "CANCELLATION_REJECTED") or one.status not in FULFILLABLE:
        raise Refusal("The fulfillment order's cancellation can't be requested.", ["id"])
    one.request, one.at = "CANCELLATION_REQUESTED", now


def accept_cancellation(goods: Goods, one: FulfilmentOrder, now: float) -> None:
    """The service does not fulfil it: it is cancelled, and a new one has what was left of it, of
    which the service was asked nothing. Raises Refusal."""
    _require_request(one)
    goods.give_up(one, now)
    one.request = "CANCELLATION_ACCEPTED"


def reject_cancellation(one: FulfilmentOrder, now: float) -> None:
    """The service fulfils it all the same. Raises Refusal."""
    _require_request(one)
    one.request, one.at = "CANCELLATION_REJECTED", now


def _require_request(one: FulfilmentOrder) -> None:
    if one.request != "CANCELLATION_REQUESTED":
        raise Refusal("The fulfillment order has no cancellation request.", ["id"])
