"""What becomes of a message that can't be read: it is kept in full, and an order that it would have
changed is held meanwhile, for it would go on as it was."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from actors.runtime.ports import Message, Quarantined
from schemas.contracts import refusals
from schemas.messages.inputs import NoteReport
from service.inbound.addressing import kept_headers, published_ref

CHANGING = frozenset({"update", "pay", "cancel", "refetch"})
"""Kinds of messages that say how an order is now, that it is cancelled, or that it changed."""
_NOT_OF_IT = frozenset({refusals.REF_MISMATCH, refusals.TOPIC_MISMATCH})
"""Reasons of messages that are about another order, or whose signed body is not what they say."""
UNREAD = "unread-statement"
"""What such news is called; its hold begins so (`actors.order.change.UNREAD`)."""


_NOT_JSON = frozenset({refusals.JSON_MALFORMED, refusals.JSON_DUPLICATE_KEY})
"""Reasons of messages of which nothing may be believed that a lenient reader finds in them."""


class _Dated(msgspec.Struct):
    updated_at: str = ""


_read_dated = msgspec.json.Decoder(_Dated).decode


def note_of(message: Message, reason: str) -> NoteReport | None:
    """Return what an order that is known hears of a message that can't be read for a `reason`; None
    for a message that changes no order. A storefront's time of the change, where the message says
    it, tells which later statements are as new."""
    ref = published_ref(message) if message.kind in CHANGING else ""
    if not ref or reason in _NOT_OF_IT:
        return None
    at = _stated_at(message.raw) if reason not in _NOT_JSON else None
    # Without its time no one knows whether what is released later was the channel's last word.
    then = "fetch the order" if at is not None else "then fetch the order"
    return NoteReport(
        ref=ref,
        source=message.source[:256] or message.channel,
        topic=UNREAD,
        words=f"A change that the channel stated is in quarantine ({reason}): correct and release "
        f"it there, {then}, or compare it with the channel and release this.",
        hold="before_hand_over",
        at=at,
        known=True,
        unread=True,
    )


def _stated_at(raw: bytes) -> str | None:
    """Return when the order changed by the message's own word; None where it does not say."""
    try:
        at = datetime.fromisoformat(_read_dated(raw).updated_at)
        return at.astimezone(UTC).isoformat() if at.tzinfo is not None else None
    except (msgspec.DecodeError, ValueError, OverflowError):
        return None


def quarantined(message: Message, reason: str, sentences: tuple[str, ...]) -> Quarantined:
    """Return the item that a message is kept as."""
    return Quarantined(
        delivery_id=message.delivery_id,
        channel=message.channel,
        kind=message.kind,
        ref=published_ref(message),
        source=message.source,
        reason=reason,
        sentences=sentences,
        headers=kept_headers(message),
        original=message.raw,
        at=message.received_at,
    )
