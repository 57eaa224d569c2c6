"""The console's page of the audit: who did what to what, when and why, newest first."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from urllib.parse import quote, urlencode

from aiohttp import web
from msgspec import Struct

from actors.order.redaction import masked
from adapters.postgres.audit import Audit, AuditEntry, AuditFilter
from adapters.postgres.order_names import Ambiguous
from adapters.postgres.sealing import Damaged, KeyMissing
from adapters.postgres.views import Views
from schemas.order.canonical import Order
from schemas.order.ids import OrderId
from service.console.frame import Frame
from service.console.people import AUDIT, PERSONAL, Person
from service.http.auth import ANY_CHANNEL
from service.http.requests import before_of

FOLDER = "audit/templates"

PAGE_ROWS = 50
"""Rows on a page: two screens."""

CONSOLE = " (console)"
"""What stands behind the name of who came by the console; on the command line nothing does."""

MAX_FIELD = 200
"""Characters of what is looked for; names and ids are shorter."""

_ORDER = "order:"
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_PHONE = re.compile(r"\+?\d(?:[ ()./-]{0,2}\d){6,}")
_LINKS: Mapping[str, str] = {
    "order": "/orders/",
    "batch": "/batches/",
    "quarantine": "/quarantine/",
    "rules": "/rules/versions/",
}
"""Pages of what a row is about."""


class AuditShown(Struct, frozen=True, kw_only=True):
    """A row as a person may read it. `told` are the states before and after, one a line; `path`
    leads to what it is about, "" for nowhere."""

    entry: AuditEntry
    target: str
    path: str
    reason: str
    told: tuple[str, ...]


class NotFound(Exception):
    """What is looked for can't be understood; the text says why."""


class AuditPages:
    """`/audit`. A person of some channels sees what was done to those; who may not know whose order
    it is reads reasons without what would tell it."""

    def __init__(self, frame: Frame, audit: Audit, views: Views) -> None:
        self._frame = frame
        self._audit = audit
        self._views = views

    def routes(self) -> list[web.RouteDef]:
        """The path of the page."""
        frame = self._frame
        return [frame.get("/audit", AUDIT, self.show)]

    async def show(self, request: web.Request, person: Person) -> web.Response:
        """Show a page of rows, and the form that finds them."""
        names = ("person", "action", "about", "since", "until")
        asked = {name: request.query.get(name, "").strip()[:MAX_FIELD] for name in names}
        before, fault = before_of(request), ""
        rows: tuple[AuditEntry, ...] = ()
        try:
            wanted = await self._wanted(asked, person)
            rows = await self._audit.page(wanted, before=before, limit=PAGE_ROWS)
        except NotFound as error:
            fault = str(error)
        following = ""
        if len(rows) == PAGE_ROWS:
            told = {name: text for name, text in asked.items() if text}
            following = f"/audit?{urlencode({**told, 'cursor': rows[-1].id})}"
        # A browser refuses a field of days whose value is none, and says so in its console.
        none = [name for name in ("since", "until") if not _DAY.fullmatch(asked[name])]
        values = {
            "asked": {**asked, **dict.fromkeys(none, "")},
            "rows": await self._shown(rows, person),
            "actions": await self._audit.actions(),
            "following": following,
            "first": before is None,
            "fault": fault,
        }
        return self._frame.page(request, person, f"{FOLDER}/list.html", values)

    async def _wanted(self, asked: Mapping[str, str], person: Person) -> AuditFilter:
        """Return the filter of a form. Raises NotFound."""
        channels = None if ANY_CHANNEL in person.channels else tuple(sorted(person.channels))
        name, until = asked["person"], _day(asked["until"], "Until")
        return AuditFilter(
            people=(name, f"{name}{CONSOLE}") if name else (),
            action=asked["action"],
            target=await self._target(asked["about"], channels) if asked["about"] else "",
            since=_day(asked["since"], "Since"),
            until=until + timedelta(days=1) if until is not None else None,
            channels=channels,
        )

    async def _target(self, about: str, channels: tuple[str, ...] | None) -> str:
        """Return what a row is about: what is named like `rules:7` as it is, else an order."""
        if re.fullmatch(r"[a-z_]+:\S+", about):
            return about
        try:
            found = await self._views.find(about, channels)
        except Ambiguous as error:
            raise NotFound(str(error)) from error
        if found is None:
            raise NotFound(
                f"No order of yours has the id, reference or number {about}. Other things are named"
                " by their kind and id, such as rules:7."
            )
        return f"{_ORDER}{found}"

    async def _shown(self, rows: tuple[AuditEntry, ...], person: Person) -> list[AuditShown]:
        if person.may(PERSONAL):
            return [_row(one) for one in rows]
        # An order's own names are looked for in the reasons about it.
        ids = {one.target.removeprefix(_ORDER) for one in rows if one.target.startswith(_ORDER)}
        orders = dict(zip(ids, await asyncio.gather(*map(self._order, ids)), strict=True))
        return [_row(one, partial(_hidden, orders, one)) for one in rows]

    async def _order(self, order_id: str) -> Order | None:
        try:
            return await self._views.order(OrderId(order_id))
        except (KeyMissing, Damaged):
            return None


def _hidden(orders: Mapping[str, Order | None], one: AuditEntry, text: str) -> str:
    """Return a text without mail addresses, telephone numbers, and the names of its order."""
    order = orders.get(one.target.removeprefix(_ORDER))
    return _PHONE.sub("***", masked(text, order))


def _row(one: AuditEntry, hide: Callable[[str], str] = str) -> AuditShown:
    kind, _, name = one.target.partition(":")
    path = f"{_LINKS[kind]}{quote(name, safe='')}" if kind in _LINKS and name else ""
    told = [f"before: {name} {hide(str(value))}" for name, value in one.before.items()]
    told += [f"after: {name} {hide(str(value))}" for name, value in one.after.items()]
    return AuditShown(
        entry=one,
        target=one.target if path else hide(one.target),
        path=path,
        reason=hide(one.reason),
        told=tuple(told),
    )


def _day(text: str, label: str) -> datetime | None:
    """Return the beginning of a day in UTC, None for none. Raises NotFound."""
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError as error:
        raise NotFound(f"{label} is a day such as 2026-11-27.") from error
