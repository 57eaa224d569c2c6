"""The API about sales channels: how they stand, comparing one, having one order read again."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
from aiohttp import web
from msgspec import Struct

from schemas.order.canonical import LongText, Ref
from service.channels.service import ChannelRefused, ChannelsService, NoSuchChannel
from service.http import problems
from service.http.auth import Keys, Principal, principal_of
from service.http.bodies import Bodies
from service.http.problems import Problem
from service.http.reading import read_body, reason_of, unprocessable
from service.http.scopes import READ, WRITE
from service.inbound.edge import EdgeClock

T = TypeVar("T")


class Comparison(Struct, frozen=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """The body of a backfill: why, and the window (RFC 3339; left out: the last hour or so)."""

    reason: LongText
    since: datetime | None = None
    to: datetime | None = None
    dry_run: bool = False


class Again(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a reimport: why."""

    reason: LongText


class ChannelsApi:
    """`/api/v1/channels…`. Reading needs orders:read, the rest orders:write; a key sees its own
    channels only. A repeat does no harm: nothing is fetched twice into an order."""

    def __init__(
        self, service: ChannelsService, bodies: Bodies, keys: Keys, clock: EdgeClock
    ) -> None:
        self._service = service
        self._bodies = bodies
        self._keys = keys
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """The paths about channels."""
        one = "/api/v1/channels/{name}"
        return [
            web.get("/api/v1/channels", self.list_channels),
            web.get(one, self.show),
            web.post(f"{one}/backfill", self.backfill),
            web.post(f"{one}/orders/{{ref}}/reimport", self.reimport),
        ]

    async def list_channels(self, request: web.Request) -> web.Response:
        """Answer every channel the key serves."""
        principal = await principal_of(request, self._keys, READ, self._clock.now())
        found = [one for one in await self._service.views() if principal.serves(one.name)]
        return _json({"channels": found})

    async def show(self, request: web.Request) -> web.Response:
        """Answer one channel."""
        _, name = await self._asked(request, READ)
        return _json(await _tried(self._service.show(name)))

    async def backfill(self, request: web.Request) -> web.Response:
        """Compare a window and fetch what is missing; answer what was found."""
        principal, name = await self._asked(request, WRITE)
        with self._bodies.lease() as lease:
            asked = read_body(await lease.read(request), Comparison)
        found = await _tried(
            self._service.backfill(
                name,
                _zoned(asked.since),
                _zoned(asked.to),
                dry_run=asked.dry_run,
                person=f"API key {principal.name}",
                reason=reason_of(asked.reason),
            )
        )
        return _json({**msgspec.structs.asdict(found), "words": found.words()})

    async def reimport(self, request: web.Request) -> web.Response:
        """Have one order read again from the channel; 202 once that is on disk."""
        principal, name = await self._asked(request, WRITE)
        with self._bodies.lease() as lease:
            asked = read_body(await lease.read(request), Again)
        try:
            ref = msgspec.convert(request.match_info["ref"], Ref)
        except msgspec.ValidationError as error:
            raise unprocessable("ref", f"That is no reference: {error}.") from error
        order_id = await _tried(
            self._service.reimport(
                name, ref, person=f"API key {principal.name}", reason=reason_of(asked.reason)
            )
        )
        return _json({"order_id": order_id, "channel": name, "ref": ref}, status=202)

    async def _asked(self, request: web.Request, scope: str) -> tuple[Principal, str]:
        principal = await principal_of(request, self._keys, scope, self._clock.now())
        name = request.match_info["name"]
        if not principal.serves(name):
            raise Problem(
                403, "channel-refused", "Channel refused", "This API key does not serve it."
            )
        return principal, name


async def _tried(work: Awaitable[T]) -> T:
    try:
        return await work
    except NoSuchChannel as error:
        raise problems.not_found(str(error)) from error
    except ChannelRefused as error:
        raise Problem(409, "channel-can-not", "The channel can't do it", str(error)) from error


def _zoned(when: datetime | None) -> datetime | None:
    if when is not None and when.tzinfo is None:
        raise unprocessable("zone-missing", "Give the times with a zone, such as Z.")
    return when and when.astimezone(UTC)


def _json(value: object, status: int = 200) -> web.Response:
    body = msgspec.json.encode(value)
    return web.Response(status=status, body=body, content_type="application/json")
