"""The API of the quarantine: look at what did not pass the edge, and decide about it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web
from msgspec import structs

from adapters.postgres.quarantine_workflow import MAX_LISTED, OPEN, Filter, HeldItem
from schemas.contracts import refusals
from service.http import problems
from service.http.auth import Keys, Principal, Repeats, idempotency_key_of, principal_of
from service.http.bodies import Bodies
from service.http.idempotency import once
from service.http.problems import Problem
from service.http.reading import (
    channels_of,
    moment_of,
    read_body,
    reason_of,
    unprocessable,
    whole_of,
)
from service.inbound.edge import EdgeClock
from service.quarantine.bodies import BulkRelease, Decision, Edit, Matching, content_of, state_of
from service.quarantine.service import STREAM_AWAY, QuarantineService, Verdict

READ, ACT = "quarantine:read", "quarantine:act"

_USUAL_PAGE = 50
_AWAY_SECONDS = 2


class QuarantineApi:
    """`/api/v1/quarantine…`. Changes need an Idempotency-Key, and a reason that is audited; a check
    and a preview change nothing and need neither."""

    def __init__(
        self,
        service: QuarantineService,
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
        """The quarantine's paths."""
        one = "/api/v1/quarantine/{id:[0-9]{1,18}}"
        return [
            web.get("/api/v1/quarantine", self.list_items),
            web.get("/api/v1/quarantine/groups", self.groups),
            web.post("/api/v1/quarantine/release", self.release_matching),
            web.get(one, self.show),
            web.post(f"{one}/check", self.check),
            web.post(f"{one}/fix", self.fix),
            web.post(f"{one}/release", self.release),
            web.post(f"{one}/discard", self.discard),
        ]

    async def list_items(self, request: web.Request) -> web.Response:
        """Answer a page of items, newest first; `next` is the address of the page after it."""
        principal = await principal_of(request, self._keys, READ, self._clock.now())
        query = request.query
        which = Filter(
            state=state_of(query.get("state", OPEN)),
            channels=channels_of(query.get("channel", ""), principal),
            reason=query.get("reason") or None,
            group=query.get("group") or None,
            since=moment_of("since", query.get("since", "")),
            until=moment_of("until", query.get("until", "")),
        )
        limit = whole_of("limit", query.get("limit", str(_USUAL_PAGE)), MAX_LISTED)
        before = whole_of("cursor", query["cursor"], 2**62) if query.get("cursor") else None
        found = await self._service.workflow.find(which, before=before, limit=limit)
        cursor = str(found[-1].id) if len(found) == limit else None
        following = str(request.rel_url.update_query(cursor=cursor)) if cursor else None
        return _json({"items": found, "next_cursor": cursor, "next": following})

    async def groups(self, request: web.Request) -> web.Response:
        """Answer the faults, the most frequent first."""
        principal = await principal_of(request, self._keys, READ, self._clock.now())
        found = await self._service.workflow.groups(
            state=state_of(request.query.get("state", OPEN)),
            channels=channels_of(request.query.get("channel", ""), principal),
        )
        return _json({"groups": found})

    async def show(self, request: web.Request) -> web.Response:
        """Answer one item whole: headers, sentences, the original, what replaces it, and what was
        done to it."""
        principal = await principal_of(request, self._keys, READ, self._clock.now())
        item = await self._item(request, principal)
        history = await self._service.workflow.history(item.id)
        response = _json({**_shown(item), "history": history})
        response.headers["ETag"] = _etag(item)
        return response

    async def check(self, request: web.Request) -> web.Response:
        """Say which sentences remain, of the item as it is or of the bytes sent with this."""
        principal = await principal_of(request, self._keys, READ, self._clock.now())
        item = await self._item(request, principal)
        with self._bodies.lease() as lease:
            raw = await lease.read(request)
            given = content_of(read_body(raw, Edit)) if raw.strip() else None
        return _json(_checked(item, self._service.check(item, given)))

    async def fix(self, request: web.Request) -> web.Response:
        """Put edited bytes beside the original, and say which sentences remain."""
        principal, item, raw = await self._asked(request)
        edit = read_body(raw, Edit)
        reason = reason_of(edit.reason)
        content = content_of(edit)
        if content is None:
            raise unprocessable("content-missing", "Send the edited bytes as `content`.")

        async def work() -> object:
            verdict = await self._service.fix(item, content, _person(principal), reason)
            if verdict is None:
                raise _not_open(await self._service.workflow.item(item.id))
            return _checked(item, verdict)

        return await self._once(request, principal, item, raw, work)

    async def release(self, request: web.Request) -> web.Response:
        """Send one item on its way; 422 says which sentences remain."""
        principal, item, raw = await self._asked(request)
        reason = reason_of(read_body(raw, Decision).reason)

        async def work() -> object:
            verdict = self._service.check(item)
            if verdict.ready and not principal.serves(verdict.channel):
                raise problems.not_found("Its bytes are of a channel that this API key can't see.")
            failure = await self._service.release(item, _person(principal), reason)
            if failure is None:
                return {"id": item.id, "channel": verdict.channel, "ref": verdict.ref}
            if failure.reason == STREAM_AWAY:
                raise problems.busy(" ".join(failure.sentences), _AWAY_SECONDS)
            if failure.reason not in refusals.REASONS and verdict.ready:
                raise _not_open(await self._service.workflow.item(item.id))
            raise Problem(
                422,
                failure.reason,
                "It would be refused again",
                " ".join(failure.sentences),
                sentences=failure.sentences,
            )

        return await self._once(request, principal, item, raw, work)

    async def discard(self, request: web.Request) -> web.Response:
        """Put one item aside for good; its bytes stay until their retention ends."""
        principal, item, raw = await self._asked(request)
        reason = reason_of(read_body(raw, Decision).reason)

        async def work() -> object:
            if not await self._service.discard(item, _person(principal), reason):
                raise _not_open(await self._service.workflow.item(item.id))
            return {"id": item.id, "state": "discarded"}

        return await self._once(request, principal, item, raw, work)

    async def release_matching(self, request: web.Request) -> web.Response:
        """Release all that match, at most a thousand in one call, or say what would happen."""
        principal = await principal_of(request, self._keys, ACT, self._clock.now())
        with self._bodies.lease() as lease:
            raw = await lease.read(request)
        asked = read_body(raw, BulkRelease)
        if asked.filter == Matching():
            raise unprocessable("filter-empty", "Name a group, channel, reason or time.")
        which = Filter(
            channels=channels_of(asked.filter.channel or "", principal),
            **{k: v for k, v in structs.asdict(asked.filter).items() if k != "channel"},
        )
        reason = "" if asked.preview else reason_of(asked.reason)

        async def work() -> object:
            return await self._service.release_matching(
                which, _person(principal), reason, preview=asked.preview, after=asked.after
            )

        if asked.preview:
            return _json(await work())
        return await self._once(request, principal, None, raw, work)

    async def _asked(self, request: web.Request) -> tuple[Principal, HeldItem, bytes]:
        principal = await principal_of(request, self._keys, ACT, self._clock.now())
        idempotency_key_of(request)
        item = await self._item(request, principal)
        with self._bodies.lease() as lease:
            return principal, item, await lease.read(request)

    async def _item(self, request: web.Request, principal: Principal) -> HeldItem:
        item = await self._service.workflow.item(int(request.match_info["id"]))
        if item is None or not principal.serves(item.channel):
            raise problems.not_found("Nothing of yours in quarantine has this id.")
        return item

    async def _once(
        self,
        request: web.Request,
        principal: Principal,
        item: HeldItem | None,
        raw: bytes,
        work: Callable[[], Awaitable[object]],
    ) -> web.Response:
        async def matched() -> object:
            # Looked at only now: the repeat of an accepted request must not meet a changed item.
            if item is not None:
                _require_match(request, item)
            return await work()

        return await once(request, self._repeats, principal, raw, self._clock.now(), matched)


