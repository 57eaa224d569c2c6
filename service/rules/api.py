"""The rules API: what decides, what a change would do, and changing it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from actors.rules.compiled import Compiled
from actors.rules.facts import away_of
from adapters.postgres.rules import Version
from schemas.contracts import refusals
from schemas.contracts.rules import MAX_FILE_BYTES, MAX_TABLES, Rules, RulesRefused
from schemas.messages.rule_events import Ruling
from schemas.order.canonical import LongText, Order
from service.http import problems
from service.http.auth import ANY_CHANNEL, Principal
from service.http.base import Api, json_answer, person_of
from service.http.described import COUNT, described, object_of
from service.http.problems import Problem
from service.http.requests import read_body, reason_of, unprocessable, whole_of
from service.rules.checking import RulesService, refused
from service.rules.publishing import NotPublished, Published, Publishing, differences
from service.rules.trials import TrialShown

if TYPE_CHECKING:
    from actors.rules.lint import Finding

READ, WRITE, APPROVE = "rules:read", "rules:write", "rules:approve"

MAX_DAYS = 3_660
"""How far back a trial looks."""
Text = Annotated[str, Meta(max_length=MAX_FILE_BYTES)]


class RulesGiven(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rules as a person writes them: the text of the TOML file, and that of the CSV files which its
    `[tables]` name."""

    toml: Text
    files: Annotated[dict[str, Text], Meta(max_length=MAX_TABLES)] = {}


