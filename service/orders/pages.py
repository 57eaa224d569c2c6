"""The console's pages of orders: the list, and one order with what it was and what it waits for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from urllib.parse import urlencode

from aiohttp import web
from msgspec import Struct

from adapters.postgres.audit import Audit
from adapters.postgres.order_filter import FIELDS, FilterRefused, completions, parse
from adapters.postgres.order_parts import skus_of
from adapters.postgres.order_views import OrderViews
from adapters.postgres.sealing import Damaged, KeyMissing
from adapters.postgres.timeline import Entry, timer_entries
from adapters.postgres.timeline_pages import TimelinePages
from adapters.postgres.views import OrderView, Page, Views
from schemas.order.canonical import Order
from schemas.order.tracking_pages import tracking_page
from service.console.frame import Frame
from service.console.people import PERSONAL, Person
from service.console.rendering import masked
from service.http import problems
from service.http.auth import ANY_CHANNEL
from service.http.requests import whole_of
from service.http.scopes import ORDERS_READ
from service.orders.choices import choices_of
from service.orders.labels import valid_labels
from service.orders.reading import READ_LABELS, Finder

FOLDER = "orders/templates"

PAGE_ROWS = 50
"""Orders on a page: two screens."""

VIEWS = (
    ("", "All"),
    ("is:attention", "Need a person"),
    ("is:open", "Under way"),
    ("is:attention hold:address", "Address held"),
    ("stage:backordered", "Backordered"),
    ("is:open age:>2d", "Older than two days"),
    ("stage:shipped", "On their way"),
    ("stage:cancelled", "Cancelled"),
)
"""Filters that are a click away: their words are the language's lesson."""

ENDINGS: Mapping[str, str] = MappingProxyType(
    {"application/pdf": "pdf", "image/png": "png", "image/gif": "gif", "application/zpl": "zpl"}
)
"""Of a downloaded label's name, by its type."""

_MAX_TEXT = 1_000  # a filter's own bound


class Mark(Struct, frozen=True, kw_only=True):
    """How an entry of the timeline looks: its sign, its name for screen readers, its class."""

    sign: str
    name: str
    kind: str


DECIDED = Mark(sign="●", name="decided", kind="decided")
CALLED = Mark(sign="⇄", name="call", kind="called")
ASKED = Mark(sign="→", name="asked", kind="asked")
WAITING = Mark(sign="…", name="waiting", kind="asked")
DUE = Mark(sign="◷", name="due", kind="asked")
ANSWERED = Mark(sign="←", name="answered", kind="answered")
FAULTY = Mark(sign="!", name="needs a person", kind="faulty")


