"""Money that goes back to the customer: once, never more than was paid, in what he paid with."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from actors.kernel.ledger import LedgerBroken
from actors.kernel.setup import Setup
from actors.order.family import evolve
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.order.canonical import Order, Presentment, Totals
from schemas.order.things import Key
from tests.fakes import RESULTS
from tests.given import (
    F2,
    REF,
    SETUP,
    Story,
    a_line,
    an_order,
    handed_over,
    later,
    order_of,
    packed,
    sold,
)

R1, R2 = Key("R1"), Key("R2")
BY_PERSON = replace(SETUP, refunds=True, erp="", mail="")
BY_ITSELF = replace(BY_PERSON, refund="automatic")
THREE = order_of(a_line("1", 3, 0, total_minor=1000), a_line("2", 1, 500))


def placed(setup: Setup = BY_ITSELF, order: Order | None = None) -> Story:
    """Return a story of a paid order whose stock is reserved."""
    story = Story(setup=setup).when(i.PlaceOrder(order=order or an_order()))
    return story.done(f.ReserveStock, f.StockReserved(place="WH1"))


def answered(story: Story) -> Story:
    """Let every partner but the channel that gives money back answer."""
    kinds = {f.tag_of(kind): kind for kind in RESULTS}
    while some := [one for one in story.state.open if one.kind != f.tag_of(f.RefundPayment)]:
        story.done(kinds[some[0].kind], RESULTS[kinds[some[0].kind]], some[0].key)
    return story


def takes_off(story: Story, line: str, quantity: int) -> Story:
    """Let a person set a line's quantity, before anyone works on it; what follows is undone."""
    edit = i.LineEdit(line_id=line, quantity=quantity)
    story.when(i.EditOrder(ref=REF, person="ann", lines=(edit,)))
    return answered(story)


def gives(story: Story, **told: object) -> Story:
    """Let a person give money back."""
    ask = i.RefundAsk(**told)  # type: ignore[arg-type]  # its fields
    return story.when(i.EditOrder(ref=REF, person="ann", reason="late", refund=ask))


def given(story: Story, amount: int | None = None, **more: object) -> Story:
    """Let the channel give back what it is asked for, or so much."""
    effect = asked(story)
    told = effect.amount_minor if amount is None else amount
    return story.done(f.RefundPayment, f.PaymentRefunded(amount_minor=told, **more))  # type: ignore[arg-type]  # its fields


def asked(story: Story) -> f.RefundPayment:
    """Return what the channel is asked for."""
    effect = story.effect(f.RefundPayment)
    assert isinstance(effect, f.RefundPayment)
    return effect


def owed_in(story: Story) -> list[int]:
    """Return what a person is told to pay back."""
    return [x.amount_minor for x in story.state.tasks if x.task_id == "money"]


def test_an_ordinary_order_costs_nothing() -> None:
    """Where the policy is to refund by itself, an order that ships says and asks nothing of it."""
    story = placed().done(f.CreateTask, f.TaskCreated(task_id="t-F1")).when(packed())
    assert not story.state.refunds
    assert not any(one.key[0] == "R" for one in story.events)


def test_by_default_money_owed_stays_a_person_s() -> None:
    """Nothing is asked of the channel, and the task says the amount."""
    story = takes_off(placed(BY_PERSON), "1", 1)
    assert owed_in(story) == [500]
    assert not story.state.refunds


def test_money_owed_is_given_back_by_itself() -> None:
    """The units that were cancelled are named, no one is asked, and it is done once."""
    story = takes_off(placed(), "1", 1)
    effect = asked(story)
    assert (effect.amount_minor, effect.most_minor, effect.currency) == (500, 2250, "USD")
    assert effect.lines == (f.RefundLine("1", 1),)
    assert not effect.shipping
    assert owed_in(story) == []
    given(story, outside_id="r-1").then_stage("refunded", R1)
    story.when(i.UpdateOrder(order=later(5, note="Thanks.")))
    assert list(story.state.refunds) == [R1]


