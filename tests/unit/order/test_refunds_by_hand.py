"""Money that a person paid back by other means, and goods that he names in a refund afterwards."""

from __future__ import annotations

from adapters.postgres.order_parts import parts_of
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import Story
from tests.unit.order.test_refunds import (
    BY_PERSON,
    R1,
    THREE,
    asked,
    given,
    gives,
    placed,
    takes_off,
)

ONE_OF_1 = (i.LineEdit(line_id="1", quantity=1),)


def refused_as_paid(story: Story, **told: object) -> None:
    """A refund is refused in words, and asks no one."""
    before = dict(story.state.refunds)
    gives(story, **told).then_events(e.ActionRefused)
    (event,) = [x for x in story.events if isinstance(x, e.ActionRefused)][-1:]
    assert "paid back by hand" in event.reason
    assert story.state.refunds == before


def test_goods_that_were_paid_by_hand_are_not_paid_again_unless_it_is_meant() -> None:
    """Named by line, or with an amount for them: the person is asked, before and at the order's
    turn, and what he means is done."""
    story = placed(BY_PERSON, THREE)
    takes_off(story, "1", 2)
    story.act("done", "money")
    assert parts_of(story.state).paid_by_hand == ("1",)
    refused_as_paid(story, lines=ONE_OF_1)
    refused_as_paid(story, lines=ONE_OF_1, amount_minor=100)
    gives(story, lines=ONE_OF_1, again=True)
    assert asked(story).lines == (f.RefundLine("1", 1),)


def test_goods_that_no_one_paid_for_are_paid_beside_those_that_were() -> None:
    """What is owed by now, goods that were not cancelled, and a goodwill are asked about by no
    one."""
    story = placed(BY_PERSON, THREE)
    takes_off(story, "1", 2)
    story.act("done", "money")
    gives(story, lines=(i.LineEdit(line_id="2", quantity=1),))
    assert asked(story).lines == (f.RefundLine("2", 1),)
    given(story)
    gives(story, lines=ONE_OF_1, amount_minor=50, goodwill=True)
    assert asked(story).amount_minor == 50
    given(story)
    takes_off(story, "1", 1)
    assert parts_of(story.state).paid_by_hand == ()
    gives(story, lines=ONE_OF_1)
    assert asked(story).lines == (f.RefundLine("1", 1),)


def test_shipping_that_was_paid_by_hand_with_all_of_an_order() -> None:
    """It went back with the last unit; named alone it is asked about."""
    story = placed(BY_PERSON)
    takes_off(takes_off(story, "1", 0), "2", 0)
    story.act("done", "money")
    refused_as_paid(story, shipping=True)


def test_goods_whose_refund_was_skipped_are_paid_already() -> None:
    """Whoever goes on without a refund pays it by other means, also of goods that have left."""
    story = placed(BY_PERSON, THREE)
    gives(story, lines=(i.LineEdit(line_id="2", quantity=1),))
    number = story.number(f.RefundPayment)
    story.refused(f.RefundPayment).act("skip", str(number)).then_stage("skipped", R1)
    assert parts_of(story.state).paid_by_hand == ("2",)
    refused_as_paid(story, lines=(i.LineEdit(line_id="2", quantity=1),))
    gives(story, lines=ONE_OF_1)
    assert asked(story).lines == (f.RefundLine("1", 1),)
