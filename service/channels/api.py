"""The channels API: status, backfill, and fetching one order again."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
from aiohttp import web
from msgspec import Struct

from schemas.order.canonical import LongText, Ref
from service.channels.backfill import Found
from service.channels.service import (
    ChannelRefused,
    ChannelsService,
    ChannelView,
    NoSuchChannel,
)
from service.http import problems
from service.http.auth import Principal
from service.http.base import Api, json_answer, person_of
from service.http.described import described, object_of
from service.http.problems import Problem
from service.http.requests import (
    IMPOSSIBLE,
    channel_refused,
    is_possible,
    reason_of,
    unprocessable,
)
from service.http.scopes import ORDERS_READ, ORDERS_WRITE

T = TypeVar("T")


class Comparison(Struct, frozen=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """The body of a backfill: the reason, and the window (RFC 3339; by default the last hour or
    so)."""

    reason: LongText
    since: datetime | None = None
    to: datetime | None = None
    dry_run: bool = False


class Again(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a reimport."""

    reason: LongText


class ChannelsApi:
    """`/api/v1/channels…`. Reading needs orders:read, the rest orders:write; a key sees only its
    own channels. Repeating a request does no harm: an order takes each state only once."""

    def __init__(self, service: ChannelsService, api: Api) -> None:
        self._service = service
        self._api = api

    def routes(self) -> list[web.RouteDef]:
        """The paths of the channels API."""
        one = "/api/v1/channels/{name}"
        return [
            web.get("/api/v1/channels", self.list_channels),
            web.get(one, self.show),
            web.post(f"{one}/backfill", self.backfill),
            web.post(f"{one}/orders/{{ref}}/reimport", self.reimport),
        ]

    @described(ORDERS_READ, object_of("Channels", channels=list[ChannelView]))
    async def list_channels(self, request: web.Request) -> web.Response:
        """Return every channel that the key serves."""
        principal = await self._api.principal(request, ORDERS_READ)
        found = [one for one in await self._service.views() if principal.serves(one.name)]
        return json_answer({"channels": found})

    @described(ORDERS_READ, ChannelView)
    async def show(self, request: web.Request) -> web.Response:
        """Return one channel."""
        _, name = await self._asked(request, ORDERS_READ)
        return json_answer(await _tried(self._service.show(name)))

    @described(
        ORDERS_WRITE,
        object_of("Compared", Found, words=str),
        takes=Comparison,
        refuses=(409,),
    )
    async def backfill(self, request: web.Request) -> web.Response:
        """Compare a window, fetch what is missing, and return what was found."""
        principal, name = await self._asked(request, ORDERS_WRITE)
        asked = await self._api.body(request, Comparison)
        found = await _tried(
            self._service.backfill(
                name,
                _zoned(asked.since),
                _zoned(asked.to),
                dry_run=asked.dry_run,
                person=person_of(principal),
                reason=reason_of(asked.reason),
            )
        )
        return json_answer({**msgspec.structs.asdict(found), "words": found.words()})

    @described(
        ORDERS_WRITE,
        object_of("Reimported", order_id=str, channel=str, ref=str),
        status=202,
        takes=Again,
        refuses=(409,),
    )
    async def reimport(self, request: web.Request) -> web.Response:
        """Have one order fetched again from the channel; 202 once that request is on disk."""
        principal, name = await self._asked(request, ORDERS_WRITE)
        asked = await self._api.body(request, Again)
        try:
            ref = msgspec.convert(request.match_info["ref"], Ref)
        except msgspec.ValidationError as error:
            raise unprocessable("ref", f"That is not a reference: {error}.") from error
        order_id = await _tried(
            self._service.reimport(
                name, ref, person=person_of(principal), reason=reason_of(asked.reason)
            )
        )
        told = {"order_id": order_id, "channel": name, "ref": ref}
        place = {"Location": f"/api/v1/orders/{order_id}"}
        return json_answer(told, status=202, headers=place)

    async def _asked(self, request: web.Request, scope: str) -> tuple[Principal, str]:
        principal = await self._api.principal(request, scope)
        name = request.match_info["name"]
        if not principal.serves(name):
            raise channel_refused()
        return principal, name


async def _tried(work: Awaitable[T]) -> T:
    try:
        return await work
    except NoSuchChannel as error:
        raise problems.not_found(str(error)) from error
    except ChannelRefused as error:
        raise Problem(409, "channel-can-not", "Not possible on this channel", str(error)) from error


def _zoned(when: datetime | None) -> datetime | None:
    if when is not None and when.tzinfo is None:
        raise unprocessable("zone-missing", "Write times with a zone, such as Z.")
    if when is not None and not is_possible(when):
        raise unprocessable("time", f"A time is {IMPOSSIBLE}")
    return when and when.astimezone(UTC)
