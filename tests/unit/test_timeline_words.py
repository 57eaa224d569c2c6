"""Every event, effect and timer has words that a clerk understands."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from adapters.postgres.timeline import TIMERS, event_entry
from schemas.messages import events as e
from schemas.messages.base import Move, Wish
from schemas.messages.codec import encode
from schemas.messages.effects import BuyLabel, Effect, tag_of
from schemas.messages.words import EFFECTS, EVENTS, effect_words, event_words
from schemas.order.things import ORDER, Key
from tests.appends import NOON
from tests.order_streams import (
    F1,
    K1,
    K2,
    L1,
    Stream,
    barest_of,
    labelled,
    left,
    packed,
    planned,
    sample_of,
)

SKUS = ("MUG-1", "LAMP-2")


def test_no_event_and_no_effect_is_without_words() -> None:
    """A new kind can't be added without saying it in plain English."""
    assert set(EVENTS) == set(get_args(e.OrderEvent))
    assert set(EFFECTS) == {tag_of(kind) for kind in get_args(Effect)}


@pytest.mark.parametrize("event", get_args(e.OrderEvent), ids=lambda event: event.__name__)
def test_every_event_is_a_whole_sentence(event: type[e.Event]) -> None:
    """Whatever its fields say, it begins like a sentence, ends like one, and shows no code."""
    for one in (sample_of(event), barest_of(event)):
        text = event_words(one, SKUS)
        assert text[0].isupper() or text.startswith("some-"), text
        assert text.endswith("."), text
        for ugly in ("()", "None", "  ", "..", " ,", " .", "{", "Key("):
            assert ugly not in text, text


def test_what_is_not_sent_by_others_any_more_is_told_by_shipment() -> None:
    """Whole shipments, parts of them, or both; and what is ours again."""
    less = e.NotElsewhere(rule="x", less=(("x", ((0, 1),)),), kept=((0, 1),))
    assert event_words(less, SKUS) == (
        "The channel does not show 1 × MUG-1 in shipment x any more. 1 × MUG-1 are ours to send "
        "again."
    )
    both = e.NotElsewhere(rule="x", gone=("y",), less=(("x", ((0, 1),)),))
    assert event_words(both, SKUS) == (
        "The channel does not show shipments that it showed before (y); 1 × MUG-1 in shipment x "
        "any more."
    )


OF_THINGS = [x for x in get_args(e.OrderEvent) if not tag_of(x).startswith("order.")]


@pytest.mark.parametrize("event", OF_THINGS, ids=lambda event: event.__name__)
def test_events_of_things_name_the_thing(event: type[e.Event]) -> None:
    """Fulfilments, parcels, labels, ERP documents and messages are told by their keys."""
    assert "F1" in event_words(sample_of(event), SKUS)


@pytest.mark.parametrize(
    "event",
    [e.Held, e.HoldReleased, e.TaskOpened, e.GivenToPerson, e.Retried, e.Renewed, e.Overdue],
)
def test_shared_events_name_the_thing(event: type[e.Event]) -> None:
    """What may happen to any thing says which."""
    filled = sample_of(event)
    if event is e.GivenToPerson:
        filled = msgspec.structs.replace(filled, kind=tag_of(BuyLabel))
    assert "F1" in event_words(filled, SKUS)


STREAM = Stream()


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (
            STREAM.placed(country="US"),
            "Order #1042 placed on acme-us: 3 units of 2 lines to US, 22.50 USD, payment paid.",
        ),
        (planned(F1, "main", (0, 2)), "Fulfilment F1: 2 units of 1 line leave main."),
        (packed(F1, K1, (0, 2)), "Fulfilment F1 is packed: parcel K1."),
        (left(F1, K1, (0, 2)), "Fulfilment F1 has left whole with parcel K1."),
        (
            e.PartHandedOver(rule="part", key=F1, left=(K1, K2)),
            "Fulfilment F1 has left in part with parcels K1 and K2.",
        ),
        (e.Delivered(rule="deliver", key=K2), "Parcel K2 is delivered."),
        (
            msgspec.structs.replace(
                labelled(L1, K1, "1Z1"), charge_minor=1234, charge_currency="USD"
            ),
            "Label L1 is bought from UPS for 12.34 USD, tracking 1Z1.",
        ),
        (
            e.ShortPicked(rule="short", key=F1, missing=((0, 1), (7, 2))),
            "Fulfilment F1: the warehouse did not find 1 × MUG-1, 2 × line 8.",
        ),
        (
            e.ShortSettled(rule="settle", key=F1, how="drop", units=((0, 1),), person="jo"),
            "Fulfilment F1 goes without 1 × MUG-1; that is dropped from the order. jo decided.",
        ),
        (
            e.Changed(
                rule="change",
                by="jo",
                facets=("address", "lines"),
                source_updated_at="",
                total_minor=1,
                payment="paid",
                body_digest="",
                moves=(Move(0, 1, "added", "open"),),
                wishes=(Wish(1, 1, "removed"),),
                reason="customer rang",
            ),
            (
                "jo changed the address and the lines, 1 × MUG-1 added, 1 × LAMP-2 no longer"
                " wanted: customer rang."
            ),
        ),
        (
            e.CancelRequested(
                rule="cancel",
                channel="acme-us",
                ref="1",
                reference="r",
                reason="",
                requested_by="channel",
                left=("F1",),
            ),
            "The channel cancels the order. Not undone, because it has left: F1.",
        ),
        (
            e.GivenToPerson(
                rule="stuck",
                key=L1,
                effect=3,
                kind=tag_of(BuyLabel),
                reason="The carrier does not answer.",
                outcome_known=False,
            ),
            (
                "Buy label L1: a person must act: The carrier does not answer."
                " It may have been done: check there before repeating."
            ),
        ),
        (
            e.Overdue(rule="late", key=F1, stage="handed_over", waiting_for=""),
            "Fulfilment F1 is overdue: handed over for too long.",
        ),
        (
            e.HoldReleased(rule="go", hold_id="h1", person="jo"),
            "jo released the hold h1.",
        ),
    ],
)
def test_the_words_give_what_matters(event: e.OrderEvent, text: str) -> None:
    """What the timeline shows is a sentence with the event's own facts, its thing and its rule."""
    entry = event_entry(1, tag_of(event), encode(event), NOON, SKUS)
    assert entry.text == text
    assert (entry.rule, entry.key) == (event.rule, event.key)


def test_effects_name_their_thing() -> None:
    """One sentence for each kind of effect; a kind that this version does not know is named."""
    for kind in EFFECTS:
        words = effect_words(kind, L1)
        assert words[0].isupper()
        assert "{" not in words
    assert effect_words(tag_of(BuyLabel), L1) == "Buy label L1"
    assert effect_words("drone.fly.v1", Key("F1")) == "drone.fly.v1 for F1"


def test_timers_have_words() -> None:
    """Every timer of the machines is told by what it will do."""
    from actors.order import timers

    assert set(TIMERS) == {
        timers.CLOSE, timers.DUE, timers.LATER, timers.MAPPING, timers.STOCK, timers.TRACK,
    }  # fmt: skip


def test_an_event_of_a_newer_version_is_shown_all_the_same() -> None:
    """After a rollback the timeline tells that it can't tell, instead of failing."""
    entry = event_entry(9, "order.teleported.v1", b'{"type":"order.teleported.v1"}', NOON)
    assert (entry.type, entry.key) == ("order.teleported.v1", "")
    assert entry.text == "order.teleported.v1, which this version of Orderwright has no words for."
    assert e.Closed(rule="close").key == ORDER
