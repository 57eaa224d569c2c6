"""The runtime over the journal's twin in memory: inputs, effects and timers of live streams."""

from __future__ import annotations

import pytest

from actors.runtime.errors import (
    MailboxFull,
    NeedsPerson,
    Rejected,
    Retryable,
    Unauthorised,
    Unknown,
)
from actors.runtime.mailbox import COMMITTED, DUPLICATE, EARLY, POISON, UNMATCHED
from actors.runtime.ports import EffectNote
from adapters.memory.journal import MemoryJournal
from schemas.order.ids import order_id_for
from schemas.order.things import Key
from tests.counter import ERP, ROTTEN, Add, Begin, Next, Repeat, SetTimer, State, Told
from tests.house import CHANNEL, POLICY, REF, House, at_work, turns
from tests.waiting import eventually


async def test_a_first_input_leads_to_partners(house: House) -> None:
    """What it intends is done by both partners, and their answers come back."""
    house.post(Begin(), "w-1", fresh=True)
    await house.until("finished")
    assert house.ends[0] == COMMITTED
    assert (len(house.erp.did), len(house.mail.did)) == (1, 1)


async def test_the_same_input_again_is_a_duplicate(house: House) -> None:
    """By memory while the stream is live, and by the inbox when it is not."""
    house.post(Begin(), "w-1", fresh=True)
    await house.until("finished")
    house.post(Begin(), "w-1")
    await eventually(lambda: DUPLICATE in house.ends)
    other = house.other()
    other.post(Begin(), "w-1", fresh=True)
    await eventually(lambda: other.ends == [DUPLICATE])


async def test_an_input_about_an_unknown_stream_is_told_as_unmatched(house: House) -> None:
    """None is made up: the input goes to quarantine."""
    house.post(Add(), "w-1")
    await eventually(lambda: house.ends == [UNMATCHED])


async def test_inputs_that_wait_are_decided_one_on_the_other(house: House) -> None:
    """Several are written in one commit, each decided on what the one before it led to."""
    for number, command in enumerate((Begin(lanes=()), Add(amount=2), Add(amount=3))):
        house.post(command, f"w-{number}", fresh=True)
    await eventually(lambda: house.ends == [COMMITTED] * 3)
    assert house.state().count == 5
    assert len(house.store.events(order_id_for(CHANNEL, REF))) == 3


async def test_a_poisonous_input_does_not_stop_the_next(house: House) -> None:
    """An input that can't be decided is told, and the stream goes on."""
    for number, command in enumerate((Begin(), Add(amount=-1), Add())):
        house.post(command, f"w-{number}", fresh=True)
    await eventually(lambda: house.ends[:3].count(COMMITTED) == 2)
    assert house.ends[:3].count(POISON) == 1
    assert house.state().count == 1


async def test_what_comes_too_early_is_taken_when_it_comes_again(house: House) -> None:
    """Nothing of it is kept, so that its repeat counts as new, and those with it go on."""
    house.post(Begin(), "w-1", fresh=True)
    house.post(Next(), "w-2")
    await eventually(lambda: EARLY in house.ends)
    house.post(Add(), "w-3")
    house.post(Next(), "w-2")
    await eventually(lambda: house.ends.count(COMMITTED) >= 3)
    assert house.state().count == 2


async def test_a_body_comes_back_from_the_store(house: House) -> None:
    """What is personal lies apart from the state: it reaches a partner's call, and a stream that
    was dropped from memory knows it again, beside what was stated last."""
    house.post(Begin(body="Jane Doe"), "w-1", fresh=True)
    await eventually(lambda: bool(house.erp.calls))
    called_with: object = house.erp.calls[0].order
    assert called_with == {"whose": "Jane Doe"}
    house.post(State(words="John"), "w-2")
    await house.until("finished")
    other = house.other()
    other.post(Add(words="for Jane Doe"), "w-3")
    await eventually(lambda: other.ends == [COMMITTED])
    assert house.store.events(order_id_for(CHANNEL, REF))[-1] == Told(what="for ***")
    loaded = await house.store.load(order_id_for(CHANNEL, REF))
    assert loaded is not None
    assert (loaded.body, loaded.stated) == (b'{"whose":"Jane Doe"}', b'{"whose":"John"}')


async def test_a_full_mailbox_refuses(house: House) -> None:
    """One hot stream can't fill the memory."""
    house.store.available = False
    for n in range(4):
        house.post(Add(), f"w-{n}")
    with pytest.raises(MailboxFull):
        house.post(Add(), "w-5")
    house.store.available = True


async def test_a_refusal_goes_to_a_person_at_once(house: House) -> None:
    """No retry is spent on what repeating won't change."""
    house.erp.raises = [(Rejected("No such item."), False)]
    house.post(Begin(), "w-1", fresh=True)
    await eventually(lambda: bool(house.state().stuck))
    assert house.state().stuck[0].reason == "No such item."


