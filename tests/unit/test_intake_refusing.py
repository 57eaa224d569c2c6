"""Intake: the order that a message would have changed hears that it was not understood."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from actors.runtime.mailbox import COMMITTED, POISON, STOPPED, UNMATCHED
from actors.runtime.ports import Message
from schemas.contracts.refusals import refused
from schemas.messages import inputs as i
from schemas.messages.inputs import Input
from schemas.order.ids import ref_token
from service.inbound.refusing import note_of
from tests.given import an_order
from tests.unit.test_intake import REF, LocalSession, OneAnswer, a_message, refuse


@pytest.mark.parametrize("outcome", [COMMITTED, UNMATCHED, POISON])
@pytest.mark.parametrize("kind", ["update", "pay", "cancel", "refetch"])
async def test_the_order_hears_of_a_change_that_is_not_understood(kind: str, outcome: str) -> None:
    """Before the change is kept: a known order would go on as it was. One that is not known is not
    made by it."""
    registry = OneAnswer(outcome)
    service = LocalSession(registry, refuse)
    message = a_message(kind=kind, token=ref_token(REF))
    await service.take(message)
    (envelope,) = registry.envelope
    command = envelope.command
    assert isinstance(command, i.NoteReport)
    assert (command.ref, command.hold, command.known) == (REF, "before_hand_over", True)
    assert "in quarantine (json_malformed)" in command.words
    assert envelope.input_id != message.message.delivery_id
    assert [item.reason for item in service.shelf.items] == ["json_malformed"]
    assert message.said == ["ack"]


async def test_a_change_that_is_not_understood_comes_again_where_its_order_can_not_hear() -> None:
    """Nothing is kept before the order is held."""
    service = LocalSession(OneAnswer(STOPPED), refuse)
    message = a_message(kind="update", token=ref_token(REF))
    await service.take(message)
    assert (message.said, service.shelf.items) == (["nak"], [])


@pytest.mark.parametrize("reason", ["topic_mismatch", "ref_mismatch"])
async def test_no_order_hears_of_what_is_not_about_it(reason: str) -> None:
    """A replay under another topic, or a message under another's reference, holds nothing."""

    def wrong(message: Message) -> Input:
        raise refused(reason, "It is not what it says.")

    registry = OneAnswer(COMMITTED)
    service = LocalSession(registry, wrong)
    await service.take(a_message(kind="update", token=ref_token(REF)))
    assert registry.envelope == []
    assert service.looking.reasons == [reason]


async def test_the_order_hears_of_a_change_that_a_fault_of_ours_keeps_from_being_read() -> None:
    """It is as little understood as one that is malformed, and it may say the same."""

    def stumble(message: Message) -> Input:
        raise KeyError("a bug")

    registry = OneAnswer(COMMITTED)
    service = LocalSession(registry, stumble)
    await service.take(a_message(kind="update", token=ref_token(REF)))
    assert [type(one.command) for one in registry.envelope] == [i.NoteReport]
    assert service.looking.reasons == ["unreadable"]


async def test_the_order_hears_of_a_change_that_can_not_be_decided() -> None:
    """It was read, and is in quarantine all the same: nothing of it was taken over."""
    registry = OneAnswer(POISON)
    service = LocalSession(registry, lambda message: i.UpdateOrder(order=an_order(ref=REF)))
    await service.take(a_message(kind="update", token=ref_token(REF)))
    assert [type(one.command) for one in registry.envelope] == [i.UpdateOrder, i.NoteReport]
    assert service.looking.reasons == ["undecidable"]


@pytest.mark.parametrize(("deliveries", "heard"), [(4, [i.NoteReport]), (61, [])])
async def test_the_order_hears_of_a_change_that_was_tried_too_often(
    deliveries: int, heard: list[type]
) -> None:
    """Before it is put aside; and what ends the process, whatever it is told as, is put aside at
    last."""
    registry = OneAnswer(COMMITTED)
    service = LocalSession(registry, lambda message: i.UpdateOrder(order=an_order(ref=REF)))
    await service.take(a_message(kind="update", token=ref_token(REF), deliveries=deliveries))
    assert [type(one.command) for one in registry.envelope] == heard
    assert service.looking.reasons == ["undecidable"]


@pytest.mark.parametrize(
    ("raw", "at"),
    [
        (b'{"updated_at":"2026-11-27T12:02:00-05:00"}', "2026-11-27T17:02:00+00:00"),
        (b'{"updated_at":"2026-02-30T12:02:00Z"}', None),
        (b'{"updated_at":"2026-11-27T12:02:00"}', None),
        (b'{"updated_at":"0001-01-01T00:00:00+14:00"}', None),
        (b'{"updated_at":7}', None),
        (b"{}", None),
        (b"[]", None),
        (b"\xff", None),
    ],
)
def test_the_order_hears_when_the_change_was_made(raw: bytes, at: str | None) -> None:
    """By the message's own word, where it has one that can be read; a statement that is older must
    not end the hold. Nothing is believed of a text that says two things."""
    message = replace(a_message(kind="update", token=ref_token(REF)).message, raw=raw)
    note = note_of(message, "schema_mismatch")
    assert note is not None
    assert (note.at, note.unread) == (at, True)
    # What is released later is compared by its time; where there is none, what is fetched frees.
    assert ("then fetch the order" in note.words) == (at is None)
    twice = note_of(message, "json_duplicate_key")
    assert twice is not None
    assert twice.at is None


@pytest.mark.parametrize(
    ("topic", "given", "asked"),
    [
        ("order/fetched", "acme-us:1042:0f:asked-12", 12),
        ("order/fetched", "acme-us:1042:0f", 0),
        ("order/fetched", "acme-us:1042:0f:asked-1x", 0),
        ("order/fetched", "acme-us:1042:0f:asked-" + "9" * 30, 0),
        ("orders/updated", "acme-us:1042:0f:asked-12", 0),
    ],
)
async def test_the_order_hears_which_question_an_answer_is_for(
    topic: str, given: str, asked: int
) -> None:
    """Only an answer to a question that was asked after a change came tells of it; what a message
    says of that itself is not believed."""
    registry = OneAnswer(COMMITTED)
    said = i.UpdateOrder(order=an_order(ref=REF), fetched=99)
    service = LocalSession(registry, lambda message: said)
    message = a_message(kind="update", token=ref_token(REF))
    message.message = replace(message.message, topic=topic, delivery_id=given)
    await service.take(message)
    (envelope,) = registry.envelope
    assert isinstance(envelope.command, i.UpdateOrder)
    assert envelope.command.fetched == asked
