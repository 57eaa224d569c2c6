"""A small bounded pool of kept SMTP connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import aiosmtplib
import msgspec

from actors.runtime.errors import Retryable, Unauthorised
from actors.runtime.ports import Clock

Security = Literal["none", "starttls", "tls"]


class SmtpServer(msgspec.Struct, frozen=True, kw_only=True):
    """Where mail is handed in. `none` is for a server on this machine only."""

    host: str
    port: int = 587
    security: Security = "starttls"
    username: str = ""
    password: str = ""
    connections: int = 8
    timeout_seconds: float = 15.0
    idle_seconds: float = 20.0
    messages_per_connection: int = 100

    def __repr__(self) -> str:
        """Keep the password out of logs and tracebacks."""
        return f"SmtpServer({self.host}:{self.port}, {self.security}, {self.username!r})"


class Kept(msgspec.Struct):
    """A connection, and what is known of it. `broken` is set by whoever can't vouch for it."""

    smtp: aiosmtplib.SMTP
    used_at: float
    messages: int = 0
    broken: bool = True


class SmtpPool:
    """Lends connections; a broken, old or much used one is closed instead of kept."""

    def __init__(self, server: SmtpServer, clock: Clock) -> None:
        self._server = server
        self._clock = clock
        self._free = asyncio.Semaphore(server.connections)
        self._idle: list[Kept] = []

    @asynccontextmanager
    async def connection(self, *, fresh: bool = False) -> AsyncIterator[Kept]:
        """Lend a connection. Raises Retryable or Unauthorised when there is none to be had."""
        async with self._free:
            kept = None if fresh else self._reusable()
            if kept is None:
                kept = await self._connect()
            kept.broken = True
            try:
                yield kept
            finally:
                self._take_back(kept)

    async def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop().smtp.close()

    def _reusable(self) -> Kept | None:
        now = self._clock.monotonic()
        while self._idle:
            kept = self._idle.pop()
            if kept.smtp.is_connected and now - kept.used_at < self._server.idle_seconds:
                return kept
            kept.smtp.close()
        return None

    def _take_back(self, kept: Kept) -> None:
        kept.used_at = self._clock.monotonic()
        if kept.broken or kept.messages >= self._server.messages_per_connection:
            kept.smtp.close()
        else:
            self._idle.append(kept)

    async def _connect(self) -> Kept:
        server = self._server
        smtp = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            username=server.username or None,
            password=server.password or None,
            timeout=server.timeout_seconds,
        )
        try:
            await smtp.connect()
            # Said here, so that a message costs no more than its own commands.
            await smtp.ehlo()
        except aiosmtplib.SMTPAuthenticationError as error:
            raise Unauthorised(
                f"The mail server refused our login ({error.code}). Renew it in the settings."
            ) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            smtp.close()
            raise Retryable(f"The mail server can't be reached: {error}.") from error
        return Kept(smtp, self._clock.monotonic())
