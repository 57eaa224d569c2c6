"""Shopify: cancel an order of which nothing has shipped, without moving money.

Shopify does it in a job of its own. An authorisation that was not captured is voided with it,
whatever we ask. https://shopify.dev/docs/api/admin-graphql/2026-10/mutations/orderCancel
"""

from __future__ import annotations

import msgspec

from actors.runtime.errors import Rejected
from actors.runtime.partner import Call
from adapters.channels.shopify.goods import Goods
from adapters.channels.shopify.graphql import PARTNER, ShopifyGraphql, order_gid
from adapters.kit.fitting import fit, phrases
from adapters.kit.http_client import lost
from schemas.messages.effects import CancelAtChannel, ChannelCancelled, Result

CANCEL_MUTATION = """
mutation CancelOrder(
  $id: ID!
  $reason: OrderCancelReason!
  $restock: Boolean!
  $notify: Boolean
  $refund: OrderCancelRefundMethodInput
  $note: String
) {
  orderCancel(
    orderId: $id
    reason: $reason
    restock: $restock
    notifyCustomer: $notify
    refundMethod: $refund
    staffNote: $note
  ) {
    jobResult { done status errors { message } }
    orderCancelUserErrors { code message }
  }
}
"""

MAX_NOTE_CHARACTERS = 255
"""Ours: a sentence for the staff. Shopify documents no bound of `staffNote`."""

_REASONS = {"customer": "CUSTOMER", "fraud": "FRAUD", "inventory": "INVENTORY", "staff": "STAFF",
            "declined": "DECLINED"}  # fmt: skip
"""Shopify's own reasons, as its webhooks spell them; any other text is `OTHER`, told in a note."""
_NO_MONEY = {"originalPaymentMethodsRefund": False}


class _UserError(msgspec.Struct, frozen=True):
    message: str = ""
    code: str | None = None


class _JobResult(msgspec.Struct, frozen=True):
    done: bool = False
    status: str = ""
    errors: list[_UserError] = []


class _Cancelled(msgspec.Struct, frozen=True, rename="camel"):
    job_result: _JobResult | None = None
    order_cancel_user_errors: list[_UserError] = []


class _Data(msgspec.Struct, frozen=True, rename="camel"):
    order_cancel: _Cancelled | None = None


_decoder = msgspec.json.Decoder(_Data)


async def cancel(
    graphql: ShopifyGraphql, call: Call, effect: CancelAtChannel, goods: Goods
) -> Result:
    """Have the shop cancel the order, unless it is cancelled already. `goods` are as they are now.

    Raises Rejected when some of it has shipped, or in the shop's words; Unknown while the shop is
    still at it.
    """
    if goods.cancelled:
        return ChannelCancelled(told=False)
    if goods.fulfilments:
        raise Rejected(
            f"{PARTNER} shows a part of the order as fulfilled, so it was not cancelled there. "
            f"Refund and cancel what is left in {PARTNER} by hand."
        )
    variables = {
        "id": order_gid(call.ref),
        "reason": _REASONS.get(effect.reason.strip().lower(), "OTHER"),
        "restock": effect.restock,
        "notify": effect.notify_customer,
        "refund": _NO_MONEY,
        "note": fit(effect.reason, MAX_NOTE_CHARACTERS),
    }
    data = await graphql.ask(call, CANCEL_MUTATION, variables, _decoder, writes=True)
    told = data.order_cancel
    if told is None:
        raise lost(PARTNER, "answered without a cancellation", writes=True)
    if told.order_cancel_user_errors:
        said = phrases([error.message for error in told.order_cancel_user_errors])
        raise Rejected(f"{PARTNER} refused to cancel the order: {said}.")
    result = told.job_result
    if result is not None and result.status == "FAILED":
        said = phrases([error.message for error in result.errors])
        raise Rejected(f"{PARTNER} failed to cancel the order: {said}.")
    if result is None or not result.done:
        raise lost(PARTNER, "has not finished cancelling the order yet", writes=True)
    return ChannelCancelled()
