"""An order with something unmapped waits, says what is missing, and goes on by itself."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from actors.incidents.incidents import category_of, matter_of, settles
from actors.order.normalise import NO_TABLES, Tables
from actors.order.stream import waiting_for
from schemas.contracts.mappings import from_table
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import CHANNEL, REF, Story, a_line, an_order, later, order_of, packed

CLOSED = {"aliases": {"SKU-1": "CUP"}, "known": ["SKU-2"]}
HALF = {"aliases": {"SKU-1": "CUP"}}
CUP, JAR = an_order().lines


def tables(version: int, **channel: object) -> Tables:
    """Tables of the channel of our stories."""
    return Tables(from_table({"channels": {CHANNEL: channel}}), version)


def given(version_1: Tables, **changes: object) -> Story:
    """A story in which the order came while these mappings held."""
    story = Story()
    story.mappings = version_1
    return story.when(i.PlaceOrder(order=an_order(**changes)))


def renewed(story: Story, tables: Tables) -> Story:
    """New mappings came, and the order looked."""
    story.mappings = tables
    return story.when(i.TimerFired(name="mapping"))


def test_a_mapped_order_goes_on_in_our_terms() -> None:
    """Nothing is held; the event has our SKU and the version, the statement is kept beside."""
    story = given(tables(7, skus=CLOSED))
    story.then_events(e.Placed, e.Accepted, e.FulfilmentPlanned)
    placed = story.events[0]
    assert isinstance(placed, e.Placed)
    assert [line.sku for line in placed.lines] == ["CUP", "SKU-2"]
    assert placed.mappings == story.state.mappings == 7
    assert story.order is not None
    assert [line.channel_sku for line in story.order.lines] == ["SKU-1", ""]
    assert story.stated == an_order()


def test_an_unmapped_sku_waits_and_goes_on_by_itself() -> None:
    """Held as stated with no effect; a version that has the SKU frees it without a person."""
    story = given(tables(1, skus=HALF)).then_events(e.Placed, e.Held).then_effects()
    assert ("O", "mapping") in story.timers
    assert waiting_for(story.state) == "a mapping: the tables of acme-us lack the SKU 'SKU-2'"
    assert story.order == an_order()
    renewed(story, tables(2, skus=CLOSED))
    story.then_events(e.Normalised, e.Accepted, e.FulfilmentPlanned).then_effects(f.ReserveStock)
    assert [line.sku for line in story.state.lines] == ["CUP", "SKU-2"]
    assert story.state.holds == ()
    assert ("O", "mapping") not in story.timers


def test_looking_without_news_changes_nothing() -> None:
    """The order checks again in an hour, and its stream doesn't grow."""
    story = renewed(given(tables(1, skus=HALF)), tables(2, skus=HALF)).then_events()
    assert (story.timers[story.state.holds[0].key, "mapping"] - story.now).total_seconds() == 3600


def test_each_kind_has_its_hold_and_what_is_left_is_said_again() -> None:
    """SKU, tax code and method are three holds; all that is missing is said at once."""
    lines = (a_line("1", 1, sku="X", tax_code="MWST"),)
    nothing: dict[str, object] = {"codes": {}}
    story = given(
        tables(1, skus={}, tax_codes=nothing, shipping_methods=nothing),
        lines=lines,
        shipping_method="Express",
    ).then_events(e.Placed, e.Held, e.Held, e.Held)
    told = waiting_for(story.state)
    assert "the SKU 'X'; " in told
    assert told.endswith("the shipping method 'Express'")
    held = [x for x in story.events if isinstance(x, e.Held)]
    assert [category_of(x) for x in held] == [
        "sku_unmapped",
        "tax_code_unmapped",
        "shipping_method_unmapped",
    ]
    renewed(story, tables(2, shipping_methods=nothing)).then_events(e.Normalised, e.Held)
    assert settles(story.events[-2], matter_of(held[0]))
    renewed(story, NO_TABLES).then_events(e.Normalised, e.Accepted, e.FulfilmentPlanned)


