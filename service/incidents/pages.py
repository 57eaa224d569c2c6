"""The console's pages of incidents: what goes wrong, how far it reaches, and what to do."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web
from msgspec import Struct

from adapters.postgres.incident_views import IncidentView, IncidentViews
from adapters.postgres.views import OrderRow, OrderView, Views
from schemas.contracts.incidents import CATEGORIES
from schemas.order.ids import OrderId
from service.console.frame import Frame
from service.console.people import Person
from service.http import problems
from service.http.auth import ANY_CHANNEL
from service.http.scopes import ORDERS_READ

FOLDER = "incidents/templates"

DAYS = 7
"""Of the trend: this week, an hour a bar."""


class Bar(Struct, frozen=True, kw_only=True):
    """An hour in the picture."""

    x: int
    height: int


class IncidentPages:
    """`/incidents` and `/incidents/{category}`."""

    def __init__(self, frame: Frame, incidents: IncidentViews, views: Views) -> None:
        self._frame = frame
        self._incidents = incidents
        self._views = views

    def routes(self) -> list[web.RouteDef]:
        """The paths of the pages."""
        return [
            self._frame.get("/incidents", ORDERS_READ, self.list_incidents),
            self._frame.get("/incidents/{category}", ORDERS_READ, self.show),
        ]

    async def list_incidents(self, request: web.Request, person: Person) -> web.Response:
        """Show every category that has occurred, open ones first."""
        rows = await self._incidents.list_incidents(
            self._frame.clock.now(), channels=_channels(person)
        )
        return self._frame.page(request, person, f"{FOLDER}/list.html", {"rows": rows})

    async def show(self, request: web.Request, person: Person) -> web.Response:
        """Show one category: its reach, its trend, its orders, and what to do."""
        category, found = request.match_info["category"], None
        if category in CATEGORIES:
            found = await self._incidents.show(
                category, self._frame.clock.now(), channels=_channels(person)
            )
        if found is None:
            raise problems.not_found("No failure of this category has occurred.")
        values = {
            "found": found,
            "one": found.incident,
            "orders": await self._orders(found, person),
            "bars": self._bars(found),
            "hours": DAYS * 24,
        }
        return self._frame.page(request, person, f"{FOLDER}/incident.html", values)

    async def _orders(self, found: IncidentView, person: Person) -> list[OrderRow]:
        shown: list[OrderView | None] = [
            await self._views.show(OrderId(order_id)) for order_id in found.orders
        ]
        return [one.row for one in shown if one is not None and person.serves(one.row.channel)]

    def _bars(self, found: IncidentView) -> list[Bar]:
        now = self._frame.clock.now().replace(minute=0, second=0, microsecond=0)
        first = now - timedelta(hours=DAYS * 24 - 1)
        most = max((one.occurrences for one in found.series if one.at >= first), default=0) or 1
        return [
            Bar(
                x=int((one.at - first).total_seconds() // 3600),
                height=max(2, round(60 * one.occurrences / most)),
            )
            for one in found.series
            if one.at >= first
        ]


def _channels(person: Person) -> tuple[str, ...] | None:
    return None if ANY_CHANNEL in person.channels else tuple(sorted(person.channels))
