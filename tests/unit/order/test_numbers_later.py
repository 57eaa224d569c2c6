"""A parcel's tracking number that comes after the parcel, or is another than was told before."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from actors.kernel.setup import Place
from actors.order.stream import waiting_for
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import (
    K1,
    SETUP,
    Story,
    a_parcel,
    given_labelled,
    given_released,
    handed_over,
    packed,
    published,
)

THREE_PL = replace(SETUP, places=(Place(name="3PL", warehouse="3pl", labels="them"),))


def box(number: str = "", name: str = "a") -> i.ReportedParcel:
    """The parcel with everything, under this number."""
    return a_parcel(name, number=number, l1=2, l2=1)


def later(number: str = "BBB") -> i.ReportedParcel:
    """What a warehouse tells once more of the same parcel: no contents, and its number."""
    return i.ReportedParcel(parcel_id="a", tracking_number=number, carrier="DHL")


def three_pl() -> Story:
    """A 3PL that buys its own labels has the task."""
    return given_released(Story(setup=THREE_PL))


def told(story: Story) -> list[str]:
    """Return the numbers that the channel is told."""
    effect = story.effect(f.PublishFulfilment)
    assert isinstance(effect, f.PublishFulfilment)
    return [one.tracking_number for one in effect.parcels]


def test_the_number_of_the_ship_notice_counts() -> None:
    """The ship notice is the truth; the channel hears of no other."""
    story = three_pl().when(packed(box("AAA"))).when(handed_over(later()))
    story.then_events(e.HandedOver, e.Untracked)
    assert (story.state.parcels[K1].number, told(story)) == ("BBB", ["BBB"])
    assert not story.state.tasks


def test_a_number_that_is_packed_later_is_taken() -> None:
    """The same report with a number now; a repeat changes nothing, and the latest one counts."""
    story = three_pl().when(packed(box())).when(packed(box("BBB"))).then_events(e.Numbered)
    story.when(packed(box("BBB"))).then_events()
    story.when(packed(box("CCC"))).then_events(e.Numbered)
    story.when(handed_over(i.ReportedParcel(parcel_id="a")))
    assert told(story) == ["CCC"]


def test_an_older_report_does_not_take_a_number_back() -> None:
    """Reports overtake each other."""
    story = three_pl().when(packed(box("BBB"), sequence=3))
    story.when(packed(box("AAA"), sequence=2)).then_events()
    assert story.state.parcels[K1].number == "BBB"


def test_an_older_report_does_not_take_back_a_number_that_came_later() -> None:
    """The parcel was told of first, its other number third, and the second report comes last."""
    story = three_pl().when(packed(box("AAA"), sequence=1)).when(packed(box("BBB"), sequence=3))
    story.when(packed(box("AAA"), sequence=2)).then_events()
    assert story.state.parcels[K1].number == "BBB"
    story.when(handed_over(i.ReportedParcel(parcel_id="a"), sequence=4))
    assert told(story) == ["BBB"]


def test_a_later_number_than_the_hand_over_s_is_not_lost() -> None:
    """It left under the ship notice's; the one that was told after that is named to a person, as
    when the reports come in their order."""
    story = three_pl().when(packed(box("AAA"), sequence=1)).when(packed(box("BBB"), sequence=3))
    story.when(handed_over(later("AAA"), sequence=2))
    assert story.state.parcels[K1].number == "AAA"
    assert "the number BBB (DHL) of K1, which left under AAA" in waiting_for(story.state)


def test_a_number_that_came_later_does_not_make_the_parcel_later() -> None:
    """All that was packed before a hand-over leaves with it, whenever its number was told."""
    story = three_pl().when(packed(box(), sequence=1)).when(packed(box("BBB"), sequence=3))
    story.when(handed_over(sequence=2)).then_events(e.HandedOver, e.Untracked)


def test_an_older_number_after_it_left_is_no_second_one() -> None:
    """What was packed before the hand-over that told the number proves nothing."""
    story = three_pl().when(handed_over(box("BBB"), sequence=5))
    story.when(packed(box("AAA"), sequence=4))
    assert (story.state.parcels[K1].number, list(story.state.tasks)) == ("BBB", [])


@pytest.mark.parametrize("written", ["{0}", "1z-k1", "1Z K1", " 1zk1"])
def test_our_label_s_number_may_be_written_otherwise(written: str) -> None:
    """Case, blanks and hyphens are how a warehouse writes a number; it is the one of our label."""
    story = given_labelled()
    parcel = story.state.parcels[K1]
    number = written.format(parcel.number)
    story.when(handed_over(a_parcel(parcel.parcel_id, number=number)))
    assert (story.state.parcels[K1].number, list(story.state.tasks)) == (parcel.number, [])


def test_a_number_after_the_channel_was_told_is_a_persons() -> None:
    """It is recorded, and named; a repeat says nothing."""
    story = published(three_pl().when(packed(box(), box("Z", "b"))).when(handed_over(box())))
    story.when(handed_over(later())).then_events(e.Numbered, e.TaskOpened)
    assert "K1 left under BBB (DHL), and the channel was told of it without" in waiting_for(
        story.state
    )
    assert story.state.parcels[K1].number == "BBB"
    story.when(handed_over(later())).then_events()


def told_meanwhile() -> Story:
    """The number comes while the channel is told of the parcel; the call is known by what it told,
    so that it waits."""
    story = three_pl().when(packed(box(), box("Z", "b"))).when(handed_over(box()))
    story.when(handed_over(later())).then_events(e.Numbered)
    story.when(handed_over(later())).then_events()
    assert (story.state.parcels[K1].number, list(story.state.tasks)) == ("", [])
    return story


def test_a_number_while_the_channel_is_told_counts_when_that_is_done() -> None:
    """Only then is it known that the channel lacks it."""
    story = published(told_meanwhile()).then_events(e.Published, e.TaskOpened, e.Numbered)
    assert "K1 left under BBB (DHL), and the channel was told of it without" in waiting_for(
        story.state
    )
    assert story.state.parcels[K1].number == "BBB"


def test_a_number_while_the_channel_is_told_goes_there_when_that_failed() -> None:
    """What was surely not told is told with its number, and no person enters it."""
    story = told_meanwhile().refused(f.PublishFulfilment).act("retry")
    assert (told(story), list(story.state.tasks)) == (["BBB"], [])


def test_a_number_waits_while_it_is_not_known_whether_the_channel_was_told() -> None:
    """The call is made again as it was, so that the channel's own copy is found by it."""
    story = told_meanwhile().unknown(f.PublishFulfilment).act("retry")
    assert told(story) == [""]
    assert published(story).state.parcels[K1].number == "BBB"


