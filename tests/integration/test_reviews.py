"""The review queue on a real Postgres: it follows the orders' holds, and one person decides."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from actors.runtime.errors import StreamUnavailable
from actors.runtime.ports import Body
from adapters.postgres.reviews import MAX_QUESTIONS, Review, Reviews
from adapters.postgres.views import Views
from schemas.messages import events as e
from schemas.messages.codec import decode_input, encode
from schemas.messages.inputs import ActOnOrder
from service.reviews.run import CARRIED_OUT_SECONDS, COUNT_SECONDS, ReviewMetrics, ReviewWork
from service.reviews.service import ReviewRefused, ReviewService
from service.settings.reviews import Reviews as Policy
from tests.appends import CHANNEL, SEALING
from tests.fakes import JumpingClock
from tests.integration.journals import Bench
from tests.order_streams import Stream
from tests.orders import an_order

BY_RULE = e.Held(rule="hold", hold_id="rule-review-dear", reason="dear")
BY_TWO = e.Held(rule="hold", hold_id="rule-elevated-abroad", reason="abroad")
FREED = e.HoldReleased(rule="free", hold_id="rule-review-dear", person="ann", reason="fine")
POLICY = Policy(due_hours=4.0, asked_hours=10.0)


class Sent:
    """A stream that keeps what is published, or is away."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, ActOnOrder]] = []
        self.away = False

    async def publish(self, channel: str, kind: str, ref: str, raw: bytes, **more: Any) -> None:
        """Keep a decision."""
        if self.away:
            raise StreamUnavailable("It is away.", retry_after_seconds=1)
        act = decode_input(raw)
        assert isinstance(act, ActOnOrder)
        self.sent.append((channel, kind, act))


class Queue:
    """The queue at work, with a clock that stands still."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.clock = JumpingClock()
        self.stream = Sent()
        self.reviews = Reviews(bench.pool)
        self.views = Views(bench.pool, SEALING)
        self.service = ReviewService(self.reviews, self.views, self.stream, POLICY)
        self.counted: list[tuple[str, str]] = []
        self.work = self.restarted()

    def restarted(self) -> ReviewWork:
        """The work of a process that has just begun."""
        return ReviewWork(
            self.reviews,
            self.views,
            self.clock,
            ReviewMetrics(CollectorRegistry()),
            POLICY,
            may=lambda: True,
            count=lambda category, channel: self.counted.append((category, channel)),
        )

    async def held(self, ref: str, *holds: e.Held, total: int = 2250, **changes: Any) -> Stream:
        """An order that is held."""
        one = Stream(ref)
        first = one.placed(total_minor=total, **changes)
        await self.tell(one, first, *holds)
        return one

    async def tell(self, one: Stream, *events: e.OrderEvent) -> None:
        """Something happens to an order; all of them are one customer's."""
        told = one.tell(*events)
        if told.expected_version == 0:
            body = Body(content=encode(replace(an_order(), ref=one.ref)), customer="customer 7")
            told = replace(told, bodies=(body,))
        assert (await self.bench.journal.append(told)).kind == "committed"

    async def round(self, seconds: float = 0.0) -> list[Review]:
        """Let time pass, follow, and return the queue."""
        self.clock.seconds += seconds
        await self.work.round()
        return await self.reviews.page(self.clock.now())

    @property
    def now(self) -> Any:
        """The time that the queue knows."""
        return self.clock.now()


@pytest.fixture
def queue(bench: Bench) -> Queue:
    """The queue of that journal."""
    return Queue(bench)


async def test_each_hold_is_a_review_of_its_own_highest_value_first(queue: Queue) -> None:
    """An order with two holds is there twice; one that a mapping frees is not there; yen have no
    cents; and a page goes on where the one before ended."""
    await queue.held("1", BY_RULE, total=1_000)
    await queue.held("2", BY_RULE, BY_TWO, total=90_000)
    await queue.held("3", BY_RULE, total=500, currency="JPY")
    await queue.held("4", e.Held(rule="hold", hold_id="unmapped-sku", reason="no SKU"))
    found = await queue.round()
    assert [(x.number, x.hold_id.split("-")[1]) for x in found] == [
        ("#2", "review"),
        ("#2", "elevated"),
        ("#3", "review"),
        ("#1", "review"),
    ]
    after = await queue.reviews.page(queue.now, after=found[1].id, limit=1)
    assert [x.number for x in after] == ["#3"]
    assert await queue.reviews.page(queue.now, channels=("beta-eu",)) == []


async def test_a_review_ends_with_its_hold_whoever_released_it(queue: Queue) -> None:
    """Also when someone did so on the order itself; the other hold's review stays."""
    one = await queue.held("1", BY_RULE, BY_TWO)
    first, second = await queue.round()
    await queue.tell(one, FREED)
    assert [x.id for x in await queue.round()] == [second.id]
    closed = await queue.reviews.find(first.id)
    assert closed is not None
    assert closed.closed_at is not None
    with pytest.raises(ReviewRefused, match="not held by this any more"):
        await queue.service.approve(closed, "ann", "fine", queue.now)


async def test_a_restart_loses_and_doubles_nothing(queue: Queue) -> None:
    """What changed while no one followed is followed afterwards; what was known stays as it is."""
    one = await queue.held("1", BY_RULE)
    (before,) = await queue.round()
    await queue.tell(one, FREED)
    await queue.held("2", BY_RULE)
    queue.work = queue.restarted()
    found = await queue.round()
    assert [x.number for x in found] == ["#2"]
    assert before.id != found[0].id
    queue.work = queue.restarted()
    assert await queue.round() == found


