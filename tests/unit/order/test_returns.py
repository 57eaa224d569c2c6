"""Goods that come back: never more than left, each with its end, and paid back once, whoever paid
first."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from actors.kernel.ledger import LedgerBroken
from actors.kernel.setup import Setup
from actors.order.family import evolve
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.messages.return_events import Disposition
from schemas.messages.return_inputs import ReturnLine
from schemas.order.canonical import Totals
from schemas.order.things import Key
from tests.fakes import RESULTS
from tests.given import REF, SETUP, Story, an_order, given_placed, later, packed

T1, T2, R1, R2 = Key("T1"), Key("T2"), Key("R1"), Key("R2")
PAYS = replace(SETUP, refunds=True, return_refund="full", erp="", mail="")
BY_ITSELF = replace(PAYS, returns="automatic")
CUPS = an_order().lines[0]


def closed(setup: Setup = PAYS) -> Story:
    """Return a story of an order of two cups and a jar that has arrived, with any seller."""
    story = Story(setup=setup).when(i.PlaceOrder(order=an_order()))
    kinds = {f.tag_of(kind): kind for kind in RESULTS}
    while story.state.stage != "closed":
        if story.state.open:
            one = story.state.open[0]
            story.done(kinds[one.kind], RESULTS[kinds[one.kind]], one.key)
        elif not story.state.parcels:
            story.when(packed())
        else:
            story.when(i.TimerFired(name="track", key=next(iter(story.state.parcels))))
    return story


def a_line(line_id: str, quantity: int, how: Disposition | None = None) -> ReturnLine:
    """Return so many units of a line, and what becomes of them."""
    return ReturnLine(line_id=line_id, quantity=quantity, disposition=how)


def step(story: Story, step: str, *lines: ReturnLine, **more: object) -> Story:
    """Let a person, unless another source is named, take a step of a return."""
    person = "ann" if more.get("source", "person") == "person" else ""
    return story.when(
        i.HandleReturn(ref=REF, step=step, lines=lines, person=person, **more)  # type: ignore[arg-type]  # its fields
    )


def came(story: Story, *lines: ReturnLine) -> Story:
    """Let goods be asked for, authorised, received, and inspected to be sold again."""
    step(story, "request", *lines)
    step(story, "authorise", key="")
    step(story, "receive")
    return step(story, "inspect")


def refused(story: Story) -> str:
    """Return why a person's step could not be done."""
    assert story.last is not None
    told = [one for one in story.last.events if isinstance(one, e.ActionRefused)]
    assert len(told) == 1, story.last.events
    return told[0].reason


def shop_pays(story: Story, minute: int, cups: int, *, jar: bool = True) -> Story:
    """Let somebody give money back in the shop: it states so many cups from then on."""
    lines = tuple(
        replace(line, quantity=cups, total_minor=500 * cups) if line.line_id == "1" else line
        for line in an_order().lines
        if (line.line_id == "1" and cups) or (line.line_id == "2" and jar)
    )
    goods = sum(line.total_minor for line in lines)
    totals = Totals(
        subtotal_minor=goods, discount_minor=0, shipping_minor=500, tax_minor=0,
        total_minor=goods + 500,
    )  # fmt: skip
    order = later(minute, lines=lines, totals=totals, payment="partially_refunded")
    return story.when(i.UpdateOrder(order=order))


def asked(story: Story) -> list[str]:
    """Return what people are asked about returns."""
    return [one.words for one in story.state.tasks]


def test_a_return_from_the_wish_to_the_money() -> None:
    """Two cups come back: authorised by a person, received, inspected, in stock, and paid back."""
    story = step(closed(), "request", a_line("1", 2))
    assert "authorise or decline" in asked(story)[0]
    step(story, "authorise", reason="ok").then_stage("authorised", T1)
    assert asked(story) == []
    step(story, "send", tracking_number="1ZBACK").then_stage("in_transit", T1)
    step(story, "receive").then_stage("received", T1)
    step(story, "inspect", a_line("1", 1, "restock"), a_line("1", 1, "damaged"))
    put = story.effect(f.RestockReturn)
    assert put == f.RestockReturn(place="WH1", units=(f.Units("1", "SKU-1", 1),))
    effect = story.effect(f.RefundPayment)
    assert isinstance(effect, f.RefundPayment)
    assert (effect.amount_minor, effect.exact) == (1000, False)
    assert effect.lines == (f.RefundLine("1", 2, left=True),)
    story.done(f.RestockReturn, f.StockReturned(place="WH1")).then_stage("closed", T1)
    story.done(f.RefundPayment, f.PaymentRefunded(amount_minor=1000)).then_stage("closed")
    shop_pays(story, 50, 0)
    assert asked(story) == []
    assert list(story.state.refunds) == [R1]


def test_no_more_comes_back_than_left() -> None:
    """A wish beyond what left, less what other returns take, is refused in words."""
    story = step(closed(), "request", a_line("1", 3))
    assert "at most 2 units" in refused(story)
    step(story, "request", a_line("1", 1), a_line("2", 1))
    step(story, "request", a_line("1", 2))
    assert "at most 1 units" in refused(story)
    step(story, "request", a_line("9", 1))
    assert "no line 9" in refused(story)
    assert list(story.state.returns) == [T1]


