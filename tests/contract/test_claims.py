"""One contract for every journal: what an append claims, one order has, or nothing is written."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from actors.runtime.ports import Append, Outcome
from schemas.order.claims import Claim, Claimed
from tests.appends import CHANNEL, append, id_of, row
from tests.contract.stores import Store, dsn, servers, store
from tests.contract.test_reserved_inside import reserving

__all__ = ["dsn", "servers", "store"]

NAME = "amazon:902-3159896-1390916"


def claiming(ref: str, version: int = 0, *, name: str = NAME, person: str = "") -> Append:
    """An append that claims."""
    return replace(append(ref, version), claim=Claim(name, person))


def cancelled(ref: str, version: int) -> Append:
    """An append after which the order is cancelled."""
    return replace(append(ref, version), row=row(ref, stage="cancelled"))


def owned_by(ref: str, stage: str = "placed", name: str = NAME) -> Outcome:
    """What the others are told."""
    owner = Claimed(
        name=name, order_id=id_of(ref), channel=CHANNEL, ref=ref, number=f"#{ref}", stage=stage
    )
    return Outcome(kind="claimed", claimed=owner)


async def test_a_claim_has_one_owner(store: Store) -> None:
    """The second order is told whose it is, and nothing of its append is written."""
    await store.committed(claiming("1001"))
    assert await store.journal.append(claiming("1002")) == owned_by("1001")
    assert await store.journal.load(id_of("1002")) is None
    await store.committed(append("1002"))
    await store.committed(claiming("1003", name="amazon:902-3159896-1390917"))


async def test_an_order_may_claim_again_what_it_has(store: Store) -> None:
    """At its first append or a later one, and after an unknown outcome."""
    await store.committed(claiming("1001"))
    await store.committed(claiming("1001", 1))
    assert (await store.journal.append(claiming("1001", 1))).kind == "duplicate"
    assert await store.journal.append(claiming("1002")) == owned_by("1001")


async def test_of_two_at_once_one_is_the_first(store: Store) -> None:
    """Whether they share a batch or not; whoever else is in it is written."""
    changes = [claiming("1001"), append("1003"), claiming("1002"), claiming("1004", name="ebay:1")]
    outcomes = await asyncio.gather(*map(store.journal.append, changes))
    kinds = [one.kind for one in outcomes]
    assert sorted([kinds[0], kinds[2]]) == ["claimed", "committed"]
    assert [kinds[1], kinds[3]] == ["committed", "committed"]
    first = "1001" if kinds[0] == "committed" else "1002"
    assert owned_by(first) in outcomes


async def test_many_at_once_have_one_owner_for_each_claim(store: Store) -> None:
    """Twenty orders in pairs: ten are written, ten are told of the other one."""
    changes = [claiming(f"{n}", name=f"amazon:{n % 10}") for n in range(20)]
    outcomes = await asyncio.gather(*map(store.journal.append, changes))
    assert sorted(one.kind for one in outcomes) == ["claimed"] * 10 + ["committed"] * 10
    for number in range(10):
        pair = {outcomes[number].kind, outcomes[number + 10].kind}
        assert pair == {"claimed", "committed"}


async def test_an_append_that_is_not_written_claims_nothing(store: Store) -> None:
    """A stale decision, and one whose input is known."""
    await store.committed(append("1001", inputs=("a",)))
    assert (await store.journal.append(claiming("1001"))).kind == "conflict"
    known = replace(append("1001", 1, inputs=("a",)), claim=Claim(NAME))
    assert (await store.journal.append(known)).kind == "duplicate"
    await store.committed(claiming("1002"))


async def test_what_is_claimed_in_vain_reserves_nothing(store: Store) -> None:
    """The stock is as it was before."""
    await store.put({"A": 5})
    await store.committed(claiming("1001"))
    both = replace(reserving("1002", {"A": 2}), claim=Claim(NAME))
    assert await store.journal.append(both) == owned_by("1001")
    assert await store.free() == {"A": 5}
    other = replace(reserving("1003", {"A": 2}), claim=Claim("ebay:1"))
    assert (await store.journal.append(other)).kind == "committed"
    assert await store.free() == {"A": 3}


async def test_without_stock_nothing_is_claimed(store: Store) -> None:
    """The append is decided again; until then another order may be the first."""
    await store.put({"A": 1})
    short = replace(reserving("1001", {"A": 2}), claim=Claim(NAME))
    assert (await store.journal.append(short)).kind == "short"
    await store.committed(claiming("1002"))


async def test_a_person_takes_a_claim_over_from_a_cancelled_order(store: Store) -> None:
    """From no other one; then it is the new order's, as if it had been the first."""
    await store.committed(claiming("1001"))
    await store.committed(append("1002"))
    taking = claiming("1002", 1, person="ann")
    assert await store.journal.append(taking) == owned_by("1001")
    await store.committed(cancelled("1001", 1))
    assert await store.journal.append(claiming("1002", 1)) == owned_by("1001", "cancelled")
    await store.committed(taking)
    assert await store.journal.append(claiming("1001", 2)) == owned_by("1002")
    assert await store.journal.append(claiming("1003")) == owned_by("1002")


async def test_of_two_people_at_once_one_takes_it_over(store: Store) -> None:
    """The other is told who has it now."""
    await store.committed(claiming("1001"))
    await store.committed(cancelled("1001", 1))
    for ref in ("1002", "1003"):
        await store.committed(append(ref))
    takings = [claiming(ref, 1, person="ann") for ref in ("1002", "1003")]
    outcomes = await asyncio.gather(*map(store.journal.append, takings))
    assert sorted(one.kind for one in outcomes) == ["claimed", "committed"]
