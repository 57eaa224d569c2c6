"""One live stream: its state, its mailbox, and the task that takes one input after the other."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from datetime import datetime

from msgspec import MsgspecError

from actors.runtime.errors import AppendRefused, JournalUnavailable, LeaseLost
from actors.runtime.knowing import MAX_QUESTIONS
from actors.runtime.local import done_inside
from actors.runtime.mailbox import (
    COMMITTED,
    DUPLICATE,
    EARLY,
    POISON,
    STOPPED,
    UNMATCHED,
    Envelope,
    ask_again,
    tell,
    untold,
    without_repeats,
)
from actors.runtime.memory import Memory, Together, append_of
from actors.runtime.patiently import (
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    Stopped,
    patiently,
)
from actors.runtime.ports import Append
from actors.runtime.replies import input_id_of
from actors.runtime.runtime import Runtime
from actors.runtime.stream_type import Decided, Occasion, StreamType
from schemas.messages.effects import tag_of
from schemas.order.claims import Claimed
from schemas.order.ids import OrderId, Reference, partition_of
from schemas.order.world import WorldAsked

log = logging.getLogger(__name__)

REFUSED, SHORT, CLAIMED = "refused", "short", "claimed"
"""The journal can't hold this append: one of its inputs is poisonous, something that it was to
carry out itself can't be done so, or another stream has what it claims."""

MAX_TOGETHER = 16
"""Inputs of one stream that are decided one after the other and written in one commit."""

MAX_TRIES = 4
"""Decisions of the same inputs: after a try that was short, and one or two that claimed in vain."""

MAX_CONFLICTS = 8
"""Reloads after a lost race before the input is given back; each race has a winner."""

MAX_SEEN = 500
"""Input ids kept in memory per live stream; older repeats are caught by the inbox."""


