"""Begins and stops runs, and takes people's decisions, for API and command line."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from adapters.postgres.recon import (
    Count,
    KeptDifference,
    Recon,
    ReconRefused,
    Run,
    State,
    Total,
    Wanted,
)
from service.recon.cases import CAUSES
from service.recon.reading import Plan

MAX_DAYS = 92
"""The longest window of a run: a quarter."""

MAX_PERSON, MAX_REASON = 200, 4_000


class Asked(Struct, frozen=True, kw_only=True):
    """What somebody wants compared: orders of these channels (none: all that `only` lets him see)
    that were placed in `since <= time < until`. `request` is as `Wanted` has it."""

    channels: Sequence[str]
    since: datetime
    until: datetime
    person: str
    reason: str = ""
    only: Collection[str] | None = None
    request: str = ""


class ReconTotal(Total, frozen=True, kw_only=True):
    """A total with the variance: what is off in percent of what the orders come to (None: they
    come to nothing)."""

    variance_percent: float | None


class Report(Struct, frozen=True, kw_only=True):
    """A run and what it found."""

    run: Run
    totals: list[ReconTotal]
    causes: list[Count]


class ReconService:
    """Raises JournalUnavailable. `plan` is what can be read; a reload changes it."""

    def __init__(self, recon: Recon, plan: Plan) -> None:
        self.recon = recon
        self.plan = plan

    async def start(self, asked: Asked, now: datetime) -> Run:
        """Begin a run. Raises ReconRefused."""
        if asked.since >= asked.until:
            raise ReconRefused("The window is empty: its end must be later than its beginning.")
        if asked.until > now + timedelta(minutes=5):
            raise ReconRefused("The window ends in the future: end it now at the latest.")
        if asked.until - asked.since > timedelta(days=MAX_DAYS):
            raise ReconRefused(f"A run compares {MAX_DAYS} days at most: take several runs.")
        known = set(self.plan.setups)
        seen = known if asked.only is None else known & set(asked.only)
        channels = sorted(set(asked.channels) or seen)
        if strange := [one for one in channels if one not in seen]:
            raise ReconRefused(f"There is no channel {strange[0][:40]!r} that you may compare.")
        steps = self.plan.steps(channels)
        if len(steps) <= len(channels):
            raise ReconRefused(
                "No partner of these channels has books that can be read: they are compared with "
                "Shopify and Business Central."
            )
        run_id = await self.recon.begin(
            Wanted(
                channels=channels,
                since=asked.since,
                until=asked.until,
                person=asked.person[:MAX_PERSON],
                reason=asked.reason.strip()[:MAX_REASON],
                steps=steps,
                request=asked.request,
            ),
            now,
        )
        found = await self.recon.find(run_id)
        assert found is not None, "it was made a moment ago"
        return found

    async def stop(self, run: Run, person: str, reason: str, now: datetime) -> Run:
        """End a run before its end. Raises ReconRefused."""
        if not reason.strip():
            raise ReconRefused("Say why; it is audited.")
        if not await self.recon.stop(run.id, person[:MAX_PERSON], reason.strip()[:MAX_REASON], now):
            raise ReconRefused(f"Run {run.id} is at its end: nothing is to be stopped.")
        found = await self.recon.find(run.id)
        assert found is not None, "it was there a moment ago"
        return found

    async def report(self, run: Run) -> Report:
        """Return what a run found so far."""
        totals = [
            ReconTotal(
                **{name: getattr(one, name) for name in Total.__struct_fields__},
                variance_percent=variance(one),
            )
            for one in await self.recon.totals(run.id)
        ]
        return Report(run=run, totals=totals, causes=await self.recon.counts(run.id))

    async def decide(
        self, one: KeptDifference, state: State, person: str, reason: str, now: datetime
    ) -> KeptDifference:
        """Accept a difference, or note that it was corrected in the books that are wrong: the next
        run opens it again if it was not. Raises ReconRefused."""
        if not reason.strip():
            raise ReconRefused("Say why; it is audited.")
        told = person[:MAX_PERSON], reason.strip()[:MAX_REASON]
        if not await self.recon.decide(one, state, *told, now):
            found = await self.recon.difference(one.id)
            now_is = found.state if found is not None else "gone"
            raise ReconRefused(f"Difference {one.id} is {now_is}: nothing is to be decided.")
        found = await self.recon.difference(one.id)
        assert found is not None, "it was there a moment ago"
        return found


def variance(total: Total) -> float | None:
    """Return what is off in percent of gross, to four places."""
    if not total.gross_minor:
        return None
    return round(100 * total.off_minor / total.gross_minor, 4)


def words_of(one: KeptDifference) -> str:
    """Return what a difference's root cause is, and what to do."""
    cause = CAUSES.get(one.cause)
    return cause.words if cause is not None else ""
