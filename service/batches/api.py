"""The batches API: preview, start, watch and stop one decision for many orders."""

from __future__ import annotations

import hashlib

from aiohttp import web
from msgspec import Struct

from adapters.postgres.batches import MAX_PAGE, Batch, BatchFailure, BatchRefused, Preview
from schemas.order.canonical import LongText, ShortText
from service.batches.service import USUAL_PER_SECOND, Asked, BatchService
from service.http import problems
from service.http.auth import ANY_CHANNEL, Principal, digest_of, idempotency_key_of
from service.http.base import Api, json_answer, person_of
from service.http.described import COUNT, NAME, described, page_of
from service.http.problems import Problem
from service.http.requests import (
    before_of,
    channels_of,
    limit_of,
    next_page,
    read_body,
    reason_of,
    whole_of,
)
from service.http.scopes import ORDERS_READ

ACT = "orders:act"


class Start(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a start: what is done, why, and for which orders: a `filter`, or the failures of
    an earlier batch. `hold` is for a release: which holds end, by the beginning of their ids."""

    verb: ShortText
    reason: LongText
    filter: LongText = ""
    failures_of: int | None = None
    hold: ShortText = ""
    per_second: int = USUAL_PER_SECOND


class Stop(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a stop."""

    reason: LongText


class BatchesApi:
    """`/api/v1/batches…`. Reading needs orders:read, the rest orders:act. A key reaches its own
    channels' orders, and sees the batches that were begun for such channels alone."""

    def __init__(self, service: BatchService, api: Api) -> None:
        self._service = service
        self._api = api

    def routes(self) -> list[web.RouteDef]:
        """The paths of the batches API."""
        return [
            web.get("/api/v1/batches", self.list_batches),
            web.post("/api/v1/batches", self.start),
            web.get("/api/v1/batches/preview", self.preview),
            web.get("/api/v1/batches/{id}", self.show),
            web.get("/api/v1/batches/{id}/failures", self.failures),
            web.post("/api/v1/batches/{id}/stop", self.stop),
        ]

    @described(ORDERS_READ, page_of("batches", Batch), query={"limit": COUNT, "cursor": NAME})
    async def list_batches(self, request: web.Request) -> web.Response:
        """Return batches, newest first, and how far each is."""
        principal = await self._api.principal(request, ORDERS_READ)
        most = limit_of(request, MAX_PAGE)
        rows = await self._service.batches.page(
            channels_of("", principal), before=before_of(request), limit=most
        )
        cursor = str(rows[-1].id) if len(rows) == most else None
        return json_answer({"batches": rows, **next_page(request, cursor)})

    @described(ORDERS_READ, Preview, query={"filter": NAME}, must=("filter",), refuses=(422,))
    async def preview(self, request: web.Request) -> web.Response:
        """Return how many orders a filter finds now, by channel and by how far they are."""
        principal = await self._api.principal(request, ORDERS_READ)
        try:
            found = await self._service.preview(
                request.query.get("filter", ""), channels_of("", principal), self._api.clock.now()
            )
        except BatchRefused as error:
            raise _refused(error) from error
        return json_answer(found)

    @described(ACT, Batch, status=201, takes=Start, repeats=True, refuses=(404, 422))
    async def start(self, request: web.Request) -> web.Response:
        """Fix the orders that match now, and begin to tell them. A repeat with the same
        Idempotency-Key begins nothing more."""
        principal = await self._api.principal(request, ACT)
        key, raw = idempotency_key_of(request), await self._api.raw(request)
        asked = read_body(raw, Start)
        digest = digest_of(request, "", raw)
        name = hashlib.sha256(f"{principal.id}\0{key}\0".encode() + digest).hexdigest()
        earlier = None
        if asked.failures_of is not None:
            earlier = await self._visible(asked.failures_of, principal)

        async def work() -> bytes:
            try:
                batch = await self._service.start(
                    Asked(
                        verb=asked.verb,
                        reason=reason_of(asked.reason),
                        person=person_of(principal),
                        filter=asked.filter,
                        failures_of=earlier,
                        hold=asked.hold,
                        per_second=asked.per_second,
                        only=channels_of("", principal),
                        request=name,
                    ),
                    self._api.clock.now(),
                )
            except BatchRefused as error:
                raise _refused(error) from error
            body = json_answer(batch).body
            assert isinstance(body, bytes), "it was encoded"
            return body

        return await self._api.answered_once(principal, key, digest, work, status=201)

    @described(ORDERS_READ, Batch, refuses=(404,))
    async def show(self, request: web.Request) -> web.Response:
        """Return one batch and how far it is."""
        _, batch = await self._named(request, ORDERS_READ)
        return json_answer(batch)

    @described(
        ORDERS_READ,
        page_of("failures", BatchFailure),
        query={"limit": COUNT, "cursor": NAME},
        refuses=(404,),
    )
    async def failures(self, request: web.Request) -> web.Response:
        """Return the orders that did not do what was asked, each with a sentence why."""
        _, batch = await self._named(request, ORDERS_READ)
        most, after = limit_of(request, MAX_PAGE), before_of(request) or 0
        rows = await self._service.batches.failures(batch.id, after=after, limit=most)
        cursor = str(rows[-1].place) if len(rows) == most else None
        return json_answer({"failures": rows, **next_page(request, cursor)})

    @described(ACT, Batch, takes=Stop, refuses=(404, 409))
    async def stop(self, request: web.Request) -> web.Response:
        """Tell no further order. What was told goes on."""
        principal, batch = await self._named(request, ACT)
        reason = reason_of((await self._api.body(request, Stop)).reason)
        now = self._api.clock.now()
        try:
            found = await self._service.stop(batch, person_of(principal), reason, now)
        except BatchRefused as error:
            raise Problem(409, "batch-refused", "Not stopped", str(error)) from error
        return json_answer(found)

    async def _named(self, request: web.Request, scope: str) -> tuple[Principal, Batch]:
        principal = await self._api.principal(request, scope)
        return principal, await self._visible(
            whole_of("id", request.match_info["id"], 2**62), principal
        )

    async def _visible(self, batch_id: int, principal: Principal) -> Batch:
        found = await self._service.batches.find(batch_id) if 0 < batch_id < 2**62 else None
        if found is None or not _sees(principal, found):
            raise problems.not_found("No batch of yours has this id.")
        return found


def _sees(principal: Principal, batch: Batch) -> bool:
    if ANY_CHANNEL in principal.channels:
        return True
    return batch.channels is not None and all(map(principal.serves, batch.channels))


def _refused(error: BatchRefused) -> Problem:
    return Problem(422, "batch-refused", "Not begun", str(error))
