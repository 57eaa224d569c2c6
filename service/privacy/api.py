"""The privacy API: list requests about customers' data, make them, and hand data over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from adapters.postgres.audit import AuditEntry
from adapters.postgres.privacy import MAX_LISTED, OPEN, STATES, Request
from schemas.messages.privacy import EXPORT, Subject
from schemas.order.canonical import LongText, ShortText
from service.http import problems
from service.http.auth import Principal, digest_of, idempotency_key_of
from service.http.base import Api, json_answer, person_of
from service.http.described import COUNT, NAME, described, object_of, one_of, page_of
from service.http.problems import Problem
from service.http.requests import (
    bad_query,
    before_of,
    channel_refused,
    channels_of,
    limit_of,
    next_page,
    read_body,
    reason_of,
    unprocessable,
)
from service.privacy.service import (
    NothingKept,
    Preview,
    PrivacyService,
    ShownRequest,
    shown,
)

READ, ACT = "privacy:read", "privacy:act"


class Asked(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a request: what is asked, about whom, and why. `preview` returns what it would
    find and changes nothing; `force` also erases orders under way; only `now` cuts the grace
    period short."""

    asks: Literal["redact", "export", "redact_shop"]
    channel: Annotated[ShortText, Meta(min_length=1)]
    subject: Subject = Subject()
    reason: LongText = ""
    preview: bool = False
    force: bool = False
    now: bool = False


