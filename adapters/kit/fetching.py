"""Fetches an order as it is now and has it come in like a webhook.

What the channel says is published to the stream as a message of its own kind of shape, so that it
passes the same edge: read strictly, validated, kept in quarantine when it is refused, released
when it is fixed. The effect ends when the stream has it on disk.
"""

from __future__ import annotations

import hashlib
from typing import Protocol, runtime_checkable

from msgspec import Struct

from actors.runtime.errors import NeedsPerson, Retryable, StreamUnavailable, TooLargeForStream
from actors.runtime.partner import Call, Partner
from schemas.messages.effects import FetchOrder, OrderFetched, Result

FETCHED = "order/fetched"
"""The topic of a message that holds what the channel said when it was asked."""

KIND = "update"
"""Its kind: how the order looks now."""

_ASKED = ":asked-"


def asked_by(topic: str, delivery_id: str) -> int:
    """Return the number of the effect whose answer a delivery is, 0 for any other."""
    digits = delivery_id.rpartition(_ASKED)[2] if topic == FETCHED else ""
    plain = digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS
    return int(digits) if plain and _ASKED in delivery_id else 0


_MOST_DIGITS = 9


@runtime_checkable
class Shows(Partner, Protocol):
    """A storefront that can be asked for an order as it is now."""

    async def bundle(self, ref: str, call: Call) -> bytes:
        """Return everything that is needed to translate the order, as one JSON text whose keys are
        sorted: the same state gives the same bytes.

        Raises the errors of `actors.runtime.errors`, Rejected for an order the channel does not
        know.
        """
        ...


class Resolved(Struct, frozen=True):
    """A message that now names its order: the order's reference, and the bytes that say so."""

    ref: str
    raw: bytes


SETTLED = Resolved("", b"")
"""What a message told is not so any more: nothing follows from it, for no order."""


@runtime_checkable
class Resolves(Protocol):
    """A storefront whose messages may name something else than an order."""

    async def resolved(self, topic: str, raw: bytes) -> Resolved | None:
        """Return the message with its order beside it; None where the storefront knows of none.

        Raises the errors of `actors.runtime.errors`.
        """
        ...


class IntakeStream(Protocol):
    """Where messages are published. Raises StreamUnavailable and TooLargeForStream."""

    async def publish(
        self,
        channel: str,
        kind: str,
        ref: str,
        raw: bytes,
        *,
        delivery_id: str,
        source: str,
        topic: str,
        trace: str = "",
    ) -> None:
        """Return when the message is on disk."""
        ...


class Fetching:
    """One channel's storefront that is also asked how orders are; `source` is the channel's kind.

    Behind `actors.runtime.partner.Partner`: every other effect is the storefront's own.
    """

    def __init__(self, shop: Shows, intake: IntakeStream, *, source: str) -> None:
        self._shop = shop
        self.name = shop.name
        self._intake = intake
        self._source = source
        self.can_look_up = shop.can_look_up

    @property
    def resolves(self) -> Resolves | None:
        """The storefront as one that says which order a message is about; None for another."""
        return self._shop if isinstance(self._shop, Resolves) else None

    async def perform(self, call: Call) -> Result:
        """Fetch the order, or do what the storefront does."""
        if not isinstance(call.effect, FetchOrder):
            return await self._shop.perform(call)
        raw = await self._shop.bundle(call.ref, call)
        digest = hashlib.sha256(raw).hexdigest()
        try:
            await self._intake.publish(
                call.channel,
                KIND,
                call.ref,
                raw,
                # One question's answer is one delivery, however often it is given.
                delivery_id=f"{call.channel}:{call.ref}:{digest[:32]}{_ASKED}{call.number}",
                source=self._source,
                topic=FETCHED,
                trace=call.trace,
            )
        except StreamUnavailable as error:
            # Not the channel's fault: its breaker stays as it is.
            raise Retryable(
                str(error), retry_after_seconds=error.retry_after_seconds, sick=False
            ) from error
        except TooLargeForStream as error:
            raise NeedsPerson(
                f"What the channel says of the order is too large to be taken in: {error} Enter "
                "the order by hand."
            ) from error
        return OrderFetched(digest=digest)

    async def look_up(self, call: Call) -> Result | None:
        """Asking again harms no one, so nothing is looked up for it."""
        if isinstance(call.effect, FetchOrder):
            return None
        return await self._shop.look_up(call)
