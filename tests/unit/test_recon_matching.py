"""What reconciliation says of one order: nothing of what may still be on its way, one cause for
each error, and none as the consequence of another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from adapters.kit.books import Amounts, Booked, Payment, Settled, ShopOrder
from service.recon.cases import CAUSES, Case, OurOrder, Terms, Told
from service.recon.matching import compare

NOW = datetime(2026, 12, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PLACED = NOW - timedelta(days=9)
AMOUNTS = Amounts(goods_minor=10_000, shipping_minor=500, tax_minor=840)
TERMS = Terms(
    now=NOW,
    since=NOW - timedelta(days=30),
    until=NOW,
    shop=True,
    gateway=True,
    erp=True,
    grace_seconds=7_200,
    settle_seconds=48 * 3_600,
    payout_seconds=10 * 86_400,
)
PAYMENT = Payment(
    id="7", kind="payment", at=PLACED, currency="USD", amount_minor=11_340, settles=True,
    fee_minor=359,
)  # fmt: skip
OURS = OurOrder(
    order_id="O",
    channel="acme",
    ref="1",
    number="#1",
    placed_at=PLACED,
    stated_at=PLACED,
    currency="USD",
    amounts=AMOUNTS,
    told=Told(erp_id="e", amounts=AMOUNTS, day="2026-11-22"),
)
SHOP = ShopOrder(
    ref="1",
    number="#1",
    placed_at=PLACED,
    updated_at=PLACED,
    currency="USD",
    amounts=AMOUNTS,
    payments=(PAYMENT,),
)
SETTLED = Settled(
    id="s",
    kind="payment",
    at=PLACED,
    currency="USD",
    amount_minor=11_340,
    transaction="7",
    ref="1",
    fee_minor=359,
    payout="p",
)
BOOKED = Booked(
    id="e",
    kind="order",
    number="S1",
    external="ACME #1",
    currency="USD",
    amounts=AMOUNTS,
    order="e",
    day="2026-11-22",
    lines=2,
)


def causes(*entries: OurOrder | ShopOrder | Settled | Booked, terms: Terms = TERMS) -> list[str]:
    """The causes that are found when the sides say this."""
    case = Case()
    for one in entries:
        case.add(one)
    return sorted(one.cause for one in compare(case, terms))


def test_books_that_agree_have_no_difference() -> None:
    """Four sides of one order that say the same."""
    assert causes(OURS, SHOP, SETTLED, BOOKED) == []


def test_what_may_be_on_its_way_is_not_missing() -> None:
    """A payment of yesterday that the gateway does not show yet, an order of a minute ago that is
    here not yet, and a payout within its days are not told as differences; later they are."""
    late = replace(PAYMENT, at=NOW - timedelta(hours=47))
    young = replace(SHOP, placed_at=NOW - timedelta(minutes=1))
    unpaid = replace(SETTLED, payout="")
    assert causes(OURS, replace(SHOP, payments=(late,)), BOOKED) == []
    assert causes(young, replace(SETTLED, ref="1")) == []
    assert causes(OURS, SHOP, unpaid, BOOKED) == []
    older = replace(TERMS, settle_seconds=3_600, payout_seconds=86_400, grace_seconds=30)
    missing = causes(OURS, replace(SHOP, payments=(late,)), BOOKED, terms=older)
    assert missing == ["payment_not_at_gateway"]
    assert causes(young, SETTLED, terms=older) == ["order_not_received"]
    assert causes(OURS, SHOP, unpaid, BOOKED, terms=older) == ["payout_overdue"]


def test_an_order_that_is_being_worked_on_waits_for_the_next_run() -> None:
    """What is under way here, or changed within the grace, is not compared."""
    other = replace(BOOKED, amounts=replace(AMOUNTS, goods_minor=9_000))
    edited = replace(SHOP, amounts=replace(AMOUNTS, goods_minor=9_000))
    assert causes(replace(OURS, unsettled=True), edited, SETTLED, other) == []
    assert causes(OURS, replace(edited, updated_at=NOW), SETTLED, BOOKED) == []
    assert causes(OURS, edited, SETTLED, other) == [
        "goods_booked_differently",
        "goods_changed_in_shop",
    ]


def test_tax_that_follows_from_an_amount_is_no_second_error() -> None:
    """An ERP that works out the tax of another price has one error, another tax beside is two."""
    off = replace(AMOUNTS, goods_minor=11_000, tax_minor=920)
    assert causes(OURS, SHOP, SETTLED, replace(BOOKED, amounts=off)) == ["goods_booked_differently"]
    beside = replace(off, tax_minor=1_500)
    assert causes(OURS, SHOP, SETTLED, replace(BOOKED, amounts=beside)) == [
        "goods_booked_differently",
        "tax_booked_differently",
    ]
    rounded = replace(AMOUNTS, tax_minor=842)
    assert causes(OURS, SHOP, SETTLED, replace(BOOKED, amounts=rounded)) == []


def test_refunds_after_the_invoice_take_a_credit_memo() -> None:
    """Without one, with another amount, twice, and for nothing, each has its name; a refund before
    the invoice is in it."""
    back = Payment(
        id="8", kind="refund", at=PLACED, currency="USD", amount_minor=1_000
    )  # through another gateway
    now = replace(AMOUNTS, goods_minor=9_000)
    ours = replace(OURS, amounts=now, told=Told(erp_id="e", amounts=now, day="2026-11-22"))
    shop = replace(SHOP, amounts=now, payments=(PAYMENT, back))
    invoice = replace(BOOKED, id="i", kind="invoice", number="I1")
    credit = replace(BOOKED, id="c", kind="credit", number="C1", amounts=Amounts(goods_minor=1_000))
    other = replace(credit, id="d", number="C2")
    less = replace(credit, amounts=Amounts(goods_minor=600))
    assert causes(ours, shop, SETTLED, invoice, credit) == []
    assert causes(ours, shop, SETTLED, invoice) == ["credit_memo_missing"]
    assert causes(ours, shop, SETTLED, invoice, credit, other) == ["credited_twice"]
    assert causes(ours, shop, SETTLED, invoice, less) == ["credit_amount_differs"]
    assert causes(OURS, SHOP, SETTLED, invoice, credit) == ["credit_without_refund"]
    before = replace(invoice, amounts=now)
    assert causes(ours, shop, SETTLED, before) == []


def test_a_draft_is_not_posted() -> None:
    """A credit memo that is a draft credits nothing, and an invoice books nothing; both must be
    posted. A draft that no refund waits for says nothing."""
    back = Payment(id="8", kind="refund", at=PLACED, currency="USD", amount_minor=1_000)
    now = replace(AMOUNTS, goods_minor=9_000)
    ours = replace(OURS, amounts=now, told=Told(erp_id="e", amounts=now, day="2026-11-22"))
    shop = replace(SHOP, amounts=now, payments=(PAYMENT, back))
    invoice = replace(BOOKED, id="i", kind="invoice", number="I1")
    draft = replace(BOOKED, id="c", kind="credit", amounts=Amounts(goods_minor=1_000), draft=True)
    posted = replace(draft, id="d", number="C2", draft=False)
    assert causes(ours, shop, SETTLED, invoice, draft) == ["credit_memo_not_posted"]
    assert causes(ours, shop, SETTLED, invoice, draft, posted) == []
    less = replace(draft, amounts=Amounts(goods_minor=600))
    assert causes(ours, shop, SETTLED, invoice, less) == ["credit_memo_missing"]
    assert causes(OURS, SHOP, SETTLED, replace(invoice, draft=True)) == ["invoice_not_posted"]
    gone = replace(ours, told=Told(erp_id="e", amounts=AMOUNTS, undone=True))
    assert "cancelled_and_still_booked" in causes(gone, SHOP, SETTLED, invoice, draft)


def test_what_is_cancelled_must_not_stand_in_the_erp() -> None:
    """A deleted sales order, or one that was credited, is right; a standing one is a difference."""
    told = Told(erp_id="e", amounts=AMOUNTS, undone=True)
    ours = replace(OURS, cancelled=True, told=told)
    shop = replace(SHOP, cancelled=True)
    assert causes(ours, shop, SETTLED) == []
    assert causes(ours, shop, SETTLED, BOOKED) == ["cancelled_and_still_booked"]
    assert causes(ours, SHOP, SETTLED) == ["not_cancelled_in_shop"]


def test_sides_that_were_not_read_are_not_compared() -> None:
    """Without a gateway's or an ERP's books nothing of them is missing."""
    terms = replace(TERMS, gateway=False, erp=False)
    assert causes(OURS, SHOP, terms=terms) == []
    assert causes(OURS, terms=replace(terms, shop=False)) == []


def test_an_order_that_no_one_booked_is_told_where_one_should_have() -> None:
    """Only an order that got so far, and waits for no one, should have a sales order."""
    unbooked = replace(OURS, told=None)
    assert causes(unbooked, SHOP, SETTLED) == []
    assert causes(replace(unbooked, awaits_erp=True), SHOP, SETTLED) == ["never_booked"]


def test_duty_whose_line_was_deleted_is_not_booked() -> None:
    """Its line is gone; another amount of it is a difference of another name."""
    amounts = replace(AMOUNTS, duty_minor=700)
    ours = replace(OURS, amounts=amounts, told=Told(erp_id="e", amounts=amounts))
    shop = replace(SHOP, amounts=amounts)
    assert causes(ours, shop, SETTLED, replace(BOOKED, amounts=amounts)) == []
    assert causes(ours, shop, SETTLED, BOOKED) == ["duty_not_booked"]
    other = replace(BOOKED, amounts=replace(amounts, duty_minor=600))
    assert causes(ours, shop, SETTLED, other) == ["duty_booked_differently"]


def test_an_erp_that_takes_net_for_gross_has_one_error() -> None:
    """What its tax comes to follows from that; without any tax there is no basis to differ."""
    gross = replace(BOOKED, amounts=replace(AMOUNTS, taxes_included=True, tax_minor=777))
    assert causes(OURS, SHOP, SETTLED, gross) == ["tax_basis_differs"]
    free = replace(AMOUNTS, tax_minor=0)
    ours = replace(OURS, amounts=free, told=Told(erp_id="e", amounts=free))
    untaxed = replace(BOOKED, amounts=replace(free, taxes_included=True))
    assert causes(ours, replace(SHOP, amounts=free), SETTLED, untaxed) == []


def test_another_currency_in_the_shop_is_the_only_change_that_is_told() -> None:
    """Amounts of two currencies are not compared with each other."""
    shop = replace(SHOP, currency="EUR", amounts=replace(AMOUNTS, goods_minor=9_200))
    assert causes(OURS, shop, SETTLED, BOOKED) == ["currency_differs_in_shop"]


def test_a_refund_that_the_gateway_made_by_itself_is_told_once_the_shop_should_know() -> None:
    """The gateway is read after the shop: what it took or gave back meanwhile is not a difference,
    nor is what it took for no order beside the window."""
    back = replace(SETTLED, id="t", kind="refund", amount_minor=500, transaction="9")
    assert causes(OURS, SHOP, SETTLED, back, BOOKED) == ["refund_not_in_shop"]
    taken = replace(back, kind="payment", transaction="10")
    for one in (back, taken, replace(taken, ref="", transaction="")):
        young = replace(one, at=NOW + timedelta(minutes=9))
        assert causes(OURS, SHOP, SETTLED, young, BOOKED) == []
    alone = replace(SETTLED, ref="", transaction="")
    assert causes(alone) == ["payment_of_no_order"]
    for at in (NOW + timedelta(minutes=9), NOW - timedelta(minutes=9), TERMS.since - DAY):
        assert causes(replace(alone, at=at)) == []


def test_what_is_read_twice_is_there_once() -> None:
    """A list that moves on between two pages shows the same thing again: the last word counts."""
    old = replace(BOOKED, amounts=replace(AMOUNTS, goods_minor=1))
    assert causes(OURS, SHOP, SHOP, SETTLED, SETTLED, old, BOOKED) == []
    beside = replace(SETTLED, id="t", transaction="9")
    assert causes(OURS, SHOP, SETTLED, beside, beside, BOOKED) == ["payment_not_in_shop"]


def test_without_the_books_of_the_shop_no_credit_memo_is_judged() -> None:
    """No one knows what was given back there: a credit memo may be right, and so may an invoice
    above what is left. What says less than we told is a difference all the same."""
    terms = replace(TERMS, shop=False, gateway=False)
    invoice = replace(BOOKED, id="i", kind="invoice", number="I1")
    credit = replace(BOOKED, id="c", kind="credit", number="C1", amounts=Amounts(goods_minor=1_000))
    now = replace(AMOUNTS, goods_minor=9_000)
    ours = replace(OURS, amounts=now, told=Told(erp_id="e", amounts=now, day="2026-11-22"))
    assert causes(OURS, invoice, credit, terms=terms) == []
    assert causes(ours, invoice, terms=terms) == []
    assert causes(ours, invoice, credit, terms=terms) == []
    assert causes(ours, replace(SHOP, unread=True), invoice, credit) == ["goods_changed_in_shop"]
    less = replace(invoice, amounts=replace(AMOUNTS, goods_minor=8_000))
    for one in (less, replace(BOOKED, amounts=less.amounts)):
        assert causes(OURS, one, terms=terms) == ["goods_booked_differently"]


def test_a_sales_order_that_is_invoiced_in_parts_is_booked_once() -> None:
    """It stands beside its first invoice, or was posted while the lists were read; at the end its
    invoices sum to it. An invoice of another sales order is a second booking."""
    goods, rest = replace(AMOUNTS, goods_minor=4_000, tax_minor=340), Amounts(goods_minor=6_000)
    first = replace(BOOKED, id="i1", kind="invoice", number="I1", amounts=goods, lines=1)
    second = replace(first, id="i2", number="I2", amounts=replace(rest, tax_minor=500))
    assert causes(OURS, SHOP, SETTLED, BOOKED, first) == []
    assert causes(OURS, SHOP, SETTLED, first, second) == []
    assert causes(OURS, SHOP, SETTLED, first) != []
    other = replace(second, order="f")
    assert causes(OURS, SHOP, SETTLED, BOOKED, first, other) == ["booked_twice"]


@pytest.mark.parametrize("cause", sorted(CAUSES))
def test_every_cause_says_what_to_do(cause: str) -> None:
    """In a sentence, between two sides."""
    one = CAUSES[cause]
    assert one.words[0].isupper()
    assert len(one.words) < 120
    assert one.sides in ("journal-shop", "shop-gateway", "journal-erp")
