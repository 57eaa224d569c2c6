"""Two people who pack the same task in the same moment, each at a page that showed all of it."""

from __future__ import annotations

from msgspec.structs import replace

from actors.kernel.setup import Place
from actors.order.stream import waiting_for
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import (
    F1,
    K1,
    K2,
    L1,
    SETUP,
    Story,
    a_parcel,
    given_labelled,
    given_released,
    handed_over,
    packed,
    sold,
)


def by_hand(parcel: i.ReportedParcel, person: str, *, complete: bool = True) -> i.ReportPacked:
    """What a person reports who packs by hand."""
    return replace(packed(parcel, complete=complete), person=person)


def both() -> Story:
    """A mug that one person packed, and a scarf that another one packed in the same second."""
    story = given_released().when(by_hand(a_parcel("a", l1=2), "walter", complete=False))
    return story.when(by_hand(a_parcel("b", l2=1), "wanda", complete=False))


def test_two_first_parcels_are_both_taken() -> None:
    """Each has its own key, contents and label; the same report once more is the same parcel."""
    story = both().then_events(e.PartPacked, e.LabelWanted)
    assert story.state.parcels[K1].units == ((0, 2),)
    assert story.state.parcels[K2].units == ((1, 1),)
    story.when(by_hand(a_parcel("b", l2=1), "wanda", complete=False)).then_events()
    story.when(by_hand(a_parcel("a", l1=2), "walter", complete=False)).then_events()
    assert len(story.state.parcels) == 2


def test_what_two_people_report_of_the_same_goods_is_one_parcel() -> None:
    """A second label for them would send them twice: a person looks, and no label is bought."""
    story = given_released().when(by_hand(a_parcel("a", l1=2, l2=1), "walter"))
    story.done(f.BuyLabel, sold(K1))
    story.when(by_hand(a_parcel("b", l1=2, l2=1), "wanda")).then_events(e.TaskOpened)
    assert list(story.state.parcels) == [K1]
    assert story.stage(F1) == "packed"
    waits = waiting_for(story.state)
    assert "wanda reports a parcel with 2 × SKU-1, 1 × SKU-2 that somebody else" in waits


def test_a_warehouse_that_counts_twice_is_asked() -> None:
    """Two of its packers name a parcel alike: what the second one holds isn't lost in silence, and
    a repeat of the first one says nothing."""
    story = given_released().when(packed(a_parcel("1", l1=2), complete=False))
    story.when(packed(a_parcel("1", l1=2), complete=False)).then_events()
    story.when(packed(a_parcel("1", l2=1), complete=False)).then_events(e.TaskOpened)
    assert "reports the parcel 1 with other contents than before" in waiting_for(story.state)
    assert list(story.state.parcels) == [K1]


def repacked(number: str = "") -> Story:
    """A parcel with a label of ours, all of which the warehouse tells of once more as another."""
    return given_labelled().when(packed(a_parcel("p2", number, l1=2, l2=1)))


def test_goods_that_a_warehouse_packs_again_have_one_label() -> None:
    """No second one is bought; the parcel is remembered, and a person is told of both."""
    story = repacked().then_events(e.PackedAnyway, e.TaskOpened).then_effects()
    assert (story.stage(F1), story.stage(K1), story.stage(K2)) == ("packed", "packed", "unpacked")
    waits = waiting_for(story.state)
    assert "the parcel p2 with 2 × SKU-1, 1 × SKU-2, which K1 (" in waits
    assert "no label is bought for it: ask it which is true" in waits
    story.when(packed(a_parcel("p2", l1=2, l2=1))).then_events()


def test_the_parcel_that_was_packed_again_leaves_and_the_former_is_empty() -> None:
    """It counts, also when the hand-over only names it, and the label of the former is voided."""
    story = repacked().when(handed_over(a_parcel("p2")))
    story.then_effects(f.PublishFulfilment, f.VoidLabel)
    assert (story.stage(F1), story.stage(K1)) == ("handed_over", "unpacked")
    assert story.state.labels[L1].stop
    assert story.counts() == {"q": 2, "f": 2}
    story.done(f.PublishFulfilment, f.FulfilmentPublished(outside_ids=("f-1",)), F1)
    story.done(f.VoidLabel, f.Undone(), L1)
    assert F1 not in story.state.fulfilments


