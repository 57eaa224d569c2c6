"""Messages that do not say which order they are about: their storefront is asked, and they come in
again under that order."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping

from actors.runtime.errors import PartnerError, Rejected, StreamUnavailable
from actors.runtime.ports import Message
from adapters.kit.fetching import SETTLED, IntakeStream, Resolves

MAX_ASKED = 4
"""Questions at once to one storefront: they stand beside its lane, which has a bound of its own."""
MAX_WAITING = 16
"""Questions that wait for their turn at one storefront; more go back to the stream, so that a slow
one does not fill the intake of all."""
NEWS = "note"
"""The kind of what comes in again: news of an order, which does not carry it."""


class AwayError(Exception):
    """The storefront, or the stream, can't be asked just now."""


class Resolving:
    """Asks storefronts; `shops` are those that can be asked, by channel."""

    def __init__(self, shops: Mapping[str, Resolves], intake: IntakeStream) -> None:
        self._shops = dict(shops)
        self._intake = intake
        self._waiting: Counter[str] = Counter()
        self._room = {name: asyncio.Semaphore(MAX_ASKED) for name in shops}

    def use(self, shops: Mapping[str, Resolves]) -> None:
        """Ask these storefronts from now on."""
        self._shops = dict(shops)
        for name in shops:
            self._room.setdefault(name, asyncio.Semaphore(MAX_ASKED))

    async def resolve(self, message: Message) -> bool:
        """Say whether the message came in again under its order, or tells what is not so any more.
        Raises AwayError."""
        shop = self._shops.get(message.channel)
        if shop is None:
            return False
        if self._waiting[message.channel] >= MAX_WAITING:
            raise AwayError(f"{MAX_WAITING} questions wait for {message.channel} already.")
        self._waiting[message.channel] += 1
        try:
            async with self._room[message.channel]:
                found = await shop.resolved(message.topic, message.raw)
            if found is None:
                return False
            if found is SETTLED:
                return True
            await self._intake.publish(
                message.channel,
                NEWS,
                found.ref,
                found.raw,
                delivery_id=f"{message.delivery_id}:{found.ref}",
                source=message.source,
                topic=message.topic,
            )
        except Rejected:
            return False
        except (PartnerError, StreamUnavailable) as error:
            raise AwayError(str(error)) from error
        finally:
            self._waiting[message.channel] -= 1
        return True