class RulesChange(RulesGiven, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rules that are to be used, and why."""

    reason: LongText


class RulesTry(RulesGiven, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rules, and an order that they are to decide about; `channel` is where it came from."""

    order: Order
    channel: Annotated[str, Meta(max_length=200)] = ""


class RulesBacktest(RulesGiven, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rules, and how many days of the past they are tried on."""

    days: Annotated[int, Meta(ge=1, le=MAX_DAYS)] = 30


class RulesReason(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why."""

    reason: LongText


class RuleFinding(Struct, frozen=True, kw_only=True):
    """What is wrong with a rule, and how to fix it. Line and column are 0 where none is known."""

    severity: str
    line: int
    column: int
    set: str
    rule: str
    sentence: str


class RuleTried(Struct, frozen=True, kw_only=True):
    """What one rule decides: what it asks for, and the facts that it is about. An empty `rule`:
    none of the set matched."""

    set: str
    rule: str
    asks: dict[str, str]
    facts: dict[str, str]


class RulesApi:
    """`/api/v1/rules`. The rules are one document for all channels, so only a key that serves all
    of them may read or change it."""

    def __init__(self, service: RulesService, api: Api) -> None:
        self.service = service
        self._store = service.store
        self._api = api

    def routes(self) -> list[web.RouteDef]:
        """The paths of the rules API."""
        return [
            web.get("/api/v1/rules", self.show),
            web.get("/api/v1/rules/history", self.history),
            web.post("/api/v1/rules/lint", self.lint),
            web.post("/api/v1/rules/diff", self.diff),
            web.post("/api/v1/rules/test", self.test),
            web.post("/api/v1/rules/publish", self.publish),
            web.post("/api/v1/rules/versions/{version}/approve", self.approve),
            web.post("/api/v1/rules/versions/{version}/rollback", self.rollback),
            web.post("/api/v1/rules/backtests", self.backtest),
            web.get("/api/v1/rules/backtests/{trial}", self.show_backtest),
        ]

    @described(
        READ, object_of("RulesShown", version=int, rules=Rules), query={"version": COUNT},
        refuses=(404,),
    )  # fmt: skip
    async def show(self, request: web.Request) -> web.Response:
        """Return the rules in use (version 0: there are none yet), or those of a version."""
        await self._principal(request, READ)
        asked = request.query.get("version", "")
        if not asked:
            used = await self._store.in_use()
            return json_answer({"version": used.version, "rules": used.rules})
        found = await self._store.one(_version(asked))
        if found is None:
            raise problems.not_found("There is no such version; `history` lists them.")
        return json_answer({"version": found.version, "rules": found.rules})

    @described(READ, object_of("RulesHistory", versions=list[Version]))
    async def history(self, request: web.Request) -> web.Response:
        """Return the newest fifty versions: who, when, why, and which one is in use."""
        await self._principal(request, READ)
        return json_answer({"versions": await self._store.versions()})

    @described(
        READ,
        object_of("RulesLinted", good=bool, findings=list[RuleFinding], left=list[str]),
        takes=RulesGiven,
    )
    async def lint(self, request: web.Request) -> web.Response:
        """Return everything that is wrong with rules, with its line; `left` is what was not looked
        at. Nothing is changed."""
        await self._principal(request, READ)
        given = await self._api.body(request, RulesGiven)
        examined = await self.service.examined(given.toml, given.files)
        found = [_finding(one) for one in examined.findings]
        told = {"good": examined.is_good, "findings": found, "left": examined.left}
        return json_answer(told)

    @described(
        READ, object_of("RulesDiffer", version=int, differences=list[str]), takes=RulesGiven
    )  # fmt: skip
    async def diff(self, request: web.Request) -> web.Response:
        """Return what publishing these rules would change in those in use."""
        await self._principal(request, READ)
        given = await self._api.body(request, RulesGiven)
        rules = await self.service.good(given.toml, given.files)
        used = await self._store.in_use()
        found = list(differences(used.rules, rules))
        return json_answer({"version": used.version, "differences": found})

    @described(READ, object_of("RulesTried", rulings=list[RuleTried]), takes=RulesTry)
    async def test(self, request: web.Request) -> web.Response:
        """Return what rules decide about one order, set by set; an empty `rule` says that none
        matched. Nothing is changed."""
        await self._principal(request, READ)
        raw = await self._api.raw(request)
        body = read_body(raw, RulesTry)
        _is_order(raw)
        compiled = await self.service.checking(lambda: Compiled(_read(body)))
        home = self.service.homes().of(body.channel)
        rulings = compiled.decide(body.order, body.channel, away_of(body.order, home))
        return json_answer({"rulings": [_tried(one) for one in rulings]})

    @described(WRITE, Published, takes=RulesChange, repeats=True, refuses=(409,))
    async def publish(self, request: web.Request) -> web.Response:
        """Check rules and use them. Where a second person has to approve, they are stored, and
        `in_use` is false."""
        principal = await self._principal(request, WRITE)
        raw = await self._api.raw(request)
        body = read_body(raw, RulesChange)
        reason_of(body.reason)

        async def work(publishing: Publishing) -> Published:
            rules = await self.service.good(body.toml, body.files)
            return await publishing.publish(rules, body.reason)

        return await self._changed(request, principal, raw, work)

    @described(APPROVE, Published, takes=RulesReason, repeats=True, refuses=(404, 409))
    async def approve(self, request: web.Request) -> web.Response:
        """Have a version used that someone else stored."""
        return await self._decided(request, APPROVE, lambda p, v, r: p.approve(v, r))

    @described(WRITE, Published, takes=RulesReason, repeats=True, refuses=(404, 409))
    async def rollback(self, request: web.Request) -> web.Response:
        """Return to a version that was in use before."""
        return await self._decided(request, WRITE, lambda p, v, r: p.rollback(v, r))

    @described(READ, TrialShown, status=202, takes=RulesBacktest, repeats=True, refuses=(409,))
    async def backtest(self, request: web.Request) -> web.Response:
        """Begin to try rules on the stored past, in the background; `Location` shows how far it is.
        One runs at a time. Nothing is changed."""
        principal = await self._principal(request, READ)
        raw = await self._api.raw(request)
        body = read_body(raw, RulesBacktest)
        rules = await self.service.good(body.toml, body.files)
        begun: list[TrialShown] = []

        async def work() -> TrialShown:
            now = self._api.clock.now()
            found = await self.service.begin(rules, body.days, person_of(principal), now)
            begun.append(found)
            return found

        answer = await self._api.once(request, principal, raw, work)
        answer.set_status(202)
        if begun:
            answer.headers["Location"] = f"/api/v1/rules/backtests/{begun[0].id}"
        return answer

    @described(READ, TrialShown, refuses=(404,))
    async def show_backtest(self, request: web.Request) -> web.Response:
        """Return how far a trial is, and its result once it is done. The last fifty are kept."""
        await self._principal(request, READ)
        found = await self.service.trials.shown(
            whole_of("trial", request.match_info["trial"], 2**31 - 1)
        )
        if found is None:
            raise problems.not_found("There is no such trial; the last fifty are kept.")
        return json_answer(found)

    async def _decided(
        self,
        request: web.Request,
        scope: str,
        work: Callable[[Publishing, int, str], Awaitable[Published]],
    ) -> web.Response:
        principal = await self._principal(request, scope)
        raw = await self._api.raw(request)
        reason = reason_of(read_body(raw, RulesReason).reason)
        version = _version(request.match_info["version"])
        return await self._changed(request, principal, raw, lambda p: work(p, version, reason))

    async def _changed(
        self,
        request: web.Request,
        principal: Principal,
        raw: bytes,
        work: Callable[[Publishing], Awaitable[Published]],
    ) -> web.Response:
        publishing = self.service.publishing(person_of(principal), self._api.clock.now())
        try:
            return await self._api.once(request, principal, raw, lambda: work(publishing))
        except NotPublished as error:
            raise Problem(409, "rules-not-changed", "Rules not changed", str(error)) from error
        except RulesRefused as error:
            raise refused(error.sentences) from error

    async def _principal(self, request: web.Request, scope: str) -> Principal:
        principal = await self._api.principal(request, scope)
        if ANY_CHANNEL not in principal.channels:
            raise Problem(
                403,
                "channel-refused",
                "Channel refused",
                "The rules are one document for all channels: use a key that serves every channel "
                "(`--channel '*'`).",
            )
        return principal


def _read(given: RulesGiven) -> Rules:
    from service.rules.file import read_sent

    read = read_sent(given.toml, given.files)
    if read.findings:
        raise RulesRefused([one.sentence for one in read.findings])
    return read.rules


def _finding(one: Finding) -> RuleFinding:
    return RuleFinding(**{name: getattr(one, name) for name in RuleFinding.__struct_fields__})


class _Named(Struct):
    schema: str | None = None


class _WithOrder(Struct):
    order: _Named


def _is_order(raw: bytes) -> None:
    """Raise Problem 422 where the order does not say what it is: it is read without, too."""
    if msgspec.json.decode(raw, type=_WithOrder).order.schema is None:
        raise unprocessable(
            refusals.SCHEMA_MISMATCH, 'The body is wrong: `order.schema` is missing ("order.v1").'
        )


def _tried(one: Ruling) -> RuleTried:
    return RuleTried(set=one.set, rule=one.rule, asks=dict(one.asks), facts=dict(one.facts))


def _version(text: str) -> int:
    return whole_of("version", text, 2**31 - 1)