def test_a_person_may_let_it_go_as_stated() -> None:
    """Releasing the hold sends what is missing under the channel's name; the rest is mapped."""
    story = given(tables(1, skus=HALF)).act("release")
    story.then_events(e.HoldReleased, e.Normalised, e.Accepted, e.FulfilmentPlanned)
    assert [line.sku for line in story.state.lines] == ["CUP", "SKU-2"]


def test_a_repeat_of_the_statement_is_no_change() -> None:
    """What the channel says is compared with what it said, not with what we made of it."""
    story = given(tables(1, skus=CLOSED), payment="pending")
    story.when(i.UpdateOrder(order=later(30, payment="pending"))).then_events(e.UpdateNoted)
    story.mappings = tables(2, skus=HALF)
    story.when(i.UpdateOrder(order=later(31, payment="pending"))).then_events(e.UpdateNoted)


@pytest.mark.parametrize("version_1", [NO_TABLES, tables(1, skus=CLOSED), tables(1, skus=HALF)])
def test_what_partners_are_told_follows_the_channel(version_1: Tables) -> None:
    """A discount given, or a gift message written, while the order waits."""
    story = given(version_1, payment="pending")
    totals = replace(an_order().totals, discount_minor=200, total_minor=2050)
    cheaper = later(30, payment="pending", totals=totals)
    story.when(i.UpdateOrder(order=cheaper))
    assert story.order is not None
    assert (story.state.total_minor, story.order.totals) == (2050, totals)
    story.when(i.UpdateOrder(order=later(31, cheaper, gift_message="Enjoy!")))
    assert story.order.gift_message == "Enjoy!"


def test_a_change_goes_through_the_same_step() -> None:
    """A changed order is mapped again: it may end the wait, and it may begin one."""
    story = given(tables(1, skus=HALF))
    story.when(i.UpdateOrder(order=later(30, order_of(CUP))))
    story.then_events(e.Changed, e.Accepted, e.UnitsDropped, e.FulfilmentPlanned)
    story = given(tables(1, skus=HALF), payment="pending", lines=(CUP,))
    story.when(i.UpdateOrder(order=later(30, order_of(CUP, JAR, payment="pending"))))
    story.then_events(e.Changed, e.Held)


def test_what_is_added_and_unmapped_holds_what_can_not_be_undone() -> None:
    """An order at work keeps its own lines in our terms; the new one waits for its mapping, and
    nothing leaves meanwhile."""
    story = given(tables(1, skus=HALF), lines=(CUP,))
    story.done(f.ReserveStock, f.StockReserved(place="WH1"))
    story.done(f.CreateTask, f.TaskCreated(task_id="t"))
    story.when(i.UpdateOrder(order=later(30, order_of(CUP, JAR)))).then_events(e.Changed, e.Held)
    assert story.state.fulfilments["F1"].stop == ""  # type: ignore[index]  # a key is a text
    story.when(packed()).then_events(e.Packed, e.LabelWanted).then_effects()
    renewed(story, tables(2, skus=CLOSED))
    assert story.state.holds == ()
    assert f.tag_of(f.BuyLabel) in str(story.open_kinds())


def test_a_bundle_is_opened_into_its_components() -> None:
    """The components leave; a shipment that the channel shows of the bundle is theirs."""
    bundles = {
        "bundles": {
            "KIT": {"components": [{"sku": "A", "quantity": 2}, {"sku": "B", "quantity": 1}]}
        }
    }
    kit = a_line("7", 1, 900, sku="KIT")
    story = Story()
    story.mappings = tables(1, **bundles)
    story.when(i.PlaceOrder(order=order_of(kit)))
    assert [line.sku for line in story.state.lines] == ["A", "B"]
    shown = i.OutsideShipment(outside_id="pos", units=(f.Units("7", "KIT", 1),))
    story.when(i.UpdateOrder(order=later(10, order_of(kit)), fulfilled=(shown,)))
    assert story.counts(0) == {"q": 2, "a": 2, "E": 2}


def test_a_cancelled_order_asks_no_table() -> None:
    """Cancelling ends the wait; the timer that comes too late finds nothing to do."""
    story = given(tables(1, skus=HALF)).when(i.CancelOrder(ref=REF)).then_stage("cancelled")
    renewed(story, tables(2, skus=CLOSED)).then_events()
