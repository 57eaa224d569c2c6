"""The console's pages of an order's past: the order at any earlier moment, what today's rules would
decide, and its older timeline."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from aiohttp import web

from adapters.postgres.order_parts import skus_of
from adapters.postgres.sealing import Damaged, KeyMissing
from adapters.postgres.timeline_pages import TimelinePages
from adapters.postgres.views import OrderView, Views
from service.app.errors import OperatorError
from service.console.frame import Frame
from service.console.people import Person
from service.http import problems
from service.http.requests import is_possible, whole_of
from service.http.scopes import ORDERS_READ
from service.orders.earlier import Earlier
from service.orders.pages import FOLDER, mark_of
from service.orders.reading import Finder
from service.orders.what_if import MAX_DIFFERENCES

INPUTS: Mapping[str, str] = MappingProxyType(
    {
        "order.place.v2": "the order came",
        "person.act.v1": "a person decided",
        "effect.done.v2": "a partner had done what it was asked for",
        "effect.refused.v1": "a partner refused what it was asked for",
        "effect.given_up.v1": "a partner was not reached any more",
        "timer.fired.v2": "a time had come",
    }
)
"""What an input was, in words; a test proves that none is left out that can be decided again."""


class EarlierPages:
    """`/orders/{id}/past…`, `/orders/{id}/what-if` and `/orders/{id}/timeline`. They change
    nothing, and show no more of a customer than the order's own page."""

    def __init__(
        self, frame: Frame, views: Views, finder: Finder, earlier: Earlier, pages: TimelinePages
    ) -> None:
        self._frame = frame
        self._views = views
        self._finder = finder
        self._earlier = earlier
        self._pages = pages

    def routes(self) -> list[web.RouteDef]:
        """The paths of the pages."""
        one, frame = "/orders/{id}", self._frame
        return [
            frame.get(f"{one}/past", ORDERS_READ, self.show),
            frame.get(f"{one}/past/now", ORDERS_READ, self.part),
            frame.get(f"{one}/what-if", ORDERS_READ, self.what_if),
            frame.get(f"{one}/timeline", ORDERS_READ, self.timeline),
        ]

    async def show(self, request: web.Request, person: Person) -> web.Response:
        """Show an order as it was."""
        values = await self._values(request, person)
        return self._frame.page(request, person, f"{FOLDER}/past.html", values)

    async def part(self, request: web.Request, person: Person) -> web.Response:
        """Show the part that follows the slider."""
        values = await self._values(request, person)
        return self._frame.page(request, person, f"{FOLDER}/past_now.html", values)

    async def what_if(self, request: web.Request, person: Person) -> web.Response:
        """Show what would be decided otherwise today."""
        view = await self._finder.find(request, person)
        fault, found = "", None
        try:
            found = await self._earlier.what_if(view.row)
        except (OperatorError, KeyMissing, Damaged) as error:
            fault = str(error)
        values = {
            "row": view.row,
            "found": found,
            "fault": fault,
            "inputs": INPUTS,
            "most": MAX_DIFFERENCES,
        }
        return self._frame.page(request, person, f"{FOLDER}/what_if.html", values)

    async def timeline(self, request: web.Request, person: Person) -> web.Response:
        """Show what happened before an event."""
        view = await self._finder.find(request, person)
        before = whole_of("before", request.query.get("before", ""), 2**31 - 1)
        lines = skus_of(await self._views.state(view.row.order_id))
        page = await self._pages.before(view.row.order_id, lines, before)
        values = {
            "row": view.row,
            "entries": [(one, mark_of(one)) for one in page.entries],
            "older": page.older,
        }
        return self._frame.page(request, person, f"{FOLDER}/timeline.html", values)

    async def _values(self, request: web.Request, person: Person) -> dict[str, object]:
        view = await self._finder.find(request, person)
        version, fault = await self._version(request, view)
        try:
            moment = await self._earlier.moment(view.row.order_id, version)
        except OperatorError as error:
            raise problems.not_found(str(error)) from error
        try:
            order = await self._views.order(view.row.order_id)
        except (KeyMissing, Damaged):
            order = None
        return {
            "now_row": view.row,
            "last": view.row.version,
            "moment": moment,
            "row": moment.row,
            "parts": moment.parts,
            "titles": {x.line_id: x.title for x in order.lines} if order is not None else {},
            "paid_in": order.presentment.currency if order and order.presentment else "",
            "currencies": {x.key: x.currency for x in moment.parts.payments},
            "fault": fault,
        }

    async def _version(self, request: web.Request, view: OrderView) -> tuple[int, str]:
        """Return which version is asked for, and why it is another one ("": it is not)."""
        last, text = view.row.version, request.query.get("until", "")[:40]
        if text:
            at = _moment_of(text)
            if at is None:
                return last, "A time is written such as 2026-11-20T10:15:00, in UTC."
            found = await self._earlier.version_at(view.row.order_id, at)
            return max(found, 1), "" if found else "Nothing was known of the order then."
        asked = request.query.get("at", "")
        if asked.isascii() and asked.isdigit() and len(asked) <= 10:
            return max(1, min(int(asked), last)), ""
        return last, ""


def _moment_of(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    found = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    return found if is_possible(found) else None
