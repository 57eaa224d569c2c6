"""Enters what orders come to while it is fresh, so that the books tell when something changed."""

from __future__ import annotations

import logging

from adapters.postgres.accounting import Accounting
from adapters.postgres.leases import JOBS
from service.app.common import Common
from service.app.rounds import in_rounds
from service.books.service import BooksService
from service.settings import Settings
from service.wiring.store import Store

log = logging.getLogger(__name__)

PERIOD_SECONDS = 10.0
STEPS = 200
"""Of one round: a hundred thousand events."""


class BooksWork:
    """The background work of a running service; it follows the settings."""

    def __init__(self, common: Common, store: Store) -> None:
        self.service = books_service(store, common.settings)
        self._clock = common.clock
        self._store = store

    def use(self, settings: Settings) -> None:
        """Work by these settings from now on."""
        self.service.settings = settings

    async def run(self) -> None:
        """Work until cancelled."""
        await in_rounds(
            self._round,
            every_seconds=PERIOD_SECONDS,
            may=lambda: self._store.leases.surely_holds(JOBS),
            log=log,
            what="The accounting export",
        )

    async def _round(self) -> None:
        await self.service.catch_up(self._clock.now(), STEPS)


def books_service(store: Store, settings: Settings) -> BooksService:
    """Return what enters and exports documents."""
    return BooksService(Accounting(store.reports, store.sealing), settings)
