"""How a partner stands: why it is not called, and whether it leaves us without an answer. Told by
the executor, watched from outside. Moments are monotonic seconds."""

from __future__ import annotations

FAILING_SECONDS = 4.0
"""A partner that only fails for so long is in trouble, however rarely it is called: with one order
a breaker of five failures would open after fifteen seconds."""

SILENT_SECONDS = 5.0
"""A partner that answers none of the calls under way for so long is in trouble: their time-out may
be minutes."""


class Standing:
    """One partner's. `answers` counts sensible answers, whatever they said; `failing` is how it
    failed last since it answered, "" when it did not fail."""

    def __init__(self) -> None:
        self.trouble = ""
        self.answers = 0
        self.failing = ""

    def begin(self, why: str) -> bool:
        """It is in trouble from now on. Returns True when it was well before: then it is said."""
        is_new, self.trouble = not self.trouble, why or "It fails."
        return is_new

    def end(self) -> bool:
        """It lets us in and answers. Returns True when that is news."""
        was, self.trouble = bool(self.trouble), ""
        return was

    def answered(self) -> None:
        """It answered sensibly."""
        self.answers += 1
        self.failing = ""

    def failed(self, why: str) -> None:
        """It failed, and perhaps not only one effect."""
        self.failing = why or "It did not answer in time."


class Watch:
    """Tells of each partner, at looks a second or two apart, whether it leaves us without an
    answer."""

    def __init__(self) -> None:
        self._since: dict[str, tuple[int, float]] = {}

    def look(self, name: str, standing: Standing, under_way: int, now: float) -> str:
        """Return why the partner is in trouble, "" when it is not: a sentence."""
        if not (under_way or standing.failing):
            self._since.pop(name, None)
            return ""
        answers, since = self._since.setdefault(name, (standing.answers, now))
        if answers != standing.answers:
            self._since[name] = standing.answers, now
            return ""
        most = FAILING_SECONDS if standing.failing else SILENT_SECONDS
        if now - since < most:
            return ""
        return standing.failing or (
            f"{name} takes our calls and has answered none for {SILENT_SECONDS:g} seconds."
        )
