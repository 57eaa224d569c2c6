"""One effect on its way to a partner."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from actors.runtime.observer import BLIND, Trace
from actors.runtime.ports import EffectName
from schemas.messages.effects import Effect
from schemas.order.ids import OrderId, Reference
from schemas.order.things import Key


class Item:
    """`key` is the thing the effect is for, `reference` the order's own. `epoch` is the lease epoch
    under which it was taken into memory: under another one somebody else may have called for it.
    `maybe_done` says that it is looked up before it is called; `sought_since`, that it is only
    looked up; `declined` as in EffectNote. `left`: a request that may act has left in this try."""

    __slots__ = (
        "_body",
        "_encoded",
        "attempts",
        "channel",
        "declined",
        "effect",
        "ended_at",
        "epoch",
        "key",
        "left",
        "maybe_done",
        "number",
        "order_id",
        "partition",
        "ref",
        "reference",
        "sought_since",
        "trace",
        "watched",
    )

    def __init__(
        self,
        *,
        order_id: OrderId,
        number: int,
        key: Key,
        channel: str,
        ref: str,
        partition: int,
        epoch: int,
        reference: Reference,
        effect: Effect,
        attempts: int,
        maybe_done: bool,
        body: Any = None,
        encoded: bytes = b"",
        trace: str = "",
        sought_since: datetime | None = None,
        declined: bool = False,
    ) -> None:
        self.order_id = order_id
        self.number = number
        self.key = key
        self.channel = channel
        self.ref = ref
        self.partition = partition
        self.epoch = epoch
        self.reference = reference
        self.effect = effect
        self.attempts = attempts
        self.maybe_done = maybe_done
        self._body = body
        self._encoded = encoded
        self.trace = trace
        self.sought_since = sought_since
        self.declined = declined
        self.ended_at = 0.0  # monotonic seconds; 0.0 while the call is under way
        self.left = False
        self.watched: Trace = BLIND
        """The call that is under way, so that what its answer causes is linked to it."""

    @property
    def name(self) -> EffectName:
        """The effect's permanent name."""
        return (self.order_id, self.number)

    @property
    def known_body(self) -> Any:
        """The decoded body, None when no one needed it yet or there is none."""
        return self._body

    def body(self, decode: Callable[[bytes], Any]) -> Any:
        """Return the body, decoded when it came from the store; None if there is none there."""
        if self._body is None and self._encoded:
            self._body = decode(self._encoded)
        return self._body
