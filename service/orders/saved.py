"""The console's page of saved views: filters of the list of orders under a name."""

from __future__ import annotations

from urllib.parse import urlencode

from aiohttp import web

from adapters.postgres.order_views import (
    MAX_NAME,
    MAX_OWN,
    MAX_SHARED,
    OrderViews,
    ViewRefused,
)
from service.console.frame import Frame, redirect
from service.console.people import Person
from service.http.requests import whole_of
from service.http.scopes import ORDERS_READ
from service.orders.acting import ACT

FOLDER = "orders/templates"

REMOVE_SHARED = "mappings:write"
"""Who may remove what somebody else shares: operators and admins, who keep what all use."""

_MAX_TEXT = 1_000  # a filter's own bound


class SavedPages:
    """`/orders/views`. Each keeps views of their own; who decides about orders may share them."""

    def __init__(self, frame: Frame, saved: OrderViews) -> None:
        self._frame = frame
        self._saved = saved

    def routes(self) -> list[web.RouteDef]:
        """The paths of the page; they come before those of one order."""
        frame = self._frame
        return [
            frame.get("/orders/views", ORDERS_READ, self.show),
            frame.post("/orders/views", ORDERS_READ, self.save),
            frame.post("/orders/views/{view:[0-9]{1,18}}/remove", ORDERS_READ, self.remove),
        ]

    async def show(self, request: web.Request, person: Person) -> web.Response:
        """Show the views there are, and a form for one more."""
        given = {"name": "", "filter": request.query.get("q", "")[:_MAX_TEXT], "shared": ""}
        return await self._page(request, person, given)

    async def save(self, request: web.Request, person: Person) -> web.Response:
        """Keep a view, and show the orders that it finds."""
        form = await self._frame.form(request)
        given = {name: form.get(name, "")[:_MAX_TEXT] for name in ("name", "filter", "shared")}
        shared = given["shared"] == "yes" and person.may(ACT)
        try:
            await self._saved.save(
                person.name,
                given["name"],
                given["filter"],
                shared=shared,
                person=person.audited_as,
                now=self._frame.clock.now(),
            )
        except ViewRefused as error:
            return await self._page(request, person, given, fault=str(error))
        return redirect(f"/orders?{urlencode({'q': given['filter'].strip()})}")

    async def remove(self, request: web.Request, person: Person) -> web.Response:
        """Remove a view."""
        view_id = whole_of("view", request.match_info["view"], 2**59)
        others = person.may(REMOVE_SHARED)
        now = self._frame.clock.now()
        given = {"name": "", "filter": "", "shared": ""}
        try:
            await self._saved.remove(
                view_id, person.name, others=others, person=person.audited_as, now=now
            )
        except ViewRefused as error:
            return await self._page(request, person, given, fault=str(error))
        return redirect("/orders/views?said=removed")

    async def _page(
        self, request: web.Request, person: Person, given: dict[str, str], *, fault: str = ""
    ) -> web.Response:
        values = {
            "saved": await self._saved.seen_by(person.name),
            "given": given,
            "fault": fault,
            "said": request.query.get("said", "") == "removed",
            "may_share": person.may(ACT),
            "may_remove": person.may(REMOVE_SHARED),
            "bounds": (MAX_NAME, MAX_OWN, MAX_SHARED),
        }
        return self._frame.page(request, person, f"{FOLDER}/views.html", values)
