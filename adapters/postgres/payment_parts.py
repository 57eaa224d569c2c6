"""An order's payments, captures and refunds as views show them."""

from __future__ import annotations

from msgspec import Struct

from actors.order.state import State
from schemas.order.things import Key


class PaymentView(Struct, frozen=True, kw_only=True):
    """Money that the channel has reserved, in minor units of `currency`: how much can be captured
    in all and how much was. `until` is when it ends ("": not known); `waived` says that a person
    lets goods go without it."""

    key: Key
    stage: str
    currency: str
    amount_minor: int
    captured_minor: int
    until: str
    waived: bool


class CaptureView(Struct, frozen=True, kw_only=True):
    """One attempt to take money of a payment; `outside_id` is the channel's own id of it."""

    key: Key
    stage: str
    payment: Key
    amount_minor: int
    outside_id: str


class RefundView(Struct, frozen=True, kw_only=True):
    """One attempt to give money back, in minor units of `currency`: what was asked for, and what
    the channel gave. `settles_minor` of it was owed; `person` is who gives it back ("": the
    policy), `outside_id` the channel's own id of it."""

    key: Key
    stage: str
    currency: str
    amount_minor: int
    given_minor: int
    settles_minor: int
    person: str
    outside_id: str


def refunds_of(state: State) -> tuple[RefundView, ...]:
    """Return the attempts to give money back."""
    return tuple(
        RefundView(
            key=key,
            stage=one.stage,
            currency=one.currency,
            amount_minor=one.amount,
            given_minor=one.given,
            settles_minor=one.settles,
            person=one.person,
            outside_id=one.outside,
        )
        for key, one in state.refunds.items()
    )


def payments_of(state: State) -> tuple[PaymentView, ...]:
    """Return what the channel has reserved."""
    return tuple(
        PaymentView(
            key=key,
            stage=one.stage,
            currency=one.currency,
            amount_minor=one.amount,
            captured_minor=one.captured,
            until=one.until,
            waived=one.waived,
        )
        for key, one in state.payments.items()
    )


def captures_of(state: State) -> tuple[CaptureView, ...]:
    """Return the attempts to take it."""
    return tuple(
        CaptureView(
            key=key,
            stage=one.stage,
            payment=one.payment,
            amount_minor=one.taken or one.amount,
            outside_id=one.outside,
        )
        for key, one in state.captures.items()
    )
