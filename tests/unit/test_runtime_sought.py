"""What a person went on without, not knowing whether it was done: it is looked up a few times."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from msgspec.structs import replace

from actors.runtime.errors import NeedsPerson, Rejected, Retryable, Unauthorised, Unknown
from actors.runtime.executor import REST_SECONDS
from actors.runtime.ports import Append, Outcome
from adapters.memory.leases import MemoryLeases
from schemas.messages import effects as f
from schemas.order.ids import PARTITIONS, order_id_for, sign_reference
from schemas.order.things import Key
from tests.counter import ERP, MAIL, Begin, Deafen, Skip
from tests.house import CHANNEL, KEYS, REF, House, at_work, turns
from tests.house import POLICY as PATIENT
from tests.waiting import eventually

POLICY = replace(PATIENT, retry_attempts=1)
SOUGHT = POLICY.sought_seconds
REFERENCE = sign_reference(order_id_for(CHANNEL, REF), Key("D1"), "1", KEYS)
MADE = f"{f.tag_of(f.PostSalesOrder)} {REFERENCE}"


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """A house at work that gives up after one call."""
    made = await at_work(House(policy=POLICY))
    yield made
    await made.close()


async def skipped(house: House) -> House:
    """Begin, lose every answer, and let a person go on without what no one knows of."""
    house.erp.raises = [(Unknown("No answer."), False)]
    house.post(Begin(lanes=(ERP,)), "w-1", fresh=True)
    await house.while_time_passes(lambda: bool(house.state().stuck))
    assert not house.state().stuck[0].known
    house.erp.looked_up.clear()
    house.post(Skip(number=1), "w-2")
    await eventually(lambda: not house.state().stuck)
    return house


async def open_in(
    house: House, lane: str, *, days: float = 0, sought_after_seconds: float | None = None
) -> int:
    """How many effects of a lane may be called for or looked up in so many days."""
    return len(
        await house.store.open_effects(
            lane,
            partitions=range(PARTITIONS),
            due_before=house.clock.now() + timedelta(days=days),
            limit=9,
            exclude=[],
            sought_after_seconds=sought_after_seconds,
        )
    )


async def pass_by(house: House, seconds: float) -> None:
    """Let time pass up to a moment after the skip, with a look into the store at its end."""
    await house.move(seconds)
    for _ in range(3):
        await house.move(6.0)
        await turns(50)
        await eventually(lambda: not house.lane().held)


async def test_what_was_done_all_the_same_is_found_and_brought(house: House) -> None:
    """It turns up an hour later: the second look finds it, and brings it to its stream."""
    await skipped(house)
    await pass_by(house, SOUGHT[0])
    assert (len(house.erp.looked_up), house.state().done) == (1, ())
    house.erp.did.append(MADE)
    await pass_by(house, SOUGHT[1] - SOUGHT[0])
    await eventually(lambda: house.state().is_done(ERP))
    assert len(house.erp.calls) == 1
    await pass_by(house, SOUGHT[2])
    assert len(house.erp.looked_up) == 2


async def test_what_is_not_found_is_looked_up_a_few_times_and_never_made(house: House) -> None:
    """Three looks, none before its time, and then no more; a failure costs one of them."""
    await skipped(house)
    await pass_by(house, SOUGHT[0] / 2)
    assert house.erp.looked_up == []
    counts = []
    for until, before in zip(SOUGHT, (SOUGHT[0] / 2, *SOUGHT), strict=False):
        await pass_by(house, until - before)
        counts.append(len(house.erp.looked_up))
    assert counts == [1, 2, 3]
    await pass_by(house, 10 * SOUGHT[-1])
    assert (len(house.erp.looked_up), len(house.erp.calls)) == (3, 1)
    assert await open_in(house, ERP) == 0


async def test_the_search_goes_on_in_the_next_process(house: House) -> None:
    """Whoever takes the order over looks it up when it is due, and not before."""
    await skipped(house)
    await pass_by(house, 1.0)
    house.erp.did.append(MADE)
    await house.close()
    other = await at_work(house.other())
    other.erp.did = house.erp.did
    await pass_by(other, 0.0)
    assert other.erp.looked_up == []
    await pass_by(other, SOUGHT[0])
    await eventually(lambda: other.state().is_done(ERP))
    assert other.erp.calls == []
    await other.close()


async def test_a_look_that_fails_is_not_the_last(house: House) -> None:
    """What the partner refuses to say at the first look is found at the second."""
    await skipped(house)
    house.erp.did.append(MADE)
    house.erp.unfindable = [Rejected("Not now.")]
    await pass_by(house, SOUGHT[0])
    assert not house.state().is_done(ERP)
    await pass_by(house, SOUGHT[1] - SOUGHT[0])
    await eventually(lambda: house.state().is_done(ERP))


@pytest.mark.parametrize(
    "away",
    [Unknown("No answer."), Retryable("Slow down.", throttled=True), Unauthorised("Who?")],
    ids=["away", "throttled", "refused"],
)
async def test_a_look_without_an_answer_is_none(house: House, away: Exception) -> None:
    """A partner that gives no answer at the last look is asked again soon, not never."""
    await skipped(house)
    await pass_by(house, SOUGHT[0])
    await pass_by(house, SOUGHT[1] - SOUGHT[0])
    house.erp.did.append(MADE)
    house.erp.unfindable = [away]
    await pass_by(house, SOUGHT[2] - SOUGHT[1])
    await house.while_time_passes(lambda: house.state().is_done(ERP))


async def test_a_look_that_could_not_begin_is_none(house: House) -> None:
    """While no one can tell whose the order is, the partner is not asked: the last look is made
    when that is known again, and no person is told that it failed."""
    await skipped(house)
    await pass_by(house, SOUGHT[0])
    await pass_by(house, SOUGHT[1] - SOUGHT[0])
    house.erp.did.append(MADE)
    house.store.leases.unsure = True
    await pass_by(house, SOUGHT[2] - SOUGHT[1])
    house.store.leases.unsure = False
    assert not house.state().stuck
    await house.while_time_passes(lambda: house.state().is_done(ERP))


async def test_what_is_sought_takes_no_turn_before_its_time(house: House) -> None:
    """An effect that a person skipped is left in the store until its first look: it must not use up
    the calls of a partner that recovers."""
    await skipped(house)
    assert await open_in(house, ERP, sought_after_seconds=SOUGHT[0]) == 0
    await house.move(SOUGHT[0])
    assert await open_in(house, ERP, sought_after_seconds=SOUGHT[0]) == 1
    assert await open_in(house, ERP, sought_after_seconds=None) == 0


async def test_what_can_not_be_looked_up_is_not_sought(house: House) -> None:
    """A mail server can't be asked what it sent: nothing is called, and nothing stays open."""
    house.mail.raises = [(Unknown("No answer."), True)]
    house.post(Begin(lanes=(MAIL,)), "w-1", fresh=True)
    await eventually(lambda: bool(house.state().stuck))
    house.post(Skip(number=1), "w-2")
    await eventually(lambda: not house.state().stuck)
    await pass_by(house, SOUGHT[-1])
    assert (len(house.mail.calls), house.mail.looked_up) == (1, [])
    assert await open_in(house, MAIL, days=400) == 0


