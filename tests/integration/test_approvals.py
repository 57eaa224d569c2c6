"""Approvals on a real Postgres: two people, what the order comes to, and who is away."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from adapters.postgres.reviews import Review
from schemas.messages import events as e
from service.reviews.service import ReviewRefused, ReviewService
from service.settings.approvals import Approvals, Role
from tests.integration.journals import Bench
from tests.integration.test_reviews import POLICY, Queue

OVER = e.Held(rule="hold", hold_id="unmapped-payment", reason="over the limit")
LIMITS = Approvals(
    roles={
        "sales": Role(people=("ann", "cid"), limits={"USD": 100_000}),
        "finance": Role(people=("ben", "dee"), limits={"USD": 5_000_000}),
    },
    four_eyes_above={"USD": 10_000},
)


@pytest.fixture
def queue(bench: Bench) -> Queue:
    """The queue, with limits."""
    found = Queue(bench)
    found.service = ReviewService(found.reviews, found.views, found.stream, POLICY, LIMITS)
    return found


async def only(queue: Queue) -> Review:
    """Return the one review there is."""
    (found,) = await queue.round()
    return found


async def test_a_second_person_approves_what_is_over_the_limit(queue: Queue) -> None:
    """The first approval is noted and sends nothing; the second releases the hold for both, and
    the audit has each with its reason."""
    await queue.held("1", OVER, total=50_000)
    one = await only(queue)
    await queue.service.claim(one, "ann (console)", "", queue.now)
    await queue.service.approve(one, "ann (console)", "they pay", queue.now)
    assert queue.stream.sent == []
    one = await only(queue)
    assert (one.claimed_by, one.decided) == ("", "")
    shown = (await queue.service.show(one)).evidence
    assert ([x.person for x in shown.approvals], shown.approvals_needed) == (["ann"], 2)
    with pytest.raises(ReviewRefused, match="You have approved it already"):
        await queue.service.approve(one, "ann", "again", queue.now)
    await queue.service.approve(one, "ben", "so do I", queue.now)
    ((_, _, act),) = queue.stream.sent
    assert (act.verb, act.target, act.person) == ("release", "unmapped-payment", "ann and ben")
    assert (act.approved_by, act.approved_minor) == (("ann", "ben"), 50_000)
    rows = await queue.bench.pool.fetch("SELECT person, action, reason FROM audit ORDER BY id")
    assert [tuple(row) for row in rows][1:] == [
        ("ann", "review.first_approval", "they pay"),
        ("ben", "review.approve", "so do I"),
    ]


async def test_an_approval_is_for_what_the_order_came_to(queue: Queue) -> None:
    """Of a dearer order the first approval does not count, and who saw the old amount is told."""
    await queue.held("1", OVER, total=50_000)
    one = await only(queue)
    await queue.service.approve(one, "ann", "they pay", queue.now)
    await queue.bench.pool.fetch("UPDATE reviews SET total_minor = 60000")
    with pytest.raises(ReviewRefused, match="comes to another amount by now"):
        await queue.service.approve(one, "cid", "fine", queue.now)
    now = await queue.reviews.find(one.id)
    assert now is not None
    await queue.service.approve(now, "ben", "fine", queue.now)
    assert queue.stream.sent == []
    assert [x.person for x in await queue.service.approvals.given(one.id)] == ["ben"]


async def test_a_small_order_needs_one_and_a_large_one_a_higher_role(queue: Queue) -> None:
    """Limits count for approvals alone: a review of another kind is anyone's."""
    await queue.held("1", OVER, total=9_000)
    await queue.held("2", OVER, total=200_000)
    review = e.Held(rule="hold", hold_id="rule-review-dear", reason="dear")
    await queue.held("3", review, total=900_000)
    dear, large, small = await queue.round()
    await queue.service.approve(small, "cid", "fine", queue.now)
    with pytest.raises(ReviewRefused, match=r"up to 1000\.00 USD.*the role finance may"):
        await queue.service.approve(large, "cid", "fine", queue.now)
    await queue.service.approve(dear, "eve", "fine", queue.now)
    assert [(x.person, x.approved_by) for _, _, x in queue.stream.sent] == [
        ("cid", ("cid",)),
        ("eve", ()),
    ]


