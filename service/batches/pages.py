"""The console's pages of batches: what a decision would reach, its beginning, how far it is, what
failed, and the failures once more."""

from __future__ import annotations

from urllib.parse import urlencode

from aiohttp import web

from adapters.postgres.batches import Batch, BatchRefused, Preview
from service.batches.api import ACT
from service.batches.service import MAX_PER_SECOND, USUAL_PER_SECOND, Asked, BatchService
from service.batches.targets import RELEASE, VERBS
from service.console.frame import HEADERS, Frame, asked_once, once, redirect
from service.console.people import Person
from service.http import problems
from service.http.auth import ANY_CHANNEL
from service.http.requests import before_of, channels_of, whole_of
from service.http.scopes import ORDERS_READ

FOLDER = "batches/templates"

PAGE_ROWS = 50
"""Batches or failures on a page: two screens."""

MAY_GROW, ALWAYS_GROWS = 1.1, 10
"""So many times as many orders as the preview showed, or so many more, may have come to match
meanwhile; when there are more of them, whoever starts is shown the new count first."""

NAMES = {
    "retry": "Try again",
    "release": "Release a hold",
    "cancel": "Cancel",
    "hold": "Hold",
    "refetch": "Fetch again",
    "redecide": "Decide again",
}
"""The verbs, as they are chosen."""

DANGEROUS = "cancel"

_MAX_FILTER, _MAX_REASON, _MAX_HOLD = 1_000, 4_000, 256  # the batch's own bounds


