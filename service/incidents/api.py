"""The incidents API: failures by category, with counts and affected orders."""

from __future__ import annotations

from aiohttp import web

from adapters.postgres.incident_views import IncidentRow, IncidentView, IncidentViews
from schemas.contracts.incidents import CATEGORIES
from service.http import problems
from service.http.base import Api, json_answer
from service.http.described import FLAG, NAME, described, object_of
from service.http.requests import channels_of, flag_of
from service.http.scopes import ORDERS_READ


class IncidentsApi:
    """`GET /api/v1/incidents` and `GET /api/v1/incidents/{category}`. A key sees only the counts of
    its own channels."""

    def __init__(self, views: IncidentViews, api: Api) -> None:
        self._views = views
        self._api = api

    def routes(self) -> list[web.RouteDef]:
        """The paths of the incidents API."""
        return [
            web.get("/api/v1/incidents", self.list_incidents),
            web.get("/api/v1/incidents/{category}", self.show),
        ]

    @described(
        ORDERS_READ,
        object_of("Incidents", incidents=list[IncidentRow]),
        query={"open": FLAG, "channel": NAME},
    )
    async def list_incidents(self, request: web.Request) -> web.Response:
        """Return every category that has occurred, open ones first; `open` is `true` or `false`."""
        principal = await self._api.principal(request, ORDERS_READ)
        rows = await self._views.list_incidents(
            self._api.clock.now(),
            is_open=flag_of(request, "open"),
            channels=channels_of(request.query.get("channel", ""), principal),
        )
        return json_answer({"incidents": rows})

    @described(ORDERS_READ, IncidentView, query={"channel": NAME})
    async def show(self, request: web.Request) -> web.Response:
        """Return one category with its hourly counts, newest orders and history."""
        principal = await self._api.principal(request, ORDERS_READ)
        category = request.match_info["category"]
        channels = channels_of(request.query.get("channel", ""), principal)
        found = None
        if category in CATEGORIES:
            found = await self._views.show(category, self._api.clock.now(), channels=channels)
        if found is None:
            raise problems.not_found("No failure of this category has occurred on your channels.")
        return json_answer(found)
