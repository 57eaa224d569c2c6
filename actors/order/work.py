"""The making of one decision: the state as it is by now, and what was said so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct
from msgspec.structs import replace

from actors.order.decision import Context, Intended, LabelImage
from actors.order.state import State
from schemas.messages.base import Intent
from schemas.messages.effects import Effect, tag_of
from schemas.messages.events import OrderEvent
from schemas.order.canonical import Order
from schemas.order.things import Key, key_of

SOUGHT = "sought"
"""How an effect is settled that a person skipped and that may have been done all the same."""


class Ask(Struct, frozen=True):
    """An effect that one thing wants, in a partner's lane. `note` goes with its intent."""

    key: Key
    lane: str
    effect: Effect
    note: str = ""


class Work:
    """Handlers read `state` and `say` events; each event makes the next state at once. `attempts`
    is 1 for things of which an earlier call may have acted."""

    __slots__ = (
        "attempts",
        "before",
        "body",
        "changed",
        "context",
        "documents",
        "early",
        "events",
        "intend",
        "intended",
        "may_close",
        "settled",
        "state",
        "stated",
        "step",
        "timers",
    )

    def __init__(
        self,
        state: State,
        context: Context,
        step: Callable[[State, OrderEvent], tuple[State, Iterable[str]]],
        intend: Callable[[State, tuple[Intent, ...]], tuple[State, Iterable[str]]],
    ) -> None:
        self.before = self.state = state
        self.context = context
        self.step = step
        self.intend = intend
        self.changed: set[str] = set()
        self.events: list[OrderEvent] = []
        self.intended: list[Intended] = []
        self.attempts: dict[Key, int] = {}
        self.settled: tuple[tuple[int, str], ...] = ()
        self.timers: dict[tuple[Key, str], float] = {}
        self.body: Order | None = None
        self.stated: Order | None = None
        self.may_close = self.early = False
        self.documents: tuple[LabelImage, ...] = ()

    @property
    def order(self) -> Order | None:
        """The canonical order that is acted on."""
        return self.body if self.body is not None else self.context.order

    @property
    def statement(self) -> Order | None:
        """The channel's latest statement, in its own lines."""
        return self.stated or self.context.stated or self.order

    def say(self, event: OrderEvent) -> None:
        """Decide an event."""
        self.state, changed = self.step(self.state, event)
        self.changed.update(changed)
        self.events.append(event)

    def is_doubtful(self, key: Key) -> bool:
        """Whether no one knows how an effect of a thing ended."""
        return any(one.key == key and not one.outcome_known for one in self.state.stuck)

    def ask(self, *asks: Ask) -> None:
        """Intend effects with the latest event. They are under way at once, so that what follows
        from the state sees them."""
        state = self.state
        fresh = [
            Intended(
                number=number,
                key=ask.key,
                lane=ask.lane,
                effect=ask.effect,
                attempts=self.attempts.get(ask.key, 0),
            )
            for number, ask in enumerate(asks, start=state.last_effect + 1)
        ]
        intents = tuple(
            Intent(one.number, one.key, tag_of(one.effect), one.lane, ask.note)
            for one, ask in zip(fresh, asks, strict=True)
        )
        event = self.events[-1]
        self.events[-1] = replace(event, intends=event.intends + intents)
        self.state, changed = self.intend(state, intents)
        self.changed.update(changed)
        self.intended += fresh

    def next(self, kind: str, after: int = 0) -> Key:
        """Return the key of the next thing of a kind, or of one that many later."""
        return key_of(kind, self.state.numbers.get(kind, 0) + 1 + after)
