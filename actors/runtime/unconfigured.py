"""What stands in for a partner that effects need and no one configured."""

from __future__ import annotations

from actors.runtime.call_policy import CallPolicy
from actors.runtime.errors import NeedsPerson, Retryable
from actors.runtime.partner import Call
from schemas.messages.effects import Result

POLICY = CallPolicy(retry_attempts=20, retry_most_seconds=300.0)
"""An effect waits for about an hour, in which the partner may be configured; then it goes to a
person, who can skip it. Otherwise no one could, and not even a cancelled order would ever end."""


class Unconfigured:
    """Implements actors.runtime.partner.Partner: whatever is asked, somebody must configure it
    first."""

    can_look_up = False

    def __init__(self, name: str) -> None:
        self.name = name

    async def perform(self, call: Call) -> Result:
        """Raise Retryable with what is to be done."""
        raise Retryable(
            f"No partner is configured as {self.name!r}: add it to the settings and retry, or skip"
            " this.",
            sick=False,
        )

    async def look_up(self, call: Call) -> Result | None:
        """Raise NeedsPerson: no one can be asked."""
        raise NeedsPerson(
            f"no partner is configured as {self.name!r} any more", outcome_known=False
        )
