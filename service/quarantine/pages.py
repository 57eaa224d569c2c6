"""The console's pages of the quarantine: faults in groups, a message with its fault marked, edit,
check, release and discard."""

from __future__ import annotations

from urllib.parse import urlencode

from aiohttp import web

from adapters.postgres.audit import Audit
from adapters.postgres.quarantine_workflow import OPEN, Filter, HeldItem
from schemas.contracts import refusals
from service.console.frame import Frame, redirect
from service.console.people import Person
from service.http import problems
from service.http.auth import ANY_CHANNEL
from service.http.problems import Problem
from service.http.requests import before_of
from service.quarantine.marking import parts_of, spans_of
from service.quarantine.permits import elsewhere, forbids
from service.quarantine.service import QuarantineService, Verdict, permitted

READ, ACT = "quarantine:read", "quarantine:act"
FOLDER = "quarantine/templates"

PAGE_ITEMS = 50
"""Items on a page: two screens."""

MAX_SHOWN = 200_000
"""Characters of a message that a page shows and lets be edited: a large order's. Of a larger one
the beginning is shown, and it is edited over the API."""

_MAX_REASON = 5_000  # as over the API
_WHO = "your user"


class QuarantinePages:
    """`/quarantine…`. Whoever opens an item is kept: it holds personal data."""

    def __init__(self, frame: Frame, service: QuarantineService, audit: Audit) -> None:
        self._frame = frame
        self._service = service
        self._audit = audit

    def routes(self) -> list[web.RouteDef]:
        """The paths of the pages."""
        one, frame = "/quarantine/{id:[0-9]{1,18}}", self._frame
        return [
            frame.get("/quarantine", READ, self.groups),
            frame.post("/quarantine/release", ACT, self.release_group),
            frame.get(one, READ, self.show),
            frame.post(f"{one}/check", READ, self.check),
            frame.post(f"{one}/fix", ACT, self.fix),
            frame.post(f"{one}/release", ACT, self.release),
            frame.post(f"{one}/discard", ACT, self.discard),
        ]

    async def groups(self, request: web.Request, person: Person) -> web.Response:
        """Show the groups of faults, or the items of one."""
        channels, group = _channels(person), request.query.get("group", "")[:64]
        workflow = self._service.workflow
        found = await workflow.groups(channels=channels)
        items = await workflow.find(
            Filter(state=OPEN, channels=channels, group=group or None),
            before=before_of(request),
            limit=PAGE_ITEMS,
        )
        following = ""
        if len(items) == PAGE_ITEMS:
            following = f"/quarantine?{urlencode({'group': group, 'cursor': items[-1].id})}"
        values = {
            "groups": found,
            "chosen": next((one for one in found if one.group == group), None),
            "items": items,
            "following": following,
            "said": request.query.get("said", "")[:1],
            "released": _count(request, "released"),
            "failed": _count(request, "failed"),
            "reasons": refusals.REASONS,
        }
        return self._frame.page(request, person, f"{FOLDER}/groups.html", values)

    async def show(self, request: web.Request, person: Person) -> web.Response:
        """Show one item."""
        item = await self._item(request, person)
        await self._audit.record(
            at=self._frame.clock.now(),
            person=person.audited_as,
            action="quarantine.seen",
            target=f"quarantine:{item.id}",
            reason="looked at in the console",
            channel=item.channel,
        )
        verdict = self._verdict(item, person) if item.state == OPEN else None
        return await self._page(request, person, item, verdict=verdict)

    async def check(self, request: web.Request, person: Person) -> web.Response:
        """Say what the intake would make of an edit; nothing is kept."""
        item = await self._item(request, person)
        form = await self._frame.form(request)
        content = _content(form.get("content", ""), item)
        verdict = self._verdict(item, person, content.encode("utf-8", "replace"))
        return await self._page(
            request, person, item, content=content, verdict=verdict, is_checked=True
        )

    async def fix(self, request: web.Request, person: Person) -> web.Response:
        """Keep an edit beside the original, and release it when that was asked for."""
        item = await self._item(request, person)
        form = await self._frame.form(request)
        content, reason = _content(form.get("content", ""), item), _reason(form)
        if not reason:
            return await self._page(request, person, item, content=content, fault="Say why.")
        edited = content.encode("utf-8", "replace")
        if edited != item.current:
            kept = await self._service.fix(item, edited, person.audited_as, reason)
            if kept is None:
                raise _not_open()
            item = await self._item(request, person)
        if form.get("then") == "release":
            return await self._released(request, person, item, reason)
        return redirect(f"/quarantine/{item.id}")

    async def release(self, request: web.Request, person: Person) -> web.Response:
        """Release an item as it is."""
        item = await self._item(request, person)
        reason = _reason(await self._frame.form(request))
        if not reason:
            return await self._page(request, person, item, fault="Say why.")
        return await self._released(request, person, item, reason)

    async def discard(self, request: web.Request, person: Person) -> web.Response:
        """Put an item aside for good."""
        item = await self._item(request, person)
        reason = _reason(await self._frame.form(request))
        if not reason:
            return await self._page(request, person, item, fault="Say why.")
        if not await self._service.discard(item, person.audited_as, reason):
            raise _not_open()
        return redirect("/quarantine?said=d")

    async def release_group(self, request: web.Request, person: Person) -> web.Response:
        """Release all items of a group that the intake takes now, at most a thousand at once."""
        form = await self._frame.form(request)
        group, reason = form.get("group", "")[:64], _reason(form)
        if not group or not reason:
            raise problems.bad_request("form", "Not complete", "Choose a group, and say why.")
        done = await self._service.release_matching(
            Filter(channels=_channels(person), group=group),
            person.audited_as,
            reason,
            preview=False,
            forbids=forbids(person, _WHO),
        )
        told = {"group": group, "said": "g", "released": done.released, "failed": done.failed}
        return redirect(f"/quarantine?{urlencode(told)}")

    async def _released(
        self, request: web.Request, person: Person, item: HeldItem, reason: str
    ) -> web.Response:
        failure = await self._service.release(
            item, person.audited_as, reason, forbids=forbids(person, _WHO)
        )
        if failure is None:
            return redirect("/quarantine?said=r")
        fault = " ".join(failure.sentences)
        return await self._page(request, person, item, fault=fault)

    async def _page(
        self,
        request: web.Request,
        person: Person,
        item: HeldItem,
        *,
        content: str | None = None,
        verdict: Verdict | None = None,
        fault: str = "",
        is_checked: bool = False,
    ) -> web.Response:
        original, is_text = _text(item.original)
        current, _ = _text(item.current)
        sentences = verdict.sentences if verdict is not None else item.sentences
        shown = content if content is not None else current
        values = {
            "item": item,
            "verdict": verdict,
            "fault": fault,
            "is_checked": is_checked,
            "is_text": is_text,
            "is_editable": item.state == OPEN and is_text and len(current) <= MAX_SHOWN,
            "content": shown,
            "original": parts_of(original, spans_of(original, item.sentences)),
            "marked": parts_of(shown[:MAX_SHOWN], spans_of(shown[:MAX_SHOWN], sentences))
            if is_checked and sentences
            else [],
            "is_cut": len(item.original) > MAX_SHOWN,
            "history": await self._service.workflow.history(item.id),
            "meaning": refusals.REASONS.get(item.reason, ""),
        }
        return self._frame.page(request, person, f"{FOLDER}/item.html", values)

    def _verdict(self, item: HeldItem, person: Person, raw: bytes | None = None) -> Verdict:
        return permitted(item, self._service.check(item, raw), elsewhere(person, _WHO))

    async def _item(self, request: web.Request, person: Person) -> HeldItem:
        item = await self._service.workflow.item(int(request.match_info["id"]))
        if item is None or not person.serves(item.channel):
            raise problems.not_found("No item that you may see has this number.")
        return item


def _channels(person: Person) -> tuple[str, ...] | None:
    return None if ANY_CHANNEL in person.channels else tuple(sorted(person.channels))


def _text(raw: bytes) -> tuple[str, bool]:
    """Return bytes as text for people, at most MAX_SHOWN of them, and whether they are text."""
    try:
        return raw.decode()[:MAX_SHOWN], True
    except UnicodeDecodeError:
        return raw[:MAX_SHOWN].decode("utf-8", "replace"), False


def _content(text: str, item: HeldItem) -> str:
    """Return an edited text with the line breaks of the message: a form sends its own."""
    return text if b"\r\n" in item.current else text.replace("\r\n", "\n")


def _reason(form: dict[str, str]) -> str:
    return form.get("reason", "").strip()[:_MAX_REASON]


def _count(request: web.Request, name: str) -> int:
    text = request.query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def _not_open() -> Problem:
    return Problem(
        409, "not-open", "Not open any more", "Someone else decided meanwhile; look at it again."
    )