async def test_a_reviewer_away_past_the_due_time_escalates(queue: Queue) -> None:
    """Claimed or not, it is counted as an incident once overdue, and again while it is; a colleague
    takes it over."""
    await queue.held("1", BY_RULE)
    (one,) = await queue.round()
    await queue.service.claim(one, "ann", "", queue.now)
    await queue.round(4 * 3_600 - 1)
    assert queue.counted == []
    (late,) = await queue.round(2.0)
    assert queue.counted == [("review_overdue", CHANNEL)]
    assert late.escalated_at is not None
    await queue.round(COUNT_SECONDS - 1)
    assert len(queue.counted) == 1
    await queue.round(2.0)
    assert len(queue.counted) == 2
    assert await queue.reviews.page(queue.now, overdue=True) == await queue.reviews.page(queue.now)
    with pytest.raises(ReviewRefused, match="ann has claimed it"):
        await queue.service.approve(late, "bob", "she is away", queue.now)
    await queue.service.claim(late, "bob", "she is away", queue.now, take=True)
    await queue.service.approve(late, "bob", "fine", queue.now)
    assert [act.person for _, _, act in queue.stream.sent] == ["bob"]


async def test_an_approval_releases_its_own_hold_and_a_rejection_cancels(queue: Queue) -> None:
    """What is sent to the order names the hold, the person and the reason; the audit has both."""
    await queue.held("1", BY_RULE, BY_TWO)
    await queue.held("2", BY_RULE)
    _, elevated, other = await queue.round()
    await queue.service.approve(elevated, "ann", "we know them", queue.now)
    await queue.service.reject(other, "ann", "a fraud", queue.now)
    told = [(act.verb, act.target, act.reason) for _, _, act in queue.stream.sent]
    assert told == [
        ("release", "rule-elevated-abroad", "we know them"),
        ("cancel", "", "a fraud"),
    ]
    rows = await queue.bench.pool.fetch("SELECT person, action, reason FROM audit ORDER BY id")
    assert [tuple(row) for row in rows] == [
        ("ann", "review.approve", "we know them"),
        ("ann", "review.reject", "a fraud"),
    ]


async def test_a_decision_that_is_not_carried_out_comes_back(queue: Queue) -> None:
    """The order did not release the hold within two minutes, or the stream is away: it is to be
    decided again, by anyone; meanwhile no one else can. The audit says of each what became of
    it."""
    await queue.held("1", BY_RULE)
    (one,) = await queue.round()
    queue.stream.away = True
    with pytest.raises(StreamUnavailable):
        await queue.service.approve(one, "ann", "fine", queue.now)
    queue.stream.away = False
    await queue.service.approve(one, "ann", "fine", queue.now)
    with pytest.raises(ReviewRefused, match="ann has approved it a moment ago"):
        await queue.service.reject(one, "bob", "no", queue.now)
    (still,) = await queue.round(CARRIED_OUT_SECONDS - 1)
    assert still.decided == "approved"
    (back,) = await queue.round(2.0)
    assert back.decided == ""
    rows = await queue.bench.pool.fetch("SELECT person, action FROM audit ORDER BY id")
    assert [tuple(row) for row in rows] == [
        ("ann", "review.approve"),
        ("ann", "review.not_sent"),
        ("ann", "review.approve"),
        ("the service", "review.not_carried_out"),
    ]


async def test_a_question_moves_the_due_time_a_few_times(queue: Queue) -> None:
    """Who asks has it; after five questions it must be decided."""
    await queue.held("1", BY_RULE)
    (one,) = await queue.round()
    for count in range(MAX_QUESTIONS):
        await queue.service.ask(one, "ann", f"which size? {count}", queue.now)
    (asked,) = await queue.round(3_600.0)
    assert asked.asked == "which size? 4"
    assert asked.claimed_by == "ann"
    assert await queue.bench.pool.fetch("SELECT FROM audit WHERE reason LIKE '%size? 4'")
    assert asked.due_at == queue.now + timedelta(hours=9)
    with pytest.raises(ReviewRefused, match="5 questions were asked of it already"):
        await queue.service.ask(one, "ann", "and?", queue.now)
    with pytest.raises(ReviewRefused, match="Say why"):
        await queue.service.approve(one, "ann", " ", queue.now)


async def test_who_ordered_stays_out_of_queue_and_audit(queue: Queue) -> None:
    """A reviewer who writes the customer's name into a question or a reason writes a mask."""
    await queue.held("1", BY_RULE)
    (one,) = await queue.round()
    name = an_order().customer.name
    assert name
    await queue.service.ask(one, "ann", f"is {name} known?", queue.now)
    await queue.service.approve(one, "ann", f"{name} is", queue.now)
    rows = await queue.bench.pool.fetch("SELECT reason FROM audit ORDER BY id")
    assert [row["reason"] for row in rows] == ["is *** known?", "*** is"]
    (asked,) = await queue.round()
    assert (asked.asked, asked.decided_why) == ("is *** known?", "*** is")


async def test_the_evidence_counts_the_customer_s_other_orders(queue: Queue) -> None:
    """By the keyed hash of who that is: how many, what became of them, and what they came to."""
    await queue.held("1", BY_RULE, total=5_000)
    past = Stream("2")
    await queue.tell(past, past.placed(total_minor=700))
    gone = Stream("3")
    end = e.Cancelled(rule="nothing-there")
    await queue.tell(gone, gone.placed(total_minor=900), end)
    (one,) = await queue.round()
    shown = (await queue.service.show(one)).evidence
    assert (shown.history.orders, shown.history.cancelled) == (2, 1)
    assert shown.history.spent_minor == 700
    assert shown.rule is None  # the rules have no decision on record here
    assert shown.others == ()
