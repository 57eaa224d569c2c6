"""What a partner is told of one effect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actors.runtime import errors
from actors.runtime.item import Item
from actors.runtime.observer import Trace
from actors.runtime.partner import Call, surely_ours
from actors.runtime.references import References, SigningKeyMissing
from schemas.messages.effects import VERBS, digest_of


def call_of(
    item: Item,
    trace: Trace,
    references: References,
    decode: Callable[[bytes], Any],
    check_ours: Callable[[], None] = surely_ours,
) -> Call:
    """Return the call for an effect. Its key is the same for every repeat, whoever repeats: verb,
    thing, and for amendments what tells one from the next. Raises errors.NeedsPerson where the key
    that signs references is missing."""
    try:
        reference = references.of(item.reference, item.order_id, item.key)
    except SigningKeyMissing as error:
        raise errors.NeedsPerson(str(error), outcome_known=not item.maybe_done) from error
    digest = digest_of(item.effect)
    key = f"{VERBS[type(item.effect)]}-{reference}"
    return Call(
        order_id=item.order_id,
        channel=item.channel,
        ref=item.ref,
        key=item.key,
        reference=reference,
        order_reference=item.reference,
        number=item.number,
        effect=item.effect,
        order=item.body(decode),
        idempotency_key=f"{key}-{digest}" if digest else key,
        attempt=item.attempts,
        trace=trace.traceparent,
        check_ours=check_ours,
    )