def test_nothing_can_come_back_that_has_not_left() -> None:
    """An order that is packed tomorrow has nothing to return."""
    story = step(given_placed(Story(setup=PAYS)), "request", a_line("1", 1))
    assert "at most 0 units" in refused(story)


def test_the_settings_authorise_in_time_and_decline_later() -> None:
    """Within the days of the settings no one is asked, and after them no one either."""
    story = step(closed(replace(BY_ITSELF, return_days=30)), "request", a_line("1", 1))
    story.then_stage("authorised", T1)
    over = closed(replace(BY_ITSELF, return_days=1))
    over.now = over.now.replace(month=12)
    step(over, "request", a_line("1", 1)).then_stage("declined", T1)
    assert asked(story) == asked(over) == []


def test_a_restocking_fee_is_kept() -> None:
    """Of 10.00 a fee of 15 % is kept; the amount is ours, not the channel's to calculate."""
    setup = replace(BY_ITSELF, return_refund="less_fee", restocking_percent=15)
    story = came(closed(setup), a_line("1", 2))
    effect = story.effect(f.RefundPayment)
    assert isinstance(effect, f.RefundPayment)
    assert (effect.amount_minor, effect.exact) == (850, True)


def test_no_money_by_policy() -> None:
    """Where nothing is given back the return ends without a refund and without a question."""
    story = came(closed(replace(BY_ITSELF, return_refund="none", stock=False)), a_line("1", 2))
    story.then_stage("closed", T1)
    assert not story.state.refunds
    assert asked(story) == []


def test_by_default_a_person_gives_the_money_back() -> None:
    """The task says what came and what it comes to; it comes once."""
    story = came(closed(replace(BY_ITSELF, return_refund="person")), a_line("1", 2))
    assert "10.00 USD" in asked(story)[0]
    story.act("done", "return-money-T1")
    story.done(f.RestockReturn, f.StockReturned(place="WH1")).then_stage("closed", T1)
    assert asked(story) == []
    assert not story.state.refunds


def test_whoever_inspects_may_decide_about_the_money() -> None:
    """What a person names at the inspection counts before the settings."""
    story = step(step(closed(BY_ITSELF), "request", a_line("1", 1)), "receive")
    step(story, "inspect", refund="none")
    assert not story.state.refunds
    story.done(f.RestockReturn, f.StockReturned(place="WH1")).then_stage("closed", T1)


def test_money_before_goods() -> None:
    """The shop pays back behind our back, and the goods come: they are not paid again."""
    story = step(closed(BY_ITSELF), "request", a_line("1", 1))
    shop_pays(story, 50, 1)
    assert asked(story) == []
    step(story, "receive")
    step(story, "inspect")
    assert not story.state.refunds
    assert story.state.returns[T1].money == "others"


def test_money_of_one_unit_before_two_come() -> None:
    """Of two cups the shop paid one back before: we pay the other, and no more later."""
    story = step(closed(BY_ITSELF), "request", a_line("1", 2))
    shop_pays(story, 50, 1)
    step(story, "receive")
    step(story, "inspect")
    effect = story.effect(f.RefundPayment)
    assert isinstance(effect, f.RefundPayment)
    assert (effect.amount_minor, effect.lines) == (500, (f.RefundLine("1", 1, left=True),))
    story.done(f.RefundPayment, f.PaymentRefunded(amount_minor=500))
    shop_pays(story, 55, 0)
    assert list(story.state.refunds) == [R1]
    assert asked(story) == []


def test_goods_before_money() -> None:
    """The goods are paid back here, then somebody in the shop tries, too: our refund finds it."""
    story = came(closed(BY_ITSELF), a_line("1", 1))
    story.done(f.RefundPayment, f.PaymentRefunded(amount_minor=0, by_others=True))
    shop_pays(story, 50, 1)
    assert list(story.state.refunds) == [R1]
    assert asked(story) == []


def test_a_refund_that_a_person_made_before_is_not_made_again() -> None:
    """A person gave a cup's money back here before it came."""
    story = closed(BY_ITSELF)
    ask = i.RefundAsk(lines=(i.LineEdit(line_id="1", quantity=1),))
    story.when(i.EditOrder(ref=REF, person="ann", reason="so", refund=ask))
    story.done(f.RefundPayment, f.PaymentRefunded(amount_minor=500))
    came(story, a_line("1", 1))
    assert list(story.state.refunds) == [R1]
    assert story.state.returns[T1].money == "others"


def test_goods_without_a_return() -> None:
    """What no one had announced is received, inspected and paid back all the same."""
    story = step(closed(BY_ITSELF), "receive", a_line("2", 1), source="warehouse", place="WH1")
    story.then_stage("received", T1)
    step(story, "inspect", a_line("2", 1, "discard"), source="warehouse")
    effect = story.effect(f.RefundPayment)
    assert isinstance(effect, f.RefundPayment)
    assert effect.amount_minor == 750
    assert not any("stock" in kind for kind in story.open_kinds())


