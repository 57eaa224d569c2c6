"""A channel whose goods leave once the ERP has taken the order: what the ERP refuses, such as an
item that it does not know, reaches no warehouse."""

from __future__ import annotations

from msgspec.structs import replace

from actors.kernel.setup import Place, Setup
from actors.order.stream import row_of, waiting_for
from schemas.messages import effects as f
from schemas.messages import inputs as i
from tests.given import F1, POSTED, REF, RESERVED, SENT, SETUP, Story, given_placed, later

AFTER = replace(SETUP, release="after_erp")
BY_HAND = replace(AFTER, places=(Place(name="WH1"),))
WORDS = "Business Central has no item SKU-1."


def reserved(setup: Setup = AFTER) -> Story:
    """Stock is promised, and nothing else is known."""
    return given_placed(Story(setup=setup)).done(f.ReserveStock, RESERVED)


def kinds(story: Story) -> set[str]:
    """What is asked of partners now."""
    return {kind for _, kind in (one.split() for one in story.open_kinds())}


def test_the_warehouse_is_told_when_the_erp_has_the_order() -> None:
    """Not before; and whom it waits for is said. A warehouse of another channel is told at once."""
    story = reserved()
    assert f.tag_of(f.CreateTask) not in kinds(story)
    assert waiting_for(story.state) == "the ERP to take the sales order first"
    story.done(f.PostSalesOrder, POSTED).then_effects(f.CreateTask)
    assert f.tag_of(f.CreateTask) in kinds(reserved(SETUP))


def test_what_the_erp_refuses_is_packed_nowhere() -> None:
    """A person is asked, stock stays promised, and a retry after the item was added sends it."""
    story = reserved().refused(f.PostSalesOrder, WORDS)
    assert f.tag_of(f.CreateTask) not in kinds(story)
    assert WORDS in waiting_for(story.state)
    assert row_of(story.state).attention is True
    story.then_stage("reserved", F1)
    story.act("retry").done(f.PostSalesOrder, POSTED).then_effects(f.CreateTask)


def test_an_order_that_the_erp_refused_is_undone_without_a_warehouse() -> None:
    """Cancelled by its channel, it gives its stock back and ends."""
    story = reserved().refused(f.PostSalesOrder, WORDS)
    story.when(i.CancelOrder(ref=REF, reason="customer", whole=True))
    story.done(f.ReleaseStock, f.Undone())
    while story.state.open:
        story.done(f.SendMail, SENT)
    story.then_stage("cancelled")


def test_a_person_goes_on_without_the_erp() -> None:
    """Skipped, it is not waited for."""
    story = reserved().refused(f.PostSalesOrder, WORDS).act("skip")
    assert f.tag_of(f.CreateTask) in kinds(story)


def test_an_unknown_outcome_is_waited_for() -> None:
    """It may be posted, or refused: a person says so first."""
    story = reserved().unknown(f.PostSalesOrder)
    assert f.tag_of(f.CreateTask) not in kinds(story)


def test_a_person_who_packs_is_told_then_as_well() -> None:
    """The task to pack opens with the ERP's word."""
    story = reserved(BY_HAND)
    assert not story.state.tasks
    story.done(f.PostSalesOrder, POSTED)
    assert [one.task_id for one in story.state.tasks] == ["pack-F1"]


def test_without_an_erp_nothing_is_waited_for() -> None:
    """Roles are optional: then the setting has no effect."""
    assert f.tag_of(f.CreateTask) in kinds(reserved(replace(AFTER, erp="")))


def test_later_goods_follow_without_a_second_word() -> None:
    """What the order comes to may change; the ERP took it once."""
    story = reserved().done(f.PostSalesOrder, POSTED)
    story.done(f.CreateTask, f.TaskCreated(task_id="t-F1"))
    story.when(i.UpdateOrder(order=later(1, note="Ring twice.")))
    story.done(f.CancelTask, f.Undone())
    while f.tag_of(f.CreateTask) not in kinds(story):
        one = next(x for x in story.state.open if x.kind in TWICE)
        story.when(i.EffectDone(number=one.number, result=TWICE[one.kind]))
    story.then_stage("reserved", "F2")


TWICE: dict[str, f.Result] = {
    f.tag_of(f.ReleaseStock): f.Undone(),
    f.tag_of(f.ReserveStock): RESERVED,
    f.tag_of(f.AmendSalesOrder): f.SalesOrderAmended(digest="0" * 64),
}
