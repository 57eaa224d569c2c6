"""One live order: its state, its mailbox, and the task that takes one input after the other."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections import deque
from datetime import datetime

from msgspec import MsgspecError

from actors.order.decide import decide
from actors.order.decision import Context, Decision
from actors.order.lifecycle import FINAL
from actors.order.redaction import redacted
from actors.order.state import INITIAL, State, decode_state, encode_state
from actors.order.steps import waiting_for
from actors.runtime.errors import AppendRefused, JournalUnavailable, LeaseLost
from actors.runtime.mailbox import COMMITTED, DUPLICATE, POISON, STOPPED, UNMATCHED, Envelope
from actors.runtime.ports import Append, Document, Loaded, RecordedEffect, Row
from actors.runtime.runtime import Runtime
from schemas.messages.codec import decode_order, encode
from schemas.messages.inputs import PlaceOrder
from schemas.order.canonical import Order
from schemas.order.customers import email_of, identity_of, order_phone_of
from schemas.order.ids import OrderId, partition_of

log = logging.getLogger(__name__)

REFUSED = "refused"
"""The journal can't hold this append: one of its inputs is poisonous."""

MAX_TOGETHER = 16
"""Inputs of one order that are decided one after the other and written in one commit."""

MAX_CONFLICTS = 8
"""Reloads after a lost race before the input is given back; each race has a winner."""

MAX_SEEN = 500
"""Input ids kept in memory per live order; older repeats are caught by the inbox."""

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 2.0
"""Pauses while the journal is away."""


class _Stopped(Exception):
    """The service stops while the journal is away; the inputs come again."""


