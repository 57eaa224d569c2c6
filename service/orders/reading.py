"""The API's reading side: lists, single orders, timelines and the published schemas."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from typing import Any

from aiohttp import web

from adapters.postgres.order_filter import parse, with_shorthands
from adapters.postgres.order_names import Ambiguous
from adapters.postgres.timeline import Entry
from adapters.postgres.views import OrderRow, OrderView, Views
from schemas.contracts import published
from schemas.order.ids import REFERENCE_LENGTH, OrderId, ReferenceRefused
from service.http import problems
from service.http.auth import ANY_CHANNEL, Principal
from service.http.base import Api, json_answer
from service.http.described import (
    COUNT,
    FLAG,
    NAME,
    NO_KEY,
    Answered,
    described,
    object_of,
    page_of,
)
from service.http.etags import tags_of
from service.http.problems import Problem
from service.http.requests import bad_query, channels_of, flag_of, limit_of, next_page
from service.http.scopes import ORDERS_READ

READ_LABELS = "labels:read"
_ENTRIES: Any = list[object_of("TimelineEntry", Entry)]  # type: ignore[misc]  # a value here
WHOSE = {"channel": NAME}
"""Says whose order is meant, where several channels have one of that number."""

_MAX_PAGE = 200  # a page of rows is then under 200 kB
_MAX_TEXT = 200  # longer than any number, name or id that people search by


class Finder:
    """Finds the order an address names: by order id, a reference of it or its things, number, or
    the channel's reference. `verify` says whose a signed reference is."""

    def __init__(self, views: Views, verify: Callable[[str], OrderId]) -> None:
        self._views = views
        self._verify = verify

    async def find(self, request: web.Request, principal: Principal) -> OrderView:
        """Return the order that the path names, of the channel that `?channel=` names if it does.

        Raises Problem 404, also for an order the caller may not know of, and 409 with all
        candidates for a number that several of its channels use.
        """
        name, channel = request.match_info["id"][:_MAX_TEXT], request.query.get("channel", "")
        order_id = await self._id_of(name, channel, principal)
        found = await self._views.show(order_id) if order_id is not None else None
        if (
            found is None
            or not principal.serves(found.row.channel)
            or channel not in ("", found.row.channel)
        ):
            raise problems.not_found("No order of yours has this id, reference or number.")
        return found

    async def _id_of(self, name: str, channel: str, principal: Principal) -> OrderId | None:
        if len(name) == REFERENCE_LENGTH and name.isascii() and name.isalnum():
            try:
                return self._verify(name)
            except ReferenceRefused:
                return None
        channels = None if ANY_CHANNEL in principal.channels else principal.channels
        if channel and principal.serves(channel):
            channels = frozenset({channel})
        try:
            return await self._views.find(name, channels)
        except Ambiguous as error:
            raise Problem(
                409, "ambiguous", "Several orders", str(error), members={"orders": error.found}
            ) from error


