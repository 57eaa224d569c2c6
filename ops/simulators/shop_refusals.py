"""Which mutations a simulated shop has, and how each of them says no (Admin GraphQL 2026-10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ops.simulators.graphql import Json
from ops.simulators.shop_goods import Refusal

OPERATIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "fulfillmentCreateV2": "fulfillment_create",
        "fulfillmentCreate": "fulfillment_create",
        "fulfillmentTrackingInfoUpdate": "fulfillment_update",
        "fulfillmentCancel": "fulfillment_cancel",
        "orderCancel": "order_cancel",
        "orderCapture": "order_capture",
        "inventorySetQuantities": "inventory_set",
        "fulfillmentOrderMove": "fulfillment_order_move",
        "fulfillmentOrderSplit": "fulfillment_order_split",
        "fulfillmentOrderHold": "fulfillment_order_hold",
        "fulfillmentOrderReleaseHold": "fulfillment_order_release_hold",
        "fulfillmentOrderLineItemsPreparedForPickup": "fulfillment_order_prepared",
        "fulfillmentOrderAcceptFulfillmentRequest": "fulfillment_request_accept",
        "fulfillmentOrderRejectFulfillmentRequest": "fulfillment_request_reject",
        "fulfillmentOrderAcceptCancellationRequest": "cancellation_request_accept",
        "fulfillmentOrderRejectCancellationRequest": "cancellation_request_reject",
    }
)
"""The knobs' operation of each mutation; of two that share one, the last is the usual one."""


@dataclass(slots=True, frozen=True)
class Refused:
    """How a mutation says no: its payload's fields, and which codes its errors may bear."""

    payload: str
    empty: tuple[str, ...]
    codes: tuple[str, ...] | None = None
    errors: str = "userErrors"


_NOTHING_TO_SPLIT: Final = "NO_LINE_ITEMS_PROVIDED_TO_SPLIT"
_NOTHING_TO_PREPARE: Final = "NO_LINE_ITEMS_TO_PREPARE_FOR_FULFILLMENT_ORDER"
_SAME_HANDLE: Final = "DUPLICATE_FULFILLMENT_HOLD_HANDLE"
REFUSED: Final[Mapping[str, Refused]] = MappingProxyType(
    {
        "fulfillmentCreate": Refused("FulfillmentCreatePayload", ("fulfillment",)),
        "fulfillmentCreateV2": Refused("FulfillmentCreateV2Payload", ("fulfillment",)),
        "fulfillmentTrackingInfoUpdate": Refused(
            "FulfillmentTrackingInfoUpdatePayload", ("fulfillment",)
        ),
        "fulfillmentCancel": Refused("FulfillmentCancelPayload", ("fulfillment",)),
        "orderCancel": Refused(
            "OrderCancelPayload", ("job", "jobResult"), ("INVALID",), "orderCancelUserErrors"
        ),
        "orderCapture": Refused("OrderCapturePayload", ("transaction",)),
        "inventorySetQuantities": Refused(
            "InventorySetQuantitiesPayload", ("inventoryAdjustmentGroup",), ("INVALID_REASON",)
        ),
        "fulfillmentOrderMove": Refused(
            "FulfillmentOrderMovePayload",
            ("movedFulfillmentOrder", "originalFulfillmentOrder", "remainingFulfillmentOrder"),
            (),
        ),
        "fulfillmentOrderSplit": Refused(
            "FulfillmentOrderSplitPayload",
            ("fulfillmentOrderSplits",),
            ("FULFILLMENT_ORDER_NOT_FOUND", "INVALID_LINE_ITEM_QUANTITY", _NOTHING_TO_SPLIT),
        ),
        "fulfillmentOrderHold": Refused(
            "FulfillmentOrderHoldPayload",
            ("fulfillmentHold", "fulfillmentOrder", "remainingFulfillmentOrder"),
            ("FULFILLMENT_ORDER_NOT_FOUND", _SAME_HANDLE, "FULFILLMENT_ORDER_HOLD_LIMIT_REACHED"),
        ),
        "fulfillmentOrderReleaseHold": Refused(
            "FulfillmentOrderReleaseHoldPayload", ("fulfillmentOrder",)
        ),
        "fulfillmentOrderLineItemsPreparedForPickup": Refused(
            "FulfillmentOrderLineItemsPreparedForPickupPayload",
            (),
            ("FULFILLMENT_ORDER_INVALID", _NOTHING_TO_PREPARE),
        ),
        **{
            f"fulfillmentOrder{name}": Refused(
                f"FulfillmentOrder{name}Payload", ("fulfillmentOrder",)
            )
            for name in (
                "AcceptFulfillmentRequest",
                "RejectFulfillmentRequest",
                "AcceptCancellationRequest",
                "RejectCancellationRequest",
            )
        },
    }
)


def refused(name: str, error: Refusal) -> Json:
    """The payload of a mutation that Shopify refuses."""
    how = REFUSED[name]
    told: Json = {"__typename": "UserError", "field": error.at, "message": error.message}
    if how.codes is not None:
        told["code"] = error.code if error.code in how.codes else None
    return {
        "__typename": how.payload,
        **dict.fromkeys(how.empty),
        "userErrors": [told],
        how.errors: [told],
    }
