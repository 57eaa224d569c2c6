"""Looks at the TLS certificates of the addresses that a partner's settings name."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import msgspec

from adapters.kit.settings import PartnerSettings
from adapters.kit.unreachable import words_of

LOOK_SECONDS = 5.0

SOON = timedelta(days=14)
"""Certificates are renewed a month before they end; two weeks before, somebody has forgotten."""

MAX_ADDRESSES = 4
"""More than any kind has: an API, its token service, and an alternative of each."""

Address = tuple[str, int]


class Certificate(msgspec.Struct, frozen=True):
    """What an address shows: until when its certificate is valid, or why no connection was made."""

    host: str
    port: int
    version: str
    ends: datetime | None
    fault: str = ""

    def ends_soon(self, now: datetime) -> bool:
        """Whether it ends within two weeks."""
        return self.ends is not None and self.ends - now < SOON

    def words(self, now: datetime) -> str:
        """Say what it shows."""
        if self.ends is None:
            return self.fault
        days = (self.ends - now).days
        return (
            f"the TLS certificate of {self.host}:{self.port} ({self.version}) ends on"
            f" {self.ends:%Y-%m-%d}, in {days} days"
        )


def addresses(settings: PartnerSettings) -> list[Address]:
    """Return where an instance's settings say that TLS is spoken: each `https://` address in them,
    and the mail server that is spoken to in TLS from the start."""
    found: dict[Address, None] = {}
    values = {field: getattr(settings, field) for field in settings.__struct_fields__}
    for value in values.values():
        if isinstance(value, str) and value.startswith("https://"):
            split = urlsplit(value)
            if split.hostname:
                found[split.hostname, split.port or 443] = None
    if values.get("security") == "tls":
        found[str(values["host"]), int(values["port"])] = None
    return list(found)[:MAX_ADDRESSES]


async def certificates(
    places: Sequence[Address], context: ssl.SSLContext | None = None
) -> list[Certificate]:
    """Connect to each address and return what it shows."""
    context = context or ssl.create_default_context()
    return list(await asyncio.gather(*[_look(host, port, context) for host, port in places]))


async def _look(host: str, port: int, context: ssl.SSLContext) -> Certificate:
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
    except (OSError, TimeoutError) as error:
        return Certificate(host, port, "", None, words_of(f"{host}:{port}", error).rstrip("."))
    try:
        shown = writer.get_extra_info("peercert")
        seconds = ssl.cert_time_to_seconds(shown["notAfter"])
        version = writer.get_extra_info("ssl_object").version()
        return Certificate(host, port, version, datetime.fromtimestamp(seconds, UTC))
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
