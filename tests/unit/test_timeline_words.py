"""Every event and effect has words that a clerk understands."""

from __future__ import annotations

from typing import get_args

import pytest

from adapters.postgres.timeline import EFFECT_WORDS, EVENT_WORDS, event_entry
from schemas.messages import events as e
from schemas.messages.codec import encode
from schemas.messages.effects import Effect, tag_of
from schemas.messages.inputs import ShortLine
from tests.appends import NOON, placed


def test_no_event_and_no_effect_is_without_words() -> None:
    """A new kind can't be added without saying it in plain English."""
    assert set(EVENT_WORDS) == set(get_args(e.OrderEvent))
    assert set(EFFECT_WORDS) == {tag_of(kind) for kind in get_args(Effect)}


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (
            placed("1042"),
            "Order #1042 placed on acme-us: 2 pieces of 1 SKU(s), 404.95 USD, payment paid.",
        ),
        (
            e.Labelled(
                rule="label",
                carrier="UPS",
                shipment_id="s",
                tracking_number="1Z",
                charge_minor=1234,
                charge_currency="USD",
            ),
            "Label bought from UPS for 12.34 USD, tracking 1Z.",
        ),
        (
            e.ShortPicked(
                rule="short",
                lines=(ShortLine(line_id="7", ordered_quantity=3, picked_quantity=1),),
            ),
            "The warehouse found less than was asked (line 7: 1 of 3).",
        ),
        (
            e.GivenToPerson(
                rule="stuck",
                effect=3,
                kind="carrier.buy_label.v1",
                reason="The carrier does not answer.",
                outcome_known=False,
            ),
            (
                "Buy the label: a person must see to it: The carrier does not answer."
                " It may have been done; look before repeating it."
            ),
        ),
        (e.Overdue(rule="late", stage="reserved", waiting_for=""),
         "Overdue: reserved for too long, waiting for no one named."),
        (e.HoldReleased(rule="go", hold_id="h1", person="jo"), "jo released the hold h1."),
    ],
)  # fmt: skip
def test_the_words_give_what_matters(event: e.OrderEvent, text: str) -> None:
    """What the timeline shows is a sentence with the event's own facts."""
    entry = event_entry(1, tag_of(event), encode(event), NOON)
    assert entry.text == text
    assert entry.rule == event.rule


def test_an_event_of_a_newer_version_is_shown_all_the_same() -> None:
    """After a rollback the timeline tells that it can't tell, instead of failing."""
    entry = event_entry(9, "order.teleported.v1", b'{"type":"order.teleported.v1"}', NOON)
    assert entry.type == "order.teleported.v1"
    assert (
        entry.text == "order.teleported.v1, which this version of Orderwright can't put in words."
    )