class Decision(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a decision about a request."""

    reason: LongText


DONE = object_of("RequestDone", id=int)
DECISION = object_of("PrivacyDecision", Decision, closed=True)


class PrivacyApi:
    """`/api/v1/privacy…`. Changes need an Idempotency-Key and a reason, which is audited."""

    def __init__(
        self,
        service: PrivacyService,
        api: Api,
    ) -> None:
        self._service = service
        self._api = api

    def routes(self) -> list[web.RouteDef]:
        """The paths of the privacy API."""
        one = "/api/v1/privacy/{id:[0-9]{1,18}}"
        return [
            web.get("/api/v1/privacy", self.list_requests),
            web.post("/api/v1/privacy", self.ask),
            web.get(one, self.show),
            web.get(f"{one}/export", self.export),
            web.post(f"{one}/force", self.force),
            web.post(f"{one}/now", self.hasten),
            web.post(f"{one}/stop", self.stop),
            web.post(f"{one}/done", self.done),
        ]

    @described(
        READ,
        page_of("requests", ShownRequest),
        query={"state": one_of(STATES), "channel": NAME, "limit": COUNT, "cursor": NAME},
    )
    async def list_requests(self, request: web.Request) -> web.Response:
        """Return a page of requests, newest first, without the customers they are about."""
        principal = await self._api.principal(request, READ)
        query = request.query
        state = query.get("state", "") or None
        if state is not None and state not in STATES:
            raise bad_query(f"state is one of {', '.join(STATES)}.")
        limit = limit_of(request, MAX_LISTED)
        found = await self._service.requests.find(
            state=state,
            channels=channels_of(query.get("channel", ""), principal),
            before=before_of(request),
            limit=limit,
        )
        cursor = str(found[-1].id) if len(found) == limit else None
        rows = [shown(one, named=False) for one in found]
        return json_answer({"requests": rows, **next_page(request, cursor)})

    @described(READ, object_of("RequestInFull", ShownRequest, history=list[AuditEntry]))
    async def show(self, request: web.Request) -> web.Response:
        """Return one request, the customer it is about, and its history."""
        principal = await self._api.principal(request, READ)
        found = await self._found(request, principal)
        history = await self._service.history(found.id)
        return json_answer({**msgspec.structs.asdict(shown(found)), "history": history})

    @described(ACT, (DONE, object_of("PrivacyPreview", Preview)), takes=Asked, repeats=True)
    async def ask(self, request: web.Request) -> web.Response:
        """Store a request, which the service then carries out; or return what it would find."""
        principal = await self._api.principal(request, ACT)
        raw = await self._api.raw(request)
        asked = read_body(raw, Asked)
        if not principal.serves(asked.channel):
            raise channel_refused()
        if (asked.subject == Subject()) != (asked.asks == "redact_shop"):
            raise unprocessable(
                "subject",
                "Name the customer in `subject`; leave it empty when a whole shop is redacted.",
            )
        try:
            await self._service.require_channel(asked.channel)
        except NothingKept as error:
            raise unprocessable("channel", str(error)) from error
        if asked.preview:
            return json_answer(await self._service.preview(asked.channel, asked.subject))
        reason, key = reason_of(asked.reason), idempotency_key_of(request)

        async def work() -> object:
            return {
                "id": await self._service.ask(
                    asked.asks,
                    asked.channel,
                    asked.subject,
                    # An Idempotency-Key expires after a day and may then come with another request.
                    delivery_id=f"api:{principal.id}:{key}:{digest_of(request, '', raw).hex()}",
                    person=person_of(principal),
                    reason=reason,
                    forced=asked.force and asked.asks != EXPORT,
                    hastened=asked.now and asked.asks != EXPORT,
                )
            }

        return await self._api.once(request, principal, raw, work)

    @described(ACT, DONE, takes=DECISION, repeats=True)
    async def force(self, request: web.Request) -> web.Response:
        """Carry out a request without waiting for orders under way, after its grace period."""

        async def work(found: Request, person: str, reason: str) -> bool:
            return await self._service.force(found.id, person, reason)

        return await self._decide(request, work)

    @described(ACT, DONE, takes=DECISION, repeats=True)
    async def hasten(self, request: web.Request) -> web.Response:
        """Cut the grace period of an erasure short."""

        async def work(found: Request, person: str, reason: str) -> bool:
            return await self._service.hasten(found.id, person, reason)

        return await self._decide(request, work)

    @described(ACT, DONE, takes=DECISION, repeats=True)
    async def stop(self, request: web.Request) -> web.Response:
        """End a request without carrying it out."""

        async def work(found: Request, person: str, reason: str) -> bool:
            return await self._service.stop(found.id, person, reason)

        return await self._decide(request, work)

    @described(ACT, DONE, takes=DECISION, repeats=True)
    async def done(self, request: web.Request) -> web.Response:
        """Record that the customer received the data; the request then forgets who it was."""

        async def work(found: Request, person: str, reason: str) -> bool:
            if found.kind != EXPORT:
                return False
            return await self._service.handed_over(found, person, reason)

        return await self._decide(request, work)

    @described(ACT, dict[str, Any], refuses=(409,))
    async def export(self, request: web.Request) -> web.StreamResponse:
        """Return everything held about the customer, as one JSON object."""
        principal = await self._api.principal(request, ACT)
        found = await self._found(request, principal)
        if found.kind != EXPORT or found.state != OPEN:
            raise _not_so(found)
        response = web.StreamResponse()
        response.content_type = "application/json"
        response.headers["Cache-Control"] = "no-store"
        pieces = self._service.export(found, person_of(principal))
        first = await anext(
            pieces
        )  # before the response starts, so that a refusal can still be answered
        await response.prepare(request)
        await response.write(first)
        async for piece in pieces:
            await response.write(piece)
        await response.write_eof()
        return response

    async def _decide(
        self, request: web.Request, work: Callable[[Request, str, str], Awaitable[bool]]
    ) -> web.Response:
        principal = await self._api.principal(request, ACT)
        found = await self._found(request, principal)
        raw = await self._api.raw(request)
        reason = reason_of(read_body(raw, Decision).reason)

        async def decided() -> object:
            if not await work(found, person_of(principal), reason):
                raise _not_so(found)
            return {"id": found.id}

        return await self._api.once(request, principal, raw, decided)

    async def _found(self, request: web.Request, principal: Principal) -> Request:
        found = await self._service.requests.one(int(request.match_info["id"]))
        if found is None or not principal.serves(found.channel):
            raise problems.not_found("No request that this API key can see has this id.")
        return found


def _not_so(found: Request) -> Problem:
    told = f"Request {found.id} is a {found.kind} request and {found.state}; that can't be done."
    return Problem(409, "not-open", "Not open", told)
