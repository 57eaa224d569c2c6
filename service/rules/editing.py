"""The console's editor of rules: their text and their tables, checked as one types, compared with
those in use, tried on the past, and published with a reason."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from aiohttp import web
from msgspec import Struct

from schemas.contracts.rules import MAX_FILE_BYTES, MAX_TABLES, Rules, RulesRefused
from service.console.frame import Frame, redirect
from service.console.people import Person
from service.http import problems
from service.http.problems import Problem
from service.http.requests import whole_of
from service.rules.api import READ, WRITE
from service.rules.checking import MAX_TOLD, RulesService, refused
from service.rules.pages import FOLDER, MAX_DIFFERENCES, MAX_REASON, everywhere, in_use
from service.rules.publishing import NotPublished, differences
from service.rules.written import csv_of, file_of, written

if TYPE_CHECKING:
    from service.rules.examine import Examined

DAYS = (1, 7, 30, 90, 365)
"""How far back a backtest may look."""
USUAL_DAYS = 30

MAX_SHOWN = 262_144
"""Characters of all tables together that are edited here; larger tables are kept as they are."""
MAX_OF_TABLE = 65_536
"""Characters of one such table."""

_FILE = "file:"
_LINE = re.compile(r"\(at line (\d+), column (\d+)\)")


class Draft(Struct, frozen=True, kw_only=True):
    """What a person edits. `base` is the version that it began with, `seen` the newest one then.
    `files` are the tables' files that are edited, `kept` those that stay as `base` has them."""

    toml: str
    files: dict[str, str]
    kept: dict[str, str]
    base: int
    seen: int
    reason: str = ""
    days: int = USUAL_DAYS
    trial: int = 0

    @property
    def sent(self) -> dict[str, str]:
        """All files, as a check reads them."""
        return {**self.kept, **self.files}


class Told(Struct, frozen=True, kw_only=True):
    """A finding as it is shown; line and column are 0 where none is known."""

    severity: str
    line: int
    column: int
    about: str
    sentence: str


class Checked(Struct, frozen=True, kw_only=True):
    """What a check said: the findings, what was not looked for, and, of rules that may be
    published, what they would change."""

    findings: tuple[Told, ...] = ()
    left: tuple[str, ...] = ()
    more: int = 0
    rules: Rules | None = None
    differs: tuple[str, ...] = ()


