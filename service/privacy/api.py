"""The API about customers' data: what was asked, asking for it, handing it over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from adapters.postgres.privacy import MAX_LISTED, OPEN, STATES, Request
from schemas.messages.privacy import EXPORT, Subject
from schemas.order.canonical import LongText, ShortText
from service.http import problems
from service.http.auth import Keys, Principal, Repeats, digest_of, idempotency_key_of, principal_of
from service.http.bodies import Bodies
from service.http.idempotency import once
from service.http.problems import Problem
from service.http.reading import channels_of, read_body, reason_of, unprocessable, whole_of
from service.inbound.edge import EdgeClock
from service.privacy.service import NothingKept, PrivacyService, shown

READ, ACT = "privacy:read", "privacy:act"

_USUAL_PAGE = 50


class Asked(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a request: what is asked, about whom, why. `preview` only says what it would
    find; `force` erases orders under way too."""

    asks: Literal["redact", "export", "redact_shop"]
    channel: Annotated[ShortText, Meta(min_length=1)]
    subject: Subject = Subject()
    reason: LongText = ""
    preview: bool = False
    force: bool = False


class Decision(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a decision about a request: why."""

    reason: LongText


class PrivacyApi:
    """`/api/v1/privacy…`. Changes need an Idempotency-Key, and a reason that is audited."""

    def __init__(
        self,
        service: PrivacyService,
        bodies: Bodies,
        keys: Keys,
        repeats: Repeats,
        clock: EdgeClock,
    ) -> None:
        self._service = service
        self._bodies = bodies
        self._keys = keys
        self._repeats = repeats
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """The paths about customers' data."""
        one = "/api/v1/privacy/{id:[0-9]{1,18}}"
        return [
            web.get("/api/v1/privacy", self.list_requests),
            web.post("/api/v1/privacy", self.ask),
            web.get(one, self.show),
            web.get(f"{one}/export", self.export),
            web.post(f"{one}/force", self.force),
            web.post(f"{one}/done", self.done),
        ]

    async def list_requests(self, request: web.Request) -> web.Response:
        """Answer a page of requests, newest first, without whom they are about."""
        principal = await principal_of(request, self._keys, READ, self._clock.now())
        query = request.query
        state = query.get("state", "") or None
        if state is not None and state not in STATES:
            told = f"state is one of {', '.join(STATES)}."
            raise problems.bad_request("query", "Query not understood", told)
        limit = whole_of("limit", query.get("limit", str(_USUAL_PAGE)), MAX_LISTED)
        before = whole_of("cursor", query["cursor"], 2**62) if query.get("cursor") else None
        channels = channels_of(query.get("channel", ""), principal)
        found = await self._service.requests.find(
            state=state, channels=channels, before=before, limit=limit
        )
        cursor = str(found[-1].id) if len(found) == limit else None
        following = str(request.rel_url.update_query(cursor=cursor)) if cursor else None
        rows = [shown(one, named=False) for one in found]
        return _json({"requests": rows, "next_cursor": cursor, "next": following})

    async def show(self, request: web.Request) -> web.Response:
        """Answer one request, whom it is about, and what was done for it."""
        principal = await principal_of(request, self._keys, READ, self._clock.now())
        found = await self._found(request, principal)
        history = await self._service.history(found.id)
        return _json({**msgspec.structs.asdict(shown(found)), "history": history})

    async def ask(self, request: web.Request) -> web.Response:
        """Keep a request, which the service carries out by itself; or say what it would find."""
        principal = await principal_of(request, self._keys, ACT, self._clock.now())
        with self._bodies.lease() as lease:
            raw = await lease.read(request)
        asked = read_body(raw, Asked)
        if not principal.serves(asked.channel):
            raise Problem(
                403, "channel-refused", "Channel refused", "This API key does not serve it."
            )
        if (asked.subject == Subject()) != (asked.asks == "redact_shop"):
            raise unprocessable(
                "subject", "Name the customer in `subject`, or no one when a shop is redacted."
            )
        try:
            await self._service.require_channel(asked.channel)
        except NothingKept as error:
            raise unprocessable("channel", str(error)) from error
        if asked.preview:
            return _json(await self._service.preview(asked.channel, asked.subject))
        reason, key = reason_of(asked.reason), idempotency_key_of(request)

        async def work() -> object:
            return {
                "id": await self._service.ask(
                    asked.asks,
                    asked.channel,
                    asked.subject,
                    # A key is forgotten after a day, and may then come with another request.
                    delivery_id=f"api:{principal.id}:{key}:{digest_of(request, '', raw).hex()}",
                    person=_person(principal),
                    reason=reason,
                    forced=asked.force and asked.asks != EXPORT,
                )
            }

        return await once(request, self._repeats, principal, raw, self._clock.now(), work)

    async def force(self, request: web.Request) -> web.Response:
        """Have a request not wait for orders under way."""

        async def work(found: Request, person: str, reason: str) -> bool:
            return await self._service.force(found.id, person, reason)

        return await self._decide(request, work)

    async def done(self, request: web.Request) -> web.Response:
        """Say that the customer has his data; then whom it was about is forgotten."""

        async def work(found: Request, person: str, reason: str) -> bool:
            if found.kind != EXPORT:
                return False
            return await self._service.handed_over(found, person, reason)

        return await self._decide(request, work)

    async def export(self, request: web.Request) -> web.StreamResponse:
        """Answer all that is held about the customer, as one JSON object."""
        principal = await principal_of(request, self._keys, ACT, self._clock.now())
        found = await self._found(request, principal)
        if found.kind != EXPORT or found.state != OPEN:
            raise _not_so(found)
        response = web.StreamResponse()
        response.content_type = "application/json"
        response.headers["Cache-Control"] = "no-store"
        pieces = self._service.export(found, _person(principal))
        first = await anext(pieces)  # so that a refusal is still an answer of its own
        await response.prepare(request)
        await response.write(first)
        async for piece in pieces:
            await response.write(piece)
        await response.write_eof()
        return response

    async def _decide(
        self, request: web.Request, work: Callable[[Request, str, str], Awaitable[bool]]
    ) -> web.Response:
        principal = await principal_of(request, self._keys, ACT, self._clock.now())
        found = await self._found(request, principal)
        with self._bodies.lease() as lease:
            raw = await lease.read(request)
        reason = reason_of(read_body(raw, Decision).reason)

        async def decided() -> object:
            if not await work(found, _person(principal), reason):
                raise _not_so(found)
            return {"id": found.id}

        return await once(request, self._repeats, principal, raw, self._clock.now(), decided)

    async def _found(self, request: web.Request, principal: Principal) -> Request:
        found = await self._service.requests.one(int(request.match_info["id"]))
        if found is None or not principal.serves(found.channel):
            raise problems.not_found("No request of yours has this id.")
        return found


def _person(principal: Principal) -> str:
    return f"API key {principal.name}"


def _not_so(found: Request) -> Problem:
    told = f"The request {found.id} is a {found.kind} and {found.state}, so that can't be done."
    return Problem(409, "not-open", "Not open", told)


def _json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")
