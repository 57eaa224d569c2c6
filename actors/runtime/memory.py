"""What an actor knows of its stream, and what decisions make of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from actors.runtime.mailbox import Envelope
from actors.runtime.ports import BODY, STATED, Append, Body, Document, RecordedEffect
from actors.runtime.stream_type import Decided, Intent, StreamType
from schemas.messages.inputs import TimerFired
from schemas.order.claims import Claim
from schemas.order.ids import OrderId, Reference
from schemas.order.things import Key


class Memory:
    """A stream as stored, or as it will be once an append is on disk."""

    __slots__ = ("body", "state", "stated", "version")

    def __init__(self, version: int, state: Any, body: Any, stated: Any) -> None:
        self.version = version
        self.state = state
        self.body = body
        self.stated = stated

    def after(self, decision: Decided) -> Memory:
        """Return what is known after a decision."""
        return Memory(
            self.version + len(decision.events),
            decision.state,
            self.body if decision.body is None else decision.body,
            self.stated if decision.stated is None else decision.stated,
        )


class Together:
    """Inputs of one stream that were decided one after the other, for one append. `inputs` are in
    step with `decisions`; among them are the replies that effects get which the append carries out
    itself (`inside`: their numbers, and the replies' ids). `memory` is what is known after them."""

    __slots__ = ("claim", "decisions", "inputs", "inside", "keys", "memory")

    def __init__(self, memory: Memory) -> None:
        self.inputs: list[Envelope] = []
        self.decisions: list[Decided] = []
        self.inside: list[tuple[int, str]] = []
        self.keys: set[Key] = set()
        self.claim: Claim | None = None
        self.memory = memory

    @property
    def events_of(self) -> tuple[int, ...]:
        """How many events each input led to, where there are several."""
        return tuple([len(d.events) for d in self.decisions]) if len(self.decisions) > 1 else ()

    def add(self, envelope: Envelope, decision: Decided) -> None:
        """Take an input with what it leads to."""
        self.inputs.append(envelope)
        self.decisions.append(decision)
        if decision.claim is not None:
            before = self.claim
            self.claim = decision.claim if before is None else before.then(decision.claim)
        self.memory = self.memory.after(decision)

    def add_reply(self, intent: Intent, envelope: Envelope, decision: Decided) -> None:
        """Take the expected reply of an effect that the append carries out."""
        self.add(envelope, decision)
        self.inside.append((intent.number, envelope.input_id))
        self.keys.add(intent.key)


def bodies_after(stream: StreamType, before: Memory, after: Memory) -> tuple[Body, ...]:
    """Return the bodies that are new or changed, encoded."""
    changed = []
    if after.body is not before.body:
        changed.append(stream.encode_body(BODY, after.body))
    if after.stated is not before.stated:
        changed.append(stream.encode_body(STATED, after.stated))
    return tuple(changed)


def timers_after(
    together: Sequence[Envelope], decisions: Sequence[Decided]
) -> dict[tuple[Key, str], datetime | None]:
    """Return what becomes of each timer, in the order of the decisions: a due time, or None. One
    that has fired is gone unless it is set again, so that none can fire permanently."""
    timers: dict[tuple[Key, str], datetime | None] = {}
    for envelope, decision in zip(together, decisions, strict=True):
        command = envelope.command
        if isinstance(command, TimerFired):
            timers[command.key, command.name] = None
        for name in decision.clear_timers:
            timers[name] = None
        for key, called, due_at in decision.set_timers:
            timers[key, called] = due_at
    return timers


def append_of(
    made: Together,
    stream: StreamType,
    *,
    before: Memory,
    input_ids: tuple[str, ...],
    order_id: OrderId,
    reference: Reference,
    partition: int,
    at: datetime,
) -> Append:
    """Return what is to be written of these decisions. Its `trace` is that of the first input that
    asks partners for something, where it is sampled. Raises ValueError for a file that can't be
    kept."""
    memory, trace = made.memory, ""
    events: list[Any] = []
    effects: list[RecordedEffect] = []
    settled: dict[int, str] = {}
    documents: list[Document] = []
    # One pass: every step of every order comes by here.
    for envelope, decision in zip(made.inputs, made.decisions, strict=True):
        events += decision.events
        settled.update(decision.settled)
        documents += stream.documents_of(decision)
        for x in decision.effects:
            effects.append(
                RecordedEffect(
                    number=x.number, key=x.key, lane=x.lane, effect=x.effect, attempts=x.attempts
                )
            )
            trace = trace or envelope.trace.traceparent
    timers = timers_after(made.inputs, made.decisions)
    return Append(
        order_id=order_id,
        reference=reference,
        partition=partition,
        expected_version=before.version,
        input_ids=input_ids,
        events=tuple(events),
        effects=tuple(effects),
        settled=tuple(settled.items()),
        set_timers=tuple([(*name, due) for name, due in timers.items() if due is not None]),
        clear_timers=tuple([name for name, due in timers.items() if due is None]),
        row=stream.row_of(memory.state),
        state=stream.encode_state(memory.state),
        at=at,
        bodies=bodies_after(stream, before, memory),
        documents=tuple(documents),
        trace=trace,
        inside=tuple(made.inside),
        events_of=made.events_of,
        claim=made.claim,
    )
