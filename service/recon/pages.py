"""The console's pages of reconciliation: what differs by channel and root cause, each difference
with its two documents, decisions about them, and runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from aiohttp import web

from adapters.postgres.recon import KeptDifference, ReconRefused, Run, State, Which
from adapters.postgres.views import OrderView, Views
from schemas.order.ids import OrderId
from service.console.frame import HEADERS, Frame, asked_once, once, redirect
from service.console.people import Person
from service.console.rendering import money
from service.http import problems
from service.http.requests import before_of, channels_of, is_possible, whole_of
from service.http.scopes import ORDERS_READ
from service.recon.api import ACT, READ, sees
from service.recon.cases import CAUSES
from service.recon.service import Asked, ReconService, words_of
from service.recon.table import pair_of, table_of

FOLDER = "recon/templates"

PAGE_ROWS = 50
"""Differences on a page: two screens. Of runs the newest twenty are shown first."""

USUAL_DAYS = 31
"""Days of the window that the form proposes."""

STATES = ("open", "accepted", "corrected", "resolved")

_RUNS = 20
_MAX_REASON = 4_000  # the run's own bound
_LAST = 2**62

SAID = {
    "begun": "The run is begun, and goes on by itself.",
    "stopped": "The run is stopped. What it found so far stays.",
    "accept": "Accepted: it counts no more, unless it comes to something else.",
    "correct": "Noted: the next run shows whether the books are right.",
}


class ReconPages:
    """`/recon…`, for who may read or decide differences. A person reaches differences of their own
    channels, and sees the runs that were over such channels alone."""

    def __init__(self, frame: Frame, service: ReconService, views: Views) -> None:
        self._frame = frame
        self._service = service
        self._views = views

    def routes(self) -> list[web.RouteDef]:
        """The paths of the pages."""
        frame = self._frame
        run, one = "/recon/runs/{id:[0-9]{1,18}}", "/recon/differences/{id:[0-9]{1,18}}"
        return [
            frame.get("/recon", READ, self.overview),
            frame.get("/recon/new", ACT, self.ask),
            frame.post("/recon/runs", ACT, self.start),
            frame.get(run, READ, self.show_run),
            frame.get(f"{run}/now", READ, self.now),
            frame.post(f"{run}/stop", ACT, self.stop),
            frame.get("/recon/differences", READ, self.differences),
            frame.get(one, READ, self.difference),
            frame.post(f"{one}/{{verb:accept|correct}}", ACT, self.decide),
        ]

    async def overview(self, request: web.Request, person: Person) -> web.Response:
        """Show what the newest run found, what is under way, and the runs before."""
        seen, before = channels_of("", person), before_of(request)
        runs = await self._service.recon.runs(seen, before=before, limit=_RUNS)
        newest = next((one for one in runs if one.state == "ended"), None)
        values = {
            "runs": runs,
            "one": newest if before is None else None,
            "following": f"/recon?cursor={runs[-1].id}" if len(runs) == _RUNS else "",
            "first": before is None,
            **await self._found_by(newest, person),
        }
        return self._frame.page(request, person, f"{FOLDER}/overview.html", values)

    async def ask(self, request: web.Request, person: Person) -> web.Response:
        """Show the form of a run."""
        return self._form(request, person, {})

    async def start(self, request: web.Request, person: Person) -> web.Response:
        """Begin a run; a form that is sent twice begins once."""
        form = await self._frame.form(request)
        now = self._frame.clock.now()
        try:
            run = await self._service.start(
                Asked(
                    channels=[x.removeprefix("channel:") for x in form if x.startswith("channel:")],
                    since=_day("from", form.get("since", "")),
                    until=_day("until", form["until"]) if form.get("until") else now,
                    person=person.audited_as,
                    reason=form.get("reason", "")[:_MAX_REASON],
                    only=channels_of("", person),
                    request=asked_once(person, form),
                ),
                now,
            )
        except ReconRefused as error:
            return self._form(request, person, form, fault=str(error))
        return redirect(f"/recon/runs/{run.id}?said=begun")

    async def show_run(self, request: web.Request, person: Person) -> web.Response:
        """Show a run: how far it is, and what it found."""
        return await self._run_page(request, person, await self._run(request, person))

    async def now(self, request: web.Request, person: Person) -> web.Response:
        """Show a run's live part; once it has ended the whole page comes again."""
        run = await self._run(request, person)
        if run.ended_at is not None and request.headers.get("HX-Request"):
            return web.Response(status=200, headers={**HEADERS, "HX-Refresh": "true"})
        return self._frame.page(request, person, f"{FOLDER}/run_now.html", _progress(run))

    async def stop(self, request: web.Request, person: Person) -> web.Response:
        """End a run before its end."""
        run = await self._run(request, person)
        form = await self._frame.form(request)
        reason = form.get("reason", "")[:_MAX_REASON]
        try:
            await self._service.stop(run, person.audited_as, reason, self._frame.clock.now())
        except ReconRefused as error:
            return await self._run_page(request, person, run, fault=str(error))
        return redirect(f"/recon/runs/{run.id}?said=stopped")

    async def differences(self, request: web.Request, person: Person) -> web.Response:
        """List differences, the newest first."""
        query = request.query
        asked = {
            "state": query.get("state", "")[:32],
            "cause": query.get("cause", "")[:64],
            "channel": query.get("channel", "")[:64],
            "run": query.get("run", "")[:18],
        }
        channel = asked["channel"]
        rows: list[KeptDifference] = []
        if not channel or person.serves(channel):
            which = Which(
                channels=channels_of(channel, person),
                state=asked["state"],
                cause=asked["cause"],
                run=whole_of("run", asked["run"], _LAST) if asked["run"] else None,
            )
            before = before_of(request)
            rows = await self._service.recon.differences(which, before=before, limit=PAGE_ROWS)
        following = urlencode({**asked, "cursor": rows[-1].id}) if len(rows) == PAGE_ROWS else ""
        values = {
            "rows": [(one, *values_of(one)) for one in rows],
            "asked": asked,
            "states": STATES,
            "causes": CAUSES,
            "following": f"/recon/differences?{following}" if following else "",
        }
        return self._frame.page(request, person, f"{FOLDER}/differences.html", values)

    async def difference(self, request: web.Request, person: Person) -> web.Response:
        """Show a difference with its two documents."""
        found = await self._difference(request, person)
        return await self._difference_page(request, person, found)

    async def decide(self, request: web.Request, person: Person) -> web.Response:
        """Accept a difference, or note that the books were corrected."""
        one, verb = await self._difference(request, person), request.match_info["verb"]
        form = await self._frame.form(request)
        reason = form.get("reason", "")[:_MAX_REASON]
        state: State = "accepted" if verb == "accept" else "corrected"
        now = self._frame.clock.now()
        try:
            await self._service.decide(one, state, person.audited_as, reason, now)
        except ReconRefused as error:
            return await self._difference_page(request, person, one, fault=str(error))
        return redirect(f"/recon/differences/{one.id}?said={verb}")

    # --- pages ------------------------------------------------------------------------------------

    def _form(
        self, request: web.Request, person: Person, given: dict[str, str], *, fault: str = ""
    ) -> web.Response:
        now = self._frame.clock.now()
        known = sorted(one for one in self._service.plan.setups if person.serves(one))
        values = {
            "channels": known,
            "given": given or {"since": f"{now - timedelta(days=USUAL_DAYS):%Y-%m-%d}"},
            "fault": fault,
            "once": once(),
        }
        return self._frame.page(request, person, f"{FOLDER}/new.html", values)

    async def _run_page(
        self, request: web.Request, person: Person, run: Run, *, fault: str = ""
    ) -> web.Response:
        values = {
            **_progress(run),
            **await self._found_by(run, person),
            "may": person.may(ACT),
            "fault": fault,
            "said": _said(request),
        }
        status = 409 if fault else 200
        return self._frame.page(request, person, f"{FOLDER}/run.html", values, status=status)

    async def _difference_page(
        self, request: web.Request, person: Person, one: KeptDifference, *, fault: str = ""
    ) -> web.Response:
        view = await self._order(one, person)
        expected, found, off = values_of(one)
        values = {
            "one": one,
            "words": words_of(one),
            "expected": expected,
            "found": found,
            "off": off,
            "pair": pair_of(one, expected, found),
            "view": view,
            "may": person.may(ACT) and one.state != "resolved",
            "fault": fault,
            "said": _said(request),
        }
        status = 409 if fault else 200
        return self._frame.page(request, person, f"{FOLDER}/difference.html", values, status=status)

    # --- what is asked for ------------------------------------------------------------------------

    async def _found_by(self, run: Run | None, person: Person) -> dict[str, object]:
        if run is None:
            return {"table": None}
        recon = self._service.recon
        cells = await recon.cells(run.id, channels_of("", person))
        return {"table": table_of(await recon.totals(run.id), cells)}

    async def _run(self, request: web.Request, person: Person) -> Run:
        found = await self._service.recon.find(int(request.match_info["id"]))
        if found is None or not sees(person, found.channels):
            raise problems.not_found("No run of yours has this id.")
        return found

    async def _difference(self, request: web.Request, person: Person) -> KeptDifference:
        found = await self._service.recon.difference(int(request.match_info["id"]))
        if found is None or not sees(person, (found.channel,)):
            raise problems.not_found("No difference of yours has this id.")
        return found

    async def _order(self, one: KeptDifference, person: Person) -> OrderView | None:
        if not one.order_id or not person.may(ORDERS_READ):
            return None
        view = await self._views.show(OrderId(one.order_id))
        return view if view is not None and person.serves(view.row.channel) else None


def values_of(one: KeptDifference) -> tuple[str, str, str]:
    """Return what was expected, what was found, and by how much it is off ("": it has no amount),
    as people read them."""
    amounts = one.expected_minor, one.found_minor
    off = abs(amounts[1] - amounts[0])
    expected, found = (money(x, one.currency) for x in amounts)
    return one.expected or expected, one.found or found, money(off, one.currency) if off else ""


def _progress(run: Run) -> dict[str, object]:
    """Return a run and how far it is: what is read counts for nine tenths."""
    share = 100 if run.state == "ended" else 90 * run.step // max(len(run.steps), 1)
    return {"one": run, "share": share, "live": f"/recon/runs/{run.id}/now"}


def _day(name: str, text: str) -> datetime:
    """Return the beginning of a day in UTC. Raises ReconRefused."""
    wrong = ReconRefused(f"“Orders placed {name}” is a day such as 2026-11-27.")
    try:
        found = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise wrong from None
    if not is_possible(found):
        raise wrong
    return found


def _said(request: web.Request) -> str:
    return SAID.get(request.query.get("said", ""), "")