class OrderActor:
    """Holds one order in memory between its inputs. The registry makes, wakes and drops it."""

    __slots__ = (
        "body",
        "channel",
        "known",
        "mailbox",
        "order_id",
        "partition",
        "ref",
        "running",
        "runtime",
        "seen",
        "stage_since",
        "state",
    )

    def __init__(self, order_id: OrderId, runtime: Runtime) -> None:
        self.order_id = order_id
        self.runtime = runtime
        self.state: State = INITIAL
        self.body: Order | None = None
        self.stage_since: datetime | None = None
        self.seen: dict[str, None] = {}
        self.known = False
        self.channel = ""
        self.ref = ""
        self.partition = -1
        self.mailbox: deque[Envelope] = deque()
        self.running = False

    async def run(self) -> None:
        """Work until the mailbox is empty. Never raises; every input is told how it ended."""
        runtime = self.runtime
        while self.mailbox and not runtime.stopping:
            count = min(len(self.mailbox), MAX_TOGETHER)
            together = [self.mailbox.popleft() for _ in range(count)]
            try:
                await self._handle(together)
            except LeaseLost as error:
                _tell(together, STOPPED, str(error))
                runtime.lost(str(error))
            except _Stopped:
                _tell(together, STOPPED, "The service stops.")
            except Exception as error:  # a fault of ours must not leave whoever waits in the dark
                log.exception("An order's inputs failed.", extra=self._ids(together[0]))
                self.known = False
                _tell(together, STOPPED, f"It failed on our side: {type(error).__name__}.")
        if runtime.stopping:
            _tell(list(self.mailbox), STOPPED, "The service stops.")
            self.mailbox.clear()

    async def _handle(self, together: list[Envelope]) -> None:
        for _ in range(MAX_CONFLICTS):
            if not self.known:
                try:
                    await self._load(together[0])
                except MsgspecError as error:
                    log.exception("A stored order can't be read.", extra=self._ids(together[0]))
                    _tell(together, POISON, f"The stored order can't be read: {error}"[:500])
                    return
            together = self._without_repeats(together)
            if not together:
                return
            try:
                outcome = await self._try(together)
            except AppendRefused as error:
                self.known = False
                outcome = REFUSED
                if len(together) == 1:
                    _tell(together, POISON, str(error))
                    return
            if outcome == COMMITTED or not together:
                return
            self.known = False
            if outcome == DUPLICATE:
                # A commit of ours that we took for lost: what it intends is only in the store.
                self.runtime.recheck()
            if outcome in {DUPLICATE, REFUSED} and len(together) > 1:
                for envelope in together:
                    await self._handle([envelope])
                return
            if outcome == DUPLICATE:
                _tell(together, DUPLICATE, "")
                return
        _tell(together, STOPPED, "Other writers were always first.")

    async def _try(self, together: list[Envelope]) -> str:
        """Decide, append, take over. Inputs that can't be decided are told and leave `together`."""
        runtime = self.runtime
        state, body = self.state, self.body
        decisions: list[Decision] = []
        for envelope in tuple(together):
            runtime.observer.mailbox_wait(runtime.clock.monotonic() - envelope.enqueued_at)
            decision = self._decide(state, body, envelope)
            if decision is None or (decision.state is INITIAL and not decision.events):
                together.remove(envelope)
                if decision is not None:
                    envelope.end(UNMATCHED, "No such order is known.")
                continue
            decisions.append(decision)
            state = decision.state
            body = decision.body or body
        if not together:
            return COMMITTED
        try:
            append = self._append(together, decisions, state)
        except ValueError as error:  # such as a label whose image is not base64
            raise AppendRefused(f"It can't be written down: {error}") from error
        outcome = await self._write(append, together)
        if outcome == COMMITTED:
            self._take_over(append, state, body, together)
        return outcome

    def _decide(self, state: State, body: Order | None, envelope: Envelope) -> Decision | None:
        runtime = self.runtime
        span = envelope.trace.child("decide") if envelope.trace.sampled else None
        started = runtime.clock.monotonic()
        context = Context(
            now=runtime.clock.now(),
            policy=runtime.policy,
            channel=self.channel,
            ref=self.ref,
            correlation_id=state.correlation_id or runtime.correlation_id(self.order_id),
            order=body,
            received_at=envelope.received_at,
            mappings=runtime.mappings,
        )
        try:
            decision = decide(state, redacted(envelope.command, body), context)
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

    def _append(self, together: list[Envelope], decisions: list[Decision], state: State) -> Append:
        timers: dict[str, datetime | None] = {}
        for decision in decisions:
            timers.update(dict.fromkeys(decision.clear_timers))
            timers.update(decision.set_timers)
        body = next((d.body for d in reversed(decisions) if d.body is not None), None)
        return Append(
            order_id=self.order_id,
            partition=self.partition,
            expected_version=self.state.version,
            input_ids=tuple(envelope.input_id for envelope in together),
            events=tuple(event for d in decisions for event in d.events),
            effects=tuple(
                RecordedEffect(number=x.number, effect=x.effect, attempts=x.attempts)
                for d in decisions
                for x in d.effects
            ),
            settled=tuple(x for d in decisions for x in d.settled),
            set_timers=tuple((n, t) for n, t in timers.items() if t is not None),
            clear_timers=tuple(n for n, t in timers.items() if t is None),
            row=_row(state),
            state=encode_state(state),
            at=self.runtime.clock.now(),
            body=encode(body) if body is not None else None,
            customer=identity_of(body.customer) if body is not None else "",
            email=email_of(body.customer.email) if body is not None else "",
            phone=order_phone_of(body) if body is not None else "",
            documents=tuple(x for d in decisions for x in _documents(d)),
            trace=next((p.trace.traceparent for p in together if p.trace.traceparent), ""),
        )

    async def _write(self, append: Append, together: list[Envelope]) -> str:
        """Append until it is known how it ended. A journal that is away is waited for."""
        runtime = self.runtime
        pause = FIRST_PAUSE_SECONDS
        spans = [p.trace.child("append") for p in together if p.trace.sampled]
        started = runtime.clock.monotonic()
        while True:
            try:
                outcome = (await runtime.journal.append(append)).kind
            except JournalUnavailable as error:
                runtime.observer.step("append", "unavailable", runtime.clock.monotonic() - started)
                if runtime.stopping:
                    raise _Stopped from error
                log.warning("The journal is away; the append is repeated: %s", error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                continue
            runtime.observer.step("append", outcome, runtime.clock.monotonic() - started)
            for span in spans:
                span.end(None if outcome == COMMITTED else outcome)
            return outcome

    def _take_over(
        self, append: Append, state: State, body: Order | None, together: list[Envelope]
    ) -> None:
        if state.stage != self.state.stage:
            if self.stage_since is not None:
                seconds = (append.at - self.stage_since).total_seconds()
                self.runtime.observer.left_stage(self.state.stage, max(0.0, seconds))
            self.stage_since = append.at
        self.state, self.body, self.known = state, body, True
        for envelope in together:
            self.seen[envelope.input_id] = None
        while len(self.seen) > MAX_SEEN:
            del self.seen[next(iter(self.seen))]
        runtime = self.runtime
        runtime.observer.events(append.events)
        if append.effects:
            runtime.submit(append, state, body)
        for _, due_at in append.set_timers:
            runtime.timer_set(due_at)
        _tell(together, COMMITTED, "")

    async def _load(self, first: Envelope) -> None:
        self._address(first)
        if first.fresh and self.state is INITIAL and isinstance(first.command, PlaceOrder):
            first.fresh = False  # optimistic once: a conflict comes back here and reads the store
            self.known = True
            return
        loaded = await self._read()
        self.known = True
        if loaded is None:
            self.state, self.body, self.seen, self.stage_since = INITIAL, None, {}, None
            return
        self.state = decode_state(loaded.state)
        self.body = decode_order(loaded.body) if loaded.body is not None else None
        self.seen = dict.fromkeys(loaded.seen)
        self.stage_since = loaded.stage_since
        self.channel, self.ref = self.state.channel, self.state.ref
        self.partition = partition_of(self.ref)

    async def _read(self) -> Loaded | None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                return await self.runtime.journal.load(self.order_id)
            except JournalUnavailable as error:
                if self.runtime.stopping:
                    raise _Stopped from error
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _ids(self, envelope: Envelope) -> dict[str, str]:
        """What a log line about an input bears."""
        return {
            "order_id": self.order_id,
            "correlation_id": self.state.correlation_id
            or self.runtime.correlation_id(self.order_id),
            "trace_id": envelope.trace.trace_id,
        }

    def _address(self, first: Envelope) -> None:
        if first.ref and not self.ref:
            self.channel, self.ref = first.channel, first.ref
            self.partition = partition_of(first.ref)

    def _without_repeats(self, together: list[Envelope]) -> list[Envelope]:
        fresh: list[Envelope] = []
        ids: set[str] = set()
        for envelope in together:
            if envelope.input_id in self.seen or envelope.input_id in ids:
                envelope.end(DUPLICATE, "")
            else:
                ids.add(envelope.input_id)
                fresh.append(envelope)
        return fresh


def _row(state: State) -> Row:
    return Row(
        channel=state.channel,
        ref=state.ref,
        number=state.number,
        correlation_id=state.correlation_id,
        stage=state.stage,
        waiting_for=waiting_for(state),
        currency=state.currency,
        total_minor=state.total_minor,
        final=state.stage in FINAL and not state.open,
        attention=bool(state.stuck or state.holds or state.overdue),
    )


def _documents(decision: Decision) -> tuple[Document, ...]:
    label = decision.label
    if label is None:
        return ()
    return (
        Document(
            name=f"label-{label.tracking_number}",
            content_type=f"image/{label.label_format.lower() or 'gif'}",
            content=base64.b64decode(label.label_base64),
        ),
    )


def _tell(together: list[Envelope], outcome: str, reason: str) -> None:
    for envelope in together:
        envelope.end(outcome, reason)
