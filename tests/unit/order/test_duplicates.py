"""One order of a marketplace that comes through two channels: one is worked on, one recorded."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from actors.order.stream import row_of, waiting_for
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.messages.return_inputs import ReturnLine
from schemas.order.claims import Claim, Claimed
from schemas.order.things import ORDER, Key
from tests.given import (
    CHANNEL,
    F1,
    REF,
    SETUP,
    Story,
    a_line,
    an_order,
    given_placed,
    later,
    order_of,
)

AMAZON = "amazon:902-3159896-1390916"
CLAIMS = replace(SETUP, claims=True)
THERE = Claimed(
    name=AMAZON, order_id="01THERE", channel="amazon-us", ref="902-3159896-1390916",
    number="902-3159896-1390916", stage="open",
)  # fmt: skip


def a_story(other: Claimed | None = THERE, **changes: object) -> Story:
    """An order of Amazon's, of which another one has the id already (None: no one has)."""
    story = Story(setup=CLAIMS)
    if other is not None:
        story.others = {AMAZON: other}
    return given_placed(story, marketplace_ref=AMAZON, **changes)


def claim_of(story: Story) -> Claim | None:
    """What the latest decision claims."""
    assert story.last is not None
    return story.last.claim


def test_the_first_one_claims_its_id_when_it_is_accepted() -> None:
    """Placed, accepted and planned in one decision, which does not hold if another has the id."""
    story = a_story(None)
    assert claim_of(story) == Claim(AMAZON)
    accepted = next(x for x in story.events if isinstance(x, e.Accepted))
    assert accepted.claim == AMAZON
    story.then_stage("accepted").then_stage("planned", F1)


def test_an_order_that_waits_for_its_money_claims_nothing_yet() -> None:
    """Whichever is accepted first has it, not whichever came first."""
    story = a_story(None, payment="pending")
    assert claim_of(story) is None
    story.when(i.ConfirmPayment(ref=REF))
    assert claim_of(story) == Claim(AMAZON)
    story.then_stage("accepted")


@pytest.mark.parametrize(("claims", "ref"), [(False, AMAZON), (True, "")])
def test_other_orders_claim_nothing(*, claims: bool, ref: str) -> None:
    """Neither those of a channel that claims nothing, nor those that no marketplace knows."""
    story = given_placed(Story(setup=replace(SETUP, claims=claims)), marketplace_ref=ref)
    assert claim_of(story) is None
    story.then_stage("accepted")


def test_the_second_one_is_recorded_and_nothing_is_done_for_it() -> None:
    """No one is asked for anything, no timer runs, no person is needed, and it says which order
    is worked on instead."""
    story = a_story().then_events(e.Placed, e.Duplicate).then_effects().then_stage("duplicate")
    assert story.timers == {}
    row = row_of(story.state)
    assert (row.stage, row.progress, row.final, row.attention) == ("duplicate",) * 2 + (True, False)
    assert waiting_for(story.state) == (
        "no one: the same order came as 902-3159896-1390916 of amazon-us (order 01THERE)"
    )


def test_a_person_s_acceptance_claims_as_well() -> None:
    """An unpaid order that a person accepts is recorded, too, if the other one was accepted."""
    a_story(payment="pending").then_stage("placed").act("accept").then_stage("duplicate")
    own = a_story(None, payment="pending").act("accept").then_stage("accepted")
    assert claim_of(own) == Claim(AMAZON)