def test_a_label_that_went_on_the_new_parcel_is_kept() -> None:
    """The warehouse says so by its number: nothing is voided."""
    story = repacked()
    number = story.state.parcels[K1].number
    story.when(handed_over(a_parcel("p2", number)))
    assert (story.stage(F1), story.stage(K1), story.stage(L1)) == (
        "handed_over", "unpacked", "bought",
    )  # fmt: skip
    assert not story.state.labels[L1].stop


def test_the_former_parcel_may_leave_all_the_same() -> None:
    """Then the other one was never there, and the fulfilment goes on as if it had not been told."""
    story = repacked().when(handed_over(a_parcel("F1-1")))
    assert (story.stage(F1), story.stage(K1), story.stage(K2)) == (
        "handed_over", "handed_over", "unpacked",
    )  # fmt: skip
    assert story.counts() == {"q": 2, "t": 2}


def test_which_parcel_left_without_a_name_is_asked() -> None:
    """All that was packed has left: the former is taken to have, and a person asks of the other."""
    story = repacked().when(handed_over()).then_events(e.TaskOpened, e.HandedOver)
    assert (story.stage(K1), story.stage(K2)) == ("handed_over", "unpacked")
    assert "whether K2 (p2) left with it was not said" in story.state.tasks[0].words
    story.when(handed_over(a_parcel("p2")))
    assert story.counts() == {"q": 2, "x": 2, "t": 2, "f": 2}


def test_what_is_packed_again_with_more_is_not_missing() -> None:
    """What only the parcel in doubt holds is not called short; told with another id it is taken."""
    own = replace(SETUP, places=(Place(name="WH1", warehouse="wms", carrier=""),))
    story = given_released(Story(setup=own)).when(packed(a_parcel("p1", l1=2), complete=False))
    story.when(packed(a_parcel("p2", l1=2, l2=1)))
    story.then_events(e.PackedAnyway, e.TaskOpened, e.Packed)
    assert story.state.fulfilments[F1].missing == ()
    again = Story(setup=own)
    again = given_released(again).when(packed(a_parcel("p1", l1=2), complete=False))
    again.when(packed(a_parcel("p2", l1=2, l2=1)), packed(a_parcel("p3", l2=1)))
    again.when(handed_over(a_parcel("p1"), a_parcel("p3")))
    assert again.counts(1) == {"q": 1, "f": 1}
    story.when(handed_over(a_parcel("p2")))
    assert (story.stage(K1), story.counts(), story.counts(1)) == (
        "unpacked", {"q": 2, "f": 2}, {"q": 1, "f": 1},
    )  # fmt: skip


def test_more_than_was_asked_on_purpose_is_labelled_and_leaves() -> None:
    """Three of two in one report do not repeat anything: each has its label, and all counts."""
    three = packed(a_parcel("a", l1=2, l2=1), a_parcel("b", l1=1))
    story = given_released().when(three).done(f.BuyLabel, sold(K1, K2))
    story.when(handed_over(a_parcel("a")))
    assert (story.stage(F1), story.stage(K2)) == ("packed", "packed")
    story.when(handed_over(a_parcel("b")))
    assert (story.stage(F1), story.counts()) == ("handed_over", {"q": 2, "x": 1, "t": 3})


def test_what_is_too_much_and_never_leaves_ends_with_its_alarm() -> None:
    """A person is told to unpack it, its label is voided, and the order is not kept open by it."""
    three = packed(a_parcel("a", l1=2, l2=1), a_parcel("b", l1=1))
    story = given_released().when(three).done(f.BuyLabel, sold(K1, K2))
    story.when(handed_over(a_parcel("a")))
    story.when(i.TimerFired(name="due", key=F1))
    assert (story.stage(F1), story.stage(K2)) == ("handed_over", "unpacked")
    assert "all of F1 has left, and K2 (b) has not" in waiting_for(story.state)