def test_the_last_unit_takes_the_rest() -> None:
    """Three units for 10.00: 3.33, 3.34 and 3.33 are given back, which sum to it. The shop takes
    each off its statement, and none is given back twice."""
    story = placed(order=THREE)
    amounts = []
    for left in (2, 1, 0):
        takes_off(story, "1", left)
        amounts.append(asked(story).amount_minor)
        given(story)
    assert sum(amounts) == 1000
    assert max(amounts) - min(amounts) <= 1
    assert list(story.state.refunds) == ["R1", "R2", "R3"]


def test_what_the_shop_states_without_refunded_units_owes_no_more() -> None:
    """After the refund the shop states the line without that unit; a second unit that is cancelled
    is given back for itself."""
    story = takes_off(placed(order=THREE), "1", 2)
    given(story, 333)
    rest = order_of(a_line("1", 2, 0, total_minor=667), a_line("2", 1, 500))
    story.when(i.UpdateOrder(order=later(5, rest, payment="partially_refunded")))
    assert list(story.state.refunds) == [R1]
    takes_off(story, "2", 0)
    assert asked(story).amount_minor == 500
    assert asked(story).lines == (f.RefundLine("2", 1),)


def test_the_shop_s_news_before_our_answer_is_no_second_refund() -> None:
    """The statement without the units comes while our own refund is under way."""
    story = takes_off(placed(order=THREE), "1", 2)
    rest = order_of(a_line("1", 2, 0, total_minor=667), a_line("2", 1, 500))
    story.when(i.UpdateOrder(order=later(5, rest, payment="partially_refunded")))
    given(story, 333).then_stage("refunded", R1)
    assert list(story.state.refunds) == [R1]
    assert owed_in(story) == []


def test_a_refund_in_the_shop_of_cancelled_units_leaves_nothing_to_give() -> None:
    """While a hold keeps the refund waiting, the shop gives the money back itself: nothing is
    asked for when the hold is released."""
    news = i.NoteReport(ref=REF, source="shop", topic="risk", words="look", hold="before_hand_over")
    story = placed(order=THREE).when(news)
    takes_off(story, "1", 2)
    assert not story.state.refunds
    rest = order_of(a_line("1", 2, 0, total_minor=667), a_line("2", 1, 500))
    story.when(i.UpdateOrder(order=later(5, rest, payment="partially_refunded")))
    story.act("release", story.state.holds[0].hold_id)
    assert not story.state.refunds
    assert owed_in(story) == []


def test_a_whole_order_that_is_cancelled() -> None:
    """Once everything is undone and the channel knows, all of it is given back with its shipping;
    then the order is at its end."""
    story = Story(setup=BY_ITSELF).when(i.PlaceOrder(order=an_order()))
    story.done(f.ReserveStock, f.StockReserved(place="WH1"))
    story.act("cancel")
    while not (open_ := story.open_kinds())[0].endswith("cancel_order.v1"):
        kind = next(x for x in RESULTS if f.tag_of(x) == open_[0].split()[1])
        story.done(kind, RESULTS[kind])
    assert not any(one.kind == f.tag_of(f.RefundPayment) for one in story.state.open)
    story.done(f.CancelAtChannel, f.ChannelCancelled())
    assert (asked(story).amount_minor, asked(story).shipping) == (2250, True)
    given(story).then_stage("cancelled")
    assert not story.state.tasks


def test_a_refused_refund_is_tried_again_as_another() -> None:
    """The second has its own reference, and the same goods and amount."""
    story = takes_off(placed(), "1", 1)
    number = story.number(f.RefundPayment)
    story.refused(f.RefundPayment, "The card is closed.")
    story.act("retry", str(number)).then_stage("refused", R1)
    assert (asked(story).amount_minor, asked(story).lines) == (500, (f.RefundLine("1", 1),))
    given(story).then_stage("refunded", R2)
    assert list(story.state.refunds) == [R1, R2]


def test_a_refund_that_a_person_makes_elsewhere() -> None:
    """Skipped, it is paid back by other means: nothing more is owed."""
    story = takes_off(placed(), "1", 1)
    number = story.number(f.RefundPayment)
    story.refused(f.RefundPayment).act("skip", str(number)).then_stage("skipped", R1)
    assert owed_in(story) == []
    assert list(story.state.refunds) == [R1]


