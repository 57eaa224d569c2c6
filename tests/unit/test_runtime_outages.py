"""The runtime when partners are away, answer rubbish or were never configured."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from actors.runtime.errors import JournalUnavailable, Retryable, Unauthorised
from actors.runtime.mailbox import COMMITTED, DUPLICATE, POISON
from actors.runtime.partner import Call
from actors.runtime.ports import Append, Loaded, Outcome
from adapters.memory.journal import MemoryJournal
from schemas.messages import effects as f
from schemas.order.ids import OrderId
from tests.counter import ERP, MAIL, STALE, UNSHOWN, Add, Attach, Begin, Skip
from tests.fakes import RESULTS, ScriptedPartner
from tests.house import House, at_work, turns
from tests.waiting import eventually

HOUR = 3600


async def let_pass(house: House, seconds: int) -> None:
    """Let time pass second by second, so that whoever waits gets its turn."""
    for _ in range(seconds):
        await house.move(1.0)
        await turns(10)


async def is_stuck_later(house: House) -> bool:
    """Let a minute pass; whether a person has to act then."""
    await let_pass(house, 60)
    return house.state().stuck != ()


async def test_a_long_outage_burns_no_ones_tries(house: House) -> None:
    """A partner that can't be reached for an hour gets the effect afterwards, without a person."""
    house.erp.raises = [(Retryable("It can't be reached."), False)] * 10_000
    house.post(Begin(), "d1")
    await eventually(lambda: bool(house.ends))
    await let_pass(house, HOUR)
    assert house.state().stuck == ()
    house.erp.raises.clear()
    await house.while_time_passes(lambda: house.state().is_done(ERP))


async def test_a_refused_credential_ends_no_longer_pause(house: House) -> None:
    """A partner that asked for an hour's rest gets it, also when a call that was under way then
    says that the credential is not good any more."""
    lane, now = house.lane(), house.clock.monotonic()
    lane.slow_down(now, float(HOUR))
    lane.pause_until(now + 60.0)
    assert lane.paused_until == now + HOUR