class RuleEditing:
    """`/rules/edit` and what its buttons do. Nothing is kept of a draft: it is in the form."""

    def __init__(self, frame: Frame, service: RulesService) -> None:
        self._frame = frame
        self._service = service

    def routes(self) -> list[web.RouteDef]:
        """The paths of the editor."""
        trial, frame = "/rules/backtests/{trial:[0-9]{1,9}}", self._frame
        return [
            frame.get("/rules/edit", READ, self.edit),
            frame.post("/rules/edit", READ, self.check),
            frame.post("/rules/lint", READ, self.lint),
            frame.post("/rules/backtests", READ, self.backtest),
            frame.get(trial, READ, self.trial),
            frame.get(f"{trial}/now", READ, self.trial_now),
            frame.post("/rules/publish", WRITE, self.publish),
        ]

    async def edit(self, request: web.Request, person: Person) -> web.Response:
        """Show the rules in use, or those of a version, to be edited."""
        everywhere(person)
        base = _number(request.query.get("from", ""))
        used = await in_use(self._service)
        base = base or used.version
        rules = await self._rules_of(base)
        files = {file_of(name): csv_of(table) for name, table in rules.tables.items()}
        shown = _shown(files)
        draft = Draft(
            toml=written(rules),
            files={name: files[name] for name in shown},
            kept={name: text for name, text in files.items() if name not in shown},
            base=base,
            seen=await self._service.store.newest(),
        )
        return await self._page(request, person, draft)

    async def check(self, request: web.Request, person: Person) -> web.Response:
        """Show everything that is wrong with the draft, and what it would change."""
        everywhere(person)
        draft = await self._draft(request)
        return await self._page(request, person, draft, checked=await self._checked(draft))

    async def lint(self, request: web.Request, person: Person) -> web.Response:
        """Show what is found at once, as one types; the solver is asked by the button."""
        everywhere(person)
        checked = await self._checked(await self._draft(request), proofs=False)
        values = {"checked": checked, "is_quick": True}
        return self._frame.page(request, person, f"{FOLDER}/findings.html", values)

    async def backtest(self, request: web.Request, person: Person) -> web.Response:
        """Begin to try the draft on the past; its progress stands beside the text."""
        everywhere(person)
        draft = await self._draft(request)
        checked = await self._checked(draft)
        if checked.rules is None:
            fault = "What can't be published can't be tried: see what is found."
            return await self._page(request, person, draft, checked=checked, fault=fault)
        try:
            begun = await self._service.begin(
                checked.rules, draft.days, person.audited_as, self._frame.clock.now()
            )
        except Problem as problem:
            return await self._page(request, person, draft, checked=checked, fault=problem.detail)
        return await self._page(request, person, draft, checked=checked, trial=begun.id)

    async def trial(self, request: web.Request, person: Person) -> web.Response:
        """Show how far a backtest is, and what it found."""
        return await self._trial(request, person, "trial")

    async def trial_now(self, request: web.Request, person: Person) -> web.Response:
        """Show its live part."""
        return await self._trial(request, person, "trial_now")

    async def publish(self, request: web.Request, person: Person) -> web.Response:
        """Check the draft and use it, or store it for a second person. What was stored since the
        page was opened is told first; a form that is sent twice publishes once."""
        everywhere(person)
        draft = await self._draft(request)
        checked = await self._checked(draft)
        fault = "" if draft.reason else "Say why; it is kept with the version."
        if checked.rules is None:
            fault = "Nothing was published: see what is found."
        elif not fault:
            publishing = self._service.publishing(person.audited_as, self._frame.clock.now())
            try:
                done = await publishing.publish(checked.rules, draft.reason, after=draft.seen)
                return _published(done.version, in_use=done.in_use)
            except NotPublished as error:
                fault = str(error)
            except RulesRefused as error:
                fault = " ".join(error.sentences)
            newest = await self._service.store.newest()
            if newest != draft.seen:
                if await self._rules_of(newest) == checked.rules:  # the button was pressed twice
                    used = await in_use(self._service)
                    return _published(newest, in_use=used.version == newest)
                fault = f"Nothing was published, for version {newest} was stored since you began."
        return await self._page(request, person, draft, checked=checked, fault=fault)

    async def _trial(self, request: web.Request, person: Person, part: str) -> web.Response:
        everywhere(person)
        number = whole_of("trial", request.match_info["trial"], 10**9)
        found = await self._service.trials.shown(number)
        if found is None:
            raise problems.not_found("There is no such backtest; the last fifty are kept.")
        return self._frame.page(request, person, f"{FOLDER}/{part}.html", {"trial": found})

    async def _draft(self, request: web.Request) -> Draft:
        form = await self._frame.form(request)
        toml = form.get("toml", "")[: MAX_FILE_BYTES + 1].replace("\r\n", "\n")
        base = _number(form.get("base", ""))
        edited = {
            name.removeprefix(_FILE): text
            for name, text in form.items()
            if name.startswith(_FILE) and len(name) < 300
        }
        stored = await self._rules_of(base)
        there = {file_of(name): csv_of(table) for name, table in stored.tables.items()}
        named = _files_of(toml, edited)
        kept = {x: text for x, text in there.items() if x in named and x not in edited}
        shown = _shown(kept)
        days = form.get("days", "")
        return Draft(
            toml=toml,
            files={x: edited[x] if x in edited else kept.get(x, "") for x in named
                   if x in edited or x in shown or x not in kept},
            kept={x: text for x, text in kept.items() if x not in shown},
            base=base,
            seen=_number(form.get("seen", "")),
            reason=form.get("reason", "").strip()[:MAX_REASON],
            days=int(days) if days in map(str, DAYS) else USUAL_DAYS,
            trial=_number(form.get("trial", "")),
        )  # fmt: skip

    async def _rules_of(self, version: int) -> Rules:
        if not version:
            return Rules()
        try:
            stored = await self._service.store.one(version)
        except RulesRefused as error:
            raise refused(error.sentences) from error
        if stored is None:
            raise problems.not_found("There is no such version; the history lists them.")
        return stored.rules

    async def _checked(self, draft: Draft, *, proofs: bool = True) -> Checked:
        try:
            found = await self._service.examined(draft.toml, draft.sent, proofs=proofs)
        except Problem as problem:
            return Checked(findings=tuple(map(_unread, problem.sentences or (problem.detail,))))
        told = _told(found)
        differs: tuple[str, ...] = ()
        if found.is_good and proofs:
            used = await in_use(self._service)
            differs = tuple(differences(used.rules, found.read.rules))[:MAX_DIFFERENCES]
        return Checked(
            findings=told[:MAX_TOLD],
            left=found.left,
            more=max(0, len(told) - MAX_TOLD),
            rules=found.read.rules if found.is_good else None,
            differs=differs,
        )

    async def _page(
        self,
        request: web.Request,
        person: Person,
        draft: Draft,
        *,
        checked: Checked | None = None,
        fault: str = "",
        trial: int = 0,
    ) -> web.Response:
        number = trial or draft.trial
        values = {
            "draft": draft,
            "checked": checked,
            "is_quick": False,
            "fault": fault,
            "trial": await self._service.trials.shown(number) if number else None,
            "newest": await self._service.store.newest(),
            "second": self._service.needs_second,
            "may": person.may(WRITE),
            "all_days": DAYS,
        }
        return self._frame.page(request, person, f"{FOLDER}/edit.html", values)


def _number(text: str) -> int:
    """Return a number of a form, 0 for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _published(version: int, *, in_use: bool) -> web.Response:
    if in_use:
        return redirect(f"/rules?said=used&v={version}")
    return redirect(f"/rules/versions/{version}?said=stored&v={version}")


def _told(found: Examined) -> tuple[Told, ...]:
    return tuple(
        Told(
            severity=one.severity,
            line=one.line,
            column=one.column,
            about=" ".join(filter(None, (one.set, one.rule))),
            sentence=one.sentence,
        )
        for one in found.findings
    )


def _unread(sentence: str) -> Told:
    """Return what is said of a text that can't be read at all, with the line that it names."""
    found = _LINE.search(sentence)
    line, column = (int(found[1]), int(found[2])) if found else (0, 0)
    return Told(severity="error", line=line, column=column, about="", sentence=sentence)


def _files_of(toml: str, otherwise: Mapping[str, str]) -> list[str]:
    """Return the files that a text's `[tables]` name, or those of the form while the text can't be
    read."""
    try:
        stated = tomllib.loads(toml).get("tables", {})
    except (tomllib.TOMLDecodeError, RecursionError):
        return list(otherwise)
    files = stated.values() if isinstance(stated, dict) else ()
    named = dict.fromkeys(one for one in files if isinstance(one, str) and len(one) < 256)
    return list(named)[:MAX_TABLES]


def _shown(files: Mapping[str, str]) -> set[str]:
    """Return which files are edited here: the others are too large for a form."""
    shown, room = set(), MAX_SHOWN
    for name, text in files.items():
        if len(text) <= min(MAX_OF_TABLE, room):
            shown.add(name)
            room -= len(text)
    return shown
