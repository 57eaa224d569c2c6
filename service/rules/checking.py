"""What API and console do alike with rules that a person wrote: checking them, one at a time, and
putting them into use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct

from adapters.postgres.rules import PostgresRules
from schemas.contracts.rules import Rules, RulesRefused
from service.http.problems import Problem
from service.rules.past import Homes
from service.rules.publishing import Publishing
from service.rules.trials import Trials, TrialShown
from service.settings import Settings
from service.settings.roles import setups

if TYPE_CHECKING:
    from actors.rules.lint import Finding
    from service.rules.examine import Examined

MAX_WAITING = 4
"""Checks that wait for the one under way; each may take seconds."""
MAX_TOLD = 200
"""Findings in one refusal; a file has hundreds of rules."""

FOUND_SECONDS = 5.0
"""So long a page waits for what is wrong with the rules in use; then it asks once more."""

T = TypeVar("T")


class _Looked(Struct, frozen=True):
    """The search for what is wrong with the rules in use, as the settings were."""

    of: int
    settings: Settings
    work: asyncio.Task[Examined]


class RulesService:
    """Checks, tries and publishes. `settings` say what rules may choose among."""

    def __init__(self, store: PostgresRules, trials: Trials, settings: Settings) -> None:
        self.store = store
        self.trials = trials
        self.settings = settings
        self._one = asyncio.Semaphore(1)
        self._waiting = 0
        self._looked: _Looked | None = None

    @property
    def needs_second(self) -> bool:
        """Whether another person than who stores a version has to approve it."""
        return self.settings.rules_need_second_person

    def publishing(self, person: str, now: datetime) -> Publishing:
        """Return what changes which rules are in use, in a person's name."""
        return Publishing(self.store, second=self.needs_second, person=person, now=now)

    async def begin(self, rules: Rules, days: int, person: str, now: datetime) -> TrialShown:
        """Begin to try rules on the orders of so many days, in the background. Raises Problem 409
        while another trial runs."""
        since = now - timedelta(days=days)
        return _begun(await self.trials.begin(rules, self.homes(), since, person))

    async def count(self, days: int, person: str, now: datetime) -> None:
        """Begin to count how often each rule in use matches the orders of so many days, in the
        background. Raises Problem 409 while another trial runs."""
        _begun(await self.trials.count(self.homes(), now - timedelta(days=days), person))

    def homes(self) -> Homes:
        """Return where orders of each channel leave from."""
        return Homes(setups(self.settings))

    async def good(self, toml: str, files: Mapping[str, str]) -> Rules:
        """Return the rules if they may be published. Raises Problem with everything that is
        wrong."""
        found = await self.examined(toml, files)
        if not found.is_good:
            raise refused([told(one) for one in found.findings if one.severity == "error"])
        return found.read.rules

    async def examined(
        self, toml: str, files: Mapping[str, str], *, proofs: bool = True
    ) -> Examined:
        """Return everything that is wrong with rules as they are written, without `proofs` only
        what is found at once. Raises Problem."""
        # Loaded when it is first needed: few installations check rules over HTTP.
        from service.rules.examine import examined, world_of
        from service.rules.file import read_sent

        world = world_of(self.settings)
        return await self.checking(lambda: examined(read_sent(toml, files), world, proofs=proofs))

    async def found_in_use(self, version: int, rules: Rules) -> Examined | None:
        """Return what is wrong with the rules in use: the settings may have changed since they were
        published. It is looked for once for a version; None while that takes longer than
        FOUND_SECONDS. Raises Problem."""
        looked = self._looked
        if looked is None or looked.of != version or looked.settings is not self.settings:
            work = asyncio.create_task(self._look(rules), name="what is wrong with the rules")
            self._looked = looked = _Looked(version, self.settings, work)
        done, _ = await asyncio.wait({looked.work}, timeout=FOUND_SECONDS)
        if not done:
            return None
        if looked.work.exception() is not None:
            self._looked = None  # it is tried again
        return looked.work.result()

    async def _look(self, rules: Rules) -> Examined:
        from service.rules.written import csv_of, file_of, written

        files = {file_of(name): csv_of(table) for name, table in rules.tables.items()}
        return await self.examined(written(rules), files)

    async def checking(self, work: Callable[[], T]) -> T:
        """Do what takes up to seconds in a thread, one at a time. Raises Problem 503 when several
        wait already, and 422 for rules that can't be read."""
        if self._waiting >= MAX_WAITING:
            words = "Several other checks of rules are under way; try again a little later."
            raise Problem(503, "rules-busy", "Busy", words, headers={"Retry-After": "5"})
        self._waiting += 1
        try:
            async with self._one:
                return await asyncio.to_thread(work)
        except RulesRefused as error:
            raise refused(error.sentences) from error
        finally:
            self._waiting -= 1


def _begun(trial: TrialShown | None) -> TrialShown:
    if trial is None:
        words = "Another trial of rules runs; wait until it is done."
        raise Problem(409, "trial-runs", "Another trial runs", words)
    return trial


def told(one: Finding) -> str:
    """Return a finding as one sentence, with its line."""
    return f"line {one.line}: {one.set} {one.rule}: {one.sentence}"


def refused(sentences: list[str]) -> Problem:
    """Return the refusal of rules that can't be used."""
    words = "The rules can't be used, and nothing was changed; `errors` says what is wrong."
    return Problem(422, "rules-refused", "Rules refused", words, sentences=sentences[:MAX_TOLD])
