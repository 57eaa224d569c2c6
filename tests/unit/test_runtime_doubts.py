"""The runtime where things are in doubt: lost answers, dead processes, a store that is away."""

from __future__ import annotations

import pytest

from actors.runtime.errors import JournalUnavailable, Retryable, Unknown
from actors.runtime.mailbox import COMMITTED
from actors.runtime.ports import Append, EffectNote, Outcome
from adapters.memory.leases import MemoryLeases
from schemas.order.ids import order_id_for, sign_reference
from schemas.order.things import Key
from tests.counter import ERP, MAIL, Add, Begin, Deafen, Skip
from tests.house import CHANNEL, KEYS, POLICY, REF, House, at_work, turns
from tests.waiting import eventually


async def test_a_lost_race_is_decided_again_from_the_store(house: House) -> None:
    """A second writer that believes the stream new loses, reloads, and finds it begun."""
    house.post(Begin(), "w-1", fresh=True)
    await house.until("finished")
    other = house.other()
    other.post(Begin(), "w-2", fresh=True)
    await eventually(lambda: other.ends == [COMMITTED])
    assert house.state().stage == "finished"
    assert house.state().last == 2


async def test_inputs_wait_while_the_journal_is_away(house: House) -> None:
    """Nothing is acknowledged before it is on disk."""
    house.store.available = False
    house.post(Begin(), "w-1", fresh=True)
    await turns()
    assert house.ends == []
    house.store.available = True
    await house.until("finished")


async def test_an_unknown_outcome_is_looked_up_and_adopted(house: House) -> None:
    """A time-out after acting: what was done is found by our reference, not done again."""
    house.erp.raises = [(Unknown("No answer."), True)]
    house.post(Begin(), "w-1", fresh=True)
    await eventually(lambda: bool(house.erp.did) and not house.lane().held)
    await house.move(POLICY.settle_seconds)
    await eventually(lambda: house.state().is_done(ERP))
    assert (len(house.erp.did), len(house.erp.looked_up)) == (1, 1)


async def test_an_unknown_outcome_that_did_nothing_is_repeated(house: House) -> None:
    """Looked up and not found: then it is safe to call again."""
    house.erp.raises = [(Unknown("No answer."), False)]
    house.post(Begin(), "w-1", fresh=True)
    await eventually(lambda: not house.erp.raises and not house.lane().held)
    await house.move(POLICY.settle_seconds)
    await eventually(lambda: len(house.erp.did) == 1)


async def test_every_repeat_bears_the_same_key(house: House) -> None:
    """A partner that honours keys must know the repeat, after a failure and after a doubt: the key
    is the verb and the thing's own signed name."""
    house.erp.raises = [(Retryable("Busy.", sick=False), False), (Unknown("Silence."), False)]
    house.post(Begin(), "w-1", fresh=True)
    await house.while_time_passes(lambda: house.state().is_done(ERP))
    reference = sign_reference(order_id_for(CHANNEL, REF), Key("D1"), "1", KEYS)
    assert house.erp.keys == [f"post-{reference}"] * 3
    call = house.erp.calls[0]
    assert (call.key, call.reference) == ("D1", reference)
    assert (call.channel, call.ref) == (CHANNEL, REF)
    assert call.order_reference[-15:-10] == "O0000"


async def test_a_thing_keeps_its_name_when_the_signing_key_is_exchanged() -> None:
    """Its partner is searched for the name it was given: the key that the order began with goes
    on signing; new orders begin with the new one."""
    first = await at_work(House())
    first.erp.raises = [(Unknown("No answer."), True)]
    first.post(Begin(), "w-1", fresh=True)
    await eventually(lambda: bool(first.erp.did) and not first.lane().held)
    await first.close()
    again = House(first.store.seen_by(MemoryLeases(2)), active_key="2")
    again.clock.seconds = first.clock.seconds
    again.partners[ERP].did = first.erp.did
    again.dispatcher.start()
    await again.while_time_passes(lambda: again.state().is_done(ERP))
    assert again.erp.calls == []
    again.post(Begin(), "w-1", "1043", fresh=True)
    await eventually(lambda: bool(again.erp.calls))
    assert [call.reference[:1] for call in again.erp.calls] == ["2"]
    await again.close()