def test_an_unknown_outcome_keeps_its_reference() -> None:
    """No one knows how it ended: the same refund is looked up, and adopted when it was made."""
    story = takes_off(placed(), "1", 1)
    number = story.number(f.RefundPayment)
    story.unknown(f.RefundPayment).act("retry", str(number))
    assert [(x.key, x.attempts) for x in story.last.effects] == [(R1, 1)]  # type: ignore[union-attr]  # decided
    given(story).then_stage("refunded", R1)
    assert list(story.state.refunds) == [R1]


def test_a_person_gives_back_what_is_owed() -> None:
    """Without an amount it is what is owed, and the task about it is closed."""
    story = takes_off(placed(BY_PERSON), "1", 1)
    gives(story)
    assert (asked(story).amount_minor, asked(story).lines) == (500, (f.RefundLine("1", 1),))
    assert owed_in(story) == []
    given(story)
    assert owed_in(story) == []
    assert not story.state.tasks


def test_a_part_of_what_is_owed() -> None:
    """The rest stays owed, and the task says how much."""
    story = takes_off(placed(BY_PERSON), "1", 1)
    gives(story, amount_minor=200)
    assert asked(story).exact
    given(story)
    assert owed_in(story) == [300]


def test_what_a_person_has_paid_back_is_not_paid_by_the_channel_again() -> None:
    """Given a unit whose money a person gave back by hand, when the rest of what is owed is given
    back, then the channel is asked for that amount and not for what all cancelled units come to;
    and what is cancelled afterwards is owed in whole."""
    story = placed(BY_PERSON, THREE)
    takes_off(story, "1", 2)
    assert owed_in(story) == [333]
    story.act("done", "money")
    takes_off(story, "1", 1)
    assert owed_in(story) == [334]
    gives(story)
    effect = asked(story)
    assert (effect.amount_minor, effect.exact, effect.lines) == (334, True, ())
    given(story)
    takes_off(story, "2", 0)
    assert owed_in(story) == [500]


def test_goods_that_are_owed() -> None:
    """A person who names goods that were cancelled pays back what is owed for them."""
    story = takes_off(takes_off(placed(BY_PERSON), "1", 1), "2", 0)
    assert owed_in(story) == [1250]
    gives(story, lines=(i.LineEdit(line_id="2", quantity=1),))
    assert asked(story).lines == (f.RefundLine("2", 1),)
    given(story)
    assert owed_in(story) == [500]


def test_shipping_is_owed_with_the_last_unit() -> None:
    """One line is given back without it; with the other one what was paid for shipping follows."""
    story = takes_off(placed(), "1", 0)
    assert (asked(story).amount_minor, asked(story).shipping) == (1000, False)
    given(story)
    takes_off(story, "2", 0)
    assert (asked(story).amount_minor, asked(story).shipping) == (1250, True)
    given(story)
    assert sum(one.given for one in story.state.refunds.values()) == 2250


def test_the_customer_is_told_of_a_refund() -> None:
    """Where we write that: once for each refund, with what was given, also when the mail server
    refused the first."""
    writes = frozenset({"order_refunded"})
    story = takes_off(placed(replace(BY_ITSELF, mail="smtp", writes=writes)), "1", 1)
    given(story, 499)
    mail = f.SendMail(template="order_refunded", amount_minor=499, currency="USD")
    assert story.effect(f.SendMail) == mail
    number = story.number(f.SendMail)
    story.refused(f.SendMail).act("retry", str(number))
    assert story.effect(f.SendMail) == mail
    story.done(f.SendMail, f.MailSent(message_id="m"))
    assert [x.about for x in story.state.messages.values()] == ["R1", "R1"]
    assert not story.state.open


def test_a_goodwill_amount_without_goods() -> None:
    """After delivery, too: the order is open while money is given back, and what is owed stays."""
    story = placed(BY_PERSON).done(f.CreateTask, f.TaskCreated(task_id="t-F1")).when(packed())
    gives(story, amount_minor=199, goodwill=True)
    assert asked(story) == f.RefundPayment(
        amount_minor=199, most_minor=2250, currency="USD", exact=True
    )
    given(story).then_stage("refunded", R1)
    assert owed_in(story) == []


def test_goods_that_left() -> None:
    """They are given back without being taken off what ships, also where others of the line were
    cancelled and given back before."""
    story = takes_off(placed(), "1", 1)
    given(story)
    story.when(packed(key=F2), handed_over(key=F2))
    assert story.counts(0) == {"q": 2, "c": 1, "t": 1}
    gives(story, lines=(i.LineEdit(line_id="1", quantity=1),))
    assert asked(story).lines == (f.RefundLine("1", 1, left=True),)