class Actor:
    """Holds one stream in memory between its inputs. The registry makes, wakes and drops it."""

    __slots__ = (
        "_channel",
        "_claimed",
        "_known",
        "_mailbox",
        "_memory",
        "_partition",
        "_progress",
        "_progress_since",
        "_ref",
        "_reference",
        "_runtime",
        "_seen",
        "_stream",
        "order_id",
    )

    def __init__(self, order_id: OrderId, stream: StreamType, runtime: Runtime) -> None:
        self.order_id = order_id
        self._stream = stream
        self._runtime = runtime
        self._memory = Memory(0, stream.initial, None, None)
        self._reference = Reference("")
        self._progress = ""
        self._progress_since: datetime | None = None
        self._seen: dict[str, None] = {}
        self._claimed: Claimed | None = None
        self._known = False
        self._channel = self._ref = ""
        self._partition = -1
        self._mailbox: deque[Envelope] = deque()

    @property
    def known(self) -> bool:
        """Whether memory shows the stream as it is stored."""
        return self._known

    @property
    def partition(self) -> int:
        """The stream's partition, -1 before that is known."""
        return self._partition

    @property
    def waiting(self) -> int:
        """How many inputs wait."""
        return len(self._mailbox)

    def take(self, envelope: Envelope) -> None:
        """Put an input last into the mailbox."""
        envelope.enqueued_at = self._runtime.clock.monotonic()
        self._mailbox.append(envelope)

    def give_back(self, why: str) -> None:
        """Tell all who wait that their inputs come again, and believe memory no more."""
        tell(self._mailbox, STOPPED, why)
        self._mailbox.clear()
        self._known = False

    async def run(self) -> None:
        """Work until the mailbox is empty. Never raises; every input is told how it ended."""
        runtime = self._runtime
        while self._mailbox and not runtime.stopping:
            count = min(len(self._mailbox), MAX_TOGETHER)
            together = [self._mailbox.popleft() for _ in range(count)]
            try:
                await self._handle(together)
            except LeaseLost as error:
                self._known = False
                tell(together, STOPPED, str(error))
            except Stopped:
                tell(together, STOPPED, "The service stops.")
            except Exception as error:  # a fault of ours must not leave whoever waits in the dark
                log.exception("A stream's inputs failed.", extra=self._ids(together[0]))
                self._known = False
                tell(together, STOPPED, f"It failed on our side: {type(error).__name__}.")
        if runtime.stopping:
            tell(self._mailbox, STOPPED, "The service stops.")
            self._mailbox.clear()

    async def _handle(self, together: list[Envelope]) -> None:
        for _ in range(MAX_CONFLICTS):
            if not self._known:
                try:
                    await self._load(together[0])
                except MsgspecError as error:
                    log.exception("A stored stream can't be read.", extra=self._ids(together[0]))
                    tell(together, POISON, f"What is stored can't be read: {error}"[:500])
                    return
            together = without_repeats(together, self._seen)
            if not together:
                return
            try:
                outcome = await self._try(together)
            except AppendRefused as error:
                self._known = False
                outcome = REFUSED
                if len(together) == 1:
                    tell(together, POISON, str(error))
                    return
            if outcome == COMMITTED or not together:
                return
            self._known = False
            ask_again(together)
            if outcome == DUPLICATE:
                # A commit of ours that we took for lost: what it intends is only in the store.
                self._runtime.lanes.recheck()
            if outcome in {DUPLICATE, REFUSED} and len(together) > 1:
                for envelope in together:
                    await self._handle([envelope])
                return
            if outcome == DUPLICATE:
                tell(together, DUPLICATE, "")
                return
        tell(together, STOPPED, "Other writers were always first.")

    async def _try(self, together: list[Envelope]) -> str:
        """Decide, append, take over. Inputs that can't be decided are told and leave `together`."""
        hopeful, outcome = self._runtime.local is not None, SHORT
        try:
            for _ in range(MAX_TRIES):
                outcome = await self._attempt(together, hopeful=hopeful)
                if outcome not in (SHORT, CLAIMED):
                    break
                # Nothing was written, and memory is as good as before.
                hopeful = hopeful and outcome != SHORT
            return outcome
        finally:
            self._claimed = None

    async def _attempt(self, together: list[Envelope], *, hopeful: bool) -> str:
        """As `_try`. `hopeful`: what the last input asks of the local partner the append does; what
        an earlier one asks may not be wanted any more, such as when a cancellation waits."""
        runtime = self._runtime
        made, last = Together(self._memory), together[-1]
        for envelope in tuple(together):
            runtime.observer.mailbox_wait(runtime.clock.monotonic() - envelope.enqueued_at)
            try:
                decision = self._decide(made.memory, envelope)
            except WorldAsked as asked:
                decision = await self._informed(made.memory, envelope, asked)
            new = made.memory.version == 0
            if decision is None or decision.early or (new and not decision.events):
                together.remove(envelope)
                if decision is not None:
                    why = "No such order is known." if new else "What it is about is not here yet."
                    envelope.end(UNMATCHED if new else EARLY, why)
                continue
            made.add(envelope, decision)
            if hopeful and decision.effects and envelope is last:
                self._expect(made, envelope, decision)
        if not together:
            return COMMITTED
        try:
            append = append_of(
                made,
                self._stream,
                before=self._memory,
                input_ids=tuple([envelope.input_id for envelope in together]),
                order_id=self.order_id,
                reference=self._reference,
                partition=self._partition,
                at=runtime.clock.now(),
            )
        except Exception as error:  # such as a label whose image is not base64: so it is each time
            log.exception("An append could not be made.", extra=self._ids(together[-1]))
            raise AppendRefused(f"It can't be written down: {error!r}"[:500]) from error
        epoch = runtime.leases.epochs.get(self._partition, 0)
        outcome = await self._write(append, together)
        if outcome == COMMITTED:
            self._take_over(append, epoch, made.memory, together)
        return outcome

    def _expect(self, made: Together, cause: Envelope, decision: Decided) -> None:
        """Decide at once what the append's own doing leads to, where it settles the effect."""
        for intent in decision.effects:
            reply = self._runtime.expected(intent)
            if reply is None or intent.key in made.keys:
                continue
            envelope = Envelope(reply, input_id_of(reply), untold, trace=cause.trace)
            try:
                decided = self._decide(made.memory, envelope)
            except WorldAsked:
                return  # the reply comes by itself, and is decided with what it asks for
            if decided is not None and (intent.number, "done") in decided.settled:
                made.add_reply(intent, envelope, decided)

    async def _informed(
        self, memory: Memory, envelope: Envelope, asked: WorldAsked
    ) -> Decided | None:
        """Find out what a decision asks for, and make it again."""
        knowing = self._runtime.knowing
        for _ in range(MAX_QUESTIONS):
            envelope.world = await knowing.answer(self.order_id, self._channel, asked)
            try:
                return self._decide(memory, envelope)
            except WorldAsked as more:
                asked = more
        envelope.end(POISON, "Deciding never knew enough of the world.")
        return None

    def _decide(self, memory: Memory, envelope: Envelope) -> Decided | None:
        runtime, stream = self._runtime, self._stream
        span = envelope.trace.child("decide") if envelope.trace.sampled else None
        started = runtime.clock.monotonic()
        occasion = Occasion(
            order_id=self.order_id,
            reference=self._reference,
            channel=self._channel,
            ref=self._ref,
            now=runtime.clock.now(),
            received_at=envelope.received_at,
            body=memory.body,
            stated=memory.stated,
            claimed=self._claimed,
            world=envelope.world,
        )
        try:
            command = stream.redacted(envelope.command, memory.body)
            decision = stream.decide(memory.state, command, occasion)
        except WorldAsked:
            if span is not None:
                span.end()
            raise
        except Exception as error:  # one poisonous input must not stop the others
            log.exception("An input could not be decided.", extra=self._ids(envelope))
            runtime.observer.step("decide", "failed", runtime.clock.monotonic() - started)
            if span is not None:
                span.end(error)
            envelope.end(POISON, f"Deciding failed: {type(error).__name__}: {error}"[:500])
            return None
        runtime.observer.step("decide", "ok", runtime.clock.monotonic() - started)
        if span is not None:
            span.end()
        return decision

    async def _write(self, append: Append, together: list[Envelope]) -> str:
        """Append until it is known how it ended. A journal that is away is waited for."""
        runtime = self._runtime
        pause = FIRST_PAUSE_SECONDS
        spans = [e.trace.child("append") for e in together if e.trace.sampled]
        started = runtime.clock.monotonic()
        while True:
            try:
                answer = await runtime.journal.append(append)
                outcome, self._claimed = answer.kind, answer.claimed
            except JournalUnavailable as error:
                runtime.observer.step("append", "unavailable", runtime.clock.monotonic() - started)
                if runtime.stopping:
                    raise Stopped from error
                log.warning("The journal is away; the append is repeated: %s", error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                continue
            seconds = runtime.clock.monotonic() - started
            runtime.observer.step("append", outcome, seconds)
            for done in done_inside(append) if outcome == COMMITTED else ():
                runtime.observer.called(done.lane, tag_of(done.effect), "done", seconds)
            for span in spans:
                span.end(None if outcome == COMMITTED else outcome)
            return outcome

    def _take_over(
        self, append: Append, epoch: int, memory: Memory, together: list[Envelope]
    ) -> None:
        runtime = self._runtime
        progress = append.row.progress
        if progress != self._progress:
            if self._progress_since is not None:
                seconds = (append.at - self._progress_since).total_seconds()
                runtime.observer.progressed(self._progress, max(0.0, seconds))
            self._progress, self._progress_since = progress, append.at
        self._memory, self._known = memory, True
        for envelope in together:
            self._seen[envelope.input_id] = None
        for _, input_id in append.inside:
            self._seen[input_id] = None
        while len(self._seen) > MAX_SEEN:
            del self._seen[next(iter(self._seen))]
        runtime.observer.events(append.events)
        if append.settled:
            runtime.lanes.settle(append)
        if append.effects:
            runtime.lanes.submit(append, epoch, memory.body)
        for _, _, due_at in append.set_timers:
            runtime.alarm.timer_set(due_at)
        tell(together, COMMITTED, "")

    async def _load(self, first: Envelope) -> None:
        if first.ref and not self._ref:
            self._channel, self._ref = first.channel, first.ref
            self._partition = partition_of(first.ref)
        if first.fresh and self._memory.version == 0 and self._stream.begins(first.command):
            first.fresh = False  # optimistic once: a conflict comes back here and reads the store
            self._begin()
            return
        journal = self._runtime.journal
        loaded = await patiently(lambda: journal.load(self.order_id), self._runtime)
        if loaded is None:
            self._begin()
            return
        decode = self._stream.decode_body
        version = loaded.version
        state = self._stream.decode_state(loaded.state)
        if state is None:
            history = await patiently(
                lambda: journal.history(self.order_id, version), self._runtime
            )
            state = self._stream.replay(history)
        self._memory = Memory(
            version,
            state,
            decode(loaded.body) if loaded.body is not None else None,
            decode(loaded.stated) if loaded.stated is not None else None,
        )
        self._progress, self._progress_since = loaded.progress, loaded.progress_since
        self._channel, self._ref = loaded.channel, loaded.ref
        self._partition, self._reference = loaded.partition, loaded.reference
        self._seen = dict.fromkeys(loaded.seen)
        self._known = True

    def _begin(self) -> None:
        """Nothing is stored, or so it is hoped."""
        self._memory = Memory(0, self._stream.initial, None, None)
        self._progress, self._progress_since = "", None
        self._seen = {}
        self._reference = self._runtime.references.new(self.order_id)
        self._known = True

    def _ids(self, envelope: Envelope) -> dict[str, str]:
        """What a log line about an input bears."""
        return {
            "order_id": self.order_id,
            "correlation_id": self._reference,
            "trace_id": envelope.trace.trace_id,
        }