async def test_a_mail_of_unknown_fate_is_given_to_a_person(house: House) -> None:
    """Where nothing can be looked up, nothing is repeated."""
    house.mail.raises = [(Unknown("No answer."), True)]
    house.post(Begin(), "w-1", fresh=True)
    await eventually(lambda: bool(house.state().stuck))
    assert not house.state().stuck[0].known
    assert len(house.mail.did) == 1


async def test_a_mail_that_a_dead_process_may_have_sent_is_not_sent_again(house: House) -> None:
    """The attempt was counted before it was made; the next process sees the count."""
    house.mail.gate.clear()
    house.post(Begin(), "w-1", fresh=True)
    await eventually(lambda: house.store.attempts_of(MAIL) == [1])
    await house.dispatcher.drain(0.0)
    other = await at_work(house.other())
    await eventually(lambda: bool(other.state().stuck))
    assert other.mail.did == []
    await other.close()


async def test_a_mail_that_could_not_be_counted_is_sent_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store took the count and died before it said so: nothing was sent, so no one is asked."""
    note = house.store.note

    async def written_but_not_said(given: EffectNote) -> None:
        await note(given)
        if given.attempts:
            monkeypatch.undo()
            raise JournalUnavailable("The connection was lost.")

    monkeypatch.setattr(house.store, "note", written_but_not_said)
    house.post(Begin(), "w-1", fresh=True)
    await house.while_time_passes(lambda: house.state().is_done(MAIL))
    assert len(house.mail.did) == 1
    assert house.state().stuck == ()


async def test_what_a_dead_process_recorded_is_looked_up_first(house: House) -> None:
    """After a restart every open effect may have acted."""
    house.erp.gate.clear()
    house.post(Begin(), "w-1", fresh=True)
    await eventually(lambda: house.lane().under_way == 1)
    await house.dispatcher.drain(0.0)
    other = await at_work(house.other())
    await eventually(lambda: other.state().is_done(ERP))
    assert len(other.erp.looked_up) == 1
    await other.close()


async def test_what_a_dead_process_had_under_way_may_settle_first(house: House) -> None:
    """Whatever is due sooner, nothing is looked up while a dead process's call may still act."""
    house.erp.gate.clear()
    house.post(Begin(), "w-1", fresh=True)
    await eventually(lambda: house.lane().under_way == 1)
    await house.dispatcher.drain(0.0)
    other = house.other()
    other.dispatcher.start()
    other.lane().wake_at(other.clock.monotonic() + 0.5)
    await other.move(POLICY.settle_seconds - 0.5)
    await turns()
    assert other.erp.looked_up == []
    await other.while_time_passes(lambda: len(other.erp.looked_up) == 1)
    await other.close()


async def test_a_look_into_the_store_does_not_bring_back_what_ended_meanwhile(
    house: House,
) -> None:
    """A page of open effects may be older than their end; taking it up would act twice."""
    lane = house.lane()
    await house.move(10.0)
    await turns()
    await house.move(10.0)
    looked = lane.begin_look(house.clock.monotonic())
    assert looked is not None
    assert looked[1] == []
    house.post(Begin(), "w-1", fresh=True)
    await eventually(lambda: house.state().is_done(ERP) and not lane.held)
    stale = house.store.effects_as_recorded(ERP)
    items = [item for item in map(house.dispatcher.item_of, stale) if item is not None]
    assert len(items) == 1
    lane.end_look(items, more=False, now=house.clock.monotonic())
    assert not lane.waiting


async def test_a_look_that_is_quicker_than_the_commits_answer_adds_nothing() -> None:
    """An effect may be found in the store before its own stream hears that it is on disk."""
    house = House()

    class SeenBeforeItIsSaid:
        """The store, whose answers to a commit come after a look into it."""

        load = house.store.load
        history = house.store.history

        async def append(self, given: Append) -> Outcome:
            """Append, and let the lanes look."""
            outcome = await house.store.append(given)
            for lane in watched.runtime.lanes:
                lane.wake_at(watched.clock.monotonic())
            await turns()
            return outcome

    watched = House(house.store, journal=SeenBeforeItIsSaid())
    await at_work(watched)
    watched.post(Begin(), "w-1", fresh=True)
    await watched.until("finished")
    await eventually(lambda: watched.registry.busy == 0)
    assert (len(watched.erp.calls), len(watched.mail.calls)) == (1, 1)
    await watched.close()


