"""A stream type that is not an order: it counts, asks partners, and waits for timers.

It is what the runtime's tests run, and so the proof that the runtime knows of no order.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from actors.runtime.ports import Body, Document, Row
from actors.runtime.stream_type import Occasion
from schemas.messages import effects as f
from schemas.messages.inputs import EffectDone, EffectGivenUp, EffectRefused, TimerFired
from schemas.order.claims import Claim
from schemas.order.things import ORDER, Key

ERP, MAIL = "erp-here", "post-here"
"""Lanes. The first can be asked what it did, the second can't."""

STALE = b"an older version's"
"""A stored state that must be built again."""

UNSHOWN = 1_000_000_000
"""What counts so far can't be shown in the read model, by a fault of ours."""

ROTTEN = "rotten"
"""A timer that can't be decided."""


class Begin(Struct, frozen=True, kw_only=True):
    """Begin to count, and ask these lanes."""

    lanes: tuple[str, ...] = (ERP, MAIL)
    body: str = "whose"


class Add(Struct, frozen=True, kw_only=True):
    """Count on. A negative amount can't be decided."""

    amount: int = 1
    words: str = ""


class SetTimer(Struct, frozen=True, kw_only=True):
    """Set a timer."""

    seconds: float
    name: str = "tick"
    key: Key = ORDER


class Skip(Struct, frozen=True, kw_only=True):
    """A person goes without an effect."""

    number: int


class Repeat(Struct, frozen=True, kw_only=True):
    """A person asks for an effect again."""

    number: int


class State(Struct, frozen=True, kw_only=True):
    """The sender's newest statement."""

    words: str


class Next(Struct, frozen=True, kw_only=True):
    """What can be counted when something was counted before, and comes again until then."""


class Deafen(Struct, frozen=True, kw_only=True):
    """From now on no reply of a partner can be decided."""


class Attach(Struct, frozen=True, kw_only=True):
    """A file comes."""

    hexadecimal: str


class Told(Struct, frozen=True, kw_only=True, tag="counter.told.v1"):
    """Something happened."""

    what: str


class Asked(Struct, frozen=True, array_like=True):
    """An effect that was asked for."""

    number: int
    key: Key
    lane: str


class Stuck(Struct, frozen=True, array_like=True):
    """An effect that ended with a person."""

    number: int
    reason: str
    known: bool


class Counter(Struct, frozen=True, kw_only=True):
    """The state."""

    count: int = 0
    begun: bool = False
    deaf: bool = False
    channel: str = ""
    ref: str = ""
    last: int = 0
    asked: tuple[Asked, ...] = ()
    done: tuple[int, ...] = ()
    stuck: tuple[Stuck, ...] = ()
    fired: tuple[str, ...] = ()

    @property
    def stage(self) -> str:
        """Where it stands."""
        if not self.begun:
            return "new"
        return "finished" if len(self.done) >= len(self.asked) else "counting"

    def is_done(self, lane: str) -> bool:
        """Whether a lane did what it was asked."""
        return any(one.number in self.done for one in self.asked if one.lane == lane)


class Intended(Struct, frozen=True, kw_only=True):
    """A numbered effect."""

    number: int
    key: Key
    lane: str
    effect: f.Effect
    attempts: int = 0


class Decision(Struct, frozen=True, kw_only=True):
    """What an input leads to."""

    state: Counter
    events: tuple[Told, ...] = ()
    effects: tuple[Intended, ...] = ()
    settled: tuple[tuple[int, str], ...] = ()
    set_timers: tuple[tuple[Key, str, datetime], ...] = ()
    clear_timers: tuple[tuple[Key, str], ...] = ()
    body: dict[str, str] | None = None
    stated: dict[str, str] | None = None
    file: str = ""
    claim: Claim | None = None
    early: bool = False


