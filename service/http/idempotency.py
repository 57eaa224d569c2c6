"""A change over the API that takes effect once, however often its request is sent."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from aiohttp import web

from actors.runtime.errors import JournalUnavailable
from adapters.postgres.idempotency import Idempotency
from service.http.auth import Principal, require_new
from service.http.problems import PLAIN

_log = logging.getLogger(__name__)


async def answered_once(
    repeats: Idempotency,
    principal: Principal,
    key: str,
    digest: bytes,
    work: Callable[[], Awaitable[bytes]],
    *,
    now: datetime,
    status: int = 200,
    location: str = "",
) -> web.Response:
    """Answer `status` with the JSON that `work` returns, and answer a repeat the same.

    Both name `location`, unless it is "". Raises Problem as `require_new` does, and whatever `work`
    raises; a repeat is then tried again.
    """
    begun = await repeats.begin(principal.id, key, digest, now=now)
    earlier = require_new(begun)
    headers = {**PLAIN, "Location": location} if location else PLAIN
    if earlier is not None:
        earlier.headers.update(headers)
        return earlier
    try:
        body = await work()
    except BaseException:
        await _forget(repeats, principal, key, digest)
        raise
    try:
        await repeats.finish(principal.id, key, digest, status=status, body=body)
    except JournalUnavailable:
        # A repeat does the work again, and finds that it is done.
        _log.warning("An answer could not be stored for repeats: the database is unavailable.")
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)


async def _forget(repeats: Idempotency, principal: Principal, key: str, digest: bytes) -> None:
    try:
        await repeats.abandon(principal.id, key, digest)
    except JournalUnavailable:
        _log.warning("A refused request stays claimed for 30 seconds: the database is unavailable.")
