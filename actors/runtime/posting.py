"""Brings a partner's answer to its stream."""

from __future__ import annotations

import asyncio

from actors.runtime import errors
from actors.runtime.item import Item
from actors.runtime.mailbox import Envelope, ending
from actors.runtime.registry import Registry
from actors.runtime.replies import Reply, input_id_of

POST_AGAIN_SECONDS = 0.2
"""Pause before a reply is posted again to a stream whose mailbox is full."""


async def post(
    registry: Registry, item: Item, reply: Reply, *, patient: bool = False
) -> tuple[str, str]:
    """Post a reply and wait until it is taken. Returns the outcome, and why in words."""
    input_id = input_id_of(reply)
    while True:
        ended: asyncio.Future[tuple[str, str]] = asyncio.get_running_loop().create_future()
        envelope = Envelope(
            reply,
            input_id,
            ending(ended),
            channel=item.channel,
            ref=item.ref,
            trace=item.watched,
        )
        try:
            registry.post(item.order_id, envelope, patient=patient)
        except errors.MailboxFull:
            await asyncio.sleep(POST_AGAIN_SECONDS)
            continue
        return await ended
