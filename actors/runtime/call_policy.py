"""How one partner instance is called: the settings of its lane, with their bounds and defaults.

The settings tree holds this very struct as `[partners.NAME.calls]`, so that a limit and its setting
are one definition.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

BACKSTOP_SECONDS = 5.0
"""Room for the token and for the answer's last bytes, beside the requests themselves."""


class CallPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How gently one partner is called, and how long its failures are tolerated."""

    rate_per_second: Annotated[
        float, Meta(gt=0, le=10_000, description="Calls a second at most; more wait in Postgres.")
    ] = 50.0
    concurrency: Annotated[
        int, Meta(ge=1, le=1_000, description="Calls under way at the same time at most.")
    ] = 32
    timeout_seconds: Annotated[
        float, Meta(ge=0.05, le=300, description="After this a call's outcome counts as unknown.")
    ] = 15.0
    retry_first_seconds: Annotated[
        float,
        Meta(ge=0.01, le=3_600, description="Wait before the first repeat; doubles, jittered."),
    ] = 1.0
    retry_most_seconds: Annotated[
        float, Meta(ge=0.01, le=86_400, description="The longest wait between two repeats.")
    ] = 300.0
    retry_attempts: Annotated[
        int, Meta(ge=1, le=1_000, description="Calls of one effect before a person gets it.")
    ] = 20
    breaker_failures: Annotated[
        int, Meta(ge=1, le=1_000, description="Failures in a row that open the breaker.")
    ] = 5
    breaker_open_seconds: Annotated[
        float, Meta(ge=0.05, le=3_600, description="Rest before an open breaker lets a probe pass.")
    ] = 15.0
    settle_seconds: Annotated[
        float,
        Meta(
            ge=0,
            le=3_600,
            description="Rest before an unknown outcome is looked up, so that a slow partner has "
            "finished.",
        ),
    ] = 5.0
    rest_seconds: Annotated[
        float, Meta(ge=0.05, le=86_400, description="Rest after a credential was refused.")
    ] = 60.0
    sought_seconds: Annotated[
        tuple[Annotated[float, Meta(ge=0.01, le=400 * 86_400)], ...],
        Meta(
            max_length=10,
            description="When it is looked up whether a call of unknown outcome acted all the "
            "same that a person skipped: so long after that, and then no more.",
        ),
    ] = (900.0, 3_600.0, 86_400.0)
    backlog: Annotated[
        int, Meta(ge=1, le=100_000, description="Effects kept in memory; more stay in Postgres.")
    ] = 1_000

    def __post_init__(self) -> None:
        if self.retry_first_seconds > self.retry_most_seconds:
            raise ValueError("retry_first_seconds must not be above retry_most_seconds")
        if list(self.sought_seconds) != sorted(self.sought_seconds):
            raise ValueError("sought_seconds must rise")

    @property
    def effect_seconds(self) -> float:
        """The executor's limit for one effect, which may need several requests: an adapter ends
        each of them by itself after `timeout_seconds`, and this is the backstop for all."""
        return 2 * self.timeout_seconds + BACKSTOP_SECONDS

    def next_look(self, passed_seconds: float, soon_seconds: float | None) -> float | None:
        """Return in how many seconds what a person skipped so long ago is looked up again, None
        when it has been often enough. After a look without an answer that is `soon_seconds`, for
        twice as long as there are times."""
        times = self.sought_seconds
        if soon_seconds is not None and passed_seconds < 2 * times[-1]:
            return soon_seconds
        return next((one - passed_seconds for one in times if one > passed_seconds), None)
