"""The API's reading side: lists, single orders, timelines and the published schemas."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

import msgspec
from aiohttp import web

from adapters.postgres.views import Ambiguous, OrderRow, OrderView, Views
from schemas.contracts import published
from schemas.order.ids import REFERENCE_LENGTH, OrderId, ReferenceRefused
from service.http import problems
from service.http.auth import ANY_CHANNEL, Keys, Principal, principal_of
from service.http.problems import Problem
from service.http.scopes import READ, READ_LABELS
from service.inbound.edge import EdgeClock

_MAX_PAGE = 200  # a page of rows is then under 200 kB
_USUAL_PAGE = 50
_MAX_TEXT = 200  # longer than any number, name or id that people search by


class Finder:
    """Finds the order an address names: by order id, a reference of it or its things, number, or
    the channel's reference. `verify` says whose a signed reference is."""

    def __init__(self, views: Views, verify: Callable[[str], OrderId]) -> None:
        self._views = views
        self._verify = verify

    async def find(self, name: str, principal: Principal) -> OrderView:
        """Return the order. Raises Problem 404, also for an order the caller may not know of, and
        409 for a number that several of its channels use."""
        order_id = await self._id_of(name[:_MAX_TEXT], principal)
        found = await self._views.show(order_id) if order_id is not None else None
        if found is None or not principal.serves(found.row.channel):
            raise problems.not_found("No order of yours has this id, reference or number.")
        return found

    async def _id_of(self, name: str, principal: Principal) -> OrderId | None:
        if len(name) == REFERENCE_LENGTH and name.isascii() and name.isalnum():
            try:
                return self._verify(name)
            except ReferenceRefused:
                return None
        channels = None if ANY_CHANNEL in principal.channels else principal.channels
        try:
            return await self._views.find(name, channels)
        except Ambiguous as error:
            raise Problem(409, "ambiguous", "Several orders", str(error)) from error


class Reading:
    """`GET /api/v1/orders…` and `GET /schemas…`."""

    def __init__(self, views: Views, finder: Finder, keys: Keys, clock: EdgeClock) -> None:
        self._views = views
        self._finder = finder
        self._keys = keys
        self._clock = clock
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

    async def list_orders(self, request: web.Request) -> web.Response:
        """Answer a page of orders, newest first; `next` is the address of the page after it."""
        principal = await principal_of(request, self._keys, READ, self._clock.now())
        query = request.query
        try:
            page = await self._views.list_orders(
                stage=query.get("stage") or None,
                progress=query.get("progress") or None,
                channel=_channel(query.get("channel", ""), principal),
                attention=_flag(query.get("attention", "")),
                text=query.get("q", "")[:_MAX_TEXT] or None,
                cursor=query.get("cursor") or None,
                limit=_limit(query),
            )
        except ValueError as error:
            raise problems.bad_request("query", "Query not understood", str(error)) from error
        following = None
        if page.next_cursor:
            following = str(request.rel_url.update_query(cursor=page.next_cursor))
        return _json({"orders": page.rows, "next_cursor": page.next_cursor, "next": following})

    async def file(self, request: web.Request) -> web.Response:
        """Answer a file of the order, such as the label that the warehouse prints."""
        principal = await principal_of(request, self._keys, READ_LABELS, self._clock.now())
        found = await self._finder.find(request.match_info["id"], principal)
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

    async def show(self, request: web.Request) -> web.Response:
        """Answer one order; the ETag is for If-Match and names its version.

        Effects and timers move without a new version, so there is no 304.
        """
        principal = await principal_of(request, self._keys, READ, self._clock.now())
        found = await self._finder.find(request.match_info["id"], principal)
        response = _json(found)
        response.headers["ETag"] = etag_of(found.row)
        return response

    async def timeline(self, request: web.Request) -> web.Response:
        """Answer everything that happened to an order."""
        principal = await principal_of(request, self._keys, READ, self._clock.now())
        found = await self._finder.find(request.match_info["id"], principal)
        entries = await self._views.timeline(found.row.order_id)
        return _json({"order_id": found.row.order_id, "entries": entries})

    async def schema_names(self, request: web.Request) -> web.Response:
        """Answer the names of the published schemas; no key is needed."""
        return _json({"schemas": sorted(self._schemas)})

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


def require_match(request: web.Request, order: OrderRow) -> None:
    """Raise Problem 412 when the caller's If-Match names another version than the order has."""
    wanted = request.headers.get("If-Match")
    if wanted is None or wanted.strip() == "*" or etag_of(order) in _tags(wanted):
        return
    raise Problem(
        412,
        "changed-meanwhile",
        "Changed meanwhile",
        "The order has changed since you read it; read it again and decide again.",
        headers={"ETag": etag_of(order)},
    )


def _tagged(request: web.Request, tag: str, body: bytes, content_type: str) -> web.Response:
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    known = _tags(request.headers.get("If-None-Match", ""))
    if tag in known or "*" in known:
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type=content_type, headers=headers)


def _tags(header: str) -> list[str]:
    return [one.strip().removeprefix("W/") for one in header.split(",")]


def _json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


def _limit(query: Mapping[str, str]) -> int:
    text = query.get("limit", str(_USUAL_PAGE))
    if text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= _MAX_PAGE:
        return int(text)
    raise problems.bad_request(
        "query", "Query not understood", f"limit is a whole number from 1 to {_MAX_PAGE}."
    )


def _flag(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text)


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
