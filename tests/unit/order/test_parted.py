"""A change after a part of a task has left: the rest, and what is on its way, are named at once
where no label of ours says where they go and what they collect."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from actors.kernel.setup import Place
from actors.order.stream import waiting_for
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.order.canonical import Order
from tests.given import (
    ELSEWHERE,
    F1,
    K1,
    POSTED,
    RESERVED,
    SENT,
    SETUP,
    Story,
    a_line,
    a_parcel,
    an_order,
    given_packed,
    given_released,
    given_reserved,
    handed_over,
    later,
    order_of,
    packed,
    published,
    sold,
)
from tests.unit.order.test_changes import MOVED, updated
from tests.unit.order.test_differs import edited

THEIRS = replace(SETUP, places=(Place(name="WH1", warehouse="wms", labels="them"),))
"""A 3PL that buys its own labels, from a carrier that we can't ask."""
COD = replace(THEIRS, promised=frozenset({"cod"}), collected=frozenset({"cod"}))
ON_DELIVERY = order_of(
    a_line("1", 2, 750), a_line("2", 1, 700), payment="pending", payment_method="cod"
)
PAID = replace(ON_DELIVERY, payment="paid", amount_due_minor=0)
REST = (
    "and the rest of F1 (task t-F1) can't be stopped, because a part has left: tell the warehouse"
)


def given_part_left(story: Story, order: Order | None = None) -> Story:
    """One parcel of a task has left, and the warehouse will pack more."""
    story.when(i.PlaceOrder(order=order or an_order())).done(f.ReserveStock, RESERVED)
    story.done(f.PostSalesOrder, POSTED).done(f.CreateTask, f.TaskCreated(task_id="t-F1"))
    story.done(f.SendMail, SENT).when(packed(a_parcel("a", "A1", l1=2), complete=False))
    return story.when(handed_over(a_parcel("a", l1=2)))


def test_an_address_is_named_for_the_part_that_left_and_for_the_rest() -> None:
    """At once, while the shop still hears of the first parcel; and once, also when the rest leaves
    as its task says."""
    story = given_part_left(Story(setup=THEIRS)).when(updated(MOVED))
    story.then_events(e.Changed, e.TaskOpened)
    words = waiting_for(story.state)
    assert words == (
        "a person: the address changed after K1 (A1) had left: have the carrier redirect it; "
        f"the address changed, {REST}"
    )
    story.when(packed(a_parcel("b", "B1", l2=1)), handed_over(a_parcel("b", l2=1)))
    assert [one.words for one in story.state.tasks] == [words.removeprefix("a person: ")]
    story.act("done", "changed")
    assert not story.state.tasks


def test_a_shipping_method_and_a_persons_edit_are_named_as_well() -> None:
    """Whoever changes it: the warehouse can't be told again."""
    for changed in (updated(later(10, shipping_method="express")), edited(ship_to=ELSEWHERE)):
        story = given_part_left(Story(setup=THEIRS)).when(changed)
        (task,) = story.state.tasks
        assert task.words.endswith(f" changed, {REST}")
        assert not [one for one in story.open_kinds() if "cancel_task" in one]


def test_the_rest_of_what_is_delivered_from_a_shop_is_named() -> None:
    """A delivery of one's own has no label at all."""
    lines = tuple(replace(line, delivery="local_delivery") for line in an_order().lines)
    story = given_part_left(Story(), an_order(lines=lines))
    story.when(updated(later(10, lines=lines, ship_to=ELSEWHERE)))
    assert waiting_for(story.state).endswith(f"the address changed, {REST}")


def test_money_that_came_meanwhile_is_not_collected_with_the_rest() -> None:
    """Given a task that collects 22.00, and a shop that says "paid" after a part of it left: a
    person hears that the amount is another one."""
    story = given_part_left(Story(setup=COD), ON_DELIVERY)
    assert story.state.fulfilments[F1].collect == 2200
    story.when(updated(later(10, PAID)))
    assert waiting_for(story.state).endswith(f"the amount to collect changed, {REST}")


def test_a_part_that_leaves_before_its_task_could_be_stopped_tells_of_the_rest() -> None:
    """Given an address that changes while the warehouse takes its task, and a report of a part
    that overtakes the answer."""
    story = Story(setup=THEIRS).when(i.PlaceOrder(order=an_order())).done(f.ReserveStock, RESERVED)
    story.when(updated(MOVED)).when(packed(a_parcel("a", "A1", l1=2), complete=False))
    story.when(handed_over(a_parcel("a", l1=2)))
    (task,) = story.state.tasks
    assert task.words == (
        "F1 left, with the former address: have the carrier redirect it; "
        f"the address changed, {REST}"
    )


