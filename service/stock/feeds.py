"""What the ledger of stock hears from partners and tells the channels, as one part of the
service."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator

from prometheus_client import CollectorRegistry

from schemas.contracts.mappings import Mappings
from service.app.clock import SystemClock
from service.settings import Settings
from service.stock.counting import StockCounting
from service.stock.offering import StockOffering
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
        self._offering = StockOffering(settings, clock, wire, store, registry, mappings)
        self._counting = StockCounting(settings, clock, wire, store, registry)

    def use(self, settings: Settings) -> None:
        """Ask about these places, and tell these channels, from now on."""
        self._offering.use(settings)
        self._counting.use(settings)

    def works(self) -> Iterator[Coroutine[None, None, None]]:
        """Yield what goes on in the background until it is cancelled."""
        yield self._offering.run()
        yield self._counting.run()
