"""The API about incidents: which failures there are, how often, whom they affect."""

from __future__ import annotations

from collections.abc import Collection

import msgspec
from aiohttp import web

from adapters.postgres.incident_views import IncidentViews
from schemas.contracts.incidents import CATEGORIES
from service.http import problems
from service.http.auth import ANY_CHANNEL, Keys, Principal, principal_of
from service.http.problems import Problem
from service.http.scopes import READ
from service.inbound.edge import EdgeClock


class IncidentsApi:
    """`GET /api/v1/incidents` and `GET /api/v1/incidents/{category}`. A key sees the counts of its
    own channels only."""

    def __init__(self, views: IncidentViews, keys: Keys, clock: EdgeClock) -> None:
        self._views = views
        self._keys = keys
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """The paths about incidents."""
        return [
            web.get("/api/v1/incidents", self.list_incidents),
            web.get("/api/v1/incidents/{category}", self.show),
        ]

    async def list_incidents(self, request: web.Request) -> web.Response:
        """Answer every category that occurred, open ones first; `open` is `true` or `false`."""
        principal = await principal_of(request, self._keys, READ, self._clock.now())
        rows = await self._views.list_incidents(
            self._clock.now(),
            is_open=_flag(request.query.get("open", "")),
            channels=_channels(request.query.get("channel", ""), principal),
        )
        return _json({"incidents": rows})

    async def show(self, request: web.Request) -> web.Response:
        """Answer one category with its hourly series, newest orders and history."""
        principal = await principal_of(request, self._keys, READ, self._clock.now())
        category = request.match_info["category"]
        channels = _channels(request.query.get("channel", ""), principal)
        found = None
        if category in CATEGORIES:
            found = await self._views.show(category, self._clock.now(), channels=channels)
        if found is None:
            raise problems.not_found("No failure of this category has occurred at your channels.")
        return _json(found)


def _channels(asked: str, principal: Principal) -> Collection[str] | None:
    if not asked:
        return None if ANY_CHANNEL in principal.channels else principal.channels
    if not principal.serves(asked):
        raise Problem(
            403, "channel-refused", "Channel refused", "This API key does not serve that channel."
        )
    return (asked,)


def _flag(text: str) -> bool | None:
    if text not in {"", "true", "false"}:
        raise problems.bad_request("query", "Query not understood", "open is true or false.")
    return None if not text else text == "true"


def _json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")
