"""What the APIs of all features are built from: keys, bounded bodies, and requests that take
effect once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import msgspec
from aiohttp import web

from actors.runtime.ports import Clock
from adapters.postgres.idempotency import Idempotency
from adapters.postgres.keys import ApiKeys
from service.http.auth import (
    Principal,
    digest_of,
    idempotency_key_of,
    principal_of,
)
from service.http.bodies import Bodies
from service.http.idempotency import answered_once
from service.http.peers import WrongKeys
from service.http.problems import PLAIN
from service.http.requests import read_body

Shape = TypeVar("Shape")


class Api:
    """The parts that one HTTP server shares among the APIs of its features. Every method raises
    Problem for a request that can't be served."""

    def __init__(
        self,
        keys: ApiKeys,
        bodies: Bodies,
        repeats: Idempotency,
        clock: Clock,
        wrong: WrongKeys | None = None,
    ) -> None:
        self._keys = keys
        self._wrong = wrong
        self._repeats = repeats
        self.bodies = bodies
        self.clock = clock

    async def principal(self, request: web.Request, scope: str) -> Principal:
        """Return who sends the request: 401 without a valid key, 403 without the scope."""
        return await principal_of(request, self._keys, scope, self.clock.now(), self._wrong)

    async def raw(self, request: web.Request) -> bytes:
        """Return the body as it came. Its bytes count as released when this returns: read through
        `bodies` where work on a large body takes long."""
        with self.bodies.lease() as lease:
            return await lease.read(request)

    async def body(self, request: web.Request, shape: type[Shape]) -> Shape:
        """Read the body strictly as `shape`: 400 for invalid JSON, 422 for another shape."""
        return read_body(await self.raw(request), shape)

    async def once(
        self,
        request: web.Request,
        principal: Principal,
        raw: bytes,
        work: Callable[[], Awaitable[object]],
    ) -> web.Response:
        """Answer what `work` returns, as JSON, and answer a repeat of the request the same. The
        request needs an Idempotency-Key."""

        async def encoded() -> bytes:
            return msgspec.json.encode(await work())

        key, digest = idempotency_key_of(request), digest_of(request, "", raw)
        return await self.answered_once(principal, key, digest, encoded)

    async def answered_once(
        self,
        principal: Principal,
        key: str,
        digest: bytes,
        work: Callable[[], Awaitable[bytes]],
        *,
        status: int = 200,
        location: str = "",
    ) -> web.Response:
        """Like `once`, for a key and a digest that were read before, and JSON that is encoded.
        `location` is where to see what becomes of it."""
        now = self.clock.now()
        return await answered_once(
            self._repeats, principal, key, digest, work, now=now, status=status, location=location
        )


def person_of(principal: Principal) -> str:
    """Return the name under which the audit keeps what an API key did."""
    return f"API key {principal.name}"


def json_answer(
    value: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return a value as a JSON response."""
    body = msgspec.json.encode(value)
    given = {**PLAIN, **(headers or {})}
    return web.Response(status=status, body=body, content_type="application/json", headers=given)
