"""Holds at places that send what they pack without a label of ours: nothing of ours waits there."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from actors.kernel.setup import Place
from actors.order.holding import MAX_NOTED_VERSION, NEWS_BEYOND
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.order.world import Deliverability, World
from tests.given import (
    F1,
    F2,
    REF,
    SETUP,
    Story,
    a_line,
    a_parcel,
    an_order,
    given_labelled,
    given_placed,
    given_released,
    given_reserved,
    handed_over,
    later,
    order_of,
    packed,
    published,
)
from tests.unit.order.test_mapping import tables

THREE_PL = replace(SETUP, places=(Place(name="3PL", warehouse="3pl", labels="them"),))
BY_HAND = replace(SETUP, places=(Place(name="WH1"),))
TASK = f.TaskCreated(task_id="t-F2")


def three_pl(setup: object = THREE_PL) -> Story:
    """A 3PL that buys its own labels has the task."""
    return given_released(Story(setup=setup))  # type: ignore[arg-type]  # one of the above


def words(story: Story) -> str:
    """Return what a person's tasks say."""
    return "; ".join(one.words for one in story.state.tasks)


def called_off(story: Story) -> Story:
    """… and stops it, and the stock is given back and reserved again."""
    story.done(f.CancelTask, f.Undone()).done(f.ReleaseStock, f.Undone())
    return story.done(f.ReserveStock, f.StockReserved(place="3PL"), F2)


def test_a_hold_calls_the_task_off_and_its_end_gives_it_again() -> None:
    """The new task waits while the order is held."""
    story = three_pl().act("hold").then_events(e.Held, e.Stopped).then_effects(f.CancelTask)
    called_off(story)
    story.then_effects()
    assert story.state.fulfilments[F2].stage == "reserved"
    story.act("release").done(f.CreateTask, TASK, F2)
    assert (story.state.fulfilments[F2].stage, list(story.state.tasks)) == ("released", [])


def test_money_that_went_back_calls_the_task_off() -> None:
    """A person decides whether it is sent all the same."""
    story = three_pl().when(i.UpdateOrder(order=later(2, payment="refunded")))
    story.then_effects(f.CancelTask)


def test_a_promise_that_is_gone_calls_the_task_off() -> None:
    """Until the order is paid, or promised again."""
    setup = replace(THREE_PL, promised=frozenset({"net30"}))
    story = given_placed(Story(setup=setup), payment="pending", payment_method="net30")
    story.done(f.ReserveStock, f.StockReserved(place="3PL"))
    story.done(f.CreateTask, f.TaskCreated(task_id="t-F1"))
    story.when(i.UpdateOrder(order=later(2, payment="pending", payment_method="bank")))
    story.then_effects(f.CancelTask)
    story.done(f.CancelTask, f.Undone()).done(f.ReleaseStock, f.Undone())
    story.when(i.UpdateOrder(order=later(3, payment="paid", payment_method="bank")))
    story.done(f.ReserveStock, f.StockReserved(place="3PL"), F2).then_effects(f.CreateTask)


def test_what_the_warehouse_does_not_stop_is_a_persons() -> None:
    """Named with its task, and ended by the end of the hold."""
    story = three_pl().act("hold").refused(f.CancelTask, reason="picked")
    assert "F1 (task t-F1) is held, and the warehouse sends it by itself" in words(story)
    assert [one.task_id for one in story.state.tasks] == ["held-F1"]
    story.act("release")
    assert not story.state.tasks
    story.act("hold")  # it can't be stopped by us: told at once
    assert [one.task_id for one in story.state.tasks] == ["held-F1"]


def test_a_person_who_had_it_stopped_is_not_asked_again() -> None:
    """The same hold says it once; what leaves all the same ends the task."""
    story = three_pl().act("hold").refused(f.CancelTask, reason="picked").act("done", "held-F1")
    story.when(i.ReportPicked(ref=REF, fulfilment=F1, task_id="t-F1"))
    assert not story.state.tasks
    other = three_pl().act("hold").refused(f.CancelTask, reason="picked")
    other.when(handed_over(a_parcel("a", l1=2, l2=1)))
    assert "held-F1" not in [one.task_id for one in other.state.tasks]


def test_what_left_before_it_was_called_off_is_told() -> None:
    """The hold keeps it no longer: it is stopped on its way, or sent back."""
    story = three_pl().act("hold").when(handed_over(a_parcel("a", l1=2, l2=1)))
    assert "F1 left although it was held" in words(story)


