"""An order with something unmapped waits, says what is missing, and goes on by itself."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from actors.incidents.incidents import category_of, matter_of, settles
from actors.order.normalise import NO_TABLES, Tables
from actors.order.steps import waiting_for
from schemas.contracts.mappings import from_table
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import Story, an_order

CLOSED = {"aliases": {"SKU-1": "CUP"}, "known": ["SKU-2"]}
HALF = {"aliases": {"SKU-1": "CUP"}}


def tables(version: int, **channel: object) -> Tables:
    """Tables of the channel of our stories."""
    return Tables(from_table({"channels": {"acme-us": channel}}), version)


def given(version_1: Tables, **changes: object) -> Story:
    """A story in which the order came while these mappings held."""
    story = Story()
    story.mappings = version_1
    return story.when(i.PlaceOrder(order=an_order(**changes)))


def later(story: Story, tables: Tables) -> Story:
    """New mappings came, and the order looked."""
    story.mappings = tables
    return story.when(i.TimerFired(name="mapping"))


def test_a_mapped_order_goes_on_in_our_terms() -> None:
    """Nothing is held; the event has our SKU and the version, the body keeps the channel's."""
    story = given(tables(7, skus=CLOSED)).then_events(e.Placed, e.Accepted)
    placed = story.events[0]
    assert isinstance(placed, e.Placed)
    assert [line.sku for line in placed.lines] == ["CUP", "SKU-2"]
    assert placed.mappings == story.state.mappings == 7
    assert story.order is not None
    assert [line.channel_sku for line in story.order.lines] == ["SKU-1", ""]


def test_an_unmapped_sku_waits_and_goes_on_by_itself() -> None:
    """Held as stated with no effect; a version that has the SKU frees it without a person."""
    story = given(tables(1, skus=HALF)).then_events(e.Placed, e.Held).then_effects()
    story.then_stage("placed")
    assert story.last is not None
    assert "mapping" in dict(story.last.set_timers)
    assert waiting_for(story.state) == "a mapping: the tables of acme-us lack the SKU 'SKU-2'"
    assert story.order == an_order()
    later(story, tables(2, skus=CLOSED)).then_events(e.Normalised, e.Accepted)
    story.then_effects(f.ReserveStock)
    assert [line.sku for line in story.state.lines] == ["CUP", "SKU-2"]
    assert story.state.holds == ()
    assert story.state.mappings == 2


def test_looking_without_news_changes_nothing() -> None:
    """The order checks again in an hour, and its stream doesn't grow."""
    story = later(given(tables(1, skus=HALF)), tables(2, skus=HALF)).then_events()
    assert story.last is not None
    assert [name for name, _ in story.last.set_timers] == ["mapping"]


def test_each_kind_has_its_hold_and_its_incident() -> None:
    """SKU, tax code and method are three holds in three categories; what is left is said again."""
    lines = (an_order().lines[0].__class__(
        line_id="1", sku="X", title="X", quantity=1, unit_price_minor=1, total_minor=1,
        tax_code="MWST",
    ),)  # fmt: skip
    nothing: dict[str, object] = {"codes": {}}
    story = given(
        tables(1, skus={}, tax_codes=nothing, shipping_methods=nothing),
        lines=lines,
        shipping_method="Express",
    )
    held = [x for x in story.events if isinstance(x, e.Held)]
    assert [category_of(x) for x in held] == [
        "sku_unmapped",
        "tax_code_unmapped",
        "shipping_method_unmapped",
    ]
    only_method = tables(2, shipping_methods=nothing)
    later(story, only_method).then_events(e.Normalised, e.Held)
    assert [x.hold_id for x in story.state.holds] == ["unmapped-shipping-method"]
    normalised = story.events[-2]
    assert settles(normalised, matter_of(held[0]))
    later(story, NO_TABLES).then_events(e.Normalised, e.Accepted)


def test_a_person_may_let_it_go_as_stated() -> None:
    """Releasing the hold ships what is missing under the channel's name; the rest is mapped."""
    story = given(tables(1, skus=HALF))
    story.when(i.ActOnOrder(ref="820982911946154508", verb="release", person="ann", reason="ok"))
    story.then_events(e.HoldReleased, e.Normalised, e.Accepted)
    assert [line.sku for line in story.state.lines] == ["CUP", "SKU-2"]
    assert story.last is not None
    assert story.last.clear_timers == ("mapping",)


def test_all_that_is_missing_is_said() -> None:
    """Whoever reads what the order waits for adds everything at once, not kind by kind."""
    tabled = tables(1, skus=HALF, shipping_methods={"known": ["Standard"]})
    told = waiting_for(given(tabled, shipping_method="Pigeon").state)
    assert "the SKU 'SKU-2'; " in told
    assert told.endswith("the shipping method 'Pigeon'")


def test_a_repeat_of_the_statement_is_no_change() -> None:
    """What the channel says is compared with what it said, not with what we made of it."""
    story = given(tables(1, skus=CLOSED), payment="pending")
    again = an_order(payment="pending", updated_at="2026-11-27T12:30:00Z")
    story.when(i.UpdateOrder(order=again)).then_events(e.UpdateNoted)
    story.mappings = tables(2, skus=HALF)
    again = an_order(payment="pending", updated_at="2026-11-27T12:31:00Z")
    story.when(i.UpdateOrder(order=again)).then_events(e.UpdateNoted)