async def test_what_needs_a_person_says_whether_it_may_have_been_done(house: House) -> None:
    """The person sees that the outcome is open."""
    house.erp.raises = [(NeedsPerson("Two were found.", outcome_known=False), False)]
    house.post(Begin(), "w-1", fresh=True)
    await eventually(lambda: bool(house.state().stuck))
    assert not house.state().stuck[0].known


@pytest.mark.parametrize(
    "no_answer",
    [NeedsPerson("There are two of them."), Rejected("You may not ask that.")],
    ids=["several", "refused"],
)
async def test_a_look_up_without_an_answer_leaves_it_unknown(
    house: House, no_answer: Exception
) -> None:
    """Two labels under one reference are not none: what a person then tries again is looked up once
    more, and not bought a third time under a new name."""
    house.erp.raises = [(Unknown("No answer."), True)]
    house.erp.unfindable = [no_answer]
    house.post(Begin(lanes=(ERP,)), "w-1", fresh=True)
    await house.while_time_passes(lambda: bool(house.state().stuck))
    (stuck,) = house.state().stuck
    assert (stuck.reason, stuck.known) == (str(no_answer), False)
    house.post(Repeat(number=stuck.number), "w-2")
    await eventually(lambda: house.state().is_done(ERP))
    assert len(house.erp.did) == 1


async def test_a_look_up_may_say_that_it_surely_was_not_done(house: House) -> None:
    """A cancellation that the partner can't carry out any more was not carried out."""
    house.erp.raises = [(Unknown("No answer."), False)]
    house.erp.unfindable = [NeedsPerson("It is invoiced.", outcome_known=True)]
    house.post(Begin(lanes=(ERP,)), "w-1", fresh=True)
    await house.while_time_passes(lambda: bool(house.state().stuck))
    assert house.state().stuck[0].known


async def test_failures_open_the_breaker_and_effects_wait_in_the_store(house: House) -> None:
    """A dead partner gets no more calls; a probe finds it alive and what waited is released."""
    house.erp.raises = [(Retryable("Down."), False)] * 2
    for ref in ("1", "2", "3", "4"):
        house.post(Begin(), f"w-{ref}", ref, fresh=True)
    await eventually(lambda: house.lane().breaker_state == "open" and not house.lane().held)
    assert house.erp.did == []
    await house.while_time_passes(lambda: len(house.erp.did) == 4)
    assert house.lane().breaker_state == "closed"


async def test_a_partner_that_asks_for_patience_is_left_alone_by_everybody(house: House) -> None:
    """429 with Retry-After pauses the whole lane."""
    slow = Retryable("Slow down.", retry_after_seconds=30.0, throttled=True)
    house.erp.raises = [(slow, False)]
    house.post(Begin(), "w-1", "1", fresh=True)
    await eventually(lambda: house.lane().paused_until > 0)
    house.post(Begin(), "w-2", "2", fresh=True)
    await eventually(lambda: len(house.mail.did) == 2)
    assert house.erp.did == []
    await house.move(31.0)
    await eventually(lambda: len(house.erp.did) == 2)


async def test_a_limit_of_one_operation_leaves_the_others_alone(house: House) -> None:
    """Only the effect that met the limit waits for its moment; the lane goes on."""
    full = Retryable("Later.", retry_after_seconds=30.0, throttled=True, alone=True)
    house.erp.raises = [(full, False)]
    house.post(Begin(), "w-1", "1", fresh=True)
    await eventually(lambda: not house.erp.raises and not house.lane().held)
    house.post(Begin(), "w-2", "2", fresh=True)
    await eventually(lambda: len(house.erp.did) == 1)
    assert house.lane().paused_until == 0.0
    await house.move(31.0)
    await eventually(lambda: len(house.erp.did) == 2)


async def test_a_refused_credential_burns_no_retries(house: House) -> None:
    """The partner rests; afterwards everything goes on."""
    house.erp.raises = [(Unauthorised("Expired."), False)]
    house.post(Begin(), "w-1", fresh=True)
    await eventually(lambda: house.lane().paused_until > 0)

    async def is_done_in_time() -> bool:
        await house.move(POLICY.rest_seconds + 1)
        return house.state().is_done(ERP)

    await eventually(is_done_in_time)


class SlowNotes(MemoryJournal):
    """A store for which time passes while it writes a note down."""

    house: House

    async def note(self, note: EffectNote) -> None:
        await super().note(note)
        await self.house.move(POLICY.rest_seconds + 1)
        await turns()


async def test_an_effect_is_due_again_when_its_note_says_so() -> None:
    """However long the note takes: else it would rest for that time once more."""
    store = SlowNotes()
    store.house = house = await at_work(House(store))
    house.erp.raises = [(Unauthorised("Expired."), False)]
    house.post(Begin(), "w-1", fresh=True)
    await eventually(lambda: house.state().is_done(ERP))
    await house.close()


