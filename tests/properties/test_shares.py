"""However many owners there are, each has its even share, and together they keep to the limits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.runtime.call_policy import CallPolicy
from actors.runtime.share import Share
from schemas.order.ids import PARTITIONS
from service.app.sharing import share_of

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
