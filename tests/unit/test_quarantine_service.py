"""A check of the quarantine says what the intake would say, of everything that can be in it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from actors.runtime.ports import Message
from adapters.postgres.pool import Pool
from adapters.postgres.quarantine_workflow import HeldItem, QuarantineWorkflow
from schemas.messages import codec
from schemas.messages.inputs import ActOnOrder, Input
from service.quarantine.service import MAX_EDITED_BYTES, QuarantineService, Verdict
from service.settings import Settings
from service.wiring.channels import Readers, readers_by_kind
from tests.appends import SEALING
from tests.fakes import JumpingClock
from tests.given import NOON, an_order
from tests.shopify_payloads import a_payload

ORDER = msgspec.json.encode(an_order())
SHOPIFY = msgspec.json.encode(a_payload())
REF = "820982911946154508"


class NoStream:
    """A check sends nothing."""

    async def publish(self, *_: object, **__: object) -> None:
        raise AssertionError("A check must not send anything.")


def a_service(translate: Any = None) -> QuarantineService:
    """A service whose store is nowhere: a check doesn't ask it."""
    keys = {"1": b"key"}
    readers = readers_by_kind(keys)
    pool = Pool("postgresql://nobody@127.0.0.1:1/none")
    translate = translate or Readers(Settings(), keys).read
    return QuarantineService(
        QuarantineWorkflow(pool, SEALING),
        NoStream(),
        readers,
        translate,
        lambda *_: None,
        JumpingClock(),
    )


def an_item(original: bytes, **changes: Any) -> HeldItem:
    """Something that was refused."""
    item = HeldItem(
        id=1,
        delivery_id="acme-us/place/1",
        channel="acme-us",
        kind="place",
        ref="",
        source="canonical",
        reason="schema_mismatch",
        sentences=("It was refused.",),
        headers={},
        original=original,
        at=NOON,
        group="0" * 16,
        state="open",
        state_at=None,
        attempt=1,
        edited=None,
        edited_by="",
        edited_at=None,
        released_as=None,
    )
    return replace(item, **changes)


def checked(item: HeldItem, raw: bytes | None = None) -> Verdict:
    return a_service().check(item, raw)


async def test_what_is_right_now_would_be_taken() -> None:
    """Edited bytes stand for the original, and given ones for both."""
    verdict = checked(an_item(ORDER))
    assert (verdict.ready, verdict.ref, verdict.sentences) == (True, an_order().ref, ())
    assert not checked(an_item(b"{")).ready
    assert checked(an_item(b"{", edited=ORDER)).ready
    assert not checked(an_item(ORDER, edited=b"{")).ready
    assert checked(an_item(b"{", edited=b"["), ORDER).ready


@pytest.mark.parametrize(
    ("original", "reason"),
    [
        (b"", "json_malformed"),
        (b"\xff\x00", "json_not_utf8"),
        (b"[]", "schema_mismatch"),
        (b'{"type": "order.cancel.v1", "ref": "1"}', "kind_mismatch"),
        (b"x" * (MAX_EDITED_BYTES + 1), "too_large"),
    ],
)
async def test_what_is_wrong_is_told_in_sentences(original: bytes, reason: str) -> None:
    """The reason and sentences are those that the intake would give."""
    verdict = checked(an_item(original))
    assert (verdict.ready, verdict.reason) == (False, reason)
    assert verdict.sentences
    assert all(one.endswith(".") for one in verdict.sentences)


async def test_an_unread_topic_waits_for_its_reader() -> None:
    """A payload kept before its topic meant anything, or too broken to name its order, gets its
    kind again; one that still has no reader says so."""
    topic = {"orderwright-topic": "orders/create"}
    kept = an_item(SHOPIFY, source="shopify", headers=topic)
    for kind in ("unknown", "unreadable"):
        verdict = checked(replace(kept, kind=kind))
        assert (verdict.ready, verdict.kind, verdict.ref) == (True, "place", REF)
    other = replace(kept, kind="unknown", headers={"orderwright-topic": "carts/update"})
    assert not checked(other).ready
    assert "carts/update" in checked(other).sentences[0]
    stranger = checked(an_item(ORDER, source="etsy"))
    assert (stranger.ready, stranger.reason) == (False, "kind_unknown")


async def test_an_unroutable_message_is_read_by_the_kind_in_its_subject() -> None:
    """A subject without a reference still says which kind was meant; but never an act, which bears
    a person's name and must come where only some may publish."""
    unroutable = an_item(ORDER, kind="", headers={"orderwright-subject": "orders.in.acme-us.place"})
    verdict = checked(unroutable)
    assert (verdict.ready, verdict.kind, verdict.channel) == (True, "place", "acme-us")
    act = codec.encode(ActOnOrder(ref="1", verb="cancel", person="Eve", reason="x"))
    forged = an_item(act, kind="", headers={"orderwright-subject": "orders.in.acme-us.act"})
    assert (checked(forged).ready, checked(forged).reason) == (False, "kind_unknown")
    assert not checked(replace(unroutable, headers={"orderwright-subject": "orders.in"})).ready


async def test_a_warehouse_callback_keeps_its_proof() -> None:
    """An edit that names another order than the correlation id was signed for is refused."""
    told = {"type": "task.picked", "reference": "x" * 35, "channel": "acme-us"}
    body = msgspec.json.encode(
        {**told, "order_ref": "1", "task_id": "t", "occurred_at": "2026-11-27T12:00:00Z"}
    )
    verdict = checked(an_item(body, source="warehouse", channel="wh", kind="unreadable"))
    assert (verdict.reason, verdict.channel, verdict.kind) == (
        "correlation_refused",
        "acme-us",
        "picked",
    )


async def test_a_bug_of_a_translation_is_told_too() -> None:
    """What fails on our side is a refusal here, as it is at the intake."""

    def broken(_: Message) -> Input:
        raise ZeroDivisionError

    verdict = a_service(broken).check(an_item(ORDER))
    assert (verdict.ready, verdict.reason) == (False, "unreadable")
    assert "ZeroDivisionError" in verdict.sentences[0]