def test_more_comes_back_than_left() -> None:
    """It is recorded as it is, a person looks whose it is, and no more is paid than was paid."""
    story = step(closed(BY_ITSELF), "receive", a_line("1", 5), source="warehouse")
    assert "3 × SKU-1 of line 1 too many" in asked(story)[0]
    step(story, "inspect")
    effect = story.effect(f.RefundPayment)
    assert isinstance(effect, f.RefundPayment)
    assert effect.amount_minor <= 2250


def test_money_without_a_return() -> None:
    """The shop pays for what left and nothing comes back: a person is told, and no return is."""
    story = shop_pays(closed(BY_ITSELF), 50, 1)
    assert "removed or refunded after they left" in asked(story)[0]
    assert not story.state.returns


def test_a_return_without_goods_is_alarmed_and_called_off() -> None:
    """What does not come is overdue, and can be cancelled; later the units may be returned."""
    story = step(closed(BY_ITSELF), "request", a_line("1", 2))
    story.when(i.TimerFired(name="due", key=T1))
    assert T1 in story.state.overdue
    step(story, "cancel", reason="kept it").then_stage("cancelled", T1)
    assert T1 not in story.state.overdue
    step(story, "request", a_line("1", 2)).then_stage("authorised", T2)


def test_goods_that_come_after_a_decline_are_received() -> None:
    """They are here, whatever was said."""
    story = step(closed(), "request", a_line("1", 1))
    step(story, "decline", reason="too late").then_stage("declined", T1)
    step(story, "receive", key="T1")
    assert "Say which lines" in refused(story)
    step(story, "receive", a_line("1", 1), key="T1").then_stage("received", T1)


def test_a_channel_s_return_is_known_by_its_own_id() -> None:
    """Its request, approval and close are told by webhooks, in any order and twice; we ask no one
    about what is decided there."""
    gid = "gid://shopify/Return/1"
    story = closed(PAYS)
    step(story, "authorise", source="channel", outside_id=gid).then_stage("authorised", T1)
    step(story, "request", source="channel", outside_id=gid)
    step(story, "authorise", source="channel", outside_id=gid)
    assert list(story.state.returns) == [T1]
    assert asked(story) == []
    step(story, "close", source="channel", outside_id=gid).then_stage("closed", T1)
    step(story, "decline", source="channel", outside_id="gid://shopify/Return/2")
    story.then_stage("declined", T2)


def test_what_becomes_of_every_unit_is_said() -> None:
    """An inspection that leaves one out, or invents one, is refused; the books refuse it, too."""
    story = step(step(closed(), "request", a_line("1", 2)), "receive")
    step(story, "inspect", a_line("1", 1, "restock"))
    assert "every unit" in refused(story)
    step(story, "inspect", a_line("1", 2))
    assert "what becomes of" in refused(story)
    units = (e.FoundUnits(0, 3, "restock"),)
    with pytest.raises(LedgerBroken):
        evolve(story.state, e.ReturnInspected(rule="inspect", key=T1, units=units))


def test_the_stock_refuses_and_a_person_goes_on() -> None:
    """Tried again it is the same movement; skipped, a person enters it by hand."""
    story = came(closed(BY_ITSELF), a_line("1", 1)).refused(f.RestockReturn, "no such place")
    story.act("retry").refused(f.RestockReturn, "no such place").act("skip")
    story.then_stage("closed", T1)


def test_a_refused_refund_of_a_return_is_tried_again_as_another() -> None:
    """The refund that follows is for the same return, and the return is paid once."""
    story = came(closed(BY_ITSELF), a_line("1", 1)).refused(f.RefundPayment, "declined")
    story.act("retry")
    assert list(story.state.refunds) == [R1, R2]
    assert story.state.returns[T1].money == R2
    story.done(f.RefundPayment, f.PaymentRefunded(amount_minor=500)).done(
        f.RestockReturn, f.StockReturned(place="WH1")
    )
    story.then_stage("closed", T1)


def test_the_customer_is_told_once_that_goods_came() -> None:
    """Where we write that message: when they are received, not when more of them come."""
    setup = replace(BY_ITSELF, mail="smtp", writes=frozenset({"return_received"}))
    story = step(closed(setup), "request", a_line("1", 2))
    step(story, "receive", a_line("1", 1))
    effect = story.effect(f.SendMail)
    assert isinstance(effect, f.SendMail)
    assert effect.template == "return_received"
    assert effect.units == (f.Units("1", "SKU-1", 1),)
    step(story, "receive", a_line("1", 1), key="T1")
    assert len([one for one in story.state.messages.values() if one.about == T1]) == 1


def test_a_warehouse_s_report_is_never_lost() -> None:
    """Goods at a place that no one knows are received all the same; a line that the order does not
    have is a person's."""
    story = step(closed(BY_ITSELF), "receive", a_line("1", 1), source="warehouse", place="moon")
    assert story.state.returns[T1].place == "WH1"
    step(story, "receive", a_line("9", 1), source="warehouse")
    assert "no line 9" in asked(story)[0]
    assert list(story.state.returns) == [T1]
