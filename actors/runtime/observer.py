"""What the runtime tells whoever watches: counts, durations, spans. No order id is ever a label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class Span(Protocol):
    """A piece of work that is being watched. `traceparent` is "" when no one records it."""

    traceparent: str

    def end(self, error: BaseException | str | None = None) -> None:
        """End it, once."""
        ...


class Trace(Span, Protocol):
    """The handling of one message or the call of one partner."""

    @property
    def trace_id(self) -> str:
        """32 hex digits for log lines, "" when no one watches."""
        ...

    @property
    def sampled(self) -> bool:
        """Whether steps are recorded: when not, none should be begun."""
        ...

    def child(self, name: str) -> Span:
        """Begin a step of it, such as `decide` or `append`."""
        ...


class Observer(Protocol):
    """Takes note. Every method returns at once and never raises."""

    def begin_call(self, name: str, parent: str, correlation_id: str) -> Trace:
        """Begin watching a call to a partner; `parent` is the recording trace ("": none),
        `correlation_id` the order's own reference."""
        ...

    def mailbox_wait(self, seconds: float) -> None:
        """An input waited this long in its stream's mailbox."""
        ...

    def step(self, name: str, outcome: str, seconds: float) -> None:
        """A step of one stream's handling: `decide` (`ok`, `failed`) or `append` (`committed`,
        `duplicate`, `conflict`, `short`, `unavailable`)."""
        ...

    def progressed(self, progress: str, seconds: float) -> None:
        """A stream went on after it was that far for so long (`Row.progress`). A word that is
        passed within one commit took no time and is not told."""
        ...

    def events(self, events: Sequence[Any]) -> None:
        """These events are on disk."""
        ...

    def called(self, partner: str, operation: str, outcome: str, seconds: float) -> None:
        """A partner was called: `done`, `refused`, `retry`, `unknown`, `person`, `unauthorised`,
        `lost`, or `absent` where what a person skipped was looked up and is not there. What an
        append carries out itself counts as `done`, with the append's seconds."""
        ...

    def breaker(self, partner: str, state: str) -> None:
        """A partner's breaker is now `closed`, `open` or `half_open`."""
        ...


class Blind:
    """An observer and trace that looks away; for tests and tools."""

    traceparent = ""
    trace_id = ""
    sampled = False

    def end(self, error: BaseException | str | None = None) -> None:
        """Nothing is recorded."""

    def child(self, name: str) -> Blind:
        """Nothing is recorded."""
        return self

    def begin_call(self, name: str, parent: str, correlation_id: str) -> Blind:
        """Nothing is recorded."""
        return self

    def mailbox_wait(self, seconds: float) -> None:
        """Nothing is recorded."""

    def step(self, name: str, outcome: str, seconds: float) -> None:
        """Nothing is recorded."""

    def progressed(self, progress: str, seconds: float) -> None:
        """Nothing is recorded."""

    def events(self, events: Sequence[Any]) -> None:
        """Nothing is recorded."""

    def called(self, partner: str, operation: str, outcome: str, seconds: float) -> None:
        """Nothing is recorded."""

    def breaker(self, partner: str, state: str) -> None:
        """Nothing is recorded."""


BLIND = Blind()
