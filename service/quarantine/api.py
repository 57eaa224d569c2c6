"""The quarantine API: list and inspect refused messages, then fix, release or discard them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Awaitable, Callable

from aiohttp import web
from msgspec import structs

from adapters.postgres.audit import AuditEntry
from adapters.postgres.quarantine_workflow import (
    MAX_LISTED,
    OPEN,
    STATES,
    FaultGroup,
    Filter,
    HeldItem,
    ListedItem,
)
from schemas.contracts import refusals
from service.http import problems
from service.http.auth import Principal, idempotency_key_of
from service.http.base import Api, json_answer, person_of
from service.http.described import (
    COUNT,
    MOMENT,
    NAME,
    Taken,
    described,
    object_of,
    one_of,
    page_of,
)
from service.http.etags import require_match
from service.http.problems import Problem
from service.http.requests import (
    before_of,
    channels_of,
    limit_of,
    moment_of,
    next_page,
    read_body,
    reason_of,
    unprocessable,
)
from service.quarantine.bodies import (
    ANY_STATE,
    BulkRelease,
    Decision,
    Edit,
    Matching,
    content_of,
    state_of,
)
from service.quarantine.permits import elsewhere, forbids
from service.quarantine.service import (
    NOT_ALLOWED,
    STREAM_AWAY,
    QuarantineService,
    Released,
    Verdict,
    permitted,
)

READ, ACT = "quarantine:read", "quarantine:act"

_AWAY_SECONDS = 2


_TEXT = str | None
CHECKED = object_of("Checked", Verdict, id=int)
SHOWN = object_of(
    "ItemInFull",
    HeldItem,
    without=("digest", "original", "edited"),
    more=dict.fromkeys(("original", "original_base64", "edited", "edited_base64"), _TEXT),
    history=list[AuditEntry],
)
_IF_MATCH = {"If-Match": NAME}


class QuarantineApi:
    """`/api/v1/quarantine…`. Changes need an Idempotency-Key and a reason, which is audited. Checks
    and previews change nothing and need neither."""

    def __init__(
        self,
        service: QuarantineService,
        api: Api,
    ) -> None:
        self._service = service
        self._api = api

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

    @described(
        READ,
        page_of("items", ListedItem),
        query={
            "state": one_of((*STATES, ANY_STATE)),
            **dict.fromkeys(("channel", "reason", "group"), NAME),
            **dict.fromkeys(("since", "until"), MOMENT),
            "limit": COUNT,
            "cursor": NAME,
        },
    )
    async def list_items(self, request: web.Request) -> web.Response:
        """Return a page of items, newest first; `next` is the address of the next page."""
        principal = await self._api.principal(request, READ)
        query = request.query
        which = Filter(
            state=state_of(query.get("state", OPEN)),
            channels=channels_of(query.get("channel", ""), principal),
            reason=query.get("reason") or None,
            group=query.get("group") or None,
            since=moment_of("since", query.get("since", "")),
            until=moment_of("until", query.get("until", "")),
        )
        limit = limit_of(request, MAX_LISTED)
        found = await self._service.workflow.find(which, before=before_of(request), limit=limit)
        cursor = str(found[-1].id) if len(found) == limit else None
        return json_answer({"items": found, **next_page(request, cursor)})

    @described(
        READ,
        object_of("FaultGroups", groups=list[FaultGroup]),
        query={"state": one_of((*STATES, ANY_STATE)), "channel": NAME},
    )
    async def groups(self, request: web.Request) -> web.Response:
        """Return the groups of faults, the most frequent first."""
        principal = await self._api.principal(request, READ)
        found = await self._service.workflow.groups(
            state=state_of(request.query.get("state", OPEN)),
            channels=channels_of(request.query.get("channel", ""), principal),
        )
        return json_answer({"groups": found})

    @described(READ, SHOWN, tagged=True)
    async def show(self, request: web.Request) -> web.Response:
        """Return one item in full: headers, sentences, original bytes, edited bytes and history."""
        principal = await self._api.principal(request, READ)
        item = await self._item(request, principal)
        history = await self._service.workflow.history(item.id)
        return json_answer({**_shown(item), "history": history}, headers={"ETag": _etag(item)})

    @described(READ, CHECKED, takes=Taken(shape=Edit, optional=True))
    async def check(self, request: web.Request) -> web.Response:
        """Check the item as it is, or with the bytes in the body, and return the remaining
        faults."""
        principal = await self._api.principal(request, READ)
        item = await self._item(request, principal)
        raw = await self._api.raw(request)
        edited = content_of(read_body(raw, Edit)) if raw.strip() else None
        verdict = permitted(item, self._service.check(item, edited), elsewhere(principal))
        return json_answer(_checked(item, verdict))

    @described(ACT, CHECKED, takes=Edit, headers=_IF_MATCH, repeats=True, refuses=(412,))
    async def fix(self, request: web.Request) -> web.Response:
        """Store edited bytes beside the original, and return the remaining faults."""
        principal, item, raw = await self._asked(request)
        edit = read_body(raw, Edit)
        reason = reason_of(edit.reason)
        content = content_of(edit)
        if content is None:
            raise unprocessable("content-missing", "Send the edited bytes as `content`.")

        async def work() -> object:
            verdict = await self._service.fix(item, content, person_of(principal), reason)
            if verdict is None:
                raise _not_open(await self._service.workflow.item(item.id))
            return _checked(item, permitted(item, verdict, elsewhere(principal)))

        return await self._once(request, principal, item, raw, work)

    @described(
        ACT,
        object_of("ItemReleased", id=int, channel=str, ref=str),
        takes=Decision,
        headers=_IF_MATCH,
        repeats=True,
        refuses=(412,),
    )
    async def release(self, request: web.Request) -> web.Response:
        """Release one item; 422 lists the remaining faults."""
        principal, item, raw = await self._asked(request)
        reason = reason_of(read_body(raw, Decision).reason)

        async def work() -> object:
            verdict = self._service.check(item)
            failure = await self._service.release(
                item, person_of(principal), reason, forbids=forbids(principal)
            )
            if failure is None:
                return {"id": item.id, "channel": verdict.channel, "ref": verdict.ref}
            if failure.reason == NOT_ALLOWED:
                raise Problem(
                    403, "release-refused", "Not with this API key", " ".join(failure.sentences)
                )
            if failure.reason == STREAM_AWAY:
                raise problems.busy(" ".join(failure.sentences), _AWAY_SECONDS)
            if failure.reason not in refusals.REASONS and verdict.ready:
                raise _not_open(await self._service.workflow.item(item.id))
            raise Problem(
                422,
                failure.reason,
                "Still refused",
                " ".join(failure.sentences),
                sentences=failure.sentences,
            )

        return await self._once(request, principal, item, raw, work)

    @described(
        ACT,
        object_of("ItemDiscarded", id=int, state=str),
        takes=Decision,
        headers=_IF_MATCH,
        repeats=True,
        refuses=(412,),
    )
    async def discard(self, request: web.Request) -> web.Response:
        """Discard one item; its bytes stay until their retention ends."""
        principal, item, raw = await self._asked(request)
        reason = reason_of(read_body(raw, Decision).reason)

        async def work() -> object:
            if not await self._service.discard(item, person_of(principal), reason):
                raise _not_open(await self._service.workflow.item(item.id))
            return {"id": item.id, "state": "discarded"}

        return await self._once(request, principal, item, raw, work)

    @described(ACT, Released, takes=BulkRelease, repeats=True)
    async def release_matching(self, request: web.Request) -> web.Response:
        """Release all matching items, at most a thousand a call, or return what would happen."""
        principal = await self._api.principal(request, ACT)
        raw = await self._api.raw(request)
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
                which,
                person_of(principal),
                reason,
                preview=asked.preview,
                forbids=forbids(principal),
                after=asked.after,
            )

        if asked.preview:
            return json_answer(await work())
        return await self._once(request, principal, None, raw, work)

    async def _asked(self, request: web.Request) -> tuple[Principal, HeldItem, bytes]:
        principal = await self._api.principal(request, ACT)
        idempotency_key_of(request)
        item = await self._item(request, principal)
        return principal, item, await self._api.raw(request)

    async def _item(self, request: web.Request, principal: Principal) -> HeldItem:
        item = await self._service.workflow.item(int(request.match_info["id"]))
        if item is None or not principal.serves(item.channel):
            raise problems.not_found("No item that this API key can see has this id.")
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
            # Checked only now: a repeat of an accepted request gets its answer even after the item
            # has changed.
            if item is not None:
                require_match(request, _etag(item), "The item")
            return await work()

        return await self._api.once(request, principal, raw, matched)


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
        return problems.not_found("The item is no longer in quarantine.")
    told = "was edited by someone else" if item.state == OPEN else f"is already {item.state}"
    return Problem(409, "not-open", "Not open", f"Item {item.id} {told}; read it again.")


def _etag(item: HeldItem) -> str:
    named = f"{item.id} {item.state} {item.attempt}"
    return f'"{hashlib.sha256(named.encode()).hexdigest()[:16]}"'
