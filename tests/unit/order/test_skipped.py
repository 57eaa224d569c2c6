"""What only a person can go on with: the order says who must act, on what, and why."""

from __future__ import annotations

import pytest

from actors.order.stream import waiting_for
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import ELSEWHERE, REF, Story, given_closed, given_packed, handed_over


def skipped(story: Story) -> int:
    """A person goes on without a label of which no one knows whether it was bought."""
    number = story.number(f.BuyLabel)
    story.when(i.EffectGivenUp(number=number, reason="No answer.", outcome_known=False))
    story.act("skip")
    return number


def end_of(number: int) -> i.EffectGivenUp:
    """The search for it ends without telling."""
    reason = "There are two shipments under this reference."
    return i.EffectGivenUp(number=number, reason=reason, outcome_known=False, sought=True)


def test_what_a_search_could_not_tell_is_a_task() -> None:
    """It names what was skipped, where to look, and why; the search is over in the store, too."""
    story = given_packed()
    number = skipped(story)
    story.when(end_of(number)).then_events(e.TaskOpened, e.AnswerNoted)
    assert story.last is not None
    assert story.last.settled == ((number, "person"),)
    (task,) = story.state.tasks
    assert "Buy label L1 was skipped while no one knew whether ups had done it" in task.words
    assert "two shipments under this reference" in task.words
    assert "look at ups yourself" in task.words
    story.act("done", "changed")
    assert not story.state.tasks
    assert "person" not in waiting_for(story.state)


@pytest.mark.parametrize("number", [1, 99])
def test_of_what_is_known_nothing_is_said(number: int) -> None:
    """A search whose effect was done meanwhile, or never was, changes nothing."""
    given_closed().when(end_of(number)).then_events()


def test_who_must_act_is_said_and_on_what() -> None:
    """Not the partner's sentence alone: what was asked, how it ended, and whose it is."""
    refused = given_packed().refused(f.BuyLabel, "No such address.")
    assert waiting_for(refused.state) == (
        "a person (customer service) to retry or skip: Buy label L1 was refused: No such address."
    )
    for known, how in ((True, "was not done"), (False, "may have been done, or not")):
        story = given_packed()
        number = story.number(f.BuyLabel)
        story.when(i.EffectGivenUp(number=number, reason="It failed.", outcome_known=known))
        assert waiting_for(story.state) == (
            f"a person (the warehouse manager) to retry or skip: Buy label L1 {how}: It failed."
        )


def test_a_warehouse_that_no_label_corrects_is_told_the_new_address() -> None:
    """The label was to say it; without one the warehouse goes by its task, and the person who skips
    the label may not know. Of what did not change nothing is said."""
    story = given_packed().refused(f.BuyLabel, "No such address.")
    story.when(i.EditOrder(ref=REF, person="ann", ship_to=ELSEWHERE)).act("retry")
    story.refused(f.BuyLabel, "No such address.").act("skip")
    (task,) = story.state.tasks
    assert task.words == (
        "F1 (task t-F1) goes on without a label of ours, and the address changed after its task "
        "was given: have the warehouse send it as the order says"
    )
    plain = given_packed().refused(f.BuyLabel, "No such address.").act("skip")
    assert not plain.state.tasks


def test_goods_that_leave_before_their_label_is_bought_go_by_the_task() -> None:
    """A label that was refused says nothing, whatever it was to say: the person who follows up a
    parcel on its way is told at once that it goes to the former address."""
    story = given_packed().refused(f.BuyLabel, "No such address.")
    story.when(i.EditOrder(ref=REF, person="ann", ship_to=ELSEWHERE)).act("retry")
    story.refused(f.BuyLabel, "No such address.").when(handed_over())
    assert any("with the former address" in task.words for task in story.state.tasks)