async def test_why_a_partner_is_not_called_is_said_once(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """However many effects wait and however often it is tried, the log says why once, the lane
    keeps the latest reason, and its end is said once."""
    caplog.set_level(logging.INFO, "actors.runtime.executor")
    house.erp.raises = [(Retryable("The connection is refused."), False)] * 10_000
    for number in range(5):
        house.post(Begin(), f"d{number}", f"several-{number}")
    await eventually(lambda: bool(house.ends))
    await let_pass(house, HOUR // 6)
    lane = house.lane()
    assert lane.trouble == "The connection is refused."
    said = [one for one in caplog.messages if "The connection is refused." in one]
    assert len(said) == 1
    house.erp.raises.clear()
    house.erp.raises += [(Unauthorised("Renew it."), False)] * 3
    await let_pass(house, HOUR // 6)
    refs = [f"several-{number}" for number in range(5)]
    await house.while_time_passes(lambda: all(house.state(one).is_done(ERP) for one in refs))
    assert lane.trouble == ""
    assert len([one for one in caplog.messages if "is called again" in one]) == 1


async def test_a_partner_that_names_no_time_is_left_alone_longer_each_time(house: House) -> None:
    """429 without Retry-After slows the whole lane down, not each effect by a second."""
    house.erp.raises = [(Retryable("Slow down.", throttled=True), False)] * 1_000
    house.post(Begin(), "d1")
    await eventually(lambda: bool(house.ends))
    await let_pass(house, HOUR // 6)
    assert 1_000 - len(house.erp.raises) <= 12
    assert house.state().stuck == ()
    house.erp.raises.clear()
    await house.while_time_passes(lambda: house.state().is_done(ERP))


async def test_an_answer_that_cannot_be_kept_goes_to_a_person(house: House) -> None:
    """An answer that nothing can be made of would be asked for again and again."""
    house.erp.answers[f.PostSalesOrder] = RESULTS[f.ReserveStock]
    house.post(Begin(), "d1")
    await house.while_time_passes(lambda: bool(house.state().stuck))
    assert house.state().stuck[0].known is False


async def test_a_file_that_cannot_be_kept_is_poison(house: House) -> None:
    """What fails on the way to the store holds no other input up."""
    house.post(Begin(lanes=()), "d1")
    await eventually(lambda: house.ends == [COMMITTED])
    house.post(Attach(hexadecimal="no file"), "d2")
    house.post(Attach(hexadecimal="00ff"), "d3")
    house.post(Add(), "d4")
    await eventually(lambda: house.ends == [COMMITTED, POISON, COMMITTED, COMMITTED])
    (kept,) = await house.store.documents(the_only(house.store))
    assert (kept.name, kept.content) == ("file", b"\x00\xff")


async def test_a_state_that_can_not_be_shown_is_one_inputs_fault(house: House) -> None:
    """What fails on the way to the store by a fault of ours fails each time: its input is a
    poisonous one, and it neither comes again and again nor takes the others along."""
    house.post(Begin(lanes=()), "d1")
    await eventually(lambda: house.ends == [COMMITTED])
    house.post(Add(amount=UNSHOWN), "d2")
    house.post(Add(), "d3")
    await eventually(lambda: house.ends == [COMMITTED, POISON, COMMITTED])
    assert house.state().count == 1


def the_only(store: MemoryJournal) -> OrderId:
    """The id of the only stream there is."""
    (order_id,) = store._orders
    return OrderId(order_id)


class Malformed:
    """A store that a test spoils."""

    def __init__(self, store: MemoryJournal) -> None:
        self.store = store

    async def append(self, append: Append) -> Outcome:
        """As the store does it."""
        return await self.store.append(append)

    async def load(self, order_id: OrderId) -> Loaded | None:
        """As the store does it."""
        return await self.store.load(order_id)

    async def history(self, order_id: OrderId, version: int) -> Sequence[Any]:
        """As the store does it."""
        return await self.store.history(order_id, version)


class Outdated(Malformed):
    """Its states were made by an older version."""

    async def load(self, order_id: OrderId) -> Loaded | None:
        """Load, and show an older state."""
        loaded = await self.store.load(order_id)
        return replace(loaded, state=STALE) if loaded else None


class Unreadable(Malformed):
    """What it has as state is none."""

    async def load(self, order_id: OrderId) -> Loaded | None:
        """Load, and spoil the state."""
        loaded = await self.store.load(order_id)
        return replace(loaded, state=b"[]") if loaded else None


class Unthought(Malformed):
    """Fails in a way that no one thought of."""

    async def append(self, append: Append) -> Outcome:
        """Fail."""
        raise RuntimeError("no one thought of this")


class Deaf(Malformed):
    """Its first answer to a commit is lost."""

    lost = False

    async def append(self, append: Append) -> Outcome:
        """Write, and be silent the first time."""
        outcome = await self.store.append(append)
        if not self.lost:
            self.lost = True
            raise JournalUnavailable("The answer was lost.")
        return outcome


async def test_a_stored_stream_that_cannot_be_read_leaves_no_one_waiting(house: House) -> None:
    """Whoever sent the input is told, so that the message is put aside and its place is free."""
    house.post(Begin(), "d1")
    await house.until("finished")
    again = House(house.store, journal=Unreadable(house.store))
    again.post(Add(), "d2")
    await eventually(lambda: again.ends == [POISON])


async def test_a_state_of_an_older_version_is_built_again_from_the_events(house: House) -> None:
    """What is stored as state is a cache: events are the truth."""
    for number, command in enumerate((Begin(lanes=()), Add(), Add())):
        house.post(command, f"d{number}")
    await eventually(lambda: len(house.ends) == 3)
    again = House(house.store, journal=Outdated(house.store))
    again.post(Add(), "d3")
    await eventually(lambda: again.ends == [COMMITTED])
    assert again.state().count == 3


async def test_a_fault_of_ours_leaves_no_one_waiting(house: House) -> None:
    """An error no one thought of gives the inputs back instead of keeping them."""
    again = House(house.store, journal=Unthought(house.store))
    again.post(Begin(), "d1")
    await eventually(lambda: again.ends == ["stopped"])


async def test_effects_for_no_one_end_at_a_person() -> None:
    """What asks a partner that is not configured waits for one, then for a person, who can go
    without it."""
    house = await at_work(House(lanes=(MAIL,)))
    house.post(Begin(), "d1")
    await eventually(lambda: house.state().is_done(MAIL))
    await eventually(lambda: is_stuck_later(house))  # the rate of calls keeps to the real clock
    assert f"No partner is configured as '{ERP}'" in house.state().stuck[0].reason
    house.post(Skip(number=1), "d2")
    await house.while_time_passes(lambda: house.state().stuck == ())
    await house.close()


async def test_what_waits_for_no_one_is_found_after_a_restart() -> None:
    """A process that has no partner of that name takes up what an earlier one recorded for it."""
    first = House(lanes=())
    first.post(Begin(lanes=(ERP,)), "d1")
    await eventually(lambda: bool(first.ends))
    again = await at_work(first.other())
    later = House(first.store, lanes=())
    later.dispatcher.start()
    await eventually(lambda: bool([lane for lane in later.runtime.lanes if lane.name == ERP]))
    await later.close()
    await again.close()


async def test_effects_of_inputs_committed_unheard_are_found_soon() -> None:
    """Two inputs were on disk though their commit's answer was lost: what they intend is looked
    for at once, also when the lane has other work."""
    store = MemoryJournal()
    house = House(store, journal=Deaf(store))
    for lane in house.runtime.lanes:
        assert lane.begin_look(0.0) is not None
        lane.end_look([], more=False, now=0.0)
    house.post(Begin(), "d1")
    house.post(Add(), "d2")
    await eventually(lambda: house.ends == [DUPLICATE, DUPLICATE])
    assert all(lane.more_in_store for lane in house.runtime.lanes)


class Picky(ScriptedPartner):
    """Refuses our credential for one order, and takes all others."""

    async def perform(self, call: Call) -> f.Result:
        """Act, unless it is that order."""
        if call.ref == "odd":
            raise Unauthorised("This customer is not yours.")
        return await super().perform(call)


async def test_a_credential_that_others_get_in_with_is_not_to_blame() -> None:
    """A partner that words the refusal of one order as one of our credential must not be paused
    for all orders again and again: that order goes to a person."""
    house = await at_work(House(partners={ERP: Picky(ERP)}))
    house.post(Begin(lanes=(ERP,)), "d0", ref="odd")
    for number in range(8):
        house.post(Begin(lanes=(ERP,)), "d1", ref=str(number))
        await let_pass(house, 120)
    assert all(house.state(str(number)).is_done(ERP) for number in range(8))
    await house.while_time_passes(lambda: bool(house.state("odd").stuck))
    await house.close()
