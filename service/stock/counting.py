"""Asks partners how much lies at the places that they count, and enters it as counts, in the
background."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from prometheus_client import CollectorRegistry, Counter

from actors.runtime.errors import PartnerError
from actors.runtime.ports import Clock
from adapters.kinds import kind_named
from adapters.kit.counting import CountsPage, StockCounter
from adapters.postgres.pool import Pool
from adapters.postgres.stock_ledger import Figure, LedgerRefused, StockLedger
from adapters.postgres.stock_reports import Report, StockReports
from service.settings import Settings
from service.settings.places import Place, lag_of
from service.wiring.partners import Kits

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
"""How often it is looked whose report is due."""

MAX_PAGES = 1_000
"""Pages of one report: a million SKUs."""


class CountMetrics:
    """Metrics of what partners count."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.failures = Counter(
            "orderwright_stock_reports_failed_total",
            "Reports of a place's stock that a partner did not give, or not in full.",
            ["place"],
            registry=registry,
        )


class PlaceCount:
    """One place, and the partner who counts it."""

    def __init__(
        self,
        place: str,
        settings: Place,
        counter: StockCounter,
        pool: Pool,
        clock: Clock,
        metrics: CountMetrics,
    ) -> None:
        self._place = place
        self._settings = settings
        self._counter = counter
        self._ledger = StockLedger(pool)
        self._reports = StockReports(pool)
        self._clock = clock
        self._metrics = metrics

    async def round(self) -> None:
        """Ask for a report if one is due. Raises JournalUnavailable."""
        now, partner = self._clock.now(), self._settings.counted_by
        since = now - timedelta(minutes=self._settings.counted_every_minutes)
        if not await self._reports.is_due(self._place, partner, since):
            return
        # What left within the lag may not be taken off there yet: the ledger takes it off. What
        # came may be there as soon as here, and would be promised twice.
        at = now - lag_of(self._settings, asked=True)
        figures, changed, stale, missing, fault, cursor = 0, 0, 0, 0, "", ""
        spelled = await self._reports.spelled(self._place) if self._counter.in_capitals else {}
        try:
            for _ in range(MAX_PAGES):
                page = await self._counter.counted(self._place, cursor)
                fault = fault or " ".join(page.faults[:3])
                entered = self._figures(page, spelled)
                if entered:
                    done = await self._ledger.put(
                        entered,
                        kind="counted",
                        at=at,
                        person=f"partner {partner}",
                        reason="its stock report",
                        only_left=True,
                    )
                    changed, stale = changed + done.changed, stale + done.stale
                    missing += len(done.missing)
                figures, cursor = figures + len(entered), page.cursor
                if not cursor:
                    break
            else:
                fault = f"It has more than {MAX_PAGES:,} pages; the rest was not read."
        except (PartnerError, LedgerRefused) as error:
            fault = str(error)
        if fault:
            self._metrics.failures.labels(self._place).inc()
            log.warning("The stock report of %s for %s: %s", partner, self._place, fault)
        await self._reports.keep(
            Report(
                place=self._place,
                partner=partner,
                at=now,
                figures=figures,
                changed=changed,
                stale=stale,
                missing=missing,
                fault=fault,
            )
        )

    def _figures(self, page: CountsPage, spelled: dict[str, str]) -> list[Figure]:
        named = {spelled.get(one.sku, one.sku): one.units for one in page.counts}
        return [Figure(place=self._place, sku=sku, units=units) for sku, units in named.items()]


def counts_of(
    settings: Settings, kits: Callable[[], Kits], pool: Pool, clock: Clock, metrics: CountMetrics
) -> list[PlaceCount]:
    """Return every place that a partner counts when it is asked."""
    counted = {name: one for name, one in settings.places.items() if one.counted_by}
    if not counted:
        return []
    of, found = kits().of, []
    for name, place in counted.items():
        partner = settings.partners[place.counted_by]
        make = kind_named(partner.kind).counter
        if make is None:  # it reports by itself
            continue
        counter = make(partner, of(place.counted_by))
        found.append(PlaceCount(name, place, counter, pool, clock, metrics))
    return found
