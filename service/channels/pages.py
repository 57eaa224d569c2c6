"""The console's page of channels and partners: how each does, in words."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web
from msgspec import Struct

from adapters.postgres.overview import Lane, read_lanes
from adapters.postgres.pool import Pool
from service.channels.service import ChannelsService
from service.console.frame import Frame
from service.console.people import Person
from service.http.scopes import ORDERS_READ

PAGE = "channels/templates/partners.html"


class PartnerHealth(Struct, frozen=True, kw_only=True):
    """A partner instance, and what waits for it (None: nothing)."""

    name: str
    kind: str
    lane: Lane | None


class PartnerPages:
    """`/partners`. `kinds` are the kinds of the partner instances, by name; a reload changes it."""

    def __init__(
        self, frame: Frame, service: ChannelsService, pool: Pool, kinds: Mapping[str, str]
    ) -> None:
        self._frame = frame
        self._service = service
        self._pool = pool
        self._kinds = kinds

    def routes(self) -> list[web.RouteDef]:
        """The path of the page."""
        return [self._frame.get("/partners", ORDERS_READ, self.show)]

    async def show(self, request: web.Request, person: Person) -> web.Response:
        """Show the channels that the person sees, and all partners."""
        lanes = {one.name: one for one in await read_lanes(self._pool)}
        named = dict(self._kinds)
        partners = [
            PartnerHealth(name=name, kind=kind, lane=lanes.get(name))
            for name, kind in sorted(named.items())
        ]
        others = [
            PartnerHealth(name=name, kind="", lane=lane)
            for name, lane in lanes.items()
            if name not in named
        ]
        views = await self._service.views()
        values = {
            "channels": [one for one in views if person.serves(one.name)],
            "partners": [*partners, *others],
        }
        return self._frame.page(request, person, PAGE, values)