async def test_retries_are_bounded_and_end_at_a_person(house: House) -> None:
    """After the last try a person gets it, with the last error in words."""
    house.erp.raises = [(Retryable("Down.", sick=False), False)] * POLICY.retry_attempts
    house.post(Begin(), "w-1", fresh=True)
    await house.while_time_passes(lambda: bool(house.state().stuck))
    assert "Down." in house.state().stuck[0].reason


async def test_a_persons_retry_is_looked_up_first_and_bears_the_same_key(house: House) -> None:
    """The thing is the same, so is its name: a partner that honours keys knows the repeat."""
    house.erp.raises = [(NeedsPerson("No one knows.", outcome_known=False), True)]
    house.post(Begin(), "w-1", fresh=True)
    await eventually(lambda: bool(house.state().stuck))
    house.post(Repeat(number=house.state().stuck[0].number), "w-2")
    await eventually(lambda: house.state().is_done(ERP))
    assert len(house.erp.did) == 1
    assert house.erp.looked_up == house.erp.keys


async def test_a_timer_fires_once(house: House) -> None:
    """It is gone when it has fired, though no one cleared it; others of that name stay."""
    house.post(Begin(lanes=()), "w-1", fresh=True)
    house.post(SetTimer(seconds=5.0), "w-2")
    house.post(SetTimer(seconds=9.0, key=Key("F1")), "w-3")
    await eventually(lambda: len(house.ends) == 3)
    await house.move(6.0)
    assert await house.timers.fire() == 1
    await eventually(lambda: house.state().fired == ("tick",))
    assert await house.timers.fire() == 0
    await house.move(6.0)
    assert await house.timers.fire() == 1
    await eventually(lambda: len(house.state().fired) == 2)


async def test_a_poisonous_timer_is_suspended_alone_and_shown(house: House) -> None:
    """It fires no more and its order says why; other timers of the order still fire. When it is
    resumed, such as by a version that can decide it, it fires again."""
    house.post(Begin(lanes=()), "w-1", fresh=True)
    house.post(SetTimer(seconds=1.0, name=ROTTEN, key=Key("K1")), "w-2")
    house.post(SetTimer(seconds=2.0), "w-3")
    await eventually(lambda: len(house.ends) == 3)
    await house.move(3.0)
    assert await house.timers.fire() == 2
    await eventually(lambda: house.timers.under_way == 0)
    assert house.state().fired == ("tick",)
    assert await house.timers.fire() == 0
    row = house.store.row(order_id_for(CHANNEL, REF))
    assert row is not None
    assert row.attention
    assert "the timer rotten of K1" in row.waiting_for
    assert await house.store.resume(range(32)) == 1
    assert await house.timers.fire() == 1


async def test_a_timer_wakes_the_one_who_fires_them(house: House) -> None:
    """A near timer is looked for when it is due, not at the next sweep."""
    alarm = house.runtime.alarm
    await alarm.wait()
    house.post(Begin(lanes=()), "w-1", fresh=True)
    house.post(SetTimer(seconds=0.0), "w-2")
    await eventually(lambda: len(house.ends) == 2)
    house.clock.seconds += 0.06
    await alarm.wait()


async def test_idle_streams_are_dropped_and_come_back_from_the_store() -> None:
    """Memory holds a bounded number of streams that wait for the world."""
    house = House(live_orders=2)
    for n in range(6):
        house.post(Begin(), f"w-{n}", str(n), fresh=True)
        await house.until("counting", str(n))
    await eventually(lambda: house.registry.busy == 0)
    assert house.registry.live == 2
    house.post(Add(), "c-0", "0")
    await eventually(lambda: house.state("0").count == 1)


async def test_however_many_orders_wait_memory_holds_a_few() -> None:
    """Three thousand orders that wait for the world leave twenty streams, one queue and one task
    each, and any of them goes on when something comes for it."""
    house = House(live_orders=20)
    for n in range(3_000):
        house.post(Begin(lanes=()), f"w-{n}", str(n), fresh=True)
        if n % 100 == 99:
            await eventually(lambda: house.registry.busy == 0)
            assert house.registry.live <= 20
    assert house.ends == [COMMITTED] * 3_000
    for ref in ("0", "1500", "2999"):
        house.post(Add(), f"c-{ref}", ref)
    await eventually(lambda: [house.state(ref).count for ref in ("0", "1500", "2999")] == [1] * 3)
    assert house.registry.live <= 20


async def test_a_lost_partition_drops_its_streams_alone(house: House) -> None:
    """Its inputs come again at whoever has it now; other streams go on."""
    for ref in ("1", "2"):
        house.post(Begin(lanes=()), f"w-{ref}", ref, fresh=True)
    await eventually(lambda: house.ends == [COMMITTED] * 2)
    await turns()
    assert house.registry.live == 2
    house.lose("1")
    house.registry.drop({p for p in range(32) if p not in house.store.leases.epochs})
    assert house.registry.live == 1
    house.post(Add(), "w-3", "1")
    house.post(Add(), "w-4", "2")
    await eventually(lambda: sorted(house.ends[2:]) == ["committed", "stopped"])
    assert (house.state("1").count, house.state("2").count) == (0, 1)