def test_a_duplicate_follows_its_channel_and_does_nothing() -> None:
    """Changes, payment, news and what others send are written down; nothing is asked of anyone but
    the channel itself, where it says that something changed."""
    story = a_story(payment="pending").act("accept")
    story.when(i.UpdateOrder(order=later(1, marketplace_ref=AMAZON, payment="paid", note="Ring.")))
    story.then_effects().then_stage("duplicate")
    assert (story.state.payment, story.order.note if story.order else "") == ("paid", "Ring.")
    lines = order_of(a_line("1", 3), a_line("3", 1), marketplace_ref=AMAZON, payment="paid")
    story.when(i.UpdateOrder(order=later(2, lines))).then_effects().then_stage("duplicate")
    assert [line.line_id for line in story.state.lines] == ["1", "2", "3"]
    sent = i.OutsideShipment(outside_id="g-1", units=(f.Units("1", "SKU-1", 1),))
    story.when(i.UpdateOrder(order=later(3, lines), fulfilled=(sent,)))
    story.then_effects().then_stage("duplicate")
    assert story.counts(0).get("e") == 1
    news = i.NoteReport(
        ref=REF, source="shopify", topic="orders/edited", words="It was edited.", refetch=True,
        at="2026-11-27T12:30:00Z",
    )  # fmt: skip
    story.when(news).then_effects(f.FetchOrder)
    assert row_of(story.state).attention is False


def test_a_report_of_a_warehouse_that_was_told_nothing_is_a_person_s() -> None:
    """It can only be a mistake, and is not lost."""
    story = a_story().when(
        i.ReportPacked(
            ref=REF, fulfilment=F1, task_id="t", parcels=(i.ReportedParcel(parcel_id="1"),)
        )
    )
    story.then_effects().then_stage("duplicate")
    assert story.state.tasks


def test_what_a_person_asks_of_a_duplicate_is_answered() -> None:
    """It can be neither cancelled, edited, accepted nor released here; each answer says why."""
    story = a_story()
    for verb in ("cancel", "accept", "release", "retry", "ship-short"):
        story.act(verb).then_events(e.ActionRefused).then_stage("duplicate")
    story.when(i.EditOrder(ref=REF, person="ann", note="x")).then_events(e.ActionRefused)


def test_a_person_takes_it_over_once_the_other_one_is_cancelled() -> None:
    """Not before: then it is refused, with the other one's stage and what to do."""
    story = a_story()
    story.act("claim").then_events(e.ActionRefused).then_stage("duplicate")
    (said,) = [x.reason for x in story.events if isinstance(x, e.ActionRefused)]
    assert said == (
        "The same order, 902-3159896-1390916 of amazon-us (order 01THERE), is open: cancel that "
        "one, and claim this one once it is cancelled."
    )
    story.others = {AMAZON: replace(THERE, stage="cancelled")}
    story.act("claim").then_stage("accepted").then_stage("planned", F1)
    story.then_events(e.TakenOver, e.Accepted, e.FulfilmentPlanned)
    assert claim_of(story) == Claim(AMAZON, "ann")
    story.act("claim").then_events(e.ActionRefused)


def test_one_that_is_taken_over_is_as_its_channel_states_it_now() -> None:
    """What changed while it was only recorded is done; what others sent is not sent again."""
    story = a_story(payment="pending").act("accept")
    sent = i.OutsideShipment(outside_id="g-1", units=(f.Units("2", "SKU-2", 1),))
    now = later(1, order_of(a_line("1", 3), a_line("2", 1), marketplace_ref=AMAZON))
    story.when(i.UpdateOrder(order=now, fulfilled=(sent,)))
    story.others = {AMAZON: replace(THERE, stage="cancelled")}
    story.act("claim").then_stage("accepted")
    assert story.state.fulfilments[F1].left == ((0, 3),)


def test_one_without_its_money_claims_at_once_and_is_accepted_later() -> None:
    """The claim changes hands with the person's decision; then no one else can be accepted."""
    story = a_story(payment="pending").act("accept").then_stage("duplicate")
    story.others = {AMAZON: replace(THERE, stage="cancelled")}
    story.act("claim").then_stage("placed")
    assert claim_of(story) == Claim(AMAZON, "ann")
    story.others = {}
    story.when(i.ConfirmPayment(ref=REF)).then_stage("accepted")
    assert claim_of(story) == Claim(AMAZON)


