"""`GET /api/v1/facts`: what was published about a channel's orders, over HTTP."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import msgspec
from aiohttp import web

from adapters.nats.connection import NatsUnusable
from adapters.nats.events import EventPublisher, PlaceGone
from service.http.auth import ANY_CHANNEL, Principal
from service.http.base import Api, json_answer
from service.http.described import COUNT, NAME, described, object_of
from service.http.problems import Problem
from service.http.requests import bad_query, channels_of, limit_of
from service.http.scopes import ORDERS_READ

MOST = 200
"""Events of one page: 100 kB, each read by itself."""

PLACE = re.compile(r"[0-9a-f]{1,16}-[0-9]{1,18}")
"""An `after`: which stream, and where in it."""


class FactsApi:
    """Reads the stream of published events, for as long as it keeps them."""

    def __init__(self, events: EventPublisher, api: Api, channels: Collection[str]) -> None:
        self._events = events
        self._api = api
        self._channels = channels  # a reload changes it

    def routes(self) -> list[web.RouteDef]:
        """The path of facts."""
        return [web.get("/api/v1/facts", self.list_facts)]

    @described(
        ORDERS_READ,
        object_of("Facts", events=list[dict[str, Any]], after=int),
        query={"channel": NAME, "after": COUNT, "limit": COUNT},
    )
    async def list_facts(self, request: web.Request) -> web.Response:
        """Answer a channel's events in the order of the stream; `after` of the next request is the
        `after` of this answer, which stays the same while nothing new has come."""
        principal = await self._api.principal(request, ORDERS_READ)
        channel = self._channel(request, principal)
        after = request.query.get("after", "")
        if after and not PLACE.fullmatch(after):
            raise bad_query("`after` is the `after` of an earlier answer; leave it out at first.")
        try:
            found, after = await self._events.published(channel, after, limit_of(request, MOST))
        except PlaceGone as error:
            raise Problem(
                410,
                "facts-gone",
                "Place gone",
                f"{error} Leave `after` out to read everything that is kept, and drop the ids that "
                "you know. What you had not read when the stream was lost may be missing: compare "
                "your open orders with GET /api/v1/orders.",
            ) from error
        except NatsUnusable as error:
            raise Problem(
                503, "unavailable", "Unavailable", str(error), headers={"Retry-After": "2"}
            ) from error
        return json_answer({"events": [msgspec.Raw(body) for body in found], "after": after})

    def _channel(self, request: web.Request, principal: Principal) -> str:
        asked = request.query.get("channel", "")
        channels_of(asked, principal)
        if not asked and len(principal.channels) == 1 and ANY_CHANNEL not in principal.channels:
            (asked,) = principal.channels
        if asked not in self._channels:
            raise bad_query("Name one of your channels in `channel`.")
        return asked
