"""How partitions and partners' limits are divided between processes that share the orders."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.runtime.call_policy import CallPolicy
from actors.runtime.lane import Lane
from actors.runtime.share import ALONE, Share
from schemas.order.ids import PARTITIONS
from service.app.sharing import hash_of, share_of
from tests.fakes import ScriptedPartner

POLICY = CallPolicy()

MEMBERS = st.dictionaries(st.text(min_size=1, max_size=8), st.integers(0, 32), min_size=1)


def targets(held: dict[str, int]) -> dict[str, int]:
    """What each member takes for its share, as each sees the others."""
    return {
        name: share_of(name, held[name], {x: n for x, n in held.items() if x != name})
        for name in held
    }


@given(MEMBERS)
def test_shares_add_up_and_are_even(held: dict[str, int]) -> None:
    """All partitions are someone's, and no share is larger than another by more than one."""
    wanted = targets(held)
    assert sum(wanted.values()) == PARTITIONS
    assert max(wanted.values()) - min(wanted.values()) <= 1


@given(st.integers(1, 40))
def test_who_is_even_moves_nothing(members: int) -> None:
    """Once each holds its share, no one gives up or takes anything."""
    settled = targets({f"w{number}": 0 for number in range(members)})
    assert targets(settled) == settled


@given(MEMBERS, st.text(min_size=9, max_size=9))
def test_a_join_moves_its_own_share_alone(held: dict[str, int], joined: str) -> None:
    """Of an even division only as many move as the one who came gets."""
    settled = targets(held)
    after = targets({**settled, joined: 0})
    given_up = sum(max(0, settled[name] - after[name]) for name in settled)
    assert given_up == after[joined]
    assert all(after[name] <= settled[name] for name in settled)


def test_each_owner_begins_elsewhere() -> None:
    """Two workers of one machine do not ask for the same free partitions first."""
    assert hash_of("abcdef/0") != hash_of("abcdef/1")


@given(st.integers(1, 200), st.integers(1, 40), st.integers(0, 500))
def test_calls_at_a_time_add_up_to_the_limit(most: int, workers: int, turn: int) -> None:
    """All of the limit is given out and no more, also where it is less than there are workers."""
    policy = replace(POLICY, concurrency=most)
    each = [
        Share(rank=rank, workers=workers, turn=turn % workers).calls(policy)
        for rank in range(workers)
    ]
    assert sum(each) == most
    assert max(each) - min(each) <= 1


@given(st.integers(1, 40), st.integers(1, 40))
def test_everyone_has_a_turn(most: int, workers: int) -> None:
    """Of fewer calls than workers each worker gets one within as many turns as there are
    workers."""
    policy = replace(POLICY, concurrency=most)
    for rank in range(workers):
        turns = [Share(rank=rank, workers=workers, turn=n).calls(policy) for n in range(workers)]
        assert any(turns)


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