def test_a_label_of_ours_says_where_the_rest_goes() -> None:
    """No one is asked about it: its label is bought when it is packed, for the new address."""
    story = given_released().when(packed(a_parcel("a", l1=2), complete=False))
    story.done(f.BuyLabel, sold(K1)).when(handed_over(a_parcel("a", l1=2)))
    story.when(updated(MOVED))
    assert waiting_for(story.state) == (
        "a person: the address changed after K1 (1Z-K1) had left: have the carrier redirect it"
    )


@pytest.mark.parametrize("closed", [False, True])
def test_what_no_carrier_can_tell_of_may_still_be_on_its_way(closed: bool) -> None:
    """Given a parcel of a carrier that is none of ours, whether the order has ended or not: an
    address that changes after it left is a person's."""
    story = given_released(Story(setup=THEIRS))
    story.when(packed(a_parcel("a", "A1", l1=2, l2=1)), handed_over())
    if closed:
        published(story).then_stage("closed")
    story.when(updated(MOVED)).then_stage("accepted")
    name = "K1" if closed else "K1 (A1)"
    assert waiting_for(story.state).endswith(
        f"the address changed after {name} had left: have the carrier redirect it"
    )


def test_a_cancellation_that_is_refused_says_what_changed_before() -> None:
    """Who lets the goods go has to know that they go to the former address."""
    story = given_reserved().when(updated(MOVED)).act("cancel")
    story.done(f.CreateTask, f.TaskCreated(task_id="t-F1"))
    story.refused(f.CancelTask, "on the conveyor")
    (hold,) = story.state.holds
    assert hold.reason == (
        "the warehouse does not cancel F1 (on the conveyor): stop it there, or release the hold "
        "to let it go; its task says the former address"
    )


def test_what_goes_on_after_the_shop_asked_to_stop_it_is_named() -> None:
    """Given a shop that asked not to send a line, and an address that changed meanwhile: the
    warehouse does not stop, and a person hears of the address."""
    story = given_released()
    ask = i.AskedToStop(outside_id="gid-1", units=(f.Units("2", "SKU-2", 1),))
    told = i.NoteReport(
        ref=story.state.ref, source="shopify", topic="stop", words="stop", stop=ask,
        hold="before_hand_over",
    )  # fmt: skip
    story.when(told).when(updated(MOVED)).refused(f.CancelTask, "on the conveyor")
    (task,) = story.state.tasks
    assert task.words == (
        "the warehouse does not stop F1 (on the conveyor); its task says the former address: have "
        "it corrected"
    )


@pytest.mark.parametrize("changed", [{"note": "ring twice"}, {"gift_message": "Love, Ann"}])
def test_what_no_label_says_is_named_while_goods_are_packed(changed: dict[str, str]) -> None:
    """Given goods that go on under a label of ours: the warehouse is told by a person of a note or
    a gift message, also of the rest once a part has left, and not any more when all has."""
    words = (
        "the note, gift message or dates changed after F1 (task t-F1) was packed: tell the "
        "warehouse"
    )
    story = given_packed().when(updated(later(10, None, **changed)))
    assert [one.words for one in story.state.tasks] == [words]
    story.done(f.BuyLabel, sold(K1)).when(handed_over())
    assert not story.state.tasks

    story = given_released().when(packed(a_parcel("a", l1=2), complete=False))
    story.done(f.BuyLabel, sold(K1)).when(handed_over(a_parcel("a", l1=2)))
    story.when(updated(later(10, None, **changed)))
    assert [one.words for one in story.state.tasks] == [words]

    story = given_packed().done(f.BuyLabel, sold(K1)).when(handed_over())
    story.when(updated(later(10, None, **changed)))
    assert not story.state.tasks


def test_a_gift_message_for_the_rest_that_another_packs_is_named() -> None:
    """A 3PL is told like of an address; what is on its way needs no one."""
    story = given_part_left(Story(setup=THEIRS)).when(updated(later(10, gift_message="Love, Ann")))
    assert waiting_for(story.state) == f"a person: the note, gift message or dates changed, {REST}"


def test_who_packs_by_hand_is_told_of_a_note_as_well() -> None:
    """Given goods that a person packed for a label of ours."""
    by_hand = replace(SETUP, places=(Place(name="WH1", carrier="ups"),))
    story = Story(setup=by_hand).when(i.PlaceOrder(order=an_order())).done(f.ReserveStock, RESERVED)
    story.when(packed()).when(updated(later(10, note="ring twice")))
    assert waiting_for(story.state).endswith("was packed: tell who packs it")
