"""How partitions and partners' limits are divided between processes that share the orders."""

from __future__ import annotations

from msgspec.structs import replace

from actors.runtime.call_policy import CallPolicy
from actors.runtime.lane import Lane
from actors.runtime.share import ALONE, Share
from service.app.sharing import hash_of
from tests.fakes import ScriptedPartner

POLICY = CallPolicy()


def test_each_owner_begins_elsewhere() -> None:
    """Two workers of one machine do not ask for the same free partitions first."""
    assert hash_of("abcdef/0") != hash_of("abcdef/1")


def test_no_call_begins_between_two_turns() -> None:
    """While turns change no one begins; where all have a call of their own nothing changes."""
    between = Share(rank=0, workers=3, turn=0, between=True)
    assert between.calls(replace(POLICY, concurrency=2)) == 0
    assert between.calls(replace(POLICY, concurrency=3)) == 1


def test_the_rate_is_divided() -> None:
    """Three workers have a third of the rate each, and one alone has all."""
    policy = replace(POLICY, rate_per_second=30.0)
    third, whole = Share(workers=3).limiter(policy), ALONE.limiter(policy)
    assert third.max_rate / third.time_period == 10.0
    assert whole.max_rate / whole.time_period == 30.0


def test_a_lane_follows_its_share() -> None:
    """With a second worker a lane calls half as many at a time, and all when it has left again; an
    open breaker stays open."""
    lane = Lane("erp", ScriptedPartner("erp"), replace(POLICY, concurrency=5, breaker_failures=3))
    lane.share(Share(rank=1, workers=2))
    assert lane.most_calls == 2
    opened = [lane.failed(0.0) for _ in range(2)]
    assert opened == [False, True], "half of three failures, rounded up, opens it"
    lane.share(ALONE)
    assert lane.most_calls == 5
    assert lane.resting