def test_a_number_that_comes_after_the_parcel_is_followed() -> None:
    """A carrier of ours can be asked by it, so that it is known when the parcel arrives."""
    story = given_released(Story(setup=replace(THREE_PL, carriers=(("dhl", "dhl-lane"),))))
    story.when(packed(box())).when(handed_over(box())).then_events(e.HandedOver, e.Untracked)
    story.when(handed_over(later()))
    published(story)
    assert (story.state.parcels[K1].stage, story.counts()) == ("handed_over", {"q": 2, "t": 2})
    story.when(i.TimerFired(name="track", key=K1))
    story.done(f.TrackParcel, f.Tracked(status="delivered"))
    assert story.counts() == {"q": 2, "d": 2}


def test_a_number_before_the_channel_is_told_goes_there() -> None:
    """The channel refused the shipment; told again, it has the number."""
    story = three_pl().when(packed(box())).when(handed_over(box()))
    story.refused(f.PublishFulfilment).when(handed_over(later())).then_events(e.Numbered)
    story.act("retry")
    assert told(story) == ["BBB"]


def test_another_number_after_it_left_is_a_persons() -> None:
    """Both are named; a repeat of the former says nothing."""
    story = published(three_pl().when(packed(box("AAA"))).when(handed_over(box("AAA"))))
    story.when(handed_over(later("AAA"))).then_events()
    story.when(handed_over(later())).then_events(e.NumberNoted, e.TaskOpened)
    assert "BBB (DHL) of K1, which left under AAA" in waiting_for(story.state)
    story.act("done", "changed").when(handed_over(later())).then_events()


def test_a_repeat_asks_no_one_again_while_the_parcel_is_on_its_way() -> None:
    """What a person has dealt with is not asked for each time the same is reported, nor once the
    parcel has arrived; another number is."""
    story = given_released(Story(setup=replace(THREE_PL, carriers=(("dhl", "dhl-lane"),))))
    story.when(handed_over(replace(box("AAA"), carrier="DHL")))
    published(story).when(handed_over(later())).then_events(e.NumberNoted, e.TaskOpened)
    story.act("done", "changed").when(handed_over(later())).then_events()
    story.when(i.TimerFired(name="track", key=K1))
    story.done(f.TrackParcel, f.Tracked(status="delivered"))
    assert K1 in story.state.ended
    story.when(handed_over(later())).then_events()
    story.when(handed_over(later("CCC"))).then_events(e.NumberNoted, e.TaskOpened)


def test_of_a_parcel_that_has_ended_it_is_told_too() -> None:
    """Only its ids are left; the order stays open for the task."""
    story = published(three_pl().when(packed(box())).when(handed_over(box())))
    assert K1 in story.state.ended
    story.when(handed_over(later()))
    assert "K1 left under BBB (DHL)" in waiting_for(story.state)
    story.when(packed(later())).then_events()
    story.act("done", "changed").when(packed(later())).then_events()


def test_another_number_than_our_label_s_is_a_persons() -> None:
    """The label is paid for and says where the parcel goes; which number is on it only the
    warehouse knows."""
    story = given_labelled()
    name, number = story.state.parcels[K1].parcel_id, story.state.parcels[K1].number
    story.when(handed_over(i.ReportedParcel(parcel_id=name, tracking_number="BBB", carrier="DHL")))
    assert story.state.parcels[K1].number == number
    assert f"BBB (DHL) of K1, and our label says {number}" in waiting_for(story.state)
