"""Two people who pack the same task in the same moment, each at a page that showed all of it."""

from __future__ import annotations

from msgspec.structs import replace

from actors.order.stream import waiting_for
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import F1, K1, K2, Story, a_parcel, given_released, packed, sold


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
