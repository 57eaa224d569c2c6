"""Events of payments, captures and refunds. Amounts are in minor units of the currency that the
customer pays in."""

from __future__ import annotations

from schemas.messages.base import Event, Parts
from schemas.order.things import Key


class PaymentAuthorised(Event, frozen=True, kw_only=True, tag="payment.authorised.v1"):
    """The channel reserved money that we are to capture. `beside_minor` is what of the order is
    paid by other means, such as a gift card. `until` is when it ends (RFC 3339; "": not known)."""

    amount_minor: int
    currency: str
    beside_minor: int = 0
    until: str = ""
    method: str = ""


class PaymentCaptured(Event, frozen=True, kw_only=True, tag="payment.captured.v1"):
    """The channel says that it is paid: somebody else captured `amount_minor`, the rest of it."""

    amount_minor: int


class PaymentExpired(Event, frozen=True, kw_only=True, tag="payment.expired.v1"):
    """The authorisation is no longer good: its time is over."""


class PaymentVoided(Event, frozen=True, kw_only=True, tag="payment.voided.v1"):
    """What was reserved and not captured is free again."""


class CaptureWanted(Event, frozen=True, kw_only=True, tag="capture.wanted.v1"):
    """Money of a payment is to be captured, of which `before_minor` was captured already."""

    payment: Key
    amount_minor: int
    currency: str
    before_minor: int = 0


class Captured(Event, frozen=True, kw_only=True, tag="capture.captured.v1"):
    """The channel took this amount, and no more of the payment can be captured. `outside_id` is
    the channel's own id of it."""

    payment: Key
    amount_minor: int
    outside_id: str = ""


class PartCaptured(Event, frozen=True, kw_only=True, tag="capture.part_captured.v1"):
    """The channel took this amount, and more of the payment can be captured later."""

    payment: Key
    amount_minor: int
    outside_id: str = ""


class CaptureDropped(Event, frozen=True, kw_only=True, tag="capture.dropped.v1"):
    """The capture is not wanted any more, and nothing was taken by it."""


class RefundWanted(Event, frozen=True, kw_only=True, tag="refund.wanted.v1"):
    """Money is to be given back to the customer, of `had_minor` that the seller had before any
    refund of ours. `settles_minor` of it is owed, the rest beside that. `units` are what it is for,
    `covers` those of them that were cancelled and are settled by it;
    `shipping`: with what was paid for shipping and duty; `exact`: a person named the amount, else
    the channel's own calculation for the units counts. `after` is the refused refund that it
    follows. `person` is who gives it back ("": the seller's policy). `returns` is the return that
    it is for ("": none), and `by_others` are units of that whose money went back before."""

    amount_minor: int
    currency: str
    had_minor: int
    settles_minor: int = 0
    units: Parts = ()
    covers: Parts = ()
    shipping: bool = False
    exact: bool = False
    after: str = ""
    person: str = ""
    reason: str = ""
    returns: str = ""
    by_others: Parts = ()


class RefundMade(Event, frozen=True, kw_only=True, tag="refund.made.v1"):
    """The channel gave this amount back, which may be less than was asked for when no more was left
    (0: others had given it back before: `by_others`). `outside_id` is the channel's own id."""

    amount_minor: int
    currency: str
    outside_id: str = ""
    by_others: bool = False
