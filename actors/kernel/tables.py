"""A machine's life as data: which event may follow in which stage, and where it leads."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from schemas.messages import events as e
from schemas.messages.base import Event, Intent
from schemas.messages.effects import tag_of

NONE = ""
"""The stage of a thing that does not exist yet."""


class IllegalTransition(Exception):
    """An event that no row of a table allows in this stage: a programmer's error."""


class Row(Struct, frozen=True):
    """One rule: in `stage`, `event` is allowed and leads `to`. `why` is what a person reads. The
    event may be an intended effect that begins a thing."""

    rule: str
    stage: str
    event: type[Event] | type[Intent]
    to: str
    why: str


class Beside(Struct, frozen=True):
    """What may happen beside every stage and changes none: an effect that waits for a person, a
    hold, an alarm. `why` is what a person reads."""

    rule: str
    event: type[Event]
    why: str


ELEVATED = (
    Beside("elevate", e.GivenToPerson, "only a person can say how to go on"),
    Beside("retry", e.Retried, "a person had it tried again"),
    Beside("noted", e.AnswerNoted, "an answer that changes nothing any more"),
)
"""What may happen beside every stage to a thing that asks partners for something."""


class Wait(Struct, frozen=True):
    """Whom a stage waits for, and the policy field that says how long that may take."""

    whom: str
    due: str


class Table:
    """The rows of one machine. Raises ValueError for two rows for the same stage and event."""

    def __init__(
        self,
        name: str,
        rows: Iterable[Row],
        *,
        beside: Iterable[Beside],
        ends: Iterable[str],
    ) -> None:
        self.name = name
        self.rows = tuple(rows)
        self.beside = tuple(beside)
        self._beside = frozenset(one.event for one in self.beside)
        self.ends = frozenset(ends)
        self._to: dict[tuple[str, type], Row] = {}
        for row in self.rows:
            if (row.stage, row.event) in self._to:
                raise ValueError(f"{name}: two rows for {event_name(row.event)} in {row.stage!r}.")
            self._to[row.stage, row.event] = row
        self.stages = tuple(
            dict.fromkeys(x for row in self.rows for x in (row.stage, row.to) if x != NONE)
        )

    def to(self, stage: str, event: type) -> str:
        """Return where an event leads. Raises IllegalTransition."""
        row = self._to.get((stage, event))
        if row is None:
            if event in self._beside and stage != NONE:
                return stage
            raise IllegalTransition(
                f"{event_name(event)} is not allowed while the {self.name} is "
                f"{stage or 'not there'}."
            )
        return row.to

    def allows(self, stage: str, event: type) -> bool:
        """Tell whether an event may happen in a stage."""
        return (stage, event) in self._to or (event in self._beside and stage != NONE)


def event_name(event: type) -> str:
    """Return how a row names its event."""
    return "an intended effect" if event is Intent else tag_of(event)


def stay(
    rule: str, stages: Iterable[str], event: type[Event] | type[Intent], why: str
) -> tuple[Row, ...]:
    """Return a row for each of these stages, in which the event changes none of them."""
    return tuple(Row(rule, stage, event, stage, why) for stage in stages)


def go(
    rule: str, stages: Iterable[str], event: type[Event] | type[Intent], to: str, why: str
) -> tuple[Row, ...]:
    """Return a row for each of these stages, from which the event leads to one."""
    return tuple(Row(rule, stage, event, to, why) for stage in stages)
