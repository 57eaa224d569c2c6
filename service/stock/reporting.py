"""Takes what warehouses report of their stock, and enters it as counts: all of a report or nothing,
before it is answered."""

from __future__ import annotations

import logging
from datetime import timedelta

from prometheus_client import CollectorRegistry, Counter

from actors.runtime.ports import Clock
from adapters.kinds import kind_named
from adapters.kit.counting import CountsReport
from adapters.postgres.pool import Pool
from adapters.postgres.stock_ledger import Figure, LedgerRefused, StockLedger
from adapters.postgres.stock_reports import Report, StockReports
from schemas.contracts.refusals import Refused
from schemas.contracts.strict_json import shown
from service.http import problems
from service.http.problems import Problem
from service.settings import Settings
from service.settings.places import lag_of

log = logging.getLogger(__name__)

NAMED = 5
"""Unknown SKUs that a refusal names."""

SKEW = timedelta(minutes=5)
"""So far a warehouse's clock may be ahead of ours, as that of its signature."""

OLDEST = timedelta(days=30)
"""A count of long ago tells little, and all that left since would have to be known."""


class StockReceiver:
    """Takes the reports of every warehouse that counts a place."""

    def __init__(
        self, settings: Settings, pool: Pool, clock: Clock, registry: CollectorRegistry
    ) -> None:
        self._settings = settings
        self._ledger = StockLedger(pool)
        self._reports = StockReports(pool)
        self._clock = clock
        self._refused = Counter(
            "orderwright_stock_reports_refused_total",
            "Reports of stock that a warehouse sent and of which nothing was entered.",
            ["partner"],
            registry=registry,
        )

    def use(self, settings: Settings) -> None:
        """Take the reports of these warehouses from now on."""
        self._settings = settings

    async def take(self, partner: str, raw: bytes) -> None:
        """Enter a report. Raises Problem for one that can't be entered, JournalUnavailable."""
        try:
            await self._take(partner, raw)
        except (Refused, LedgerRefused) as error:
            self._refused.labels(partner).inc()
            why = " ".join(error.sentences) if isinstance(error, Refused) else str(error)
            log.warning("A stock report of %s is refused: %s", partner, why)
            raise Problem(422, "stock-refused", "Stock report refused", why) from error

    async def _take(self, partner: str, raw: bytes) -> None:
        settings = self._settings.partners.get(partner)
        read = kind_named(settings.kind).counts if settings is not None else None
        if settings is None or read is None:  # it was taken out of the settings just now
            raise problems.not_found("No partner that reports stock is configured at this address.")
        mine = [name for name, one in self._settings.places.items() if one.counted_by == partner]
        if not mine:
            raise LedgerRefused(
                f"No place is counted by {partner}, so its stock is not entered. The operator sets "
                f'counted_by = "{partner}" at a place.'
            )
        report: CountsReport | None = None
        try:
            report = read(settings, raw)
            await self._enter(partner, _place(report, mine), report)
        except (Refused, LedgerRefused) as error:
            place = report.place if report is not None else ""
            why = error.sentences[0] if isinstance(error, Refused) else str(error)
            await self._keep(partner, place if place in mine else mine[0], fault=why)
            raise

    async def _enter(self, partner: str, place: str, report: CountsReport) -> None:
        now = self._clock.now()
        if not now - OLDEST <= report.at <= now + SKEW:
            raise LedgerRefused(
                f"It was counted at {report.at.isoformat()}, which is in the future, or more than "
                f"{OLDEST.days} days ago: send in counted_at when it was counted."
            )
        if not report.enters_new:
            await self._require_known(partner, place, report)
        figures = [Figure(place=place, sku=one.sku, units=one.units) for one in report.counts]
        done = await self._ledger.put(
            figures,
            kind="counted",
            at=min(report.at, now) - lag_of(self._settings.places[place], asked=False),
            person=f"partner {partner}",
            reason="its stock report",
            only_left=True,
        )
        counts = len(figures), done.changed, done.stale, len(done.missing)
        await self._keep(partner, place, counts=counts)

    async def _require_known(self, partner: str, place: str, report: CountsReport) -> None:
        found = await self._reports.unknown([one.sku for one in report.counts], NAMED + 1)
        if not found:
            return
        named = ", ".join(shown(one) for one in found[:NAMED])
        more = " and others" if len(found) > NAMED else ""
        raise LedgerRefused(
            f"No SKU is known here as {named}{more}, so nothing of the report was entered. Correct "
            "it; or, where it is new, the operator counts it once (`orderwright stock adjust SKU "
            f"--place {place} --to 0 --reason new`), or sets partners.{partner}.new_skus to "
            '"enter".'
        )

    async def _keep(
        self,
        partner: str,
        place: str,
        *,
        counts: tuple[int, int, int, int] = (0, 0, 0, 0),
        fault: str = "",
    ) -> None:
        figures, changed, stale, missing = counts
        await self._reports.keep(
            Report(
                place=place,
                partner=partner,
                at=self._clock.now(),
                figures=figures,
                changed=changed,
                stale=stale,
                missing=missing,
                fault=fault,
            )
        )


def _place(report: CountsReport, mine: list[str]) -> str:
    """Return the place that a report is about. Raises LedgerRefused."""
    if report.place in mine:
        return report.place
    if not report.place and len(mine) == 1:
        return mine[0]
    known = ", ".join(mine)
    if not report.place:
        raise LedgerRefused(f"Say in `place` which place it is about: {known}.")
    raise LedgerRefused(
        f"The place {shown(report.place)} is not one that this warehouse counts; it counts {known}."
    )