class BatchPages:
    """`/batches…`. A person reaches the orders of their channels, and sees the batches that were
    begun for such channels alone."""

    def __init__(self, frame: Frame, service: BatchService) -> None:
        self._frame = frame
        self._service = service

    def routes(self) -> list[web.RouteDef]:
        """The paths of the pages."""
        one, frame = "/batches/{id:[0-9]{1,18}}", self._frame
        return [
            frame.get("/batches", ORDERS_READ, self.list_batches),
            frame.get("/batches/rows", ORDERS_READ, self.rows),
            frame.get("/batches/new", ACT, self.preview),
            frame.post("/batches", ACT, self.start),
            frame.get(one, ORDERS_READ, self.show),
            frame.get(f"{one}/now", ORDERS_READ, self.now),
            frame.post(f"{one}/stop", ACT, self.stop),
            frame.post(f"{one}/again", ACT, self.again),
        ]

    async def list_batches(self, request: web.Request, person: Person) -> web.Response:
        """Show batches, newest first."""
        values = await self._list(request, person)
        return self._frame.page(request, person, f"{FOLDER}/list.html", values)

    async def rows(self, request: web.Request, person: Person) -> web.Response:
        """Show the rows alone: the list's live part."""
        values = await self._list(request, person)
        return self._frame.page(request, person, f"{FOLDER}/rows.html", values)

    async def preview(self, request: web.Request, person: Person) -> web.Response:
        """Show what a filter finds now, and ask what is to be done."""
        given = {"filter": request.query.get("q", "")[:_MAX_FILTER]}
        return await self._ask(request, person, given)

    async def start(self, request: web.Request, person: Person) -> web.Response:
        """Fix the orders that match, and begin; a form that is sent twice begins once."""
        form = await self._frame.form(request)
        given = {
            "filter": form.get("filter", "")[: _MAX_FILTER + 1],
            "verb": form.get("verb", "")[:32],
            "hold": form.get("hold", "")[: _MAX_HOLD + 1],
            "reason": form.get("reason", "")[:_MAX_REASON],
            "per_second": form.get("per_second", "")[:8],
        }
        try:
            if not given["verb"]:
                raise BatchRefused("Choose what is to be done.")
            rate = given["per_second"]
            asked = Asked(
                verb=given["verb"],
                reason=given["reason"],
                person=person.audited_as,
                filter=given["filter"],
                hold=given["hold"] if given["verb"] == RELEASE else "",
                per_second=int(rate) if rate.isascii() and rate.isdigit() else 0,
                only=channels_of("", person),
                request=asked_once(person, form),
            )
            await self._still(asked, form.get("orders", ""))
            batch = await self._service.start(asked, self._frame.clock.now())
        except BatchRefused as error:
            return await self._ask(request, person, given, fault=str(error))
        return redirect(f"/batches/{batch.id}?said=begun")

    async def show(self, request: web.Request, person: Person) -> web.Response:
        """Show one batch."""
        return await self._page(request, person, await self._found(request, person))

    async def now(self, request: web.Request, person: Person) -> web.Response:
        """Show one batch's live part; once it has ended the whole page comes again, for what can be
        done then is another thing."""
        batch = await self._found(request, person)
        values = await self._values(request, person, batch)
        if batch.ended_at is not None and request.headers.get("HX-Request"):
            return web.Response(status=200, headers={**HEADERS, "HX-Refresh": "true"})
        return self._frame.page(request, person, f"{FOLDER}/batch_now.html", values)

    async def stop(self, request: web.Request, person: Person) -> web.Response:
        """Tell no further order."""
        batch = await self._found(request, person)
        form = await self._frame.form(request)
        reason = form.get("reason", "")[:_MAX_REASON]
        try:
            now = self._frame.clock.now()
            await self._service.stop(batch, person.audited_as, reason, now)
        except BatchRefused as error:
            return await self._page(request, person, batch, fault=str(error))
        return redirect(f"/batches/{batch.id}?said=stopped")

    async def again(self, request: web.Request, person: Person) -> web.Response:
        """Begin the same with the failures."""
        batch = await self._found(request, person)
        form = await self._frame.form(request)
        try:
            begun = await self._service.start(
                Asked(
                    verb=batch.verb,
                    reason=form.get("reason", "")[:_MAX_REASON],
                    person=person.audited_as,
                    failures_of=batch,
                    per_second=batch.per_second,
                    only=channels_of("", person),
                    request=asked_once(person, form),
                ),
                self._frame.clock.now(),
            )
        except BatchRefused as error:
            return await self._page(request, person, batch, fault=str(error))
        return redirect(f"/batches/{begun.id}?said=begun")

    async def _still(self, asked: Asked, seen: str) -> None:
        """Raise BatchRefused when many more orders match than whoever starts was shown."""
        if not seen.isascii() or not seen.isdigit() or len(seen) > 9:
            raise BatchRefused("Look at the orders that match first; they are counted below.")
        now = self._frame.clock.now()
        found = await self._service.preview(asked.filter, asked.only, now)
        if found.orders > max(int(seen) * MAY_GROW, int(seen) + ALWAYS_GROWS):
            raise BatchRefused(
                f"You were shown {int(seen):,} orders, and {found.orders:,} match now. Look at them"
                " again, and start when they are the ones you mean."
            )

    async def _list(self, request: web.Request, person: Person) -> dict[str, object]:
        before = before_of(request)
        rows = await self._service.batches.page(
            channels_of("", person), before=before, limit=PAGE_ROWS
        )
        following = f"/batches?cursor={rows[-1].id}" if len(rows) == PAGE_ROWS else ""
        return {"rows": rows, "following": following, "first": before is None, "names": NAMES}

    async def _ask(
        self, request: web.Request, person: Person, given: dict[str, str], *, fault: str = ""
    ) -> web.Response:
        found: Preview | None = None
        unusable = ""
        try:
            found = await self._service.preview(
                given["filter"], channels_of("", person), self._frame.clock.now()
            )
        except BatchRefused as error:
            unusable = str(error)
        usual = {"verb": "", "hold": "", "reason": "", "per_second": str(USUAL_PER_SECOND)}
        values = {
            "given": {**usual, **given},
            "found": found,
            "unusable": unusable,
            "fault": "" if unusable else fault,
            "verbs": [(verb, NAMES[verb], words) for verb, words in VERBS.items()],
            "most_per_second": MAX_PER_SECOND,
            "once": once(),
            "list": f"/orders?{urlencode({'q': given['filter']})}",
        }
        return self._frame.page(request, person, f"{FOLDER}/new.html", values)

    async def _page(
        self, request: web.Request, person: Person, batch: Batch, *, fault: str = ""
    ) -> web.Response:
        values = {
            **await self._values(request, person, batch),
            "fault": fault,
            "said": request.query.get("said", "")[:8],
            "once": once(),
            "may": person.may(ACT),
        }
        return self._frame.page(request, person, f"{FOLDER}/batch.html", values)

    async def _values(
        self, request: web.Request, person: Person, batch: Batch
    ) -> dict[str, object]:
        after = before_of(request) or 0
        failures = await self._service.batches.failures(batch.id, after=after, limit=PAGE_ROWS)
        following = ""
        if len(failures) == PAGE_ROWS:
            following = f"/batches/{batch.id}?cursor={failures[-1].place}"
        told = batch.done + batch.failed
        return {
            "one": batch,
            "name": NAMES.get(batch.verb, batch.verb),
            "failures": failures,
            "following": following,
            "live": f"/batches/{batch.id}/now{f'?cursor={after}' if after else ''}",
            "share": 100.0 * told / batch.orders if batch.orders else 100.0,
            "bad_share": 100.0 * batch.failed / batch.orders if batch.orders else 0.0,
        }

    async def _found(self, request: web.Request, person: Person) -> Batch:
        batch_id = whole_of("id", request.match_info["id"], 10**18)
        found = await self._service.batches.find(batch_id)
        if found is None or not _sees(person, found):
            raise problems.not_found("No batch of yours has this id.")
        return found


def _sees(person: Person, batch: Batch) -> bool:
    if ANY_CHANNEL in person.channels:
        return True
    return batch.channels is not None and all(map(person.serves, batch.channels))
