"""Messages that come again and again: what is wrong with one is told, and it ends."""

from __future__ import annotations

from actors.runtime.mailbox import COMMITTED, EARLY
from actors.runtime.ports import Message
from schemas.contracts.refusals import JSON_MALFORMED, refused
from schemas.messages.inputs import Input
from service.inbound.intake import EARLY_SECONDS, UNREAD_AFTER
from tests.unit.test_intake import (
    DeliveredMessage,
    LocalSession,
    OneAnswer,
    a_message,
    as_order,
    refuse,
)


async def test_a_message_that_was_tried_too_often_is_put_aside() -> None:
    """One that kills the process each time is dead-lettered, and the others go on."""
    service = LocalSession(OneAnswer(COMMITTED), as_order)
    await service.take(a_message(deliveries=4))
    assert service.looking.reasons == ["undecidable"]


async def test_a_refused_message_that_waited_long_keeps_its_reason() -> None:
    """One that was delivered often because quarantine had no room is kept for what is wrong with
    it, not for its deliveries."""
    service = LocalSession(OneAnswer(COMMITTED), refuse)
    await service.take(a_message(deliveries=40))
    (item,) = service.shelf.items
    assert (item.reason, item.sentences) == ("json_malformed", ("It is not JSON.",))


async def test_a_message_that_ends_the_process_each_time_is_put_aside_unread() -> None:
    """Reading that kills leaves no exception: after twenty times the allowed deliveries it is not
    read once more."""
    read: list[Message] = []

    def reads(message: Message) -> Input:
        read.append(message)
        raise refused(JSON_MALFORMED, "It is not JSON.")

    service = LocalSession(OneAnswer(COMMITTED), reads)
    most = UNREAD_AFTER * 3
    last, unread = (
        a_message(delivery_id="d-1", deliveries=most),
        a_message(delivery_id="d-2", deliveries=most + 1),
    )
    await service.take(last, unread)
    assert read == [last.message]
    assert [item.reason for item in service.shelf.items] == ["json_malformed", "undecidable"]
    assert "60 times" in service.shelf.items[1].sentences[0]


async def test_a_report_waits_for_its_order_by_time_and_not_by_deliveries() -> None:
    """One that a restart, or a store that was away, had handed out often before waits as long as
    any; after half a minute it is put aside, and what waits beside it waits on."""
    service = LocalSession(OneAnswer(EARLY), as_order)
    service.intake.use(in_flight=4, deliveries=50)

    async def take(*copies: DeliveredMessage) -> None:
        service.intake.stopping = False
        await service.take(*copies)

    often = [a_message(delivery_id="d-1", deliveries=count) for count in (30, 31, 32)]
    await take(often[0])
    await take(often[1])
    assert [one.said for one in often] == [["nak"], ["nak"], []]
    service.clock.seconds += EARLY_SECONDS
    other = a_message(delivery_id="d-2")
    await take(often[2], other)
    assert [item.reason for item in service.shelf.items] == ["order_unknown"]
    assert (often[2].said, other.said) == (["ack"], ["nak"])
    again = a_message(delivery_id="d-1", deliveries=1)
    await take(again)
    assert again.said == ["nak"], "released from quarantine, it waits from the beginning"