class OrderPages:
    """Pages for looking. `known` are the channels of a filter's `email:`; a reload changes it."""

    def __init__(
        self,
        frame: Frame,
        views: Views,
        finder: Finder,
        audit: Audit,
        known: Collection[str],
        saved: OrderViews,
        *,
        pages: TimelinePages,
    ) -> None:
        self._pages = pages
        self._saved = saved
        self._frame = frame
        self._views = views
        self._finder = finder
        self._audit = audit
        self._known = known

    def routes(self) -> list[web.RouteDef]:
        """The paths of the pages."""
        one, frame = "/orders/{id}", self._frame
        return [
            frame.get("/orders", ORDERS_READ, self.list_orders),
            frame.get("/orders/rows", ORDERS_READ, self.rows),
            frame.get("/orders/complete", ORDERS_READ, self.complete),
            frame.get(one, ORDERS_READ, self.show),
            frame.get(f"{one}/now", ORDERS_READ, self.now),
            frame.get(f"{one}/customer", PERSONAL, self.customer),
            frame.get(f"{one}/exchanges/{{number}}", PERSONAL, self.exchange),
            frame.get(f"{one}/labels/{{parcel}}", READ_LABELS, self.label),
        ]

    async def list_orders(self, request: web.Request, person: Person) -> web.StreamResponse:
        """Show a page of orders; a filter that is one order's number leads to it."""
        text = request.query.get("q", "").strip()[: _MAX_TEXT + 1]
        values = await self._list(request, person)
        values["saved"] = await self._saved.seen_by(person.name)
        page = values["page"]
        assert isinstance(page, Page)
        if text and ":" not in text and " " not in text and len(page.rows) == 1:
            raise web.HTTPSeeOther(f"/orders/{page.rows[0].order_id}")
        return self._frame.page(request, person, f"{FOLDER}/list.html", values)

    async def rows(self, request: web.Request, person: Person) -> web.Response:
        """Show the rows alone: the list's live part."""
        values = await self._list(request, person)
        return self._frame.page(request, person, f"{FOLDER}/rows.html", values)

    async def complete(self, request: web.Request, person: Person) -> web.Response:
        """Show how an unfinished filter may go on."""
        begun = request.query.get("q", "")[:_MAX_TEXT]
        seen = channels_of(person)
        seen = self._known if seen is None else seen
        kept = begun[: len(begun) - len(begun.split()[-1].lstrip("-"))] if begun.strip() else ""
        found = [(f"{kept}{one}", one) for one in completions(begun, seen)]
        return self._frame.page(request, person, f"{FOLDER}/complete.html", {"found": found})

    async def show(self, request: web.Request, person: Person) -> web.Response:
        """Show one order."""
        values = await self._order(request, person)
        return self._frame.page(request, person, f"{FOLDER}/order.html", values)

    async def now(self, request: web.Request, person: Person) -> web.Response:
        """Show one order's live part; 204 while it is as the page has it."""
        values = await self._order(request, person, seen=request.query.get("seen", ""))
        if not values:
            return web.Response(status=204, headers={"Cache-Control": "no-store"})
        return self._frame.page(request, person, f"{FOLDER}/order_now.html", values)

    async def customer(self, request: web.Request, person: Person) -> web.Response:
        """Show whose order it is; who looked is kept."""
        view = await self._finder.find(request, person)
        order = await self._body(view)
        await self._looked(person, view, "order.customer_seen")
        values = {"view": view, "order": order}
        return self._frame.page(request, person, f"{FOLDER}/customer.html", values)

    async def exchange(self, request: web.Request, person: Person) -> web.Response:
        """Show what we and a partner said in one call; who looked is kept."""
        view = await self._finder.find(request, person)
        number = whole_of("number", request.match_info["number"], 2**62)
        kept = await self._views.exchange(view.row.order_id, number)
        if kept is None:
            raise problems.not_found("The order has no such exchange, or it is not kept any more.")
        await self._looked(person, view, "order.exchange_seen")
        one = kept.exchange
        values = {
            "view": view,
            "kept": kept,
            "request_text": one.request.decode("utf-8", "replace"),
            "response_text": one.response.decode("utf-8", "replace"),
        }
        return self._frame.page(request, person, f"{FOLDER}/exchange.html", values)

    async def label(self, request: web.Request, person: Person) -> web.Response:
        """Download the label of a parcel."""
        view = await self._finder.find(request, person)
        order_id, parcel = view.row.order_id, request.match_info["parcel"]
        state = await self._views.state(order_id)
        bought = valid_labels(state, await self._views.labels(order_id))
        file = next((one.file for one in bought if one.parcel == parcel), "")
        document = await self._views.document(order_id, file) if file else None
        if document is None:
            raise problems.not_found("The parcel has no label, or it is not kept any more.")
        await self._looked(person, view, "order.label_downloaded")
        ending = ENDINGS.get(document.content_type, "bin")
        return web.Response(
            body=document.content,
            headers={
                "Content-Type": document.content_type,
                "Content-Disposition": f'attachment; filename="label-{order_id}-{parcel}.{ending}"',
                "X-Content-Type-Options": "nosniff",
                "Cache-Control": "no-store",
            },
        )

    async def _list(self, request: web.Request, person: Person) -> dict[str, object]:
        text = request.query.get("q", "").strip()[: _MAX_TEXT + 1]
        fault, cursor = "", request.query.get("cursor") or None
        page = Page(rows=(), next_cursor=None)
        try:
            page = await self._views.matching(
                parse(text),
                now=self._frame.clock.now(),
                known=self._known,
                only=channels_of(person),
                cursor=cursor,
                limit=PAGE_ROWS,
            )
        except FilterRefused as refused:
            fault = f"{refused}."
        following = urlencode({"q": text, "cursor": page.next_cursor or ""})
        return {
            "text": text,
            "fault": fault,
            "page": page,
            "first": cursor is None,
            "following": f"/orders?{following}" if page.next_cursor else "",
            "live": f"/orders/rows?{urlencode({'q': text})}",
            "views": VIEWS,
            "fields": FIELDS,
        }

    async def _order(
        self, request: web.Request, person: Person, *, seen: str = ""
    ) -> dict[str, object]:
        view = await self._finder.find(request, person)
        tries = sum(one.attempts for one in view.effects)
        tag = f"{view.row.version}-{len(view.effects)}-{tries}-{len(view.files)}"
        if seen == tag:
            return {}
        order = await self._body(view, must=False)
        lines = skus_of(await self._views.state(view.row.order_id))
        page = await self._pages.before(view.row.order_id, lines)
        due = timer_entries([(x.key, x.name, x.due_at, x.error) for x in view.timers])
        titles = {line.line_id: line.title for line in order.lines} if order is not None else {}
        return {
            "view": view,
            "row": view.row,
            "tag": tag,
            "order": order,
            "titles": titles,
            "entries": [(one, mark_of(one)) for one in (*page.entries, *due)],
            "older": page.older,
            "choices": choices_of(view) if person.may("orders:act") else (),
            "labels": await self._labels(view) if person.may(READ_LABELS) else frozenset(),
            "tracking_page": tracking_page,
            "customer": masked(order.customer.name) if order is not None else "",
        }

    async def _labels(self, view: OrderView) -> frozenset[str]:
        """Return the parcels whose labels can be downloaded."""
        if not view.files:
            return frozenset()
        order_id = view.row.order_id
        state = await self._views.state(order_id)
        return frozenset(
            one.parcel for one in valid_labels(state, await self._views.labels(order_id))
        )

    async def _body(self, view: OrderView, *, must: bool = True) -> Order | None:
        try:
            return await self._views.order(view.row.order_id)
        except (KeyMissing, Damaged):
            if must:
                raise
            return None

    async def _looked(self, person: Person, view: OrderView, action: str) -> None:
        await self._audit.record(
            at=self._frame.clock.now(),
            person=person.audited_as,
            action=action,
            target=f"order:{view.row.order_id}",
            reason="looked at in the console",
            channel=view.row.channel,
        )


def channels_of(person: Person) -> Collection[str] | None:
    """Return the channels that a person may see, None for all."""
    return None if ANY_CHANNEL in person.channels else sorted(person.channels)


def mark_of(entry: Entry) -> Mark:
    """Return how an entry of the timeline looks."""
    if entry.status in ("person", "suspended", "refused"):
        return FAULTY
    if entry.kind == "event":
        return DECIDED
    if entry.kind == "exchange":
        answered = entry.status.isdigit() and 0 < int(entry.status) < 400
        return CALLED if answered else FAULTY
    return {"asked": ASKED, "open": WAITING, "due": DUE}.get(entry.status, ANSWERED)
