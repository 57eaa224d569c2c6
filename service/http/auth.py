"""API keys, and Idempotency-Keys of requests that were made before."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from aiohttp import web

from adapters.postgres.idempotency import Begun
from adapters.postgres.keys import ApiKeys
from service.http import problems
from service.http.peers import WrongKeys
from service.http.problems import Problem

ANY_CHANNEL = "*"
"""In a key's list of channels: it serves every channel."""

CHANNEL_HEADER = "X-Orderwright-Channel"

_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class Principal(Protocol):
    """A valid API key."""

    @property
    def id(self) -> str:
        """The key's id, which is not secret."""

    @property
    def name(self) -> str:
        """Who uses the key, in words for people."""

    @property
    def channels(self) -> frozenset[str]:
        """The channels it serves; `*` alone means every channel."""

    def may(self, scope: str) -> bool:
        """Whether the key has the scope."""

    def serves(self, channel: str) -> bool:
        """Whether the key may read and send orders of the channel."""


async def principal_of(
    request: web.Request, keys: ApiKeys, scope: str, now: datetime, wrong: WrongKeys | None = None
) -> Principal:
    """Return who sends the request. Raises Problem: 401 without a valid key, 403 without the scope,
    429 for another wrong key of a peer that sent many (`wrong`)."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    if wrong is not None and wrong.slows(request) and not keys.remembers(token):
        raise Problem(
            429,
            "too-many-wrong-keys",
            "Too many wrong keys",
            "Too many wrong API keys came from your address; send a valid one a little later.",
            headers={"Retry-After": "2"},
        )
    principal = await keys.verify(token, now=now) if kind.lower() == "bearer" else None
    if principal is None:
        if wrong is not None and token:
            wrong.came(request)
        raise Problem(
            401,
            "key-refused",
            "API key refused",
            "Send a valid API key as `Authorization: Bearer ow_…`; this one is missing, "
            "unknown or revoked.",
            headers={"WWW-Authenticate": 'Bearer realm="orderwright"'},
        )
    if not principal.may(scope):
        raise Problem(
            403,
            "scope-missing",
            "Scope missing",
            f"This API key lacks the scope {scope}; use one that has it.",
        )
    return principal


def channel_of(request: web.Request, principal: Principal, configured: Collection[str]) -> str:
    """Return the channel of a request: the one in its header, or the only one that its key serves.
    Raises Problem: 400 without one, 403 when the key does not serve it or it takes no orders
    here."""
    asked = request.headers.get(CHANNEL_HEADER, "")
    if not asked and len(principal.channels) == 1 and ANY_CHANNEL not in principal.channels:
        (asked,) = principal.channels
    if not asked:
        raise problems.bad_request(
            "channel-missing",
            "Channel missing",
            f"This API key serves several channels; name one in the header {CHANNEL_HEADER}.",
        )
    if not principal.serves(asked) or asked not in configured:
        raise Problem(
            403,
            "channel-refused",
            "Channel refused",
            "This API key does not serve that channel, or no channel of that name takes orders "
            "here: those of a storefront come from the storefront alone.",
        )
    return asked


def idempotency_key_of(request: web.Request) -> str:
    """Return the request's Idempotency-Key. Raises Problem 400 when it is missing or malformed."""
    key = request.headers.get("Idempotency-Key", "")
    if not _IDEMPOTENCY_KEY.fullmatch(key):
        raise problems.bad_request(
            "idempotency-key-missing",
            "Idempotency-Key missing",
            "Send a header Idempotency-Key of 1 to 255 visible ASCII characters, a new one for "
            "each request and the same one when you repeat it.",
        )
    return key


def digest_of(request: web.Request, channel: str, raw: bytes) -> bytes:
    """Return the SHA-256 of everything in which a request and its repeat are equal."""
    head = f"{request.method}\0{request.path}\0{channel}\0".encode()
    return hashlib.sha256(head + raw).digest()


def require_new(begun: Begun) -> web.Response | None:
    """Return the earlier answer for a repeat, None for a new request.

    Raises Problem: 409 while the earlier one is under way, 422 when it was another one.
    """
    if begun.kind == "done":
        return web.Response(
            status=begun.status,
            body=begun.body,
            content_type="application/json",
            headers={"Idempotency-Replayed": "true"},
        )
    if begun.kind == "under_way":
        raise Problem(
            409,
            "request-under-way",
            "Request under way",
            "The same request is being processed; repeat it in a second for its answer.",
            headers={"Retry-After": "1"},
        )
    if begun.kind == "other":
        raise Problem(
            422,
            "idempotency-key-reused",
            "Idempotency-Key reused",
            "This Idempotency-Key came with a different request before; use a new one for each.",
        )
    return None
