"""One contract for every journal: what an append claims, one order has, or nothing is written."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from actors.runtime.ports import Append, Outcome
from schemas.order.claims import MAX_COPIES, Claim, Claimed
from schemas.order.things import ORDER
from tests.appends import CHANNEL, append, id_of, row
from tests.contract.stores import ALL, LATER, Store, dsn, servers, store
from tests.contract.test_reserved_inside import reserving

__all__ = ["dsn", "servers", "store"]

NAME = "amazon:902-3159896-1390916"


def claiming(ref: str, version: int = 0, *, name: str = NAME, person: str = "") -> Append:
    """An append that claims."""
    return replace(append(ref, version), claim=Claim(name, person))


def cancelled(ref: str, version: int) -> Append:
    """An append after which the order is cancelled."""
    return replace(append(ref, version), row=row(ref, stage="cancelled"))


def ending(ref: str, version: int, *, ended: bool = True) -> Append:
    """An append after which the order that has the claim is cancelled, or is so no more."""
    one = cancelled(ref, version) if ended else append(ref, version)
    return replace(one, claim=Claim(NAME, wants=False, ended=ended))


def copied(ref: str, version: int = 0) -> Append:
    """An append that records its order as a copy."""
    return replace(append(ref, version), claim=Claim(NAME, wants=False, copy=True))


async def woken(store: Store) -> list[tuple[str, str]]:
    """Whose timers are due, and which."""
    found = await store.timers.due_timers(partitions=ALL, due_before=LATER, limit=100, exclude=())
    assert all(one.key == ORDER for one in found)
    return sorted((one.order_id, one.name) for one in found)


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


async def test_copies_are_woken_by_the_commit_that_cancels_the_first_one(store: Store) -> None:
    """Every copy of that one, once, and no other order."""
    await store.committed(claiming("1001"))
    await store.committed(copied("1002"))
    await store.committed(append("1003"))
    await store.committed(copied("1003", 1))
    await store.committed(claiming("1004", name="ebay:1"))
    assert await woken(store) == []
    await store.committed(ending("1001", 1))
    assert await woken(store) == sorted((id_of(one), "twin") for one in ("1002", "1003"))


async def test_a_copy_that_comes_after_the_end_is_woken_at_once(store: Store) -> None:
    """Its own commit sets its timer; while the first one is alive it sets none."""
    await store.committed(claiming("1001"))
    await store.committed(ending("1001", 1))
    await store.committed(copied("1002"))
    assert await woken(store) == [(id_of("1002"), "twin")]
    await store.committed(ending("1001", 2, ended=False))
    await store.committed(copied("1003"))
    assert await woken(store) == [(id_of("1002"), "twin")]


async def test_whoever_is_first_of_the_end_and_the_copy_the_copy_is_woken(store: Store) -> None:
    """Both in one batch or in two, in either order."""
    refs = [f"{n}" for n in range(10)]
    for ref in refs:
        await store.committed(replace(append(ref), claim=Claim(f"ebay:{ref}")))
    ends = [
        replace(cancelled(ref, 1), claim=Claim(f"ebay:{ref}", wants=False, ended=True))
        for ref in refs
    ]
    copies = [
        replace(append(f"c{ref}"), claim=Claim(f"ebay:{ref}", wants=False, copy=True))
        for ref in refs
    ]
    mixed = [one for pair in zip(ends, copies, strict=True) for one in pair]
    outcomes = await asyncio.gather(*map(store.journal.append, mixed[:10] + mixed[:9:-1]))
    assert {one.kind for one in outcomes} == {"committed"}
    assert await woken(store) == sorted((id_of(f"c{ref}"), "twin") for ref in refs)


async def test_only_who_has_the_claim_ends_it(store: Store) -> None:
    """The end of an order whose claim was taken over, or that never had one, wakes no one; that of
    the one who took it over does."""
    await store.committed(claiming("1001"))
    await store.committed(copied("1002"))
    await store.committed(copied("1003"))
    await store.committed(cancelled("1001", 1))
    await store.committed(claiming("1002", 1, person="ann"))
    await store.committed(ending("1001", 2))
    await store.committed(replace(cancelled("1004", 0), claim=Claim("no:1", wants=False)))
    assert await woken(store) == []
    await store.committed(ending("1002", 2))
    assert await woken(store) == [(id_of("1003"), "twin")]


async def test_an_order_accepted_and_cancelled_at_once_ends_its_claim(store: Store) -> None:
    """One append says both."""
    said = Claim(NAME).then(Claim(NAME, wants=False, ended=True))
    await store.committed(replace(cancelled("1001", 0), claim=said))
    assert await store.journal.append(claiming("1002")) == owned_by("1001", "cancelled")
    await store.committed(copied("1002"))
    assert await woken(store) == [(id_of("1002"), "twin")]


async def test_a_stale_append_wakes_no_one(store: Store) -> None:
    """Nothing of it is written."""
    await store.committed(claiming("1001"))
    await store.committed(copied("1002"))
    assert (await store.journal.append(ending("1001", 7))).kind == "conflict"
    assert await woken(store) == []


async def test_a_copy_too_many_is_told_that_it_will_not_hear(store: Store) -> None:
    """At once; the others hear of the end."""
    await store.committed(claiming("9999"))
    changes = [copied(f"{n}") for n in range(MAX_COPIES)]
    for begin in range(0, MAX_COPIES, 100):
        await asyncio.gather(*map(store.journal.append, changes[begin : begin + 100]))
    assert await woken(store) == []
    await store.committed(copied("one-more"))
    assert await woken(store) == [(id_of("one-more"), "crowded")]
