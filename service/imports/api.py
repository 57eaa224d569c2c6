"""`POST /api/v1/orders/import`: a CSV file of orders, answered with what became of each."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Collection
from typing import Any

import msgspec
from aiohttp import web
from msgspec import Struct

from adapters.channels.csv.cells import Reading
from adapters.channels.csv.orders import orders_of, survey
from adapters.channels.csv.rows import Encoding, open_sheet
from schemas.contracts.refusals import Refused
from service.http import problems
from service.http.auth import CHANNEL_HEADER, Principal, channel_of, digest_of, idempotency_key_of
from service.http.base import Api
from service.http.described import FLAG, NAME, Taken, described, object_of
from service.http.problems import Problem
from service.http.refusals import COUNTED_AS, refusal
from service.http.scopes import ORDERS_WRITE
from service.imports.local import reading_of, require_decimals
from service.imports.service import Counts, CsvImport, Entry, OrdersHere
from service.inbound.edge import Stream
from service.telemetry.context import traceparent_of

MAX_ROWS = 2_000
"""Placed and answered within three seconds on two busy cores, while the sender waits; a longer file
is for the command line, or for several requests."""

MAX_UNDER_WAY = 2
"""Imports at once: together a quarter of what the stream takes at once, so that webhooks go on."""

WAIT_SECONDS = 5.0
"""How long a further one waits for its turn, before a sender is told to come again."""

_BUSY_SECONDS = 2

_ENCODINGS: dict[str, Encoding] = {
    "": "utf-8", "utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "utf-8",
    "windows-1252": "cp1252", "cp1252": "cp1252",
}  # fmt: skip
_ENTRIES: Any = list[object_of("ImportedOrder", Entry)]  # type: ignore[misc]  # a value here
_FLAGS = {"": False, "false": False, "true": True}
_OPTIONS = {"dry_run", "decimal_comma", "timezone"}


class _File(Struct, frozen=True):
    """What a request says about its file."""

    channel: str
    dry_run: bool
    encoding: Encoding
    reading: Reading


class CsvApi:
    """Everything is done before it is answered. If the stream goes away in between it is 503, and a
    repeat finds what was accepted. `refused` is told reason and channel of each refusal."""

    def __init__(
        self,
        stream: Stream,
        here: OrdersHere,
        api: Api,
        *,
        channels: Collection[str],
        refused: Callable[[str, str], None],
    ) -> None:
        self._stream = stream
        self._here = here
        self._api = api
        self._channels = channels  # a reload changes it
        self._refused = refused
        self._turns = asyncio.Semaphore(MAX_UNDER_WAY)

    def routes(self) -> list[web.RouteDef]:
        """The import's path."""
        return [web.post("/api/v1/orders/import", self.take)]

    @described(
        ORDERS_WRITE,
        object_of("Imported", channel=str, counts=Counts, orders=_ENTRIES),
        takes=Taken(shape=str, media=("text/csv",)),
        query={"dry_run": FLAG, "decimal_comma": FLAG, "timezone": str},
        headers={CHANNEL_HEADER: NAME},
        repeats=True,
    )
    async def take(self, request: web.Request) -> web.Response:
        """Take a file. It is refused as a whole only when no row of it can be told."""
        try:
            return await self._take(request)
        except Problem as problem:
            if problem.slug in COUNTED_AS:
                self._refused(COUNTED_AS[problem.slug], "api")
            raise

    async def _take(self, request: web.Request) -> web.Response:
        principal = await self._api.principal(request, ORDERS_WRITE)
        dry_run = _flag(request, "dry_run")
        key = "" if dry_run else idempotency_key_of(request)
        channel = channel_of(request, principal, self._channels)
        file = _File(channel, dry_run, _encoding_of(request), _reading_of(request))
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._turns.acquire()
        except TimeoutError:
            raise problems.busy("Other imports are under way.", _BUSY_SECONDS) from None
        try:
            with self._api.bodies.lease() as lease:
                raw = await lease.read(request)
                return await self._answer(request, principal, key, file, raw)
        finally:
            self._turns.release()

    async def _answer(
        self, request: web.Request, principal: Principal, key: str, file: _File, raw: bytes
    ) -> web.Response:
        trace = traceparent_of(request.headers)
        if file.dry_run:
            body = await self._imported(file, raw, trace)
            return web.Response(body=body, content_type="application/json")

        async def work() -> bytes:
            return await self._imported(file, raw, trace)

        scope = f"{file.channel}\0{request.query_string}\0{file.encoding}"
        return await self._api.answered_once(principal, key, digest_of(request, scope, raw), work)

    async def _imported(self, file: _File, raw: bytes, trace: str) -> bytes:
        def refused(reason: str) -> None:
            if not file.dry_run:
                self._refused(reason, file.channel)

        try:
            sheet = open_sheet(io.BytesIO(raw), file.encoding)
            require_decimals(sheet, file.reading)
            found = survey(sheet, MAX_ROWS)
        except Refused as error:
            refused(error.reason)
            raise refusal(error) from error
        except ValueError as error:
            raise _unprocessable(str(error)) from error
        told: list[Entry] = []
        work = CsvImport(
            self._stream,
            self._here,
            file.channel,
            dry_run=file.dry_run,
            trace=trace,
            refused=refused,
        )
        counts = await work.run(orders_of(sheet, found, file.reading), told.append)
        return msgspec.json.encode({"channel": file.channel, "counts": counts, "orders": told})


def _flag(request: web.Request, name: str) -> bool:
    found = _FLAGS.get(request.query.get(name, "").lower())
    if found is None:
        raise _unprocessable(f"{name} is true or false.")
    return found


def _encoding_of(request: web.Request) -> Encoding:
    found = _ENCODINGS.get((request.charset or "").lower())
    if request.content_type != "text/csv" or found is None:
        raise Problem(
            415,
            "content-type",
            "Content type not taken",
            "Send the file as `Content-Type: text/csv`, in UTF-8 or with charset=windows-1252.",
            close=True,
        )
    return found


def _reading_of(request: web.Request) -> Reading:
    if unknown := set(request.query) - _OPTIONS:
        raise _unprocessable(
            f"The option {min(unknown)!r} is unknown; there are: {', '.join(sorted(_OPTIONS))}."
        )
    try:
        return reading_of(
            request.query.get("timezone", ""), decimal_comma=_flag(request, "decimal_comma")
        )
    except ValueError as error:
        raise _unprocessable(str(error)) from error


def _unprocessable(sentence: str) -> Problem:
    return Problem(422, "option-refused", "Option not understood", sentence)
