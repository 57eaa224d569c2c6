"""The console's pages of the rules: which decide, how often each fires, what is wrong with them,
and every version with its way back."""

from __future__ import annotations

from aiohttp import web

from adapters.postgres.rules import InUse, Stored, Version
from schemas.contracts.rules import Rules, RulesRefused
from service.console.frame import HEADERS, Frame, redirect
from service.console.people import Person
from service.http import problems
from service.http.auth import ANY_CHANNEL
from service.http.problems import Problem
from service.http.requests import whole_of
from service.rules.api import APPROVE, READ, WRITE
from service.rules.checking import RulesService, refused
from service.rules.publishing import NotPublished, Published, differences
from service.rules.shown import sets_of, tables_of
from service.rules.written import csv_of, file_of, written

FOLDER = "rules/templates"

COUNTED_DAYS = 30
"""Days of orders in which it is counted how often each rule fires."""
MAX_VERSIONS = 200
"""Versions in the history."""
MAX_DIFFERENCES = 500
"""Differences of two versions on a page."""
MAX_REASON = 4_000
"""Characters of a reason, as everywhere in the console."""

SAID = {
    "used": "It is in use within seconds; orders in flight keep the version that decided them.",
    "back": "It is in use again within seconds; orders in flight keep the version that decided"
    " them.",
    "stored": "It is stored. It is used once another person approves it.",
}