@pytest.mark.parametrize("version_1", [NO_TABLES, tables(1, skus=CLOSED), tables(1, skus=HALF)])
def test_what_partners_are_told_follows_the_channel_until_work_begins(version_1: Tables) -> None:
    """A discount given, or a gift message written, while the order waits: neither lines nor address
    changed, and yet the ERP and the warehouse must be told what the channel said last."""
    story = given(version_1, payment="pending")
    totals = replace(an_order().totals, discount_minor=200, total_minor=2050)
    cheaper = {"payment": "pending", "totals": totals}
    at = "2026-11-27T12:30:00Z"
    story.when(i.UpdateOrder(order=an_order(**cheaper, updated_at=at)))
    assert isinstance(story.events[-1], e.Amended | e.Held)
    assert story.order is not None
    assert (story.state.total_minor, story.order.totals) == (2050, totals)
    told = an_order(**cheaper, gift_message="Enjoy!", updated_at="2026-11-27T12:31:00Z")
    story.when(i.UpdateOrder(order=told))
    assert story.order.gift_message == "Enjoy!"
    tagged = replace(told, attributes={"tag": "vip"}, updated_at="2026-11-27T12:32:00Z")
    story.when(i.UpdateOrder(order=tagged)).then_events(e.UpdateNoted)


@pytest.mark.parametrize("stated", ["paid", "pending"])
def test_the_payment_brings_the_change_along(stated: str) -> None:
    """The message of the payment tells the order as it is now: its change counts, also when the
    change's own message comes later or never, and the money that came stays."""
    story = given(NO_TABLES, payment="pending")
    cup, _ = an_order().lines
    paid = an_order(payment=stated, lines=(cup,), updated_at="2026-11-27T12:30:00Z")
    story.when(i.ConfirmPayment(ref=paid.ref, paid_minor=2250, order=paid))
    story.then_events(e.PaymentConfirmed, e.Amended, e.Accepted)
    assert [line.line_id for line in story.state.lines] == ["1"]
    assert story.state.payment == "paid"
    story.when(i.UpdateOrder(order=replace(paid, payment="paid"))).then_events()


def test_an_order_that_waits_for_a_tax_code_takes_the_right_one() -> None:
    """The shop fixes the tax of a held order: it must not wait for the wrong code's mapping."""
    cup, jar = an_order().lines
    wrong, right = (
        (replace(cup, tax_code=code, tax_minor=0), jar) for code in ("CA Tacks", "CA Tax")
    )
    story = given(tables(1, tax_codes={"known": ["CA Tax"]}), lines=wrong).then_stage("placed")
    fixed = an_order(lines=right, updated_at="2026-11-27T12:30:00Z")
    story.when(i.UpdateOrder(order=fixed))
    assert story.state.holds == ()
    story.then_stage("accepted")


def test_an_amendment_goes_through_the_same_step() -> None:
    """A changed order is mapped again: it may end the wait, and it may begin one."""
    story = given(tables(1, skus=HALF))
    cup, jar = an_order().lines
    changed = an_order(lines=(cup,), updated_at="2026-11-27T12:30:00Z")
    story.when(i.UpdateOrder(order=changed))
    story.then_events(e.PaymentConfirmed, e.Amended, e.Accepted)
    assert [line.sku for line in story.state.lines] == ["CUP"]
    assert story.last is not None
    assert story.last.clear_timers == ("mapping",)
    story = given(tables(1, skus=HALF), payment="pending", lines=(cup,)).then_stage("placed")
    changed = an_order(payment="pending", lines=(cup, jar), updated_at="2026-11-27T12:30:00Z")
    story.when(i.UpdateOrder(order=changed)).then_events(e.Amended, e.Held)
    amended = story.events[-2]
    assert settles(amended, "hold:unmapped-sku")


def test_a_held_backorder_reserves_nothing() -> None:
    """A backorder that was changed to something unmapped waits for the mapping, not for stock."""
    story = given(tables(1, skus=CLOSED))
    story.done(f.ReserveStock, f.StockShort(skus=("CUP",))).then_stage("backordered")
    story.mappings = tables(2, skus=HALF)
    _, jar = an_order().lines
    changed = an_order(lines=(jar,), updated_at="2026-11-27T12:30:00Z")
    story.when(i.UpdateOrder(order=changed)).then_events(e.Amended, e.Held)
    story.when(i.TimerFired(name="stock")).then_events().then_effects()
    later(story, tables(3, skus=CLOSED)).then_events(e.Normalised)
    story.when(i.TimerFired(name="stock")).then_effects(f.ReserveStock)


def test_a_cancelled_order_asks_no_table() -> None:
    """Cancelling ends the wait; the timer that comes too late finds nothing to do."""
    story = given(tables(1, skus=HALF))
    story.when(i.CancelOrder(ref="820982911946154508")).then_stage("cancelled")
    later(story, tables(2, skus=CLOSED)).then_events()