class CounterStream:
    """Implements actors.runtime.stream_type.StreamType."""

    name = "counter"
    initial = Counter()

    def decide(self, state: Counter, command: Any, occasion: Occasion) -> Decision:
        """Count."""
        match command:
            case Begin():
                return _begun(state, command, occasion)
            case _ if not state.begun:
                return Decision(state=state)
            case EffectDone() | EffectRefused() | EffectGivenUp():
                return _answered(state, command)
            case TimerFired(name=name):
                if name == ROTTEN:
                    raise ValueError("no one knows what this timer means")
                return _told(replace(state, fired=(*state.fired, name)), "fired")
            case SetTimer(key=key, name=name, seconds=seconds):
                due_at = occasion.now + timedelta(seconds=seconds)
                return replace(_told(state, "set"), set_timers=((key, name, due_at),))
            case Skip(number=number) | Repeat(number=number):
                return _by_a_person(state, number, again=isinstance(command, Repeat))
            case State(words=words):
                return replace(_told(state, "stated"), stated={"whose": words})
            case Deafen():
                return _told(replace(state, deaf=True), "deaf")
            case Attach(hexadecimal=text):
                return replace(_told(state, "attached"), file=text)
        return _counted(state, command)

    def is_patient(self, effect: Any) -> bool:
        """What is posted; a mail is not."""
        return isinstance(effect, f.PostSalesOrder)

    def begins(self, command: Any) -> bool:
        """Only this one."""
        return isinstance(command, Begin)

    def encode_state(self, state: Counter) -> bytes:
        """As JSON."""
        return msgspec.json.encode(state)

    def decode_state(self, stored: bytes) -> Counter | None:
        """From JSON; what was stored before there was counting is to be built again."""
        return None if stored == STALE else msgspec.json.decode(stored, type=Counter)

    def replay(self, events: Sequence[Told]) -> Counter:
        """Count what is told of; what partners did is not."""
        added = sum(event.what == "added" for event in events)
        return Counter(begun=True, channel="acme-us", ref="1042", count=added)

    def row_of(self, state: Counter) -> Row:
        """Show it."""
        if state.count >= UNSHOWN:
            raise KeyError("words")
        return Row(
            channel=state.channel,
            ref=state.ref,
            number=state.ref,
            stage=state.stage,
            progress=f"{len(state.done)} of {len(state.asked)}",
            waiting_for="",
            currency="USD",
            total_minor=state.count,
            final=False,
            attention=bool(state.stuck),
        )

    def encode_body(self, name: str, body: dict[str, str]) -> Body:
        """As JSON."""
        return Body(name=name, content=msgspec.json.encode(body), customer=body["whose"])

    def decode_body(self, stored: bytes) -> Any:
        """From JSON."""
        return msgspec.json.decode(stored)

    def documents_of(self, decided: Decision) -> Sequence[Document]:
        """The file, if one came."""
        if not decided.file:
            return ()
        content = bytes.fromhex(decided.file)
        return (Document(name="file", content_type="text/plain", content=content, key=ORDER),)

    def redacted(self, command: Any, body: dict[str, str] | None) -> Any:
        """Without the name."""
        if isinstance(command, Add) and body is not None:
            return replace(command, words=self.masked(command.words, body))
        return command

    def masked(self, text: str, body: dict[str, str] | None) -> str:
        """Without the name."""
        return text.replace(body["whose"], "***") if body else text


def _counted(state: Counter, command: Any) -> Decision:
    if isinstance(command, Next):
        if not state.count:
            return Decision(state=state, early=True)
        command = Add()
    assert isinstance(command, Add)
    if command.amount < 0:
        raise ValueError("it can't be counted")
    return _told(replace(state, count=state.count + command.amount), command.words or "added")


def effect_of(lane: str) -> f.Effect:
    """What a lane is asked."""
    return f.SendMail(template="counted") if lane == MAIL else f.PostSalesOrder(units=())


def _told(state: Counter, what: str) -> Decision:
    return Decision(state=state, events=(Told(what=what),))


def _begun(state: Counter, command: Begin, occasion: Occasion) -> Decision:
    if state.begun:
        return _told(state, "begun again")
    asked = tuple(
        Asked(number, Key(f"{'M' if lane == MAIL else 'D'}{number}"), lane)
        for number, lane in enumerate(command.lanes, start=1)
    )
    after = replace(
        state,
        begun=True,
        channel=occasion.channel,
        ref=occasion.ref,
        last=len(asked),
        asked=asked,
    )
    effects = tuple(
        Intended(number=one.number, key=one.key, lane=one.lane, effect=effect_of(one.lane))
        for one in asked
    )
    return replace(_told(after, "begun"), effects=effects, body={"whose": command.body})


def _answered(state: Counter, reply: EffectDone | EffectRefused | EffectGivenUp) -> Decision:
    if state.deaf:
        raise ValueError("no reply can be decided")
    number = reply.number
    match reply:
        case EffectDone(result=result):
            if not isinstance(result, f.SalesOrderPosted | f.MailSent):
                raise TypeError("this does not answer what was asked")
            after = replace(
                state,
                done=(*state.done, number),
                stuck=tuple(one for one in state.stuck if one.number != number),
            )
            return replace(_told(after, "done"), settled=((number, "done"),))
        case EffectRefused(reason=reason):
            how, stuck = "refused", Stuck(number, reason, True)
        case _:
            how, stuck = "person", Stuck(number, reply.reason, reply.outcome_known)
    after = replace(state, stuck=(*state.stuck, stuck))
    return replace(_told(after, how), settled=((number, how),))


def _by_a_person(state: Counter, number: int, *, again: bool) -> Decision:
    before = next(one for one in state.asked if one.number == number)
    after = replace(state, stuck=tuple(one for one in state.stuck if one.number != number))
    if not again:
        doubtful = any(one.number == number and not one.known for one in state.stuck)
        how = "sought" if doubtful else "person"
        return replace(_told(after, "skipped"), settled=((number, how),))
    next_one = Asked(state.last + 1, before.key, before.lane)
    after = replace(
        after,
        last=next_one.number,
        asked=tuple(next_one if one is before else one for one in state.asked),
    )
    effect = Intended(
        number=next_one.number,
        key=next_one.key,
        lane=next_one.lane,
        effect=effect_of(next_one.lane),
        attempts=1,
    )
    return replace(_told(after, "again"), effects=(effect,))
