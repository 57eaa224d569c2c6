"""Codes of single pieces that a person enters, where the warehouse did not send them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from schemas.contracts.edits import edit_of
from schemas.contracts.refusals import Refused
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.messages.effects import LineCodes
from tests.given import (
    F1,
    K1,
    REF,
    Story,
    a_parcel,
    an_order,
    given_released,
    given_shipped,
    packed,
    published,
)

TWICE = (
    b'{"codes": [{"parcel": "K1", "line_id": "1", "codes": ["a"]},'
    b' {"parcel": "K1", "line_id": "1", "codes": ["b"]}]}'
)
REFUSAL = "Amazon wants the Transparency code of each piece."


def a_coded_order() -> object:
    """Its first line wants a code of each of its two pieces."""
    first, *rest = an_order().lines
    return (replace(first, unit_codes="transparency"), *rest)


@pytest.fixture
def story() -> Story:
    """Both lines left in one parcel, without codes, and the channel refused it."""
    return given_shipped(lines=a_coded_order()).refused(f.PublishFulfilment, REFUSAL)


def entering(*codes: str, parcel: str = K1, line: str = "1") -> i.EditOrder:
    """A person enters codes."""
    one = i.ParcelCodes(parcel=parcel, line_id=line, codes=codes)  # type: ignore[arg-type]  # a key is a text
    return i.EditOrder(ref=REF, person="ann", reason="read off the box", codes=(one,))


def test_codes_that_are_entered_are_told_at_once(story: Story) -> None:
    """The publication that was refused without them is tried again, with them, and ends."""
    assert story.state.stuck
    story.when(entering("AZ:1", "AZ:2")).then_events(e.CodesEntered, e.Retried)
    told = story.effect(f.PublishFulfilment)
    assert isinstance(told, f.PublishFulfilment)
    assert told.parcels[0].codes == (LineCodes("1", ("AZ:1", "AZ:2")),)
    assert not story.state.stuck
    published(story)
    assert story.state.parcels[K1].shown


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (entering("AZ:1"), "K1 holds 2 pieces of line 1: enter one code for each."),
        (entering("AZ:1", "AZ:1"), "K1 holds 2 pieces of line 1: enter one code for each."),
        (entering("AZ:1", "AZ:2", "AZ:3"), "K1 holds 2 pieces of line 1: enter one code for each."),
        (
            entering("AZ:1", parcel="K9"),
            "The order has no parcel K9 that is under way; it has: K1.",
        ),
        (entering("AZ:1", line="2"), "The channel wants no codes of line 2."),
        (entering("AZ:1", line="9"), "K1 holds nothing of line 9; it holds: 1, 2."),
    ],
)
def test_what_can_t_be_its_codes_is_refused_in_words(
    story: Story, given: i.EditOrder, why: str
) -> None:
    """Each refusal says what the parcel holds; nothing is told."""
    story.when(given).then_events(e.ActionRefused).then_effects()
    (said,) = [x for x in story.events if isinstance(x, e.ActionRefused)]
    assert (said.verb, said.reason) == ("codes", why)


def test_codes_of_what_was_shown_stay(story: Story) -> None:
    """What the channel knows is not changed behind its back."""
    published(story.when(entering("AZ:1", "AZ:2")))
    story.when(entering("AZ:3", "AZ:4")).then_events(e.ActionRefused)


def test_a_code_belongs_to_one_piece() -> None:
    """The same code in two parcels is a slip of the scanner or the hand."""
    parcels = (a_parcel("1", l1=1), a_parcel("2", l1=1, l2=1))
    story = given_released(lines=a_coded_order()).when(packed(*parcels))
    story.when(entering("AZ:1")).then_events(e.CodesEntered)
    story.when(entering("AZ:1", parcel="K2")).then_events(e.ActionRefused)
    story.when(entering("AZ:2", parcel="K2")).then_events(e.CodesEntered)


def test_codes_may_come_before_the_channel_is_told() -> None:
    """Entered while the parcel is under way, they go with its first publication."""
    story = given_shipped(lines=a_coded_order())
    story.when(entering("AZ:1", "AZ:2")).then_events(e.CodesEntered)
    assert story.state.parcels[K1].codes == ((0, ("AZ:1", "AZ:2")),)
    assert story.stage(F1) == "handed_over"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b'{"codes": [{"parcel": "F1", "line_id": "1", "codes": ["a"]}]}', "parcel"),
        (b'{"codes": [{"parcel": "K1", "line_id": "1", "codes": []}]}', "codes"),
        (
            b'{"note": "x", "codes": [{"parcel": "K1", "line_id": "1", "codes": ["a"]}]}',
            "two edits",
        ),
        (
            TWICE,
            "twice",
        ),
    ],
)
def test_an_edit_that_can_t_be_meant_so_is_refused(raw: bytes, words: str) -> None:
    """Before it reaches the order."""
    with pytest.raises(Refused) as refused:
        edit_of(raw, REF, "ann")
    assert words in str(refused.value)
