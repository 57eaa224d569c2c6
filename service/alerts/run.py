"""Sends alerts in the background, while this process holds the lease on the jobs.

What was sent is stored: a restart repeats nothing, but a crash in the instant between a receiver's
answer and its row. Each way is tried by itself, so that one that is down or hangs holds up nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct
from prometheus_client import CollectorRegistry, Counter, Gauge

from actors.runtime.errors import JournalUnavailable
from actors.runtime.ports import Clock
from adapters.alerts.sending import SEND_SECONDS, AlertNotSent, send
from adapters.alerts.settings import AlertRoute
from adapters.alerts.settings import Alerts as Policy
from adapters.postgres.alerts import Alert, Alerts, Sending
from adapters.postgres.leases import JOBS
from service.alerts.deciding import MAX_TRIES, Message, due, pause_seconds, severity_in
from service.alerts.words import told_of
from service.app.common import Common
from service.app.rounds import in_rounds
from service.wiring.store import Store

log = logging.getLogger(__name__)

PERIOD_SECONDS = 1.0
PRUNE_SECONDS = 600.0
KEPT_DAYS = 90
"""How long an alert that is over stays for the record."""

MOST_AT_ONCE = 20
"""Messages of one way in a round; the next round continues."""

SAID_HOURS = 24
"""An end that could not be said so long is not said any more."""

LOG = {"log": AlertRoute(kind="log")}
"""Where alerts go when no way is configured."""


class AlertMetrics:
    """Metrics of alerts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.open = Gauge("orderwright_alerts_open", "Alerts that are open.", registry=registry)
        self.sent = Counter(
            "orderwright_alerts_sent_total", "Messages sent.", ["route"], registry=registry
        )
        self.failures = Counter(
            "orderwright_alert_failures_total",
            "Messages that a route did not take; they are tried again.",
            ["route"],
            registry=registry,
        )


class Due(Struct, frozen=True):
    """A message to be sent."""

    alert: Alert
    sent: int
    message: Message


class AlertWork:
    """Works in rounds. `may` returns whether this process does the jobs."""

    def __init__(
        self,
        alerts: Alerts,
        clock: Clock,
        metrics: AlertMetrics,
        policy: Policy,
        routes: Mapping[str, AlertRoute],
        *,
        url: str,
        may: Callable[[], bool],
    ) -> None:
        self._alerts = alerts
        self._clock = clock
        self._metrics = metrics
        self._policy = policy
        self._routes = routes or LOG
        self._url = url
        self._may = may
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._pruned = float("-inf")

    def use(self, policy: Policy, routes: Mapping[str, AlertRoute]) -> None:
        """Go by these settings from the next round on."""
        self._policy, self._routes = policy, routes or LOG

    async def run(self) -> None:
        """Work until cancelled."""
        what = "Looking for alerts"
        try:
            await in_rounds(
                self.round, every_seconds=PERIOD_SECONDS, may=self._may, log=log, what=what
            )
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """End what is being sent; it is sent again by whoever works next."""
        tasks = list(self._sending.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def round(self) -> None:
        """Follow what is the matter, and begin to send what is due. Raises JournalUnavailable."""
        now, policy = self._clock.now(), self._policy
        causes = [(one, severity_in(policy, one.category)) for one in await self._alerts.causes()]
        settled = now - timedelta(seconds=policy.settle_seconds)
        await self._alerts.follow(causes, now, gone_before=settled)
        standing = await self._alerts.standing(now - timedelta(hours=SAID_HOURS))
        self._metrics.open.set(sum(one.resolved_at is None for one, _ in standing))
        for name, route in self._routes.items():
            task = self._sending.get(name)
            if task is not None and not task.done():
                continue
            found = list(self._due(name, route, standing, now))[:MOST_AT_ONCE]
            if found:
                self._sending[name] = asyncio.create_task(self._send_all(name, route, found))
        if self._clock.monotonic() - self._pruned >= PRUNE_SECONDS:
            self._pruned = self._clock.monotonic()
            await self._alerts.prune(now - timedelta(days=KEPT_DAYS))

    async def settled(self, *routes: str) -> None:
        """Wait until what is being sent by these routes (none named: by all) has been."""
        await asyncio.gather(*(self._sending[name] for name in routes or self._sending))

    def _due(
        self,
        name: str,
        route: AlertRoute,
        standing: list[tuple[Alert, dict[str, Sending]]],
        now: datetime,
    ) -> list[Due]:
        found = []
        for alert, by_route in standing:
            sent = by_route.get(name)
            message = due(alert, route, sent, self._policy, now)
            if message is not None:
                found.append(Due(alert, 0 if sent is None else sent.sent, message))
        return found

    async def _send_all(self, name: str, route: AlertRoute, found: list[Due]) -> None:
        try:
            for one in found:
                if not self._may():
                    return
                if not await self._send(name, route, one):
                    return  # the others would fail as well; they have their turn
        except JournalUnavailable as error:
            log.info("An alert waits for the database: %s", error)
        except Exception:  # one way must not end the work
            log.exception("Sending alerts by %s failed; they are tried again.", name)

    async def _send(self, name: str, route: AlertRoute, one: Due) -> bool:
        """Send one message. Returns False when the route did not take it."""
        now = self._clock.now()
        until = now + timedelta(seconds=2 * SEND_SECONDS)
        tries = await self._alerts.claim(one.alert, name, one.sent, now, until)
        if not tries:
            return True
        is_over = one.message == "resolved"
        told = told_of(one.alert, one.message, one.sent, self._policy.time_zone, self._url)
        try:
            await send(name, route, told, self._clock)
        except AlertNotSent as error:
            self._metrics.failures.labels(name).inc()
            given_up = tries >= MAX_TRIES
            if tries == 1 or given_up:
                after = "It is not tried any more." if given_up else "It is tried again."
                log.warning("An alert was not sent: %s %s", error, after)
            pause = self._pause_after(tries, given_up=given_up)
            await self._alerts.failed(
                one.alert,
                name,
                str(error),
                self._clock.now() + pause,
                given_up=given_up,
                resolved=is_over,
            )
            return False
        self._metrics.sent.labels(name).inc()
        await self._alerts.sent(one.alert, name, self._clock.now(), resolved=is_over)
        return True

    def _pause_after(self, tries: int, *, given_up: bool) -> timedelta:
        """Return when the next message is due: the same one, or after it was given up the next."""
        if given_up:
            return timedelta(minutes=self._policy.repeat_minutes or 24 * 60)
        return timedelta(seconds=pause_seconds(tries))


def alert_work(common: Common, store: Store) -> AlertWork:
    """Return the work of a running service."""
    settings = common.settings
    return AlertWork(
        Alerts(store.reports),
        common.clock,
        AlertMetrics(common.metrics.registry),
        settings.alerts,
        settings.alert_routes,
        url=settings.listen.public_url,
        may=lambda: store.leases.surely_holds(JOBS),
    )