async def test_what_only_a_person_can_tell_is_told_at_once(house: House) -> None:
    """Several of them at the partner: the order says so, and it is looked up no more."""
    await skipped(house)
    house.erp.unfindable = [NeedsPerson("There are two of them.", outcome_known=False)]
    await pass_by(house, SOUGHT[0])
    await eventually(lambda: bool(house.state().stuck))
    assert house.state().stuck[0].reason == "There are two of them."
    await pass_by(house, SOUGHT[-1])
    assert len(house.erp.looked_up) == 1
    assert await open_in(house, ERP, days=9, sought_after_seconds=0.0) == 0


async def test_a_search_whose_last_look_failed_is_a_persons(house: House) -> None:
    """What no look could tell is said on the order, and not in a log alone."""
    await skipped(house)
    for until, before in zip(SOUGHT, (0.0, *SOUGHT), strict=False):
        house.erp.unfindable = [Rejected("Not now.")]
        assert not house.state().stuck
        await pass_by(house, until - before)
    await eventually(lambda: bool(house.state().stuck))
    assert house.state().stuck[0].reason == "Not now."


async def test_what_a_removed_partner_may_have_done_is_a_persons(house: House) -> None:
    """A day after the skip no one is configured to be asked: the order says so, and the search
    ends; the partner may come back until then."""
    await skipped(house)
    await house.close()
    other = await at_work(House(house.store.seen_by(MemoryLeases(2)), policy=POLICY, lanes=(MAIL,)))
    other.clock.seconds = house.clock.seconds
    await other.move(SOUGHT[-1] - 60.0)
    await turns(50)
    assert not other.state().stuck
    await other.while_time_passes(lambda: bool(other.state().stuck))
    assert other.state().stuck[0].reason == f"no partner is configured as {ERP!r} any more"
    assert await open_in(other, ERP, days=9, sought_after_seconds=0.0) == 0
    await other.close()


async def test_what_is_found_and_can_not_be_decided_ends_with_the_last_look(house: House) -> None:
    """Nothing asks again and again for an answer that no one can take."""
    await skipped(house)
    house.post(Deafen(), "w-3")
    await eventually(lambda: house.state().deaf)
    house.erp.did.append(MADE)
    for seconds in SOUGHT:
        await pass_by(house, seconds)
    assert len(house.erp.looked_up) == len(SOUGHT)


async def test_without_times_nothing_is_sought() -> None:
    """A seller who wants no such calls sets no times."""
    house = await at_work(House(policy=replace(POLICY, sought_seconds=())))
    await skipped(house)
    house.erp.did.append(MADE)
    await pass_by(house, SOUGHT[-1])
    assert house.erp.looked_up == []
    await house.close()


async def test_an_end_that_was_not_written_is_not_over(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the order could not be told that a person must look, the search goes on until it is."""
    await skipped(house)
    write, failures = house.store.append, [RuntimeError("a fault of ours")]

    async def failing(append: Append) -> Outcome:
        if failures:
            raise failures.pop()
        return await write(append)

    monkeypatch.setattr(house.store, "append", failing)
    house.erp.unfindable = [NeedsPerson("There are two of them.", outcome_known=False)] * 2
    await pass_by(house, SOUGHT[0])
    assert not failures
    await pass_by(house, REST_SECONDS)
    await eventually(lambda: bool(house.state().stuck))
    assert len(house.erp.looked_up) == 2
