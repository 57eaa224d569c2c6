"""A storefront that is asked whose order a message is about."""

from __future__ import annotations

from actors.runtime.errors import PartnerError
from adapters.kit.fetching import Resolved


class Asked:
    """A storefront that knows whose order a message is about, and the stream behind it."""

    def __init__(self) -> None:
        self.found: Resolved | None = None
        self.error: PartnerError | None = None
        self.published: list[tuple[str, str, str, bytes, str]] = []

    async def resolved(self, topic: str, raw: bytes) -> Resolved | None:
        if self.error is not None:
            raise self.error
        return self.found

    async def publish(
        self, channel: str, kind: str, ref: str, raw: bytes, *, delivery_id: str, source: str,
        topic: str, trace: str = "",
    ) -> None:  # fmt: skip
        self.published.append((channel, kind, ref, raw, delivery_id))