def test_lines_and_shipping() -> None:
    """Goods that are still here are taken off what ships."""
    story = placed(BY_PERSON).done(f.CreateTask, f.TaskCreated(task_id="t-F1")).when(packed())
    gives(story, lines=(i.LineEdit(line_id="1", quantity=1),), shipping=True)
    assert asked(story).lines == (f.RefundLine("1", 1),)
    assert (asked(story).amount_minor, asked(story).shipping) == (1000, True)
    assert not asked(story).exact


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({}, "Nothing is owed"),
        ({"amount_minor": 2251}, "22.51 USD are more than the 22.50 USD"),
        ({"lines": (i.LineEdit(line_id="9", quantity=1),)}, "has no line 9"),
        ({"lines": (i.LineEdit(line_id="1", quantity=3),)}, "1 to 2 units"),
        ({"lines": (i.LineEdit(line_id="1", quantity=1),) * 2}, "Line 1 is named twice"),
    ],
)
def test_what_a_person_can_t_give_back(told: dict[str, object], why: str) -> None:
    """The answer says why, and nothing is asked of the channel."""
    story = gives(placed(BY_PERSON), **told)
    (refused,) = [one for one in story.events if isinstance(one, e.ActionRefused)]
    assert refused.verb == "refund"
    assert why in refused.reason
    assert not story.state.refunds


def test_never_more_than_is_left() -> None:
    """Refunds together give back what was paid, whether or not the shop's statement has them."""
    story = gives(placed(BY_PERSON), amount_minor=2000)
    given(story)
    gives(story, amount_minor=251)
    assert isinstance(story.events[-1], e.ActionRefused)
    rest = replace(an_order(), payment="partially_refunded")
    totals = replace(rest.totals, discount_minor=1750, shipping_minor=250, total_minor=250)
    story.when(i.UpdateOrder(order=later(5, rest, totals=totals)))
    gives(story, amount_minor=251)
    assert isinstance(story.events[-1], e.ActionRefused)
    gives(story, amount_minor=250)
    given(story).then_stage("refunded", R2)


def test_the_books_refuse_more_than_was_paid() -> None:
    """An event that gives back too much breaks them."""
    story = placed(BY_PERSON)
    event = e.RefundWanted(rule="want", key=R1, amount_minor=2251, currency="USD", had_minor=2250)
    with pytest.raises(LedgerBroken):
        evolve(story.state, event)


def test_in_the_currency_that_the_customer_pays() -> None:
    """The order is kept in dollars and paid in yen, which have no decimals."""
    seen = Totals(
        subtotal_minor=2626, discount_minor=0, shipping_minor=750, tax_minor=0, total_minor=3376
    )
    order = an_order(presentment=Presentment(currency="JPY", totals=seen))
    story = takes_off(placed(order=order), "2", 0)
    assert (asked(story).currency, asked(story).amount_minor) == ("JPY", 1125)
    assert asked(story).most_minor == 3376


def test_a_channel_that_gives_nothing_back() -> None:
    """A person is told where to do it."""
    story = gives(placed(replace(SETUP, erp="", mail="")), amount_minor=100)
    (refused,) = [one for one in story.events if isinstance(one, e.ActionRefused)]
    assert "No money is given back through acme-us" in refused.reason


def test_a_closed_order_is_open_while_money_is_given_back() -> None:
    """And closed again when the customer has it."""
    story = placed(BY_PERSON).done(f.CreateTask, f.TaskCreated(task_id="t-F1")).when(packed())
    story.done(f.BuyLabel, sold(Key("K1")))
    story.when(handed_over())
    story.done(f.PublishFulfilment, f.FulfilmentPublished(outside_ids=("f-1",)))
    story.when(i.TimerFired(name="track", key=Key("K1")))
    story.done(f.TrackParcel, f.Tracked(status="delivered"))
    if story.stage() != "closed":
        story.when(i.TimerFired(name="close"))
    story.then_stage("closed")
    gives(story, amount_minor=100, goodwill=True).then_stage("accepted")
    given(story).then_stage("refunded", R1)
