"""Brings a partner's answer to its stream."""

from __future__ import annotations

import asyncio

from actors.runtime import errors
from actors.runtime.item import Item
from actors.runtime.mailbox import Envelope, ending
from actors.runtime.registry import Registry
from schemas.messages.inputs import EffectDone, EffectGivenUp, EffectRefused

POST_AGAIN_SECONDS = 0.2
"""Pause before a reply is posted again to a stream whose mailbox is full."""

Reply = EffectDone | EffectRefused | EffectGivenUp

_ENDS: dict[type[Reply], str] = {
    EffectDone: "done",
    EffectRefused: "refused",
    EffectGivenUp: "given-up",
}
"""The first word of a reply's input id. Each end has its own: what a partner did is heard also when
the effect had been refused or given up before, and so is that a search for it ended."""


async def post(registry: Registry, item: Item, reply: Reply) -> tuple[str, str]:
    """Post a reply and wait until it is taken. Returns the outcome, and why in words."""
    is_search = isinstance(reply, EffectGivenUp) and reply.sought
    end = "sought" if is_search else _ENDS[type(reply)]
    while True:
        ended: asyncio.Future[tuple[str, str]] = asyncio.get_running_loop().create_future()
        envelope = Envelope(
            reply,
            f"{end}:{item.number}",
            ending(ended),
            channel=item.channel,
            ref=item.ref,
            trace=item.watched,
        )
        try:
            registry.post(item.order_id, envelope)
        except errors.MailboxFull:
            await asyncio.sleep(POST_AGAIN_SECONDS)
            continue
        return await ended
