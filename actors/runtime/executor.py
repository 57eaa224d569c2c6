"""Calls one partner for one effect, and sees to how the call ends: an answer brought to its order,
a rest in the store until the next try, or a person's desk."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from actors.order.redaction import masked
from actors.runtime import errors
from actors.runtime.lane import Item, Lane
from actors.runtime.mailbox import COMMITTED, DUPLICATE, POISON, Envelope, Told
from actors.runtime.observer import Trace
from actors.runtime.ports import Call, EffectNote, Outbox
from actors.runtime.registry import Registry
from actors.runtime.runtime import Runtime
from schemas.messages.effects import Result, tag_of
from schemas.messages.inputs import EffectDone, EffectGivenUp, EffectRefused, Input

log = logging.getLogger(__name__)

REST_SECONDS = 5.0
"""How long an effect rests whose answer could not be taken, before it is looked up."""

POST_AGAIN_SECONDS = 0.2
"""Pause before a reply is posted again to an order whose mailbox is full."""

NOTE_AGAIN_SECONDS = 1.0
"""Pause before a note is written again while the store is away."""


class EffectExecutor:
    """Makes the calls. `epoch_of` is asked again before each outside effect and raises LeaseLost
    when the order isn't ours any more."""

    def __init__(
        self, runtime: Runtime, registry: Registry, outbox: Outbox, epoch_of: Callable[[str], int]
    ) -> None:
        self._runtime = runtime
        self._registry = registry
        self._outbox = outbox
        self._epoch_of = epoch_of
        self.draining = False

    async def call(self, lane: Lane, item: Item) -> None:
        """Make the call that was counted as under way, and see to its end."""
        runtime = self._runtime
        operation = tag_of(item.effect)
        trace = runtime.observer.begin_call(operation, item.trace, item.correlation_id)
        item.watched = trace
        started = runtime.clock.monotonic()
        outcome, error = "done", None
        try:
            outcome, error = await self._attempt(lane, item, trace)
        finally:
            lane.under_way -= 1
            if lane.breaker.state == "half_open":
                lane.breaker.undecided(runtime.clock.monotonic())
            if lane.backlog:
                lane.wake.set()
            seconds = runtime.clock.monotonic() - started
            runtime.observer.called(lane.name, operation, outcome, seconds)
            trace.end(error)

    async def _attempt(
        self, lane: Lane, item: Item, trace: Trace
    ) -> tuple[str, BaseException | None]:
        try:
            self._epoch_of(item.ref)
            result = await self._ask(lane, item, trace)
        except errors.LeaseLost as error:
            self._runtime.lost(str(error))
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
            await self._rest(lane, item, str(error), lane.policy.retry_first_seconds)
            return "retry", error
        except (errors.Unknown, TimeoutError) as error:
            await self._unknown(lane, item, error)
            return "unknown", error
        except Exception as error:  # an adapter's bug must not lose the effect
            log.exception("The adapter of %s failed.", lane.name)
            await self._unknown(lane, item, error)
            return "unknown", error
        self._answered(lane)
        lane.done += 1
        await self._reply(lane, item, EffectDone(number=item.number, result=result))
        return "done", None

    async def _ask(self, lane: Lane, item: Item, trace: Trace) -> Result:
        partner, timeout = lane.partner, lane.policy.timeout_seconds
        if item.maybe_done and not partner.can_look_up:
            raise errors.NeedsPerson(
                f"{lane.name} may have done this already and can't be asked: look there, then"
                " skip it or retry it.",
                outcome_known=False,
            )
        call = Call(
            order_id=item.order_id,
            channel=item.channel,
            ref=item.ref,
            correlation_id=item.correlation_id,
            number=item.number,
            effect=item.effect,
            order=item.whole_order(),
            idempotency_key=f"{item.correlation_id}-{item.number}",
            attempt=item.attempts,
            trace=trace.traceparent,
        )
        if item.maybe_done:
            try:
                async with asyncio.timeout(timeout):
                    found = await partner.look_up(call)
            except (errors.Unknown, TimeoutError) as error:
                raise errors.Retryable(f"{lane.name} did not answer a look-up: {error}") from error
            if found is not None:
                return found
        elif not partner.can_look_up:
            await self._count_beforehand(item)
        async with asyncio.timeout(timeout):
            return await partner.perform(call)

    async def _count_beforehand(self, item: Item) -> None:
        """Have the attempt on disk before it is made. Raises JournalUnavailable, and then it is not
        made: so the count is taken back with the next note, should it have been written."""
        item.attempts = 1
        try:
            await self._outbox.note(self._note(item, "being sent", 0.0))
        except errors.JournalUnavailable:
            item.attempts = 0
            raise

    def _answered(self, lane: Lane) -> None:
        if lane.breaker.succeeded():
            log.info("%s answers again; what waits is released step by step.", lane.name)
            self._runtime.observer.breaker(lane.name, lane.breaker.state)
            lane.more_in_store = True
            lane.next_look_at = 0.0
            lane.wake.set()

    def _failed(self, lane: Lane) -> None:
        if lane.breaker.failed(self._runtime.clock.monotonic()):
            log.warning("%s fails; its effects wait in the store until it recovers.", lane.name)
        if lane.breaker.state != "closed":
            lane.empty_backlog()
            lane.next_look_at = lane.breaker.opens_again_at or 0.0
        self._runtime.observer.breaker(lane.name, lane.breaker.state)

    async def _reply(self, lane: Lane, item: Item, command: Input) -> None:
        """Bring the answer to the order and wait until it is on disk; then the effect has ended."""
        outcome = await self._post(item, command)
        if outcome == POISON and not isinstance(command, EffectGivenUp):
            # It would be the same answer each time: a person must know what the partner did.
            reason = f"{lane.name} answered, but its answer can't be kept. Look there what it did."
            command = EffectGivenUp(number=item.number, reason=reason, outcome_known=False)
            outcome = await self._post(item, command)
        lane.forget(item)
        lane.asked_to_slow_down = 0
        if outcome in {COMMITTED, DUPLICATE}:
            lane.release(item)
            return
        # Stopping, or a fault of ours: the partner acted and the store doesn't know. Whoever takes
        # the effect up next must look it up, so the attempt is counted before it is let go.
        log.warning("An answer of %s was not taken: %s", lane.name, outcome)
        item.attempts += 1
        if not self._runtime.stopping:
            await self._rest(lane, item, f"the answer was not taken: {outcome}", REST_SECONDS)

    async def _post(self, item: Item, command: Input) -> str:
        while True:
            ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            envelope = Envelope(
                command,
                f"effect:{item.number}",
                _ending(ended),
                channel=item.channel,
                ref=item.ref,
                trace=item.watched,
            )
            try:
                self._registry.post(item.order_id, envelope)
            except errors.MailboxFull:
                await asyncio.sleep(POST_AGAIN_SECONDS)
                continue
            return await ended

    async def _give_up(self, lane: Lane, item: Item, reason: str, *, known: bool) -> None:
        command = EffectGivenUp(number=item.number, reason=reason, outcome_known=known)
        await self._reply(lane, item, command)

    async def _retry(self, lane: Lane, item: Item, error: errors.Retryable) -> None:
        # A partner that is down for everybody burns no one's tries: its effects wait for it.
        burns = not error.throttled and not (error.sick and lane.breaker.state != "closed")
        if error.throttled:
            self._answered(lane)
            if not error.alone:
                lane.slow_down(self._runtime.clock.monotonic(), error.retry_after_seconds)
        elif error.sick:
            self._failed(lane)
        if burns and lane.count_try(item) >= lane.policy.retry_attempts:
            reason = f"{lane.name} failed {lane.policy.retry_attempts} times, lastly: {error}"
            await self._give_up(lane, item, reason, known=not item.maybe_done)
            return
        if not lane.partner.can_look_up:
            item.attempts = 0  # surely nothing happened, so the count made beforehand is taken back
        await self._rest(lane, item, str(error), lane.retry_delay(item, error.retry_after_seconds))

    async def _unknown(self, lane: Lane, item: Item, error: BaseException) -> None:
        # As with a retry; but a fault of the adapter's own is this effect's, whoever is down.
        partners = isinstance(error, errors.Unknown | TimeoutError)
        burns = not (partners and lane.breaker.state != "closed")
        self._failed(lane)
        item.attempts += 1
        item.maybe_done = True
        reason = str(error) or f"{lane.name} did not answer in {lane.policy.timeout_seconds:g} s."
        spent = burns and lane.count_try(item) >= lane.policy.retry_attempts
        if not lane.partner.can_look_up or spent:
            await self._give_up(lane, item, reason, known=False)
        else:
            delay = max(lane.policy.settle_seconds, lane.retry_delay(item, None))
            await self._rest(lane, item, reason, delay)

    async def _unauthorised(self, lane: Lane, item: Item, error: errors.Unauthorised) -> None:
        if lane.others_got_in(item):
            await self._retry(lane, item, errors.Retryable(str(error), sick=False))
            return
        log.error("%s refuses our credential; its effects wait: %s", lane.name, error)
        lane.paused_until = self._runtime.clock.monotonic() + lane.policy.rest_seconds
        self._answered(lane)
        if not lane.partner.can_look_up:
            item.attempts = 0
        await self._rest(lane, item, str(error), lane.policy.rest_seconds)

    async def _rest(self, lane: Lane, item: Item, reason: str, delay: float) -> None:
        """Leave the effect to the store until it is due again."""
        note = self._note(item, reason, delay)
        while True:
            try:
                await self._outbox.note(note)
                break
            except errors.JournalUnavailable:
                if self.draining:
                    return
                await asyncio.sleep(NOTE_AGAIN_SECONDS)
        lane.release(item)
        lane.wake_at(self._runtime.clock.monotonic() + delay)

    def _note(self, item: Item, reason: str, delay: float) -> EffectNote:
        return EffectNote(
            order_id=item.order_id,
            number=item.number,
            attempts=item.attempts,
            due_at=self._runtime.clock.now() + timedelta(seconds=delay),
            error=masked(reason[:2_000], item.order)[:500],
        )


def _ending(ended: asyncio.Future[str]) -> Told:
    def told(outcome: str, _reason: str) -> None:
        if not ended.done():
            ended.set_result(outcome)

    return told
