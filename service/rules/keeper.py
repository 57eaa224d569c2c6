"""Keeps the rules that decisions use up to date: checks every second, and uses another version at
once. One that can't be used changes nothing: the last good one stays in use."""

from __future__ import annotations

import asyncio
import logging

from prometheus_client import Gauge

from actors.rules.compiled import Compiled
from actors.runtime.errors import JournalUnavailable
from adapters.postgres.rules import PostgresRules
from schemas.contracts.rules import RulesRefused
from service.telemetry.metrics import Metrics
from service.wiring.order_stream import OrderStream
from service.wiring.store import Store

log = logging.getLogger(__name__)

PERIOD_SECONDS = 1.0


class RulesKeeper:
    """Watches the store."""

    def __init__(self, stream: OrderStream, store: Store, metrics: Metrics) -> None:
        self._stream = stream
        self.store = PostgresRules(store.reports)
        self._position = 0
        self._refused = ""
        self._version = Gauge(
            "orderwright_rules_version", "Version in use.", registry=metrics.registry
        )
        self._faulty = Gauge(
            "orderwright_rules_refused",
            "1 while the newest rules can't be used.",
            registry=metrics.registry,
        )

    async def run(self) -> None:
        """Check every second until cancelled."""
        while True:
            await asyncio.sleep(PERIOD_SECONDS)
            await self.round()

    async def round(self) -> None:
        """Check once. Does not raise for errors that a later round may overcome."""
        try:
            if await self.store.position() != self._position:
                await self._take_over()
        except RulesRefused as error:
            self._faulty.set(1)
            if str(error) != self._refused:
                self._refused = str(error)
                log.error("The newest rules are not used; the last good ones stay: %s", error)
        except JournalUnavailable as error:
            log.info("The rules wait for the database: %s", error)
        except Exception as error:  # orders must go on by the last good ones
            self._faulty.set(1)
            if repr(error) != self._refused:
                self._refused = repr(error)
                log.exception("The newest rules are not used; the last good ones stay.")

    async def _take_over(self) -> None:
        found = await self.store.in_use()
        # A second for hundreds of rules, in which orders go on.
        compiled = await asyncio.to_thread(Compiled, found.rules, found.version)
        self._stream.rules = compiled
        self._position = found.position
        self._refused = ""
        self._faulty.set(0)
        self._version.set(found.version)
        log.info("Rules of version %d are in use: %d rules.", found.version, compiled.count)
