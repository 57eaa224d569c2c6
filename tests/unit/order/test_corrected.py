"""What a partner refused, or a person was asked for, and the channel corrects."""

from __future__ import annotations

from msgspec.structs import replace

from actors.order.stream import waiting_for
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import (
    D1,
    M2,
    REF,
    RESERVED,
    SETUP,
    Story,
    an_order,
    given_placed,
    given_reserved,
    later,
    order_of,
)
from tests.unit.order.test_cancelling import undone
from tests.unit.order.test_changes import CUP, cheaper, updated


def test_what_was_refused_is_not_tried_again_for_another_reason() -> None:
    """Given an item that the ERP does not know: a note or text changes nothing about that, so a
    person is still asked; lines that change are posted as a new document."""
    story = given_reserved().refused(f.PostSalesOrder, "unknown item SKU-2")
    story.when(updated(later(10, note="ring twice")))
    assert [one.key for one in story.state.stuck] == [D1]
    story.when(updated(cheaper(later(11), CUP)))
    assert story.number(f.PostSalesOrder, "D2")


def test_a_confirmation_goes_to_the_corrected_address() -> None:
    """The mail server knows no such address; the shop corrects it."""
    story = given_reserved().refused(f.SendMail, "no such mailbox")
    customer = replace(an_order().customer, email="steve@example.org")
    story.when(updated(later(10, customer=customer)))
    assert (story.state.stuck, story.number(f.SendMail, M2) > 0) == ((), True)


def test_units_that_the_channel_has_removed_are_asked_of_no_one_any_more() -> None:
    """Given units that a person cancelled here, of an order that no one has paid: the task to
    remove them there names what is still shown, and ends by itself."""
    terms = replace(SETUP, promised=frozenset({"net30"}))
    changes = {"payment": "pending", "payment_method": "net30"}
    cup, jar = an_order().lines
    story = given_placed(Story(setup=terms), **changes)
    edit = i.LineEdit(line_id="1", quantity=0)
    story.when(i.EditOrder(ref=REF, person="ann", lines=(edit,))).done(f.ReserveStock, RESERVED)
    undone(story, f.ReleaseStock)
    assert "shows 2 × SKU-1 of line 1, which are cancelled" in waiting_for(story.state)
    one = order_of(replace(cup, quantity=1, total_minor=500), jar, **changes)
    story.when(i.UpdateOrder(order=later(5, one)))
    assert "shows 1 × SKU-1 of line 1, which are cancelled" in waiting_for(story.state)
    story.when(i.UpdateOrder(order=later(6, order_of(jar, **changes))))
    assert not story.state.tasks
    story.when(i.UpdateOrder(order=later(7, order_of(jar, **changes)))).then_events(e.UpdateNoted)
