"""A small bounded pool of kept SMTP connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiosmtplib
import msgspec

from actors.runtime.deadlines import Deadlines
from actors.runtime.errors import Retryable, Unauthorised
from actors.runtime.ports import Clock
from adapters.kit.unreachable import words_of
from adapters.messages.smtp.session import Session
from adapters.messages.smtp.settings import SmtpSettings

CONNECTIONS = 8
IDLE_SECONDS = 20.0
"""A connection idle for longer is not used again: servers hang up after some 30 seconds."""

MESSAGES_PER_CONNECTION = 100
"""Servers close a connection after some hundred messages."""


class Kept(msgspec.Struct):
    """A connection, and what is known of it. `broken` is set by whoever can't vouch for it."""

    smtp: aiosmtplib.SMTP
    session: Session
    used_at: float
    messages: int = 0
    broken: bool = True


class SmtpPool:
    """Lends connections; a broken, old or much used one is closed instead of kept."""

    def __init__(
        self, settings: SmtpSettings, clock: Clock, title: str, *, connections: int = CONNECTIONS
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._title = title
        self._free = asyncio.Semaphore(connections)
        self._idle: list[Kept] = []
        self._deadlines = Deadlines()
        self._closed = False

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
        """Close what is idle now, and what is lent when it comes back."""
        self._closed = True
        while self._idle:
            self._idle.pop().smtp.close()

    def _reusable(self) -> Kept | None:
        now = self._clock.monotonic()
        while self._idle:
            kept = self._idle.pop()
            if kept.session.is_open and now - kept.used_at < IDLE_SECONDS:
                return kept
            kept.smtp.close()
        return None

    def _take_back(self, kept: Kept) -> None:
        kept.used_at = self._clock.monotonic()
        if self._closed or kept.broken or kept.messages >= MESSAGES_PER_CONNECTION:
            kept.smtp.close()
        else:
            self._idle.append(kept)

    async def _connect(self) -> Kept:
        server = self._settings
        smtp = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            username=server.user or None,
            password=server.password.reveal() if server.password else None,
            timeout=server.calls.timeout_seconds,
        )
        try:
            await smtp.connect()
            # Said here, so that a message costs no more than its own commands.
            await smtp.ehlo()
        except aiosmtplib.SMTPAuthenticationError as error:
            raise Unauthorised(
                f"{self._title} refused our login ({error.code}). Renew it in the settings."
            ) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            smtp.close()
            raise Retryable(self._unreachable(error)) from error
        return Kept(smtp, Session(smtp, self._deadlines), self._clock.monotonic())

    def _unreachable(self, error: BaseException) -> str:
        place = f"{self._settings.host}:{self._settings.port}"
        if "STARTTLS" in str(error).upper():
            return (
                f"{self._title} can't be reached: {place} does not offer STARTTLS. Set `security`"
                " to `tls` or choose the port for STARTTLS (587); `none` sends mail in clear."
            )
        return words_of(f"{self._title} ({place})", error)