async def test_a_deputy_decides_while_an_approver_is_away(queue: Queue) -> None:
    """Up to his limit, until he is back or the time is over; both are audited."""
    await queue.held("1", OVER, total=200_000)
    one = await only(queue)
    until = queue.now + timedelta(days=3)
    with pytest.raises(ReviewRefused, match="No role lets you approve"):
        await queue.service.away("eve", "ann", until, "leave", queue.now)
    with pytest.raises(ReviewRefused, match="another person as the deputy"):
        await queue.service.away("ben", "ben (console)", until, "leave", queue.now)
    with pytest.raises(ReviewRefused, match="within 366 days"):
        await queue.service.away("ben", "ann", queue.now, "leave", queue.now)
    await queue.service.away("ben (console)", "ann", until, "leave", queue.now)
    await queue.service.approve(one, "ann", "for ben", queue.now)
    (given,) = await queue.service.approvals.given(one.id)
    assert (given.person, given.instead_of) == ("ann", "ben")
    with pytest.raises(ReviewRefused, match=r"up to 1000\.00 USD"):
        await queue.service.approve(one, "cid", "no deputy", queue.now)
    await queue.service.approve(one, "dee", "fine", queue.now)
    assert [x.person for _, _, x in queue.stream.sent] == ["ann for ben and dee"]
    await queue.service.back("ben", "here again", queue.now)
    assert await queue.service.approvals.absences(queue.now) == []
    with pytest.raises(ReviewRefused, match="You are not away"):
        await queue.service.back("ben", "here again", queue.now)
    rows = await queue.bench.pool.fetch("SELECT action FROM audit WHERE action LIKE 'approver%'")
    assert [row["action"] for row in rows] == ["approver.away", "approver.back"]


async def test_who_changed_the_order_here_does_not_approve_it(queue: Queue) -> None:
    """His name is in the order's own events, whatever he came in by."""
    one = await queue.held("1", OVER, total=9_000)
    changed = e.Changed(
        rule="change", by="cid (console)", facets=("address",), source_updated_at="",
        total_minor=9_000, payment="pending", body_digest="0" * 64,
    )  # fmt: skip
    await queue.tell(one, changed, OVER)
    with pytest.raises(ReviewRefused, match="You have changed this order here"):
        await queue.service.approve(await only(queue), "cid", "fine", queue.now)


async def test_the_first_approval_does_not_count_for_another_address(queue: Queue) -> None:
    """Who changes where the goods go after his own approval has approved nothing of it, and the
    second person's is the first; what the service puts into our terms by itself changes nothing."""
    one = await queue.held("1", OVER, total=50_000)
    await queue.service.approve(await only(queue), "ann", "they pay", queue.now)
    changed = e.Changed(
        rule="change", by="ann", facets=("address",), source_updated_at="",
        total_minor=50_000, payment="pending", body_digest="0" * 64,
    )  # fmt: skip
    queue.clock.seconds += 60
    later, itself = queue.now, replace(changed, by="the service", facets=("lines",))
    told = one.tell(changed, OVER, at=later)
    assert (await queue.bench.journal.append(told)).kind == "committed"
    queue.clock.seconds += 60
    await queue.service.approve(await only(queue), "ben", "so do I", queue.now)
    assert queue.stream.sent == []
    shown = (await queue.service.show(await only(queue))).evidence
    assert [x.person for x in shown.approvals] == ["ben"]
    queue.clock.seconds += 60
    told = one.tell(itself, OVER, at=queue.now)
    assert (await queue.bench.journal.append(told)).kind == "committed"
    await queue.service.approve(await only(queue), "dee", "I do, too", queue.now)
    assert [x.approved_by for _, _, x in queue.stream.sent] == [("ben", "dee")]


async def test_two_who_approve_at_once_are_two(queue: Queue) -> None:
    """Neither found the other's approval when he began; both count, and the order goes on once."""
    await queue.held("1", OVER, total=50_000)
    one = await only(queue)
    add = queue.service.approvals.add
    other = {"amount": (50_000, "USD"), "claimed_as": "ben"}
    given = queue.service.approvals.given

    async def slow(review_id: int) -> list[object]:
        found = await given(review_id)
        if not found:
            await add(review_id, "ben", "", "me too", queue.now, **other)  # type: ignore[arg-type]  # one dict of both
        return list(found)

    queue.service.approvals.given = slow  # type: ignore[method-assign,assignment]  # a race, made on purpose
    await queue.service.approve(one, "ann", "fine", queue.now)
    ((_, _, act),) = queue.stream.sent
    assert sorted(act.approved_by) == ["ann", "ben"]
    assert replace(act, approved_by=()).target == "unmapped-payment"