class RulePages:
    """`/rules`, `/rules/history` and `/rules/versions/{version}`. The rules are one document for
    all channels, so only who serves all of them sees it."""

    def __init__(self, frame: Frame, service: RulesService) -> None:
        self._frame = frame
        self._service = service
        self._store = service.store

    def routes(self) -> list[web.RouteDef]:
        """The paths of the pages."""
        one, frame = "/rules/versions/{version:[0-9]{1,9}}", self._frame
        return [
            frame.get("/rules", READ, self.show),
            frame.get("/rules/findings", READ, self.findings),
            frame.get("/rules/coverage", READ, self.coverage),
            frame.post("/rules/coverage", READ, self.count),
            frame.get("/rules/history", READ, self.history),
            frame.get(one, READ, self.version),
            frame.get(f"{one}/tables/{{table}}", READ, self.table),
            frame.post(f"{one}/approve", APPROVE, self.approve),
            frame.post(f"{one}/rollback", WRITE, self.rollback),
        ]

    async def show(self, request: web.Request, person: Person) -> web.Response:
        """Show the rules in use."""
        everywhere(person)
        return await self._rules(request, person)

    async def findings(self, request: web.Request, person: Person) -> web.Response:
        """Show what is wrong with the rules in use, as a page or as its live part."""
        everywhere(person)
        used = await in_use(self._service)
        found, fault = None, ""
        try:
            found = await self._service.found_in_use(used.position, used.rules)
        except Problem as problem:
            fault = " ".join((problem.detail, *problem.sentences))
        values = {"found": found, "fault": fault, "version": used.version, "waits": True}
        is_part = "HX-Request" in request.headers
        name = "found_now" if is_part else "found"
        return self._frame.page(request, person, f"{FOLDER}/{name}.html", values)

    async def coverage(self, request: web.Request, person: Person) -> web.Response:
        """Show how far a count is; once it has ended the whole page comes again."""
        everywhere(person)
        counted = await self._service.trials.counted()
        if counted.running is not None and "HX-Request" in request.headers:
            values = {"counted": counted}
            return self._frame.page(request, person, f"{FOLDER}/counting_now.html", values)
        if "HX-Request" in request.headers:
            return web.Response(status=200, headers={**HEADERS, "HX-Refresh": "true"})
        return redirect("/rules")

    async def count(self, request: web.Request, person: Person) -> web.Response:
        """Begin to count how often each rule fires; a second press finds it under way."""
        everywhere(person)
        await self._frame.form(request)
        try:
            now = self._frame.clock.now()
            await self._service.count(COUNTED_DAYS, person.audited_as, now)
        except Problem as problem:
            return await self._rules(request, person, fault=problem.detail)
        return redirect("/rules")

    async def history(self, request: web.Request, person: Person) -> web.Response:
        """Show every version, newest first."""
        everywhere(person)
        versions = await self._store.versions(MAX_VERSIONS)
        values = {"versions": versions, "most": MAX_VERSIONS}
        return self._frame.page(request, person, f"{FOLDER}/history.html", values)

    async def version(self, request: web.Request, person: Person) -> web.Response:
        """Show one version: what it says, what it changed, and what using it would change."""
        everywhere(person)
        return await self._version(request, person, await self._found(request))

    async def table(self, request: web.Request, person: Person) -> web.Response:
        """Send a lookup table of a version as its CSV file, to be edited as a spreadsheet."""
        everywhere(person)
        found = (await self._found(request)).rules.tables.get(request.match_info["table"])
        if found is None:
            raise problems.not_found("This version has no such table.")
        name = file_of(request.match_info["table"])  # of a-z, 0-9 and -, as its name is
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
        return web.Response(
            text=csv_of(found), content_type="text/csv", charset="utf-8", headers=headers
        )

    async def approve(self, request: web.Request, person: Person) -> web.Response:
        """Have a version used that someone else stored."""
        return await self._decide(request, person, "approve")

    async def rollback(self, request: web.Request, person: Person) -> web.Response:
        """Return to a version that was in use before."""
        return await self._decide(request, person, "rollback")

    async def _decide(self, request: web.Request, person: Person, verb: str) -> web.Response:
        everywhere(person)
        stored = await self._found(request)
        reason = (await self._frame.form(request)).get("reason", "").strip()[:MAX_REASON]
        try:
            done = await self._done(stored.version, person, verb, reason)
        except NotPublished as error:
            return await self._version(request, person, stored, fault=str(error))
        return redirect(f"/rules?said={'used' if verb == 'approve' else 'back'}&v={done.version}")

    async def _done(self, version: int, person: Person, verb: str, reason: str) -> Published:
        if not reason:
            raise NotPublished("Say why; it is kept with the version.")
        publishing = self._service.publishing(person.audited_as, self._frame.clock.now())
        if verb == "approve":
            return await publishing.approve(version, reason)
        return await publishing.rollback(version, reason)

    async def _rules(
        self, request: web.Request, person: Person, *, fault: str = ""
    ) -> web.Response:
        used = await in_use(self._service)
        counted = await self._service.trials.counted()
        of_these = counted.result if counted.version == used.version else None
        newest = await self._store.versions(1)
        values = {
            "used": used,
            "meta": next((x for x in await self._store.versions(MAX_VERSIONS) if x.in_use), None),
            "waiting": next((x for x in newest if not x.used and x.version > used.version), None),
            "sets": sets_of(used.rules, of_these),
            "tables": tables_of(used.rules),
            "text": written(used.rules),
            "counted": counted,
            "of_these": of_these,
            "days": COUNTED_DAYS,
            "fault": fault,
            "said": _said(request),
            "may": person.may(WRITE),
        }
        return self._frame.page(request, person, f"{FOLDER}/rules.html", values)

    async def _version(
        self, request: web.Request, person: Person, stored: Stored, *, fault: str = ""
    ) -> web.Response:
        used = await in_use(self._service)
        versions = await self._store.versions(MAX_VERSIONS)
        meta = next((one for one in versions if one.version == stored.version), None)
        before = await self._store.one(stored.version - 1) if stored.version > 1 else None
        changed = differences(before.rules if before is not None else Rules(), stored.rules)
        would = differences(used.rules, stored.rules)
        values = {
            "one": stored,
            "meta": meta,
            "used": used,
            "text": written(stored.rules),
            "tables": tables_of(stored.rules),
            "changed": list(changed)[:MAX_DIFFERENCES],
            "would": list(would)[:MAX_DIFFERENCES],
            "decision": _decision(meta, used, stored, person),
            "fault": fault,
            "said": _said(request),
            "may": person.may(WRITE),
        }
        return self._frame.page(request, person, f"{FOLDER}/version.html", values)

    async def _found(self, request: web.Request) -> Stored:
        try:
            found = await self._store.one(whole_of("version", request.match_info["version"], 10**9))
        except RulesRefused as error:
            raise refused(error.sentences) from error
        if found is None:
            raise problems.not_found("There is no such version; the history lists them.")
        return found


def everywhere(person: Person) -> None:
    """Raise Problem 403 for who serves some channels only: the rules are one document for all."""
    if ANY_CHANNEL not in person.channels:
        raise Problem(
            403,
            "channel-refused",
            "Not for your channels",
            "The rules are one document for all channels, and you see some of them. An admin can "
            "make you a user of every channel.",
        )


async def in_use(service: RulesService) -> InUse:
    """Return what decides now. Raises Problem for what this release can't read."""
    try:
        return await service.store.in_use()
    except RulesRefused as error:
        raise refused(error.sentences) from error


def _decision(meta: Version | None, used: InUse, stored: Stored, person: Person) -> str:
    """Return what a person may decide about a version: `approve`, `rollback`, `another` where
    another person has to approve it, "" for nothing."""
    if meta is None or meta.in_use:
        return ""
    if meta.used:
        return "rollback" if person.may(WRITE) else ""
    if stored.version < used.version or not person.may(APPROVE):
        return ""
    return "another" if stored.person == person.audited_as else "approve"


def _said(request: web.Request) -> str:
    words, version = SAID.get(request.query.get("said", ""), ""), request.query.get("v", "")
    return f"Version {version}: {words}" if words and version.isdigit() else words
