"""Events of payments, captures and refunds in words."""

from __future__ import annotations

from schemas.messages import events as e
from schemas.messages.words.parts import Lines, Words, simply, thing_words
from schemas.order.money import decimal_text


def _authorised(event: e.PaymentAuthorised, lines: Lines) -> str:
    amount = decimal_text(event.amount_minor, event.currency)
    until = f", until {event.until}" if event.until else ""
    how = f" ({event.method})" if event.method else ""
    return f"{thing_words(event.key)}: {amount} {event.currency} are authorised{how}{until}."


def _wanted(event: e.CaptureWanted, lines: Lines) -> str:
    amount = decimal_text(event.amount_minor, event.currency)
    return f"{thing_words(event.key)}: {amount} {event.currency} of {event.payment} are due."


def _captured(event: e.Captured | e.PartCaptured, lines: Lines) -> str:
    more = "" if isinstance(event, e.Captured) else "; more of it can be captured later"
    return f"{thing_words(event.key)}: the channel captured money of {event.payment}{more}."


def _refund(event: e.RefundWanted, lines: Lines) -> str:
    amount = decimal_text(event.amount_minor, event.currency)
    who = f" by {event.person}" if event.person else ""
    why = f": {event.reason}" if event.reason else ""
    return f"{thing_words(event.key)}: {amount} {event.currency} are to be given back{who}{why}."


def _refunded(event: e.RefundMade, lines: Lines) -> str:
    amount = f"{decimal_text(event.amount_minor, event.currency)} {event.currency}"
    if event.by_others:
        return (
            f"{thing_words(event.key)}: the channel gave {amount} back; others had given back the "
            "rest before."
        )
    return f"{thing_words(event.key)}: the channel gave {amount} back to the customer."


WORDS: dict[type[e.Event], Words] = {
    e.PaymentAuthorised: _authorised,
    e.PaymentCaptured: simply("{thing} is captured, as the channel says: the order is paid."),
    e.PaymentExpired: simply("{thing} can't be captured any more: its time is over."),
    e.PaymentVoided: simply("{thing} is voided: what was not captured is free again."),
    e.CaptureWanted: _wanted,
    e.Captured: _captured,
    e.PartCaptured: _captured,
    e.RefundWanted: _refund,
    e.RefundMade: _refunded,
    e.CaptureDropped: simply("{thing} is not wanted any more; nothing was captured by it."),
}
