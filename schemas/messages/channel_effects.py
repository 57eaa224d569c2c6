"""What a storefront is asked beside what left, and what it may answer. The unions are put together
in `schemas.messages.effects`."""

from __future__ import annotations

from msgspec import Struct


class CancelAtChannel(Struct, frozen=True, kw_only=True, tag="storefront.cancel_order.v1"):
    """Tell the storefront that the order is cancelled as a whole; nothing of it has shipped."""

    reason: str
    restock: bool
    notify_customer: bool = False


class CapturePayment(Struct, frozen=True, kw_only=True, tag="storefront.capture_payment.v1"):
    """Have the channel capture money that it has reserved, in minor units of `currency`, which is
    the one that the customer pays in. `before_minor` was captured already: afterwards both together
    are, never more than is authorised."""

    amount_minor: int
    currency: str
    before_minor: int = 0


class RefundLine(Struct, frozen=True, array_like=True):
    """Units of a line for which money is given back. `left`: they have left, or stay the
    customer's, so that nothing of them is taken off what ships."""

    line_id: str
    quantity: int
    left: bool = False


class RefundPayment(Struct, frozen=True, kw_only=True, tag="storefront.refund_payment.v1"):
    """Have the channel give money back to the customer, in minor units of `currency`, which is the
    one that he pays in, for `lines` (none: for nothing in particular) and, with `shipping`, for
    what was paid for shipping. The channel's own calculation for these counts, up to `most_minor`;
    with `exact` it is the amount, and of neither more than is left."""

    amount_minor: int
    most_minor: int
    currency: str
    lines: tuple[RefundLine, ...] = ()
    shipping: bool = False
    exact: bool = False
    notify_customer: bool = False


class FetchOrder(Struct, frozen=True, kw_only=True, tag="storefront.fetch_order.v1"):
    """Fetch the current order from the storefront and publish it to the intake stream."""


class ChannelCancelled(Struct, frozen=True, kw_only=True, tag="storefront.cancelled.v1"):
    """The storefront shows the order as cancelled. `told` says whether we had to tell it, or found
    it cancelled already."""

    told: bool = True


class PaymentCaptured(Struct, frozen=True, kw_only=True, tag="storefront.payment_captured.v1"):
    """The channel captured `amount_minor`, and `left_minor` of the same authorisation can still be
    captured. `outside_id` is the channel's own id of it."""

    amount_minor: int
    left_minor: int = 0
    outside_id: str = ""


class PaymentRefunded(Struct, frozen=True, kw_only=True, tag="storefront.payment_refunded.v1"):
    """The channel gave `amount_minor` back; `outside_id` is its own id of that. `by_others`: it was
    given back before, by somebody else, so that less or nothing was left to give. `excess_minor` is
    what was given back in all beyond what the customer had paid, `declined_minor` what a payment's
    gateway refused to pay of this refund while others paid their part."""

    amount_minor: int
    outside_id: str = ""
    by_others: bool = False
    excess_minor: int = 0
    declined_minor: int = 0


class OrderFetched(Struct, frozen=True, kw_only=True, tag="storefront.order_fetched.v1"):
    """The storefront returned the current order, which was published to the intake stream.
    `digest` is the SHA-256 of what it returned, in hex."""

    digest: str