def test_a_duplicate_that_its_channel_cancels_stays_one() -> None:
    """The other one goes on, so a person is asked at once, by name of both. No partner is told, the
    units stay as they are, and no one can take it over any more."""
    story = a_story()
    story.when(i.CancelOrder(ref=REF, reason="customer", whole=True, at="2026-11-27T12:10:00Z"))
    story.then_events(e.CancelRequested, e.TaskOpened).then_effects().then_stage("duplicate")
    (task,) = story.state.tasks
    assert f"its channel cancelled {REF} of {CHANNEL}" in task.words
    assert "902-3159896-1390916 of amazon-us (order 01THERE), which is worked on" in task.words
    assert row_of(story.state).attention is True
    story.others = {AMAZON: replace(THERE, stage="cancelled")}
    story.act("claim").then_events(e.ActionRefused)
    again = i.CancelOrder(ref=REF, reason="customer", whole=True, at="2026-11-27T12:11:00Z")
    story.when(again).then_effects().then_stage("duplicate")
    assert list(story.state.tasks) == [task]
    story.act("done")
    assert len(story.state.tasks) == 0
    assert row_of(story.state).attention is False


def woken(story: Story, timer: str = "twin") -> Story:
    """The other one is cancelled, and its commit set a timer here."""
    story.others = {AMAZON: replace(THERE, stage="cancelled")}
    return story.when(i.TimerFired(name=timer, key=ORDER))


def test_the_end_of_the_first_one_is_told_by_its_own_decision() -> None:
    """Cancelled, it says so of its claim, which it keeps; an order without a claim says nothing."""
    story = a_story(None, payment="pending").act("accept")
    while story.state.open:
        story.when(i.EffectRefused(number=story.state.open[0].number, reason="no"))
    story.when(i.CancelOrder(ref=REF, reason="customer", whole=True)).then_stage("cancelled")
    assert claim_of(story) == Claim(AMAZON, wants=False, ended=True)
    plain = given_placed(Story(), payment="pending")
    plain.when(i.CancelOrder(ref=REF, reason="customer", whole=True))
    assert claim_of(plain) is None
    plain.then_stage("cancelled")


def test_a_copy_says_that_it_is_one() -> None:
    """So that it hears of the other one's end."""
    assert claim_of(a_story()) == Claim(AMAZON, wants=False, copy=True)


def test_a_person_is_asked_when_only_the_other_one_is_cancelled() -> None:
    """The channel is asked first, and has some time; then the task names both orders. It is asked
    once, and nothing is ever done by itself."""
    story = woken(a_story())
    story.then_events(e.TwinCancelled, e.RefetchAsked).then_effects(f.FetchOrder)
    assert waiting_for(story.state) == (
        "its channel to cancel it, too: the same order came as 902-3159896-1390916 of amazon-us "
        "(order 01THERE), which is cancelled"
    )
    assert row_of(story.state).attention is False
    assert story.timers == {(ORDER, "due"): story.now + timedelta(hours=1)}
    story.done(f.FetchOrder, f.OrderFetched(digest="0" * 64))
    story.when(i.TimerFired(name="due", key=ORDER)).then_events(e.TaskOpened)
    (task,) = story.state.tasks
    assert "902-3159896-1390916 of amazon-us (order 01THERE)" in task.words
    assert f"{REF} of {CHANNEL} is not cancelled" in task.words
    assert row_of(story.state).attention is True
    assert story.timers == {}
    woken(story).then_events()
    story.act("done").then_stage("duplicate")
    assert (story.state.tasks, story.timers) == ((), {})
    assert waiting_for(story.state).startswith("no one: the same order came as")
    woken(story).then_events()