class Reading:
    """`GET /api/v1/orders…` and `GET /schemas…`. `known` are the channels whose customers a filter
    finds by e-mail address; a reload changes it."""

    def __init__(
        self, views: Views, finder: Finder, api: Api, *, known: Collection[str] = ()
    ) -> None:
        self._known = known
        self._views = views
        self._finder = finder
        self._api = api
        self._schemas = {
            name: published.text_of(schema).encode()
            for name, schema in published.all_schemas().items()
        }

    def routes(self) -> list[web.RouteDef]:
        """The reading paths."""
        return [
            web.get("/api/v1/orders", self.list_orders),
            web.get("/api/v1/orders/{id}", self.show),
            web.get("/api/v1/orders/{id}/timeline", self.timeline),
            web.get("/api/v1/orders/{id}/files/{name}", self.file),
            web.get("/schemas", self.schema_names),
            web.get("/schemas/{name}", self.schema),
        ]

    @described(
        ORDERS_READ,
        page_of("orders", OrderRow),
        query={
            **dict.fromkeys(("filter", "stage", "progress", "channel", "q", "cursor"), NAME),
            "attention": FLAG,
            "limit": COUNT,
        },
    )
    async def list_orders(self, request: web.Request) -> web.Response:
        """Answer a page of orders, newest first; `next` is the address of the page after it.

        `filter` is in the language of docs/command-line.md; the other parameters add terms to it.
        Its page may hold fewer orders than the limit, or none, and still have one after it.
        """
        principal = await self._api.principal(request, ORDERS_READ)
        query = request.query
        if "filter" in query:
            return await self._filtered(request, principal)
        try:
            page = await self._views.list_orders(
                stage=query.get("stage") or None,
                progress=query.get("progress") or None,
                channel=_channel(query.get("channel", ""), principal),
                attention=flag_of(request, "attention"),
                text=query.get("q", "")[:_MAX_TEXT] or None,
                cursor=query.get("cursor") or None,
                limit=limit_of(request, _MAX_PAGE),
            )
        except ValueError as error:
            raise bad_query(str(error)) from error
        return json_answer({"orders": page.rows, **next_page(request, page.next_cursor)})

    async def _filtered(self, request: web.Request, principal: Principal) -> web.Response:
        query = request.query
        text = with_shorthands(
            query["filter"],
            stage=query.get("stage", "")[:_MAX_TEXT],
            progress=query.get("progress", "")[:_MAX_TEXT],
            number=query.get("q", "")[:_MAX_TEXT],
            attention=flag_of(request, "attention"),
        )
        try:
            page = await self._views.matching(
                parse(text),
                now=self._api.clock.now(),
                known=self._known,
                only=channels_of(query.get("channel", ""), principal),
                cursor=query.get("cursor") or None,
                limit=limit_of(request, _MAX_PAGE),
            )
        except ValueError as error:
            raise bad_query(f"{str(error).removesuffix('.')}.") from error
        return json_answer({"orders": page.rows, **next_page(request, page.next_cursor)})

    @described(
        READ_LABELS,
        {"type": "string", "format": "binary"},
        media="*/*",
        query=WHOSE,
        refuses=(409,),
    )
    async def file(self, request: web.Request) -> web.Response:
        """Answer a file of the order, such as the label that the warehouse prints."""
        principal = await self._api.principal(request, READ_LABELS)
        found = await self._finder.find(request, principal)
        name = request.match_info["name"][:_MAX_TEXT]
        document = await self._views.document(found.row.order_id, name)
        if document is None:
            raise problems.not_found("The order has no file of this name.")
        return web.Response(
            body=document.content,
            headers={
                "Content-Type": document.content_type,
                "Content-Disposition": "attachment",
                "X-Content-Type-Options": "nosniff",
            },
        )

    @described(ORDERS_READ, OrderView, query=WHOSE, tagged=True, refuses=(409,))
    async def show(self, request: web.Request) -> web.Response:
        """Answer one order; the ETag is for If-Match and names its version.

        Effects and timers move without a new version, so there is no 304.
        """
        principal = await self._api.principal(request, ORDERS_READ)
        found = await self._finder.find(request, principal)
        return json_answer(found, headers={"ETag": etag_of(found.row)})

    @described(
        ORDERS_READ,
        object_of("Timeline", order_id=str, entries=_ENTRIES),
        query=WHOSE,
        refuses=(409,),
    )
    async def timeline(self, request: web.Request) -> web.Response:
        """Answer everything that happened to an order."""
        principal = await self._api.principal(request, ORDERS_READ)
        found = await self._finder.find(request, principal)
        entries = await self._views.timeline(found.row.order_id)
        return json_answer({"order_id": found.row.order_id, "entries": entries})

    @described(NO_KEY, object_of("SchemaNames", schemas=list[str]))
    async def schema_names(self, request: web.Request) -> web.Response:
        """Answer the names of the published schemas; no key is needed."""
        return json_answer({"schemas": sorted(self._schemas)})

    @described(
        NO_KEY,
        dict[str, Any],
        media="application/schema+json",
        headers={"If-None-Match": NAME},
        tagged=True,
        also=(Answered(shape=None, status=304),),
    )
    async def schema(self, request: web.Request) -> web.Response:
        """Answer one published JSON Schema by its name, with or without `.json`."""
        text = self._schemas.get(request.match_info["name"].removesuffix(".json"))
        if text is None:
            raise problems.not_found(
                "No schema of this name is published; GET /schemas lists them."
            )
        tag = f'"{hashlib.sha256(text).hexdigest()[:32]}"'
        return _tagged(request, tag, text, "application/schema+json")


def etag_of(order: OrderRow) -> str:
    """Return the tag of an order at its version."""
    return f'"{order.order_id}-{order.version}"'


def _tagged(request: web.Request, tag: str, body: bytes, content_type: str) -> web.Response:
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    known = tags_of(request.headers.get("If-None-Match", ""))
    if tag in known or "*" in known:
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type=content_type, headers=headers)


def _channel(asked: str, principal: Principal) -> str | None:
    if asked and principal.serves(asked):
        return asked
    if not asked and ANY_CHANNEL in principal.channels:
        return None
    if not asked and len(principal.channels) == 1:
        return next(iter(principal.channels))
    served = ", ".join(sorted(principal.channels))
    raise problems.bad_request(
        "channel", "Channel needed", f"Name one of the channels of this API key: {served}."
    )