def test_the_rest_of_what_has_left_in_part_is_called_off() -> None:
    """Once the channel has answered about what left: one effect of a task at a time."""
    story = three_pl().when(packed(a_parcel("a", l1=2), complete=False))
    story.when(handed_over(a_parcel("a"))).act("hold").then_effects()
    published(story).then_effects(f.CancelTask)


def test_a_person_who_packs_is_told_to_wait() -> None:
    """The task to pack goes, and comes again when the hold ends."""
    story = given_reserved(Story(setup=BY_HAND)).done(
        f.PostSalesOrder, f.SalesOrderPosted(erp_id="e-1", number="S-1")
    )
    assert [one.task_id for one in story.state.tasks] == ["pack-F1"]
    story.act("hold").done(f.ReleaseStock, f.Undone())
    assert not story.state.tasks
    story.done(f.ReserveStock, f.StockReserved(place="WH1"), F2)
    assert not story.state.tasks
    story.act("release")
    assert [one.task_id for one in story.state.tasks] == ["pack-F2"]


def test_a_hold_lets_our_own_warehouse_keep_its_task() -> None:
    """The label waits, or is there; nothing is called off."""
    given_released().act("hold").then_events(e.Held)
    given_labelled().act("hold").then_events(e.Held)


def test_a_hold_until_the_next_statement_calls_nothing_off() -> None:
    """It ends by itself: a warehouse that is stopped and told again for each would not get on."""
    news = i.NoteReport(
        ref=REF, source="shopify", topic="orders/edited", words="edited", hold="once_begun",
        refetch=True, at=later(2).updated_at,
    )  # fmt: skip
    story = three_pl().when(news).then_effects(f.FetchOrder)
    assert story.state.holds


def news(topic: str, **more: object) -> i.NoteReport:
    """What the channel says that a person has to look at."""
    told: dict[str, object] = {"words": "something happened", "hold": "before_hand_over", **more}
    return i.NoteReport(ref=REF, source="shopify", topic=topic, **told)  # type: ignore[arg-type]  # as the struct has them


@pytest.mark.parametrize(
    "topic", ["fulfillment_orders/placed_on_hold", "disputes/create", "orders/delete"]
)
def test_news_that_a_person_looks_at_calls_the_task_off(topic: str) -> None:
    """A seller's hold in the shop, a dispute, a deleted order: the goods stay where they are until
    a person says, or the shop takes it back."""
    story = three_pl().when(news(topic)).then_effects(f.CancelTask)
    called_off(story).then_effects()
    story.when(news("x", hold="", frees=(topic,)))
    story.done(f.CreateTask, TASK, F2)
    assert not story.state.tasks


def test_more_news_than_are_kept_call_the_task_off() -> None:
    """One of them may say that the goods must not leave."""
    story = three_pl()
    story.state = replace(story.state, version=MAX_NOTED_VERSION)
    story.checked = False
    story.when(news("x", hold="", refetch=True, at=later(3).updated_at))
    assert [one.hold_id for one in story.state.holds] == [NEWS_BEYOND]
    story.then_effects(f.CancelTask)


def test_an_address_that_turns_out_to_be_none_calls_the_task_off() -> None:
    """The service's answer comes after the task was given."""
    usps = (("usps", frozenset({"US"})),)
    setup = replace(THREE_PL, addresses=usps, held_addresses=frozenset({"undeliverable"}))
    story = Story(setup=setup)
    story.world = World(address=Deliverability(), asked=("address",))
    given_released(story)
    bad = Deliverability("undeliverable", "no_match")
    story.world = World(address=bad, asked=("address",))
    story.when(i.TimerFired(name="mapping")).then_effects(f.CancelTask)
    assert [one.hold_id for one in story.state.holds] == ["unmapped-address"]


def test_a_name_that_no_table_has_calls_nothing_off() -> None:
    """What the warehouse was told is right; only what was added waits for the table."""
    story = three_pl()
    story.mappings = tables(1, skus={"known": ["SKU-1", "SKU-2"]})
    more = order_of(*an_order().lines, a_line("9", 1))
    story.when(i.UpdateOrder(order=later(3, more)))
    assert [one.hold_id for one in story.state.holds] == ["unmapped-sku"]
    assert not story.state.fulfilments[F1].stop


def test_what_the_channel_asked_to_stop_lets_the_rest_go() -> None:
    """Two warehouses, and one of two units is asked back: only its task is stopped."""
    ask = i.AskedToStop(outside_id="fo-1", units=(f.Units("1", "SKU-1", 1),))
    story = three_pl(replace(THREE_PL, hears=frozenset({"stop"})))
    story.when(news("stop", stop=ask))
    assert [one.why for one in story.last.events if isinstance(one, e.Stopped)] == ["asked"]  # type: ignore[union-attr]  # there is one
