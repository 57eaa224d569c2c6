"""The stock API: balances, movements, and the counts that ERP, warehouse or people send."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta, Struct

from adapters.postgres.stock_ledger import (
    MAX_PAGE,
    Balance,
    Changed,
    Figure,
    LedgerRefused,
    StockLedger,
)
from schemas.order.canonical import LongText
from service.http import problems
from service.http.auth import ANY_CHANNEL, Principal
from service.http.base import Api, json_answer, person_of
from service.http.described import COUNT, FLAG, NAME, described, page_of
from service.http.problems import Problem
from service.http.requests import (
    IMPOSSIBLE,
    Moment,
    flag_of,
    is_possible,
    limit_of,
    next_page,
    read_body,
    reason_of,
    unprocessable,
)
from service.stock.service import Shown, add, move, shown, unknown_place

READ, WRITE = "stock:read", "stock:write"

MAX_COUNTS = 5_000
"""Counts of one request; a larger report is sent in several."""

Name = Annotated[str, Meta(min_length=1, max_length=200)]


class StockCount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units of an SKU that were counted at a place. `safety` are units that are never promised; it
    stays as it is without one."""

    sku: Name
    place: Name
    on_hand: int
    safety: int | None = None


class StockCounts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Counts of one moment (`counted_at`, now without it), all of which take effect or none. What
    moved since is added to them; a count of an earlier moment than the last one is left out."""

    counts: Annotated[tuple[StockCount, ...], Meta(min_length=1, max_length=MAX_COUNTS)]
    reason: LongText
    counted_at: Moment | None = None


class StockEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units of an SKU that were received, came back and can be sold again, were found or lost
    (`adjusted`, the only one below 0), or were moved to another place (`to`)."""

    kind: Literal["received", "returned", "adjusted", "moved"]
    sku: Name
    place: Name
    units: int
    reason: LongText
    to: str = ""


class StockApi:
    """`GET /api/v1/stock`, `GET …/stock/{sku}`, `POST …/stock/counts`, `POST …/stock/movements`.
    Stock is one for all channels, so only a key that serves all of them may read or change it.
    `places` are those that goods leave from."""

    def __init__(self, ledger: StockLedger, api: Api, places: tuple[str, ...]) -> None:
        self._ledger = ledger
        self._api = api
        self.places = places

    def routes(self) -> list[web.RouteDef]:
        """The paths of the stock API."""
        return [
            web.get("/api/v1/stock", self.list_stock),
            web.post("/api/v1/stock/counts", self.count),
            web.post("/api/v1/stock/movements", self.enter),
            web.get("/api/v1/stock/{sku}", self.show),
        ]

    @described(
        READ,
        page_of("stock", Balance),
        query={"place": NAME, "missing": FLAG, "out": FLAG, "limit": COUNT, "cursor": NAME},
    )
    async def list_stock(self, request: web.Request) -> web.Response:
        """Return balances by SKU and place; `missing` only those where promised units are missing,
        `out` only those where nothing is free."""
        await self._principal(request, READ)
        query, most = request.query, limit_of(request, MAX_PAGE)
        sku, _, after = query.get("cursor", "").rpartition(" ")
        rows = await self._ledger.page(
            after=(_stored(sku), _stored(after)),
            place=_stored(query.get("place", "")),
            only_missing=flag_of(request, "missing") is True,
            only_out=flag_of(request, "out") is True,
            limit=most,
        )
        cursor = f"{rows[-1].sku} {rows[-1].place}" if len(rows) == most else None
        return json_answer({"stock": rows, **next_page(request, cursor)})

    @described(READ, Shown, query={"place": NAME}, refuses=(404,))
    async def show(self, request: web.Request) -> web.Response:
        """Return an SKU's balance at each place, and its last movements."""
        await self._principal(request, READ)
        sku, place = request.match_info["sku"], request.query.get("place", "")
        found = await shown(self._ledger, sku, place)
        if found is None:
            raise problems.not_found("No place counts this SKU.")
        return json_answer(found)

    @described(WRITE, Changed, takes=StockCounts, repeats=True)
    async def count(self, request: web.Request) -> web.Response:
        """Enter counts of one moment: all of them, or none."""
        principal = await self._principal(request, WRITE)
        raw = await self._api.raw(request)
        body = read_body(raw, StockCounts)
        reason_of(body.reason)
        at = body.counted_at
        if at is not None and (not is_possible(at) or at > self._api.clock.now()):
            raise unprocessable("counted-at", f"counted_at is in the future, or {IMPOSSIBLE}")
        for one in body.counts:
            self._require(one.place)
        figures = [
            Figure(place=x.place, sku=x.sku, units=x.on_hand, safety=x.safety) for x in body.counts
        ]

        async def work() -> Changed:
            return await self._ledger.put(
                figures, kind="counted", at=at, person=person_of(principal), reason=body.reason
            )

        return await self._once(request, principal, raw, work)

    @described(WRITE, Changed, takes=StockEntry, repeats=True)
    async def enter(self, request: web.Request) -> web.Response:
        """Enter a movement: received, returned, adjusted, or moved to another place."""
        principal = await self._principal(request, WRITE)
        raw = await self._api.raw(request)
        body = read_body(raw, StockEntry)
        reason_of(body.reason)
        self._require(body.place)
        if body.kind == "moved":
            self._require(body.to)
        elif body.to:
            raise unprocessable("to", "`to` goes with the kind moved.")
        by = {"person": person_of(principal), "reason": body.reason}

        async def work() -> Changed:
            if body.kind == "moved":
                return await move(self._ledger, body.sku, body.units, body.place, body.to, **by)
            one = Figure(place=body.place, sku=body.sku, units=body.units)
            return await add(self._ledger, one, body.kind, **by)

        return await self._once(request, principal, raw, work)

    def _require(self, place: str) -> None:
        if wrong := unknown_place(place, self.places):
            raise unprocessable("unknown-place", wrong)

    async def _once(
        self,
        request: web.Request,
        principal: Principal,
        raw: bytes,
        work: Callable[[], Awaitable[Changed]],
    ) -> web.Response:
        try:
            return await self._api.once(request, principal, raw, work)
        except LedgerRefused as error:
            raise unprocessable("stock-refused", str(error)) from error

    async def _principal(self, request: web.Request, scope: str) -> Principal:
        principal = await self._api.principal(request, scope)
        if ANY_CHANNEL not in principal.channels:
            raise Problem(
                403,
                "channel-refused",
                "Channel refused",
                "Stock is one for all channels: use a key that serves every channel "
                "(`--channel '*'`).",
            )
        return principal


def _stored(text: str) -> str:
    """Return a text of the query as a column can be compared with."""
    return text.encode("utf-8", "replace").decode()
