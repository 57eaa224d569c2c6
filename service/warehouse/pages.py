"""The console's pages for who picks and packs: tasks, the papers for them, and reports where no
system of a warehouse's own reports."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import quote, urlencode

from aiohttp import web
from msgspec.structs import replace

from adapters.postgres.audit import Audit
from adapters.postgres.in_house import MAX_ORDERS, PostgresInHouse
from adapters.postgres.sealing import Damaged, KeyMissing
from adapters.postgres.views import OrderView, Views
from schemas.order.canonical import Order
from schemas.order.ids import OrderId
from service.console.frame import HEADERS, Frame, asked_once, once, redirect
from service.console.people import WAREHOUSE, Person
from service.http import problems
from service.http.requests import channels_of
from service.http.scopes import ORDERS_READ
from service.inbound.edge import Stream
from service.warehouse.reporting import KINDS, Filled, NotReported, report_of, send
from service.warehouse.tasks import PackTask, Reports, sorted_tasks, tasks_of, to_pick

FOLDER = "warehouse/templates"

SAID = {
    "picked": "Noted: the goods are off the shelf.",
    "short": "Noted: what is missing is decided by the rules, or by a person.",
    "packed": "Noted: the parcel is packed. Its label comes in a moment, where we buy it.",
    "handed-over": "Noted: the parcels have left, and the customer is told.",
    "collected": "Noted: the customer has the goods.",
}

_LINE = "line:"


class WarehousePages:
    """`/warehouse…`. Addresses are on packing slips alone, and who opens one is kept. `ours` are
    the places whose labels we buy; a reload changes them."""

    def __init__(
        self,
        frame: Frame,
        views: Views,
        house: PostgresInHouse,
        stream: Stream,
        audit: Audit,
        ours: Collection[str],
    ) -> None:
        self._ours = ours
        self._frame = frame
        self._views = views
        self._house = house
        self._stream = stream
        self._audit = audit

    def routes(self) -> list[web.RouteDef]:
        """The paths of the pages."""
        one, frame = "/warehouse/{order:[0-9A-Z]{1,40}}/{key:F[0-9]{1,4}}", self._frame
        return [
            frame.get("/warehouse", ORDERS_READ, self.list_tasks),
            frame.get("/warehouse/rows", ORDERS_READ, self.rows),
            frame.get("/warehouse/pick-list", ORDERS_READ, self.pick_list),
            frame.get(one, ORDERS_READ, self.show),
            frame.get(f"{one}/now", ORDERS_READ, self.now),
            frame.get(f"{one}/slip", WAREHOUSE, self.slip),
            frame.post(f"{one}/{{what:{'|'.join(KINDS)}}}", WAREHOUSE, self.report),
        ]

    async def list_tasks(self, request: web.Request, person: Person) -> web.Response:
        """Show what there is to do, the most urgent first."""
        values = await self._list(request, person)
        return self._frame.page(request, person, f"{FOLDER}/list.html", values)

    async def rows(self, request: web.Request, person: Person) -> web.Response:
        """Show the rows alone: the list's live part."""
        values = await self._list(request, person)
        return self._frame.page(request, person, f"{FOLDER}/rows.html", values)

    async def pick_list(self, request: web.Request, person: Person) -> web.Response:
        """Show what is to be taken from the shelves, by SKU, to print."""
        values = await self._list(request, person)
        tasks = values["tasks"]
        assert isinstance(tasks, list)
        values = {**values, "skus": to_pick(tasks)}
        return self._frame.page(request, person, f"{FOLDER}/pick_list.html", values)

    async def show(self, request: web.Request, person: Person) -> web.Response:
        """Show one task."""
        view, task = await self._found(request, person)
        return await self._page(request, person, view, task)

    async def now(self, request: web.Request, person: Person) -> web.Response:
        """Show the part that moves by itself. What is to be packed stands in a form: when that has
        changed the whole page comes again."""
        view = await self._views.show(OrderId(request.match_info["order"]))
        if view is None or not person.serves(view.row.channel):
            raise problems.not_found("No order of yours has this id.")
        key = request.match_info["key"]
        task = next((one for one in self._tasks(view, person) if one.key == key), None)
        if task is None:
            return web.Response(status=200, headers={**HEADERS, "HX-Redirect": "/warehouse"})
        if request.query.get("seen") != task.tag:
            kept = urlencode({"moved": task.tag, "said": _said(request)})
            there = f"/warehouse/{quote(task.order_id)}/{task.key}?{kept}"
            return web.Response(status=200, headers={**HEADERS, "HX-Redirect": there})
        values = {
            "task": task,
            "once": once(),
            "may_print": person.may("labels:read"),
            "key": _said(request),
        }
        return self._frame.page(request, person, f"{FOLDER}/task_now.html", values)

    async def slip(self, request: web.Request, person: Person) -> web.Response:
        """Show the packing slip, to print; who looked is kept."""
        view, task = await self._found(request, person)
        try:
            order = await self._views.order(view.row.order_id)
        except (KeyMissing, Damaged):
            order = None
        if order is None:
            raise problems.not_found("What was ordered is not kept any more.")
        await self._noted(person, view, "order.customer_seen", "packing slip printed")
        values = {"view": view, "task": task, "order": order, "titles": _titles(order)}
        return self._frame.page(request, person, f"{FOLDER}/slip.html", values)

    async def report(self, request: web.Request, person: Person) -> web.Response:
        """Send what a person did with the task; the order takes it as any warehouse's report."""
        view, task = await self._found(request, person)
        what = request.match_info["what"]
        form = await self._frame.form(request)
        filled = Filled(
            quantities={k[len(_LINE) :]: v for k, v in form.items() if k.startswith(_LINE)},
            weight=form.get("weight", "").strip(),
            more=form.get("more", "") == "yes",
        )
        try:
            if form.get("seen") != task.tag:
                raise NotReported("The task has changed meanwhile. It is shown as it is now.")
            asked = asked_once(person, form)
            made = report_of(
                view.row.ref, task, what, filled, person=person.audited_as, asked=asked
            )
        except NotReported as error:
            return await self._page(request, person, view, task, fault=str(error), filled=filled)
        delivery_id = f"warehouse:{asked}"
        await send(self._stream, view.row, what, made, delivery_id)
        # Only now: of what the stream did not take nothing was reported.
        await self._noted(person, view, f"warehouse.{what}", f"reported of {task.key}")
        if what in ("handed-over", "collected"):
            return redirect(f"/warehouse?said={what}")
        return redirect(f"/warehouse/{quote(task.order_id)}/{task.key}?said={what}")

    async def _list(self, request: web.Request, person: Person) -> dict[str, object]:
        now = self._frame.clock.now()
        orders = await self._house.oldest(channels_of("", person))
        every = [
            task
            for one in orders
            for task in tasks_of(
                one.parts,
                order_id=one.order_id,
                number=one.number,
                channel=one.channel,
                placed_at=one.placed_at,
                now=now,
                ours=self._ours,
            )
        ]
        place = request.query.get("place", "")[:64]
        tasks = sorted_tasks(one for one in every if place in ("", one.place))
        return {
            "tasks": tasks,
            "place": place,
            "places": sorted({one.place for one in every}),
            "is_full": len(orders) == MAX_ORDERS,
            "live": f"/warehouse/rows?{urlencode({'place': place})}",
            "most": MAX_ORDERS,
            "said": SAID.get(_said(request), ""),
        }

    async def _page(
        self,
        request: web.Request,
        person: Person,
        view: OrderView,
        task: PackTask,
        *,
        fault: str = "",
        filled: Filled | None = None,
    ) -> web.Response:
        try:
            order = await self._views.order(view.row.order_id)
        except (KeyMissing, Damaged):
            order = None
        values = {
            "view": view,
            "task": task,
            "titles": _titles(order) if order is not None else {},
            "gift": order.gift_message if order is not None else "",
            "may_print": person.may("labels:read"),
            "fault": fault,
            "filled": filled or Filled(quantities={}),
            "said": SAID.get(_said(request), ""),
            "key": _said(request),
            "once": once(),
            "may": person.may(WAREHOUSE),
        }
        return self._frame.page(request, person, f"{FOLDER}/task.html", values)

    async def _found(self, request: web.Request, person: Person) -> tuple[OrderView, PackTask]:
        view = await self._views.show(OrderId(request.match_info["order"]))
        if view is None or not person.serves(view.row.channel):
            raise problems.not_found("No order of yours has this id.")
        key = request.match_info["key"]
        task = next((one for one in self._tasks(view, person) if one.key == key), None)
        if task is None:
            raise problems.not_found(
                "The task is not in the house any more: it has left, or was cancelled. The order's"
                " page says what became of it."
            )
        return view, task

    def _tasks(self, view: OrderView, person: Person) -> list[PackTask]:
        row = view.row
        found = tasks_of(
            view,
            order_id=row.order_id,
            number=row.number,
            channel=row.channel,
            placed_at=row.placed_at,
            now=self._frame.clock.now(),
            ours=self._ours,
        )
        if person.may(WAREHOUSE):
            return found
        return [replace(one, reports=Reports()) for one in found]

    async def _noted(self, person: Person, view: OrderView, action: str, reason: str) -> None:
        await self._audit.record(
            at=self._frame.clock.now(),
            person=person.audited_as,
            action=action,
            target=f"order:{view.row.order_id}",
            reason=reason,
            channel=view.row.channel,
        )


def _titles(order: Order) -> dict[str, str]:
    return {line.line_id: line.title for line in order.lines}


def _said(request: web.Request) -> str:
    """Return what was reported last, "" for nothing that can be."""
    said = request.query.get("said", "")
    return said if said in SAID else ""
