"""What a person starts on an order that waits for no one: a hold, a fetch, a new decision."""

from __future__ import annotations

from msgspec.structs import replace

from actors.rules.compiled import Compiled
from schemas.contracts.rules import Rule, Rules
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.messages.words import event_words
from tests.given import RESERVED, SETUP, Story, an_order

HELD = Rules(accept=(Rule(name="dear", when="order.totals.total_minor > 100", hold="it is dear"),))


def placed(**changes: object) -> Story:
    """A story of an order that was placed."""
    return Story().when(i.PlaceOrder(order=an_order(**changes)))


def test_an_order_that_a_person_holds_goes_on_when_it_is_released() -> None:
    """Its stock is reserved and no warehouse is asked. The hold names who and why, a second one is
    refused, and the id of the first releases it."""
    story = placed().act("hold")
    (hold,) = story.state.holds
    assert hold.hold_id.startswith("person-")
    assert hold.reason == "ann"
    story.act("hold").then_events(e.ActionRefused)
    story.done(f.ReserveStock, RESERVED)
    assert not any(f.tag_of(f.CreateTask) in one for one in story.open_kinds())
    story.act("release", hold.hold_id)
    assert any(f.tag_of(f.CreateTask) in one for one in story.open_kinds())


def test_what_has_ended_is_neither_held_nor_decided_again() -> None:
    """Each is answered by a sentence that says so."""
    story = placed(payment="pending").act("cancel")
    for verb in ("hold", "redecide"):
        story.act(verb).then_events(e.ActionRefused)
        event = story.events[-1]
        assert isinstance(event, e.ActionRefused)
        assert "cancelled" in event.reason


def test_a_person_has_an_order_fetched_once() -> None:
    """The storefront is asked; while it has not answered one more wish is kept and a third refused,
    and an order of a channel without an API can't be fetched at all."""
    story = placed().act("refetch")
    assert any(f.tag_of(f.FetchOrder) in one for one in story.open_kinds())
    story.act("refetch").then_events(e.RefetchAsked)
    story.act("refetch").then_events(e.ActionRefused)
    alone = Story(setup=replace(SETUP, storefront=""))
    alone.when(i.PlaceOrder(order=an_order())).act("refetch").then_events(e.ActionRefused)


def test_a_rule_that_holds_by_now_holds_what_it_let_pass() -> None:
    """The rule matched the order before, for a tag alone; deciding again holds it, as it says now.
    No one has released that hold."""
    lets = Rule(name="dear", when="order.totals.total_minor > 100", tag="dear")
    story = Story()
    story.rules = Compiled(Rules(accept=(lets,)), 6)
    story.when(i.PlaceOrder(order=an_order(payment="pending")))
    assert not story.state.holds
    story.rules = Compiled(HELD, 7)
    story.act("redecide").then_events(e.RulesDecided, e.Held)
    assert [one.hold_id for one in story.state.holds] == ["rule-accept-dear"]


def test_deciding_again_asks_the_rules_in_use_now() -> None:
    """A rule that came after the order holds it, with who asked and why; a second time the rules
    say the same, and nothing happens; a hold that a person released stays released."""
    story = placed(payment="pending")
    story.rules = Compiled(HELD, 7)
    why = i.ActOnOrder(ref=an_order().ref, verb="redecide", person="ann", reason="the new rules")
    story.when(why).then_events(e.RulesDecided, e.Held)
    told = event_words(story.events[-2])
    assert "Asked again by ann: the new rules." in told
    story.when(why).then_events()
    story.act("release").when(why).then_events()
    assert not story.state.holds
