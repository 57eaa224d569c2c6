"""The reconciliation API: begin and watch runs, list differences, accept or correct them."""

from __future__ import annotations

import hashlib
from datetime import datetime

from aiohttp import web
from msgspec import Struct

from adapters.postgres.recon import MAX_PAGE, KeptDifference, ReconRefused, Run, State, Which
from schemas.order.canonical import LongText, ShortText
from service.http import problems
from service.http.auth import ANY_CHANNEL, Principal, digest_of, idempotency_key_of
from service.http.base import Api, json_answer, person_of
from service.http.described import COUNT, NAME, described, page_of
from service.http.problems import Problem
from service.http.requests import (
    before_of,
    channels_of,
    is_possible,
    limit_of,
    next_page,
    read_body,
    reason_of,
    whole_of,
)
from service.recon.service import Asked, ReconService, Report

READ, ACT = "recon:read", "recon:act"


class StartRun(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a start: the orders that were placed in `since <= time < until`, of these
    channels (none: all that the key serves)."""

    since: datetime
    until: datetime
    channels: tuple[ShortText, ...] = ()
    reason: LongText = ""


class Verdict(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a decision, or of a stop."""

    reason: LongText


class ReconApi:
    """`/api/v1/recon…`. Reading needs recon:read, the rest recon:act. A key reaches its own
    channels' differences, and sees the runs that were over such channels alone."""

    def __init__(self, service: ReconService, api: Api) -> None:
        self.service = service
        self._api = api

    def routes(self) -> list[web.RouteDef]:
        """The paths of the reconciliation API."""
        return [
            web.get("/api/v1/recon/runs", self.list_runs),
            web.post("/api/v1/recon/runs", self.start),
            web.get("/api/v1/recon/runs/{id}", self.show),
            web.post("/api/v1/recon/runs/{id}/stop", self.stop),
            web.get("/api/v1/recon/differences", self.differences),
            web.get("/api/v1/recon/differences/{id}", self.difference),
            web.post("/api/v1/recon/differences/{id}/accept", self.accept),
            web.post("/api/v1/recon/differences/{id}/correct", self.correct),
        ]

    @described(READ, page_of("runs", Run), query={"limit": COUNT, "cursor": NAME})
    async def list_runs(self, request: web.Request) -> web.Response:
        """Return runs, the newest first, and how far each is."""
        principal = await self._api.principal(request, READ)
        most = limit_of(request, MAX_PAGE)
        seen, before = channels_of("", principal), before_of(request)
        rows = await self.service.recon.runs(seen, before=before, limit=most)
        cursor = str(rows[-1].id) if len(rows) == most else None
        return json_answer({"runs": rows, **next_page(request, cursor)})

    @described(ACT, Run, status=201, takes=StartRun, repeats=True, refuses=(422,))
    async def start(self, request: web.Request) -> web.Response:
        """Begin a run; it goes on by itself, also after a restart. A repeat with the same
        Idempotency-Key begins nothing more."""
        principal = await self._api.principal(request, ACT)
        key, raw = idempotency_key_of(request), await self._api.raw(request)
        asked = read_body(raw, StartRun)
        if not all(one.tzinfo and is_possible(one) for one in (asked.since, asked.until)):
            raise _refused("`since` and `until` are times with a zone.")
        for channel in asked.channels:
            channels_of(channel, principal)
        digest = digest_of(request, "", raw)
        name = hashlib.sha256(f"{principal.id}\0{key}\0".encode() + digest).hexdigest()

        async def work() -> bytes:
            try:
                run = await self.service.start(
                    Asked(
                        channels=asked.channels,
                        since=asked.since,
                        until=asked.until,
                        person=person_of(principal),
                        reason=asked.reason,
                        only=channels_of("", principal),
                        request=name,
                    ),
                    self._api.clock.now(),
                )
            except ReconRefused as error:
                raise _refused(str(error)) from error
            body = json_answer(run).body
            assert isinstance(body, bytes), "it was encoded"
            return body

        return await self._api.answered_once(principal, key, digest, work, status=201)

    @described(READ, Report, refuses=(404,))
    async def show(self, request: web.Request) -> web.Response:
        """Return one run with what it compared, the variance in percent of gross by channel and
        currency, and its differences by root cause."""
        _, run = await self._run(request, READ)
        return json_answer(await self.service.report(run))

    @described(ACT, Run, takes=Verdict, refuses=(404, 409))
    async def stop(self, request: web.Request) -> web.Response:
        """End a run before its end; what it found so far stays."""
        principal, run = await self._run(request, ACT)
        reason = reason_of((await self._api.body(request, Verdict)).reason)
        try:
            found = await self.service.stop(
                run, person_of(principal), reason, self._api.clock.now()
            )
        except ReconRefused as error:
            raise Problem(409, "recon-refused", "Not stopped", str(error)) from error
        return json_answer(found)

    @described(
        READ,
        page_of("differences", KeptDifference),
        query={
            **dict.fromkeys(("channel", "state", "type", "cause", "order_id", "cursor"), NAME),
            **dict.fromkeys(("run", "limit"), COUNT),
        },
    )
    async def differences(self, request: web.Request) -> web.Response:
        """Return differences, the newest first: of a channel, a state (open, accepted, corrected,
        resolved), a type, a root cause, a run or an order."""
        principal = await self._api.principal(request, READ)
        query, most = request.query, limit_of(request, MAX_PAGE)
        run = query.get("run", "")
        which = Which(
            channels=channels_of(query.get("channel", ""), principal),
            state=query.get("state", "")[:32],
            type=query.get("type", "")[:32],
            cause=query.get("cause", "")[:64],
            run=whole_of("run", run, 2**62) if run else None,
            order_id=query.get("order_id", "")[:64],
        )
        before = before_of(request)
        rows = await self.service.recon.differences(which, before=before, limit=most)
        cursor = str(rows[-1].id) if len(rows) == most else None
        return json_answer({"differences": rows, **next_page(request, cursor)})

    @described(READ, KeptDifference, refuses=(404,))
    async def difference(self, request: web.Request) -> web.Response:
        """Return one difference."""
        return json_answer((await self._difference(request, READ))[1])

    @described(ACT, KeptDifference, takes=Verdict, refuses=(404, 409))
    async def accept(self, request: web.Request) -> web.Response:
        """Accept a difference as it is: it counts no more, unless it comes to something else."""
        return await self._decide(request, "accepted")

    @described(ACT, KeptDifference, takes=Verdict, refuses=(404, 409))
    async def correct(self, request: web.Request) -> web.Response:
        """Note that the wrong books were corrected: the next run shows whether they are right."""
        return await self._decide(request, "corrected")

    async def _decide(self, request: web.Request, state: State) -> web.Response:
        principal, one = await self._difference(request, ACT)
        reason = reason_of((await self._api.body(request, Verdict)).reason)
        now = self._api.clock.now()
        try:
            found = await self.service.decide(one, state, person_of(principal), reason, now)
        except ReconRefused as error:
            raise Problem(409, "recon-refused", "Not decided", str(error)) from error
        return json_answer(found)

    async def _run(self, request: web.Request, scope: str) -> tuple[Principal, Run]:
        principal = await self._api.principal(request, scope)
        found = await self.service.recon.find(whole_of("id", request.match_info["id"], 2**62))
        if found is None or not sees(principal, found.channels):
            raise problems.not_found("No run of yours has this id.")
        return principal, found

    async def _difference(
        self, request: web.Request, scope: str
    ) -> tuple[Principal, KeptDifference]:
        principal = await self._api.principal(request, scope)
        number = whole_of("id", request.match_info["id"], 2**62)
        found = await self.service.recon.difference(number)
        if found is None or not sees(principal, (found.channel,)):
            raise problems.not_found("No difference of yours has this id.")
        return principal, found


def sees(principal: Principal, channels: tuple[str, ...]) -> bool:
    """Return whether somebody may see what is about these channels, all of them."""
    return ANY_CHANNEL in principal.channels or all(map(principal.serves, channels))


def _refused(words: str) -> Problem:
    return Problem(422, "recon-refused", "Not begun", words)