def _person(principal: Principal) -> str:
    return f"API key {principal.name}"


def _shown(item: HeldItem) -> dict[str, object]:
    fields = structs.asdict(item)
    del fields["digest"]
    for name in ("original", "edited"):
        raw = fields.pop(name)
        fields[name] = fields[f"{name}_base64"] = None
        if raw is not None:
            try:
                fields[name] = raw.decode()
            except UnicodeDecodeError:
                fields[f"{name}_base64"] = base64.b64encode(raw).decode()
    return fields


def _checked(item: HeldItem, verdict: Verdict) -> dict[str, object]:
    return {"id": item.id, **structs.asdict(verdict)}


def _not_open(item: HeldItem | None) -> Problem:
    if item is None:
        return problems.not_found("It left the quarantine meanwhile.")
    told = "was edited by somebody else" if item.state == OPEN else f"is {item.state} already"
    return Problem(409, "not-open", "Not open", f"The item {item.id} {told}; look at it again.")


def _etag(item: HeldItem) -> str:
    named = f"{item.id} {item.state} {item.attempt}"
    return f'"{hashlib.sha256(named.encode()).hexdigest()[:16]}"'


def _require_match(request: web.Request, item: HeldItem) -> None:
    wanted = request.headers.get("If-Match", "*")
    if wanted.strip() != "*" and _etag(item) not in [one.strip() for one in wanted.split(",")]:
        raise Problem(
            412,
            "changed-meanwhile",
            "Changed meanwhile",
            "The item has changed since you read it; look at it again and decide again.",
            headers={"ETag": _etag(item)},
        )


def _json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")
