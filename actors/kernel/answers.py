"""What each input means for a machine in each of its stages: handled, refused with a reason, or
ignored on purpose with its own reason. There is no fourth kind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from schemas.messages import inputs as i

Kind = Literal["handled", "refused", "ignored"]

REPORTS: tuple[type, ...] = (
    i.ReportPicked,
    i.ReportShortPicked,
    i.ReportPacked,
    i.ReportHandedOver,
    i.ReportTaskCancelled,
    i.ReportCollected,
)
"""What a warehouse reports."""


class Answer(Struct, frozen=True):
    """What an input means; `why` in words."""

    kind: Kind
    why: str


class Answers:
    """The answers of one machine, by the stage that a thing is in and the type of the input.
    Raises ValueError for a pair that is stated twice."""

    def __init__(
        self, name: str, rows: Iterable[tuple[Kind, tuple[str, ...], tuple[type, ...], str]]
    ):
        self.name = name
        self.pairs: dict[tuple[str, type], Answer] = {}
        for kind, stages, types, why in rows:
            answer = Answer(kind, why)
            for stage in stages:
                for one in types:
                    if (stage, one) in self.pairs:
                        raise ValueError(f"{name}: {one.__name__} in {stage!r} is stated twice.")
                    self.pairs[stage, one] = answer

    def of(self, stage: str, command: type) -> Answer:
        """Return what an input means in a stage. Raises KeyError for a pair no row states: a
        programmer's error."""
        return self.pairs[stage, command]

    def handles(self, stage: str, command: type) -> bool:
        """Whether the machine does something about an input in a stage."""
        return self.pairs[stage, command].kind == "handled"
