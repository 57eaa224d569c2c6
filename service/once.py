"""A change over the API that is made once, however often its request comes."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

import msgspec
from aiohttp import web

from actors.errors import JournalUnavailable
from service.access import Caller, Repeats, digest_of, idempotency_key_of, require_new

_log = logging.getLogger(__name__)


async def once(
    request: web.Request,
    repeats: Repeats,
    caller: Caller,
    raw: bytes,
    now: datetime,
    work: Callable[[], Awaitable[object]],
) -> web.Response:
    """Answer what `work` returns, and the same to a repeat of the request. Raises Problem without
    an Idempotency-Key, and as `require_new` does; what `work` raises leaves the key free."""
    key = idempotency_key_of(request)
    digest = digest_of(request, "", raw)
    begun = await repeats.begin(caller.id, key, digest, now=now)
    earlier = require_new(begun)
    if earlier is not None:
        return earlier
    try:
        body = msgspec.json.encode(await work())
    except BaseException:
        await _forget(repeats, caller, key, digest)
        raise
    try:
        await repeats.finish(caller.id, key, digest, status=200, body=body)
    except JournalUnavailable:
        # A repeat is then decided anew, which finds that it was done.
        _log.warning("An answer could not be kept for its repeat: the database is away.")
    return web.Response(body=body, content_type="application/json")


async def _forget(repeats: Repeats, caller: Caller, key: str, digest: bytes) -> None:
    try:
        await repeats.abandon(caller.id, key, digest)
    except JournalUnavailable:
        _log.warning("A refused request stays claimed for 30 seconds: the database is away.")
