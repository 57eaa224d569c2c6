"""`/`: the flow alive. Where orders are, what needs a person, how partners do.

The figures are read when somebody looks, and not again for two seconds, however many look.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from aiohttp import web
from msgspec import Struct

from adapters.postgres.incident_views import IncidentRow, IncidentViews
from adapters.postgres.overview import MOST_COUNTED, Overview, read_overview
from adapters.postgres.pool import Pool
from service.console.frame import Frame
from service.console.people import Person
from service.http.auth import ANY_CHANNEL
from service.http.scopes import ORDERS_READ

STEPS = (
    "expected", "placed", "accepted", "backordered", "reserved", "released", "picked", "packed",
    "shipped", "delivered", "cancelling",
)  # fmt: skip
"""How far orders under way are, in the order in which they go."""

FRESH_SECONDS = 2.0
"""How long figures are shown again: pages ask every two seconds."""

MAX_READ = 32
"""Different sets of channels whose figures are kept: users of one team have the same."""

T = TypeVar("T")


class Fresh(Generic[T]):
    """Reads once for all who ask within FRESH_SECONDS."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._found: dict[tuple[str, ...], tuple[float, T]] = {}
        self._reading = asyncio.Lock()

    async def get(self, key: tuple[str, ...], read: Callable[[], Awaitable[T]]) -> T:
        """Return what was read lately, else read it; one at a time."""
        async with self._reading:
            at, found = self._found.get(key, (0.0, None))
            if found is None or self._monotonic() - at > FRESH_SECONDS:
                found = await read()
                if len(self._found) >= MAX_READ:
                    self._found.clear()
                self._found[key] = self._monotonic(), found
            return found


class Bar(Struct, frozen=True, kw_only=True):
    """A minute in the picture: its place and heights in units of it."""

    x: int
    height: int
    left: int
    orders: int
    ago: int


class _Read(Struct, frozen=True, kw_only=True):
    overview: Overview
    incidents: tuple[IncidentRow, ...]


class OverviewPages:
    """The first page, and its live part."""

    def __init__(self, frame: Frame, pool: Pool, monotonic: Callable[[], float]) -> None:
        self._frame = frame
        self._pool = pool
        self._incidents = IncidentViews(pool)
        self._fresh: Fresh[_Read] = Fresh(monotonic)

    def routes(self) -> list[web.RouteDef]:
        """The paths of the overview."""
        return [
            self._frame.get("/", ORDERS_READ, self.show),
            self._frame.get("/overview/now", ORDERS_READ, self.now),
        ]

    async def show(self, request: web.Request, person: Person) -> web.Response:
        """Show the page."""
        values = await self._values(person)
        return self._frame.page(request, person, "console/templates/overview.html", values)

    async def now(self, request: web.Request, person: Person) -> web.Response:
        """Show its live part alone."""
        values = await self._values(person)
        return self._frame.page(request, person, "console/templates/overview_now.html", values)

    async def _values(self, person: Person) -> dict[str, object]:
        channels = None if ANY_CHANNEL in person.channels else tuple(sorted(person.channels))
        found = await self._fresh.get(channels or (), lambda: self._read(channels))
        overview = found.overview
        by_name = {one.progress: one for one in overview.steps}
        rest = [one.progress for one in overview.steps if one.progress not in STEPS]
        steps = [
            (
                name,
                by_name[name].orders if name in by_name else 0,
                by_name[name].attention if name in by_name else 0,
            )
            for name in (*STEPS, *sorted(rest))
        ]
        most = max((orders for _, orders, _ in steps), default=0) or 1
        return {
            "overview": overview,
            "incidents": found.incidents,
            "steps": [
                (name, orders, attention, round(100 * orders / most))
                for name, orders, attention in steps
                if orders or name not in ("expected", "backordered", "cancelling")
            ],
            "under_way": sum(orders for _, orders, _ in steps),
            "bars": _bars(overview),
            "placed": sum(one.orders for one in overview.minutes),
            "left": sum(one.left for one in overview.minutes),
            "most_counted": MOST_COUNTED,
        }

    async def _read(self, channels: tuple[str, ...] | None) -> _Read:
        now = self._frame.clock.now()
        incidents = await self._incidents.list_incidents(now, is_open=True, channels=channels)
        overview = await read_overview(self._pool, now, channels)
        return _Read(overview=overview, incidents=incidents)


def _bars(overview: Overview) -> list[Bar]:
    most = max((one.orders for one in overview.minutes), default=0) or 1
    return [
        Bar(
            x=place * 10,
            height=round(56 * one.orders / most) if one.orders else 0,
            left=round(56 * one.left / most),
            orders=one.orders,
            ago=len(overview.minutes) - place,
        )
        for place, one in enumerate(overview.minutes)
    ]