async def test_more_effects_than_the_backlog_holds_wait_in_the_store(house: House) -> None:
    """Beyond the bound nothing is lost: the store gives it back when there is room."""
    house.erp.gate.clear()
    for n in range(10):
        house.post(Begin(), f"w-{n}", str(n), fresh=True)
    await house.while_time_passes(lambda: house.lane().waiting == POLICY.backlog)
    await house.while_time_passes(lambda: house.store.attempts_of(ERP) == [0] * 10)
    assert house.lane().waiting == POLICY.backlog
    house.erp.gate.set()
    await house.while_time_passes(lambda: len(house.erp.did) == 10)
    assert len(set(house.erp.did)) == 10


async def test_who_has_lost_an_order_calls_no_one_for_it(house: House) -> None:
    """Between the commit and the call another process took over: the call is not made, and the
    effect is left to whoever holds the order now."""
    lane = house.lane()
    lane.pause_until(1e9)
    house.post(Begin(), "w-1", fresh=True)
    await eventually(lambda: lane.waiting == 1)
    house.lose()
    lane.use(lane.partner, lane.policy)
    await eventually(lambda: not lane.held and not lane.under_way)
    assert house.erp.calls == []
    assert house.erp.looked_up == []


async def test_an_order_that_came_back_is_looked_up_first(house: House) -> None:
    """Another process held it for a while and may have called: what waited in memory from before
    is not called blindly."""
    lane = house.lane()
    lane.pause_until(1e9)
    house.post(Begin(), "w-1", fresh=True)
    await eventually(lambda: lane.waiting == 1)
    reference = sign_reference(order_id_for(CHANNEL, REF), Key("D1"), "1", KEYS)
    house.erp.did.append(f"erp.post_sales_order.v2 {reference}")
    for partition in range(32):
        house.store.leases.take(partition, 3)
    lane.use(lane.partner, lane.policy)
    await house.while_time_passes(lambda: house.state().is_done(ERP))
    assert house.erp.calls == []
    assert len(house.erp.looked_up) == 1


async def test_a_skipped_effect_is_not_started(house: House) -> None:
    """A person goes without what still waits for its turn: no call is made for it."""
    lane = house.lane()
    lane.pause_until(1e9)
    house.post(Begin(), "w-1", fresh=True)
    await eventually(lambda: lane.waiting == 1)
    house.post(Skip(number=1), "w-2")
    await eventually(lambda: house.ends == [COMMITTED] * 2)
    lane.use(lane.partner, lane.policy)
    await house.move(10.0)
    await eventually(lambda: not lane.held)
    assert house.erp.calls == []


async def test_an_answer_to_a_skipped_effect_is_still_brought(house: House) -> None:
    """The call was under way when a person went without it: what it did is a fact all the same."""
    house.erp.gate.clear()
    house.post(Begin(), "w-1", fresh=True)
    await eventually(lambda: house.lane().under_way == 1)
    house.post(Skip(number=1), "w-2")
    await eventually(lambda: COMMITTED in house.ends[1:])
    house.erp.gate.set()
    await eventually(lambda: house.state().is_done(ERP))


async def test_an_answer_after_giving_up_is_still_brought(house: House) -> None:
    """The effect had ended with a person; then it turns out what the partner did."""
    house.mail.raises = [(Unknown("No answer."), True)]
    house.post(Begin(), "w-1", fresh=True)
    await eventually(lambda: bool(house.state().stuck))
    (late,) = house.store.effects_as_recorded(MAIL)
    item = house.dispatcher.item_of(late)
    assert item is not None
    lane = house.lane(MAIL)
    lane.offer(item)
    await eventually(lambda: house.state().is_done(MAIL))
    assert house.state().stuck == ()