def test_no_one_is_asked_when_its_own_channel_cancels_the_copy() -> None:
    """Once the other one has ended: before it is heard of, while the copy waits for its channel, or
    after a person was asked."""
    cancel = i.CancelOrder(ref=REF, reason="customer", whole=True, at="2026-11-27T12:10:00Z")
    before = woken(a_story().when(cancel)).then_events(e.TwinCancelled, e.TaskClosed)
    assert (before.timers, before.state.tasks) == ({}, ())
    between = woken(a_story()).when(cancel)
    assert (between.timers, between.state.tasks) == ({}, ())
    after = woken(a_story()).when(i.TimerFired(name="due", key=ORDER)).when(cancel)
    after.then_events(e.CancelRequested, e.TaskClosed)
    assert (after.timers, after.state.tasks) == ({}, ())
    assert row_of(after.state).attention is False


def test_the_task_ends_when_a_person_claims_the_copy() -> None:
    """Then it goes its whole way."""
    story = woken(a_story()).when(i.TimerFired(name="due", key=ORDER))
    story.act("claim").then_stage("accepted")
    assert story.state.tasks == ()
    assert (ORDER, "twin") not in story.timers


def test_a_copy_that_was_claimed_before_its_timer_fires_is_left_alone() -> None:
    """A timer is a question about the present."""
    story = a_story()
    story.others = {AMAZON: replace(THERE, stage="cancelled")}
    story.act("claim").then_stage("accepted")
    woken(story).then_events().then_stage("accepted")


def test_a_copy_too_many_asks_a_person_as_well() -> None:
    """It is not told whether the other one is cancelled, and says so; told later, it knows."""
    story = woken(a_story(), "crowded")
    assert "which may be cancelled" in waiting_for(story.state)
    story.when(i.TimerFired(name="due", key=ORDER)).then_events(e.TaskOpened)
    assert "may be cancelled: too many orders" in story.state.tasks[0].words
    woken(story).then_events(e.TwinCancelled, e.RefetchAsked)


def test_holds_wait_for_whoever_takes_it_over() -> None:
    """A hold from before asks no one while the order is only recorded, and counts again then."""
    news = i.NoteReport(
        ref=REF, source="shopify", topic="disputes/create", words="It is disputed.",
        hold="before_hand_over", at="2026-11-27T12:00:00Z",
    )  # fmt: skip
    story = Story(setup=CLAIMS)
    story.others = {AMAZON: THERE}
    story.when(news, i.PlaceOrder(order=an_order(marketplace_ref=AMAZON)))
    story.then_stage("duplicate")
    assert story.state.holds
    assert row_of(story.state).attention is False
    story.others = {AMAZON: replace(THERE, stage="cancelled")}
    story.act("claim").then_stage("accepted")
    assert row_of(story.state).attention is True


def test_money_that_went_back_is_not_forgotten() -> None:
    """A payment that its channel takes back while the order is only recorded holds it once a person
    takes it over."""
    story = a_story()
    back = later(1, marketplace_ref=AMAZON, payment="refunded")
    story.when(i.UpdateOrder(order=back)).then_effects().then_stage("duplicate")
    story.others = {AMAZON: replace(THERE, stage="cancelled")}
    story.act("claim")
    assert [hold.hold_id.startswith("money-gone") for hold in story.state.holds] == [True]
    assert row_of(story.state).attention is True


def test_goods_that_came_back_before_are_dealt_with_all_the_same() -> None:
    """A warehouse received them while the order waited for its money; that it is recorded as a
    duplicate by then leaves no return without an end."""
    story = a_story(payment="pending")
    line = ReturnLine(line_id="1", quantity=1)
    story.when(i.HandleReturn(ref=REF, step="receive", source="warehouse", lines=(line,)))
    story.when(i.ConfirmPayment(ref=REF)).then_stage("duplicate")
    looked_at = ReturnLine(line_id="1", quantity=1, disposition="damaged")
    inspect = i.HandleReturn(
        ref=REF, step="inspect", person="ann", key=Key("T1"), lines=(looked_at,)
    )
    story.when(inspect)
    assert story.state.returns[Key("T1")].stage != "received"
