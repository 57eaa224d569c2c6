"""What each of BigCommerce's statuses means to an order, and what is believed of its payment."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

from adapters.channels.bigcommerce.shapes import BigCommerceOrder
from schemas.order.canonical import Payment

Way = Literal["wait", "take", "cancel", "hold"]


class Status(Struct, frozen=True, kw_only=True):
    """What a status means here. `way`: the order waits in the shop, is taken, is cancelled, or
    waits and is held back if we have it already, unless it says that a pickup is `ready` that is so
    here, too. `paid` is what is believed of the payment where the shop tells nothing of it."""

    name: str
    way: Way
    words: str = ""
    paid: Payment = "paid"
    ready: bool = False


STATUSES: Mapping[int, Status] = MappingProxyType(
    {
        0: Status(
            name="Incomplete",
            way="wait",
            words="The shopper reached the payment page and has not completed the checkout.",
        ),
        1: Status(
            name="Pending",
            way="wait",
            words="The checkout is started and not completed, or its payment is pending.",
        ),
        2: Status(name="Shipped", way="take"),
        3: Status(name="Partially Shipped", way="take"),
        4: Status(name="Refunded", way="take", paid="refunded"),
        5: Status(name="Cancelled", way="cancel", words="Cancelled in the shop."),
        6: Status(
            name="Declined",
            way="hold",
            words="The order was declined in the shop: cancel it, or wait for another payment.",
        ),
        7: Status(name="Awaiting Payment", way="take", paid="pending"),
        8: Status(
            name="Awaiting Pickup",
            way="hold",
            words="The order waits in the shop for the customer to pick it up.",
            ready=True,
        ),
        9: Status(name="Awaiting Shipment", way="take"),
        10: Status(name="Completed", way="take"),
        11: Status(name="Awaiting Fulfillment", way="take"),
        12: Status(
            name="Manual Verification Required",
            way="hold",
            words="The shop holds the order until something is verified by hand.",
        ),
        13: Status(
            name="Disputed",
            way="hold",
            words="The customer disputes the payment of the order.",
        ),
        14: Status(name="Partially Refunded", way="take", paid="partially_refunded"),
    }
)
"""Every status of BigCommerce's (`GET /v2/order_statuses`), by its id; shops rename, and add none.
https://developer.bigcommerce.com/docs/rest-management/orders/order-status"""

_PAYMENTS: Mapping[str, Payment] = MappingProxyType(
    {
        "authorized": "authorized",
        "captured": "paid",
        "capture pending": "authorized",
        "declined": "pending",
        "held for review": "pending",
        "paid": "paid",
        "partially refunded": "partially_refunded",
        "pending": "pending",
        "refunded": "refunded",
        "void": "voided",
        "void pending": "voided",
    }
)
"""BigCommerce's `payment_status`. A payment that is declined may still come another way."""


def payment_of(order: BigCommerceOrder) -> Payment:
    """Return what the shop says of the payment; where it says nothing (cash, a transfer, store
    credit), what the order's status says. A word that is not known here does not count as paid."""
    status = STATUSES.get(order.status_id)
    believed: Payment = status.paid if status is not None else "pending"
    if not order.payment_status or believed in ("refunded", "partially_refunded"):
        return believed
    return _PAYMENTS.get(order.payment_status.lower(), "pending")