async def test_a_reply_that_cannot_be_recorded_is_suspended_and_shown(house: House) -> None:
    """Neither the answer nor that it was given up can be decided: the effect is asked no more, and
    its order says so."""
    house.erp.gate.clear()
    house.post(Begin(lanes=(ERP,)), "w-1", fresh=True)
    await eventually(lambda: house.lane().under_way == 1)
    house.post(Deafen(), "w-2")
    await eventually(lambda: len(house.ends) == 2)
    house.erp.gate.set()
    await eventually(lambda: not house.lane().held)
    row = house.store.row(order_id_for(CHANNEL, REF))
    assert row is not None
    assert "effect 1" in row.waiting_for
    await house.move(60.0)
    await turns()
    assert len(house.erp.calls) == 1
    house.post(Add(), "w-3")
    await eventually(lambda: house.state().count == 1)


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_refusal_that_came_late_is_believed_once(*, restarted: bool) -> None:
    """A mail server that had the whole message before it said no may have sent it: it gets it once
    more and then a person decides, also where another process made the first attempt."""
    house = await at_work(House(lanes=(MAIL,)))
    late = Retryable("It says 451.", sick=False, once=True)
    early = Retryable("It hung up.", sick=False)
    house.mail.raises = [(early, False), (late, True)]
    house.post(Begin(lanes=(MAIL,)), "w-1", fresh=True)
    await house.while_time_passes(lambda: not house.mail.raises and not house.lane(MAIL).held)
    assert house.store.attempts_of(MAIL) == [0]
    now = house
    if restarted:
        await house.close()
        now = House(house.store.seen_by(MemoryLeases(2)), lanes=(MAIL,))
        now.clock.seconds = house.clock.seconds
    now.mail.raises = [(late, True), (late, True)]
    if restarted:
        await at_work(now)
    await now.while_time_passes(lambda: now.state().stuck != ())
    assert len(now.mail.raises) == 1
    await now.close()


async def test_a_later_failure_leaves_it_open_what_became_of_a_late_refusal(house: House) -> None:
    """What was declined with the message in hand may have been sent, however the repeats end."""
    late = Retryable("It says 451.", sick=False, once=True)
    early = Retryable("It hung up.", sick=False)
    house.mail.raises = [(late, True), *[(early, False)] * 9]
    house.post(Begin(lanes=(MAIL,)), "w-1", fresh=True)
    await house.while_time_passes(lambda: house.state().stuck != ())
    assert len(house.mail.did) == 1


async def test_what_changed_hands_while_its_adapter_waited_is_not_sent(house: House) -> None:
    """A token, a connection or a look-up may take longer than the lease: the request that would act
    does not leave, and whoever has the order now makes it, once."""
    house.erp.gate.clear()
    house.post(Begin(lanes=(ERP,)), "w-1", fresh=True)
    await eventually(lambda: house.lane().under_way == 1)
    house.lose()
    house.erp.gate.set()
    await eventually(lambda: house.lane().under_way == 0)
    assert house.erp.did == []
    other = await at_work(house.other())
    await other.while_time_passes(lambda: other.state().is_done(ERP))
    assert len(other.erp.did) == 1
    await other.close()


@pytest.mark.parametrize("lane", [ERP, MAIL])
async def test_what_no_one_could_tell_is_sent_when_someone_can(lane: str) -> None:
    """A process that stood still does not know whose the order is until the store says so. What
    surely has not left needs no look-up, also of a partner that can't be asked."""
    house = await at_work(House(lanes=(lane,)))
    partner = house.partners[lane]
    partner.gate.clear()
    house.post(Begin(lanes=(lane,)), "w-1", fresh=True)
    await eventually(lambda: house.lane(lane).under_way == 1)
    house.store.leases.unsure = True
    partner.gate.set()
    await eventually(lambda: house.lane(lane).under_way == 0)
    assert partner.did == []
    house.store.leases.unsure = False
    await house.while_time_passes(lambda: house.state().is_done(lane))
    assert (len(partner.did), partner.looked_up) == (1, [])
    await house.close()


async def test_what_left_in_part_is_looked_up(house: House) -> None:
    """Of a call of several requests the first had left: what became of it is asked before it is
    repeated."""
    house.erp.rest.clear()
    house.post(Begin(lanes=(ERP,)), "w-1", fresh=True)
    await eventually(lambda: house.lane().under_way == 1)
    house.store.leases.unsure = True
    house.erp.rest.set()
    await eventually(lambda: house.lane().under_way == 0)
    house.store.leases.unsure = False
    await house.while_time_passes(lambda: house.state().is_done(ERP))
    assert len(house.erp.looked_up) == 1
