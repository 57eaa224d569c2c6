"""What the ledger of stock hears from partners and tells the channels, as one part of the
service."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator

from prometheus_client import CollectorRegistry

from adapters.postgres.stock_offers import StockOffers
from schemas.contracts.mappings import Mappings
from service.app.clock import SystemClock
from service.settings import Settings
from service.stock import counting, offering
from service.stock.counting import CountMetrics, counts_of
from service.stock.offering import OfferMetrics, channels_told
from service.stock.rounds import StockRounds
from service.wiring.store import Store
from service.wiring.wire import Wire


class StockFeeds:
    """Asks partners that count a place, and tells channels that want to know. `mappings` returns
    the tables in use."""

    def __init__(
        self,
        settings: Settings,
        clock: SystemClock,
        wire: Wire,
        store: Store,
        registry: CollectorRegistry,
        mappings: Callable[[], Mappings],
    ) -> None:
        offered, counted = OfferMetrics(registry), CountMetrics(registry)
        offers, pool = StockOffers(store.reports), store.reports
        self._offering = StockRounds(
            *(settings, clock, wire, store),
            lambda now, kits: channels_told(now, kits, offers, clock, offered, mappings),
            every_seconds=offering.LOOK_SECONDS,
            log=offering.log,
            what="Telling a channel its stock",
        )
        self._counting = StockRounds(
            *(settings, clock, wire, store),
            lambda now, kits: counts_of(now, kits, pool, clock, counted),
            every_seconds=counting.LOOK_SECONDS,
            log=counting.log,
            what="Asking for a stock report",
        )

    def use(self, settings: Settings) -> None:
        """Ask about these places, and tell these channels, from now on."""
        self._offering.use(settings)
        self._counting.use(settings)

    def works(self) -> Iterator[Coroutine[None, None, None]]:
        """Yield what goes on in the background until it is cancelled."""
        yield self._offering.run()
        yield self._counting.run()
