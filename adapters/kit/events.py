"""Where adapters publish events that other services read."""

from __future__ import annotations

from typing import Protocol


class Events(Protocol):
    """Where events for other services are published. Raises Retryable or Unknown."""

    async def publish(
        self, subject: str, body: bytes, *, message_id: str, content_type: str, trace: str
    ) -> None:
        """Return when the event is on disk, whether it was there before or not."""
        ...
