"""Intake: messages that do not name their order."""

from __future__ import annotations

import asyncio

from actors.runtime.errors import Rejected, Retryable
from actors.runtime.mailbox import COMMITTED
from actors.runtime.ports import Message
from adapters.kit.fetching import SETTLED, Resolved
from schemas.contracts import refusals
from schemas.contracts.refusals import refused
from schemas.messages.privacy import Read
from service.inbound.resolving import MAX_WAITING, AwayError, Resolving
from tests.unit.test_intake import LocalSession, OneAnswer, a_message


def _names_no_order(message: Message) -> Read:
    raise refused(refusals.ORDER_UNNAMED, "It names no order.")


async def test_a_message_that_names_no_order_comes_in_again_under_its_own() -> None:
    """The storefront says whose it is; nothing is left in quarantine."""
    session = LocalSession(OneAnswer(COMMITTED), _names_no_order)
    session.shop.found = Resolved(ref="7", raw=b"{}")
    message = a_message()
    await session.take(message)
    assert session.shop.published == [("acme-us", "note", "7", b"{}", "d-1:7")]
    assert (session.shelf.items, message.said) == ([], ["ack"])


async def test_what_is_not_so_any_more_is_acknowledged_and_not_kept() -> None:
    """A hold that was taken off before anyone asked concerns no one."""
    session = LocalSession(OneAnswer(COMMITTED), _names_no_order)
    session.shop.found = SETTLED
    message = a_message()
    await session.take(message)
    assert (message.said, session.shelf.items, session.shop.published) == (["ack"], [], [])


async def test_a_message_whose_order_no_one_knows_is_kept() -> None:
    """Where the storefront has no such thing, or refuses to say, a person has it in full."""
    for error in (None, Rejected("No permission.")):
        session = LocalSession(OneAnswer(COMMITTED), _names_no_order)
        session.shop.error = error
        await session.take(a_message())
        assert [item.reason for item in session.shelf.items] == [refusals.ORDER_UNNAMED]
        assert session.shop.published == []


async def test_a_message_waits_for_a_storefront_that_is_away() -> None:
    """It goes back to the stream, and is neither lost nor kept."""
    session = LocalSession(OneAnswer(COMMITTED), _names_no_order)
    session.shop.error = Retryable("Shopify is away.")
    message = a_message()
    await session.take(message)
    assert (message.said, session.shelf.items) == (["nak"], [])


class Slow:
    """A storefront that answers nothing until its gate opens."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()

    async def resolved(self, topic: str, raw: bytes) -> Resolved | None:
        await self.gate.wait()
        return None

    async def publish(self, channel: str, kind: str, ref: str, raw: bytes, **named: str) -> None:
        """Nothing is published of what no one knows."""


async def test_a_slow_storefront_does_not_fill_the_intake() -> None:
    """Of many questions to one that does not answer some wait, and the others go back to the
    stream at once."""
    shop = Slow()
    resolving = Resolving({"acme-us": shop}, shop)
    asked = [
        asyncio.create_task(resolving.resolve(a_message(delivery_id=f"d-{number}").message))
        for number in range(MAX_WAITING + 3)
    ]
    done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    assert [type(one.exception()) for one in done] == [AwayError] * 3
    shop.gate.set()
    ended = await asyncio.gather(*asked, return_exceptions=True)
    assert ended.count(False) == MAX_WAITING
