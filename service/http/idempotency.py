"""A change over the API that is made once, however often its request comes."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

import msgspec
from aiohttp import web

from actors.runtime.errors import JournalUnavailable
from service.http.auth import Principal, Repeats, digest_of, idempotency_key_of, require_new

_log = logging.getLogger(__name__)


async def once(
    request: web.Request,
    repeats: Repeats,
    principal: Principal,
    raw: bytes,
    now: datetime,
    work: Callable[[], Awaitable[object]],
) -> web.Response:
    """Answer what `work` returns, and the same to a repeat of the request. Raises Problem without
    an Idempotency-Key, and as `answered_once` does."""

    async def encoded() -> bytes:
        return msgspec.json.encode(await work())

    key, digest = idempotency_key_of(request), digest_of(request, "", raw)
    return await answered_once(repeats, principal, key, digest, encoded, now=now)


async def answered_once(
    repeats: Repeats,
    principal: Principal,
    key: str,
    digest: bytes,
    work: Callable[[], Awaitable[bytes]],
    *,
    now: datetime,
) -> web.Response:
    """Answer 200 with the JSON that `work` returns, and the same to a repeat of the request.

    Raises Problem as `require_new` does, and whatever `work` raises; then a repeat is tried again.
    """
    begun = await repeats.begin(principal.id, key, digest, now=now)
    earlier = require_new(begun)
    if earlier is not None:
        return earlier
    try:
        body = await work()
    except BaseException:
        await _forget(repeats, principal, key, digest)
        raise
    try:
        await repeats.finish(principal.id, key, digest, status=200, body=body)
    except JournalUnavailable:
        # A repeat is then worked on again, which finds that it was done.
        _log.warning("An answer could not be kept for its repeat: the database is away.")
    return web.Response(body=body, content_type="application/json")


async def _forget(repeats: Repeats, principal: Principal, key: str, digest: bytes) -> None:
    try:
        await repeats.abandon(principal.id, key, digest)
    except JournalUnavailable:
        _log.warning("A refused request stays claimed for 30 seconds: the database is away.")
