"""Calls one partner for one effect, and sees to how the call ends: an answer brought to its stream,
a rest in the store until the next try, or a person's task."""

from __future__ import annotations

import logging
from functools import partial

from msgspec.structs import replace

from actors.runtime import errors
from actors.runtime.calls import call_of
from actors.runtime.effect_notes import EffectNotes
from actors.runtime.item import Item
from actors.runtime.lane import Lane
from actors.runtime.mailbox import COMMITTED, DUPLICATE, POISON, UNMATCHED
from actors.runtime.observer import Trace
from actors.runtime.partner import Call
from actors.runtime.ports import Outbox, Suspensions
from actors.runtime.posting import post
from actors.runtime.registry import Registry
from actors.runtime.replies import Reply
from actors.runtime.runtime import Runtime
from schemas.messages.effects import Result, tag_of
from schemas.messages.inputs import EffectDone, EffectGivenUp, EffectRefused

log = logging.getLogger(__name__)

REST_SECONDS = 5.0
"""How long an effect rests whose answer could not be taken, before it is looked up."""


class EffectExecutor:
    """Makes the calls. Whether the order is still ours is asked again before each outside
    effect."""

    def __init__(
        self, runtime: Runtime, registry: Registry, outbox: Outbox, suspensions: Suspensions
    ) -> None:
        self._runtime = runtime
        self._registry = registry
        self._notes = EffectNotes(registry.stream, runtime.clock, outbox, suspensions)

    def drain(self) -> None:
        """The process is about to end: wait for no store, and for no company of an answer."""
        self._notes.draining = True
        self._registry.hasten()

    async def call(self, lane: Lane, item: Item) -> None:
        """Make the call that was counted as under way, and see to its end."""
        runtime = self._runtime
        operation = tag_of(item.effect)
        trace = runtime.observer.begin_call(operation, item.trace, item.reference)
        item.watched, item.ended_at = trace, 0.0
        started = runtime.clock.monotonic()
        outcome, error = "done", None
        try:
            step = self._attempt if item.sought_since is None else self._seek
            outcome, error = await step(lane, item, trace)
        finally:
            self._finish(lane, item)
            runtime.observer.called(lane.name, operation, outcome, item.ended_at - started)
            trace.end(error)

    async def _attempt(
        self, lane: Lane, item: Item, trace: Trace
    ) -> tuple[str, BaseException | None]:
        item.left = False
        try:
            self._check_ours(item)
            result = await self._ask(lane, item, trace)
        except errors.LeaseLost as error:
            self._notes.leave(lane, item)
            return "lost", error
        except errors.Rejected as error:
            self._answered(lane)
            await self._reply(lane, item, EffectRefused(number=item.number, reason=str(error)))
            return "refused", error
        except errors.NeedsPerson as error:
            self._answered(lane)
            await self._give_up(lane, item, str(error), known=error.outcome_known)
            return "person", error
        except errors.Unauthorised as error:
            await self._unauthorised(lane, item, error)
            return "unauthorised", error
        except errors.Retryable as error:
            await self._retry(lane, item, error)
            return "retry", error
        except errors.JournalUnavailable as error:
            await self._unsure(lane, item, error)
            return "retry", error
        except (errors.Unknown, TimeoutError) as error:
            await self._unknown(lane, item, error)
            return "unknown", error
        except Exception as error:  # an adapter's bug must not lose the effect
            log.exception("The adapter of %s failed.", lane.name)
            await self._unknown(lane, item, error)
            return "unknown", error
        self._answered(lane)
        lane.count_done()
        registry = self._registry
        patient = (
            lane.partner.can_look_up  # should the process die meanwhile
            and registry.patient
            and registry.stream.is_patient(item.effect)
        )
        if patient:  # the partner may be called again meanwhile
            self._finish(lane, item)
        await self._reply(
            lane, item, EffectDone(number=item.number, result=result), patient=patient
        )
        return "done", None

    def _finish(self, lane: Lane, item: Item) -> None:
        """The call is over."""
        if not item.ended_at:
            item.ended_at = self._runtime.clock.monotonic()
            lane.finish_call(item, item.ended_at)

    async def _seek(self, lane: Lane, item: Item, trace: Trace) -> tuple[str, BaseException | None]:
        """Look up what a person went on without, a few times, and never make it: what was done all
        the same is brought to its stream. A look that got no answer is repeated soon."""
        error: Exception | None = None
        found: Result | None = None
        soon: float | None = None
        try:
            self._check_ours(item)
            with self._runtime.deadlines.start(lane.policy.effect_seconds):
                found = await lane.partner.look_up(self._call(item, trace))
            self._answered(lane)
        except errors.LeaseLost as lost:
            self._notes.leave(lane, item)
            return "lost", lost
        except errors.JournalUnavailable as failed:  # no one could tell whose the order is
            error, soon = failed, lane.policy.retry_first_seconds
        except errors.Unauthorised as failed:
            lane.standing.begin(str(failed))
            lane.pause_until(self._runtime.clock.monotonic() + lane.policy.rest_seconds)
            self._answered(lane, lets_us_in=False)
            error, soon = failed, lane.policy.rest_seconds
        except errors.Retryable as failed:
            if failed.throttled:
                self._answered(lane)
                if not failed.alone:
                    lane.slow_down(self._runtime.clock.monotonic(), failed.retry_after_seconds)
            elif failed.sick:
                self._failed(lane, failed)
            error, soon = failed, lane.retry_delay(item, failed.retry_after_seconds)
        except (errors.Unknown, TimeoutError) as failed:
            self._failed(lane, failed)
            error, soon = failed, lane.retry_delay(item, None)
        except errors.NeedsPerson as failed:  # such as several of them at the partner
            self._answered(lane)
            return await self._end_search(lane, item, failed)
        except Exception as failed:  # noqa: BLE001 - one look fails; the next is due all the same
            log.warning("Effect %s of %s could not be looked up: %s", *item.name[::-1], failed)
            error = failed
        if found is not None:
            return await self._adopt(lane, item, found)
        return await self._after_look(lane, item, error, soon)

    async def _adopt(
        self, lane: Lane, item: Item, found: Result
    ) -> tuple[str, BaseException | None]:
        reply = EffectDone(number=item.number, result=found)
        outcome, why = await post(self._registry, item, reply)
        if outcome in {COMMITTED, DUPLICATE}:
            await self._look_later(lane, item, "", None)
            return "done", None
        if self._runtime.stopping:
            lane.release(item)
            return "retry", None
        error = RuntimeError(f"What was found was not taken: {outcome} {why}")
        log.error("Effect %s of %s: %s", *item.name[::-1], error)
        return await self._after_look(lane, item, error, None)

    async def _after_look(
        self, lane: Lane, item: Item, error: Exception | None, soon: float | None
    ) -> tuple[str, BaseException | None]:
        """Leave it to the next look, or end the search: with an error a person must know."""
        assert item.sought_since is not None
        passed = (self._runtime.clock.now() - item.sought_since).total_seconds()
        delay = lane.policy.next_look(passed, soon)
        if delay is None and error is not None:
            return await self._end_search(lane, item, error)
        await self._look_later(lane, item, str(error or ""), delay)
        return ("absent", None) if error is None else ("retry", error)

    async def _end_search(
        self, lane: Lane, item: Item, error: Exception
    ) -> tuple[str, BaseException | None]:
        """Leave it to a person what the search could not tell, on the order itself."""
        reason = str(error) or type(error).__name__
        given_up = EffectGivenUp(
            number=item.number, reason=reason, outcome_known=False, sought=True
        )
        outcome, why = await post(self._registry, item, given_up)
        if outcome in {POISON, UNMATCHED}:  # nothing can be written down of such an order
            log.error("That effect %s of %s is a person's: %s %s", *item.name[::-1], outcome, why)
        elif outcome not in {COMMITTED, DUPLICATE}:  # no one knows yet, so it is not over
            if self._runtime.stopping:
                lane.release(item)
            else:
                await self._look_later(lane, item, reason, REST_SECONDS)
            return "retry", error
        await self._look_later(lane, item, reason, None)
        return "person", error

    async def _look_later(self, lane: Lane, item: Item, reason: str, delay: float | None) -> None:
        """Leave the search to the store until the next look; None: it is over."""
        note = replace(self._notes.note(item, reason, delay or 0.0), is_over=delay is None)
        if not await self._notes.written(lane, item, lambda: self._notes.write(note)):
            return
        if delay is None:
            lane.release(item)
        else:
            lane.rest(item, self._runtime.clock.monotonic() + delay)

    def _check_ours(self, item: Item) -> None:
        """Raises LeaseLost when the order went to another process since the effect was taken into
        memory, also if it came back: who held it meanwhile may have called."""
        epoch = self._runtime.leases.epoch_of(item.partition)
        if epoch != item.epoch:
            raise errors.LeaseLost(f"Partition {item.partition} has changed hands meanwhile.")

    def _about_to_act(self, item: Item) -> None:
        """A request that may act is about to leave. Raises what `_check_ours` raises."""
        self._check_ours(item)
        item.left = True

    async def _ask(self, lane: Lane, item: Item, trace: Trace) -> Result:
        partner, seconds = lane.partner, lane.policy.effect_seconds
        if item.maybe_done and not partner.can_look_up:
            raise errors.NeedsPerson(
                f"{lane.name} may have done this already and can't be asked: {errors.LOOK_THERE}",
                outcome_known=False,
            )
        call = self._call(item, trace)
        if item.maybe_done:
            try:
                with self._runtime.deadlines.start(seconds):
                    found = await partner.look_up(call)
            except (errors.Unknown, TimeoutError) as error:
                raise errors.Retryable(f"{lane.name} did not answer a look-up: {error}") from error
            except (errors.NeedsPerson, errors.Rejected) as error:  # instead of an answer
                raise errors.NeedsPerson.of_look_up(error) from error
            if found is not None:
                return found
            self._check_ours(item)  # the look-up took its time
        elif not partner.can_look_up:
            await self._count_beforehand(item)
        with self._runtime.deadlines.start(seconds):
            return await partner.perform(call)

    def _call(self, item: Item, trace: Trace) -> Call:
        decode = self._registry.stream.decode_body
        check = partial(self._about_to_act, item)
        return call_of(item, trace, self._runtime.references, decode, check)

    async def _count_beforehand(self, item: Item) -> None:
        """Have the attempt on disk before it is made. Raises JournalUnavailable, and then it is not
        made: so the count is taken back with the next note, should it have been written."""
        item.attempts = 1
        try:
            await self._notes.write(self._notes.note(item, "being sent", 0.0))
        except errors.JournalUnavailable:
            item.attempts = 0
            raise

    def _answered(self, lane: Lane, *, lets_us_in: bool = True) -> None:
        if lets_us_in and lane.standing.end():
            log.info("%s is called again; what waits is released step by step.", lane.name)
        if lane.answered():
            self._runtime.observer.breaker(lane.name, lane.breaker_state)

    def _failed(self, lane: Lane, why: BaseException) -> None:
        opened = lane.failed(self._runtime.clock.monotonic(), str(why))
        if (opened or lane.trouble) and lane.standing.begin(str(why)):
            log.warning("%s is not called until it recovers, its effects wait: %s", lane.name, why)
        self._runtime.observer.breaker(lane.name, lane.breaker_state)

    async def _reply(self, lane: Lane, item: Item, reply: Reply, *, patient: bool = False) -> None:
        """Bring the answer to the stream and wait until it is on disk; then the effect has
        ended."""
        outcome, why = await post(self._registry, item, reply, patient=patient)
        if outcome == POISON and not isinstance(reply, EffectGivenUp):
            # It would be the same answer each time: a person must know what the partner did.
            reason = f"{lane.name} answered, but its answer can't be kept. Look there what it did."
            given_up = EffectGivenUp(number=item.number, reason=reason, outcome_known=False)
            outcome, why = await post(self._registry, item, given_up)
        lane.end(item)
        if outcome in {COMMITTED, DUPLICATE}:
            lane.release(item)
            return
        # Stopping, or a fault of ours: the partner acted and the store doesn't know. Whoever takes
        # the effect up next must look it up, so the attempt is counted before it is let go.
        log.warning("An answer of %s was not taken: %s", lane.name, outcome)
        item.attempts += 1
        if self._runtime.stopping:
            return
        if outcome in {POISON, UNMATCHED}:
            await self._notes.suspend(lane, item, why)
        else:
            await self._notes.rest(lane, item, f"the answer was not taken: {outcome}", REST_SECONDS)

    async def _give_up(self, lane: Lane, item: Item, reason: str, *, known: bool) -> None:
        reply = EffectGivenUp(number=item.number, reason=reason, outcome_known=known)
        await self._reply(lane, item, reply)

    async def _retry(self, lane: Lane, item: Item, error: errors.Retryable) -> None:
        # A partner that is down for everybody burns no one's tries: its effects wait for it.
        burns = not error.throttled and not (error.sick and lane.resting)
        if error.throttled:
            self._answered(lane)
            if not error.alone:
                lane.slow_down(self._runtime.clock.monotonic(), error.retry_after_seconds)
        elif error.sick:
            self._failed(lane, error)
        if error.once and item.declined:
            reason = f"{error} It had all of it twice, and may have done it: {errors.LOOK_THERE}"
            await self._give_up(lane, item, reason, known=False)
            return
        item.declined |= error.once
        if burns and lane.count_try(item) >= lane.policy.retry_attempts:
            reason = f"{lane.name} failed {lane.policy.retry_attempts} times, lastly: {error}"
            await self._give_up(lane, item, reason, known=not (item.maybe_done or item.declined))
            return
        if not lane.partner.can_look_up:
            item.attempts = 0  # surely nothing happened, so the count made beforehand is taken back
        await self._notes.rest(
            lane, item, str(error), lane.retry_delay(item, error.retry_after_seconds)
        )

    async def _unknown(self, lane: Lane, item: Item, error: BaseException) -> None:
        # As with a retry; but a fault of the adapter's own is this effect's, whoever is down.
        burns = not (isinstance(error, errors.Unknown | TimeoutError) and lane.resting)
        self._failed(lane, error)
        item.attempts += 1
        item.maybe_done = True
        reason = str(error) or f"{lane.name} did not answer in {lane.policy.effect_seconds:g} s."
        spent = burns and lane.count_try(item) >= lane.policy.retry_attempts
        if not lane.partner.can_look_up or spent:
            await self._give_up(lane, item, reason, known=False)
        else:
            delay = max(lane.policy.settle_seconds, lane.retry_delay(item, None))
            await self._notes.rest(lane, item, reason, delay)

    async def _unsure(self, lane: Lane, item: Item, error: errors.JournalUnavailable) -> None:
        """No one could tell whose the order is, so nothing more was sent."""
        delay = lane.policy.retry_first_seconds
        if item.left:
            item.attempts += 1
            item.maybe_done = True
            delay = max(delay, lane.policy.settle_seconds)
        elif not (lane.partner.can_look_up or item.maybe_done):
            item.attempts = 0  # surely nothing happened, as with a retry
        await self._notes.rest(lane, item, str(error), delay)

    async def _unauthorised(self, lane: Lane, item: Item, error: errors.Unauthorised) -> None:
        if lane.others_got_in(item):
            await self._retry(lane, item, errors.Retryable(str(error), sick=False))
            return
        if lane.standing.begin(str(error)):
            log.error("%s refuses our credential; its effects wait: %s", lane.name, error)
        lane.pause_until(self._runtime.clock.monotonic() + lane.policy.rest_seconds)
        self._answered(lane, lets_us_in=False)
        if not lane.partner.can_look_up:
            item.attempts = 0
        await self._notes.rest(lane, item, str(error), lane.policy.rest_seconds)
