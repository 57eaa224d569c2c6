"""What a live order's decision asks about the world: found out once, and never in its way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry

from actors.rules.compiled import Compiled
from actors.runtime.errors import JournalUnavailable
from schemas.contracts.rules import Rule, Rules
from schemas.messages.inputs import ActOnOrder, PlaceOrder, UpdateOrder
from schemas.order.canonical import Customer, Order
from schemas.order.ids import OrderId
from schemas.order.world import Account, History, World, WorldAsked
from service.checks.answering import MAX_ASKING, Answering, CheckMetrics, account_teller
from tests.given import an_order, later
from tests.house import POLICY
from tests.live_orders import ORDER_ID, Shop
from tests.waiting import eventually

FIRST = Rules(
    review=(
        Rule(name="first", when="has(customer.orders) && customer.orders == 0", hold="a first"),
        Rule(name="unsure", when="!has(customer.orders)", hold="no one could tell"),
    )
)

AGAIN = Rule(name="again", when="has(customer.orders) && customer.orders < 9", hold="again")


class Teller:
    """Tells what it is given, fails, or never answers."""

    def __init__(self, answer: History | Exception | None) -> None:
        self._answer = answer
        self.asked: list[tuple[OrderId, str]] = []

    async def __call__(self, order_id: OrderId, channel: str, order: Order) -> History:
        """Answer as told; None: never."""
        self.asked.append((order_id, channel))
        if self._answer is None:
            await asyncio.Event().wait()
        if isinstance(self._answer, Exception):
            raise self._answer
        assert self._answer is not None
        return self._answer


def answering(teller: Teller, seconds: float = 60.0) -> Answering:
    """Return what asks one teller about the customer."""
    metrics = CheckMetrics(CollectorRegistry())
    return Answering({"customer": teller}, metrics, deadline_seconds=seconds)


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    """Live orders whose rules ask about the customer."""
    found = Shop()
    found.stream.rules = Compiled(FIRST, 1)
    found.dispatcher.start()
    found.clock.seconds += POLICY.settle_seconds
    yield found
    await found.dispatcher.drain(0.0)
    await found.registry.drain(1.0)


async def placed(shop: Shop, teller: Teller, seconds: float = 60.0) -> list[str]:
    """Place an order and return its holds."""
    shop.runtime.knowing = answering(teller, seconds)
    shop.post(PlaceOrder(order=an_order()), "in-1")
    await eventually(lambda: shop.ends)
    assert shop.ends == ["committed"]
    return [one.hold_id for one in shop.state.holds]


async def test_a_decision_is_made_again_with_the_answer(shop: Shop) -> None:
    """It is asked once, for this order, and its answer decides."""
    teller = Teller(History(orders=0))
    assert await placed(shop, teller) == ["rule-review-first"]
    assert teller.asked == [(ORDER_ID, "acme-us")]


@pytest.mark.parametrize("answer", [None, JournalUnavailable("away"), ValueError("a fault")])
async def test_an_answer_that_does_not_come_keeps_no_order(
    shop: Shop, answer: Exception | None
) -> None:
    """Late, away or faulty: the fact is missing, and the order is decided without it."""
    seconds = 0.01 if answer is None else 60.0
    assert await placed(shop, Teller(answer), seconds) == ["rule-review-unsure"]


async def test_nothing_is_asked_without_a_rule_that_does(shop: Shop) -> None:
    """An ordinary order costs no question."""
    shop.stream.rules = Compiled(Rules(review=(Rule(name="x", when="units > 9", hold="x"),)), 2)
    teller = Teller(History(orders=0))
    assert await placed(shop, teller) == []
    assert teller.asked == []


async def test_a_part_that_no_one_answers_is_missing() -> None:
    """No teller: nothing is known, and nothing fails."""
    metrics = CheckMetrics(CollectorRegistry())
    asked = WorldAsked(an_order(), frozenset({"customer"}))
    found = await Answering({}, metrics).answer(ORDER_ID, "acme-us", asked)
    assert found == World(asked=("customer",))


async def test_a_late_answer_is_told_and_used() -> None:
    """Who waits for it hears of it once, and asking again gives it without another question."""
    comes, asked_for, heard = asyncio.Event(), [0], []

    async def tell(order_id: OrderId, channel: str, order: Order) -> History:
        asked_for[0] += 1
        await comes.wait()
        return History(orders=3)

    metrics = CheckMetrics(CollectorRegistry())
    found = Answering({"customer": tell}, metrics, deadline_seconds=0.01)
    found.told = lambda order_id, channel, order: heard.append(order.ref)
    asked = WorldAsked(an_order(), frozenset({"customer"}))
    assert (await found.answer(ORDER_ID, "acme-us", asked)).customer == History()
    comes.set()
    await eventually(lambda: heard)
    assert heard == [an_order().ref]
    assert (await found.answer(ORDER_ID, "acme-us", asked)).customer == History(orders=3)
    assert asked_for == [1]


async def test_a_late_answer_is_not_used_for_another_customer() -> None:
    """The order has changed hands since: it is asked again."""
    comes, asked_for = asyncio.Event(), []

    async def tell(order_id: OrderId, channel: str, order: Order) -> History:
        asked_for.append(order.customer.email)
        await comes.wait()
        return History(orders=len(asked_for))

    found = Answering({"customer": tell}, CheckMetrics(CollectorRegistry()), deadline_seconds=0.01)
    parts = frozenset({"customer"})
    await found.answer(ORDER_ID, "acme-us", WorldAsked(an_order(), parts))
    comes.set()
    other = an_order(customer=Customer(email="new@example.com"))
    told = await found.answer(ORDER_ID, "acme-us", WorldAsked(other, parts))
    assert told.customer == History(orders=2)
    assert asked_for[1] == "new@example.com"


async def test_a_late_answer_that_is_old_is_not_used() -> None:
    """What was so then may be otherwise by now, and an order is not kept in memory for it."""
    comes, asked_for = asyncio.Event(), [0]

    async def tell(order_id: OrderId, channel: str, order: Order) -> History:
        asked_for[0] += 1
        await comes.wait()
        return History(orders=asked_for[0])

    metrics = CheckMetrics(CollectorRegistry())
    found = Answering({"customer": tell}, metrics, deadline_seconds=0.01, kept_seconds=0.0)
    asked = WorldAsked(an_order(), frozenset({"customer"}))
    assert (await found.answer(ORDER_ID, "acme-us", asked)).customer == History()
    assert found.waited_for == 1
    comes.set()
    await eventually(lambda: not found.waited_for)
    assert (await found.answer(ORDER_ID, "acme-us", asked)).customer == History(orders=2)


class Busy:
    """An ERP that counts who asks it at once, and answers when it may."""

    name = "erp"

    def __init__(self) -> None:
        self.asking = self.most = self.answered = 0
        self.may = asyncio.Event()

    async def account(self, order: Order) -> Account:
        """Answer once it may."""
        self.asking += 1
        self.most = max(self.most, self.asking)
        await self.may.wait()
        self.asking -= 1
        self.answered += 1
        return Account("missing")


async def test_a_flood_of_orders_asks_an_erp_in_turns() -> None:
    """Beside these calls orders are posted there; all are answered at last."""
    erp = Busy()
    tell = account_teller(lambda channel: erp)  # type: ignore[arg-type,return-value]  # it only tells accounts
    asked = [asyncio.ensure_future(tell(ORDER_ID, "acme-us", an_order())) for _ in range(100)]
    await eventually(lambda: erp.asking >= MAX_ASKING)
    assert erp.most == MAX_ASKING
    erp.may.set()
    assert await asyncio.gather(*asked) == [Account("missing")] * 100
    assert erp.most == MAX_ASKING


async def test_a_decision_whose_order_changed_meanwhile_asks_again(shop: Shop) -> None:
    """Another writer gave the order to another customer while it was found out who has it: the
    decision that is made again is made about him."""
    other, asked_for = Shop(shop.store), []

    async def tell(order_id: OrderId, channel: str, order: Order) -> History:
        asked_for.append(order.customer.email)
        if len(asked_for) == 2:
            changed = later(1, an_order(customer=Customer(email="new@example.com")))
            other.post(UpdateOrder(order=changed), "in-2")
            await eventually(lambda: other.ends)
        return History(orders=0)

    metrics = CheckMetrics(CollectorRegistry())
    shop.runtime.knowing = Answering({"customer": tell}, metrics, deadline_seconds=60.0)
    shop.post(PlaceOrder(order=an_order()), "in-1")
    await eventually(lambda: shop.ends)
    shop.stream.rules = Compiled(Rules(review=(*FIRST.review, AGAIN)), 2)
    act = ActOnOrder(ref=an_order().ref, verb="redecide", person="ann", reason="new rules")
    shop.post(act, "in-3")
    await eventually(lambda: len(shop.ends) == 2)
    assert (shop.ends, other.ends) == (["committed"] * 2, ["committed"])
    assert asked_for == [an_order().customer.email] * 2 + ["new@example.com"]
    await other.registry.drain(1.0)
