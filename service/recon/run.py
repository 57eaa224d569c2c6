"""Works on runs of reconciliation while this process holds the lease on the jobs: a round reads the
next pages, or compares the next orders.

A page is entered together with how far the run is, and what was compared together with what was
found: killed at any point, the next process goes on with the same page. Nothing of it is on an
order's way: it has connections of its own, and reads a few pages a second.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import UTC, date, datetime, time, timedelta

from msgspec import Struct
from prometheus_client import CollectorRegistry, Counter, Gauge

from actors.runtime.errors import JournalUnavailable, PartnerError
from actors.runtime.ports import Clock
from adapters.kit.books import ERP, GATEWAY, SHOP
from adapters.postgres.leases import JOBS
from adapters.postgres.recon import (
    Entered,
    FoundDifference,
    Gross,
    Recon,
    ReconRefused,
    Run,
)
from adapters.postgres.recon_work import Gone, ReconWork
from schemas.order.ids import ReferenceRefused, verify_reference
from service.app.common import Common
from service.app.rounds import in_rounds, until_changed
from service.recon.cases import CAUSES, Case, Difference, Terms
from service.recon.matching import compare, is_test, not_compared
from service.recon.reading import (
    Layout,
    Reading,
    belongs_to_none,
    decode_entry,
    layout,
    window_of,
)
from service.recon.service import Asked, ReconService
from service.settings import Settings
from service.settings.reconciliation import Reconciliation
from service.wiring.partners import Kits, open_client
from service.wiring.store import Store
from service.wiring.wire import Wire

log = logging.getLogger(__name__)

PERIOD_SECONDS = 1.0
PAGES, KEYS, PARTS = 5, 100, 20
"""A round reads so many pages, or compares so many parts of so many orders: partners are asked five
times a second at most, and no order waits for more than a part."""

MAX_TRIES = 60
"""A page that could not be read so often in a row fails the run; pauses grow to a minute."""

PAUSE_SECONDS = 60.0
REFUSED_SECONDS = 600.0
"""A run that begins by itself and is refused is tried again after so long."""

PRUNE_SECONDS = 600.0
ITSELF = "reconciliation"
"""Who begins the runs that begin by themselves."""


class ReconMetrics:
    """Metrics of reconciliation."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.running = Gauge(
            "orderwright_recon_running", "1 while a run is not at its end.", registry=registry
        )
        self.found = Counter(
            "orderwright_recon_differences_total",
            "Differences that runs found, by channel and type; one counts in each run.",
            ["channel", "type"],
            registry=registry,
        )


class ReconRounds:
    """Works in rounds. `layout` is what can be read now."""

    def __init__(
        self,
        work: ReconWork,
        reading: Reading,
        service: ReconService,
        layout: Layout,
        *,
        settings: Reconciliation,
        clock: Clock,
        metrics: ReconMetrics,
    ) -> None:
        self._work = work
        self._reading = reading
        self._service = service
        self._layout = layout
        self._settings = settings
        self._clock = clock
        self._metrics = metrics
        self._pruned = clock.monotonic()
        self._rests_until = 0.0

    async def round(self) -> None:
        """Go on with the oldest run. Raises JournalUnavailable."""
        run = await self._work.under_way()
        self._metrics.running.set(run is not None)
        if run is None:
            await self._begin_itself()
        elif self._clock.monotonic() >= self._rests_until:
            try:
                await (self._match(run) if run.state == "matching" else self._read(run))
            except Gone:
                log.info("Run %d of reconciliation went on without this process.", run.id)
            except JournalUnavailable:
                raise
            except Exception as error:  # what no one can read must not keep the next runs waiting
                log.exception("Run %d of reconciliation met what it can't read.", run.id)
                name = type(error).__name__
                await self._failed(run, f"An error of this service ({name}): its log says which.")
        await self._prune()

    async def _begin_itself(self) -> None:
        every, now = self._settings.every_minutes, self._clock.now()
        if not every or self._clock.monotonic() < self._rests_until:
            return
        newest = await self._service.recon.newest(ITSELF)
        if newest is not None and newest > now - timedelta(minutes=every):
            return
        since, until = window_of(now, self._settings.days)
        asked = Asked(
            channels=(), since=since, until=until, person=ITSELF, reason=f"every {every} minutes"
        )
        try:
            await self._service.start(asked, now)
        except ReconRefused as refused:
            self._rests_until = self._clock.monotonic() + REFUSED_SECONDS
            log.warning("No run of reconciliation begins: %s", refused)

    # --- reading ----------------------------------------------------------------------------------

    async def _read(self, run: Run) -> None:
        for _ in range(PAGES):
            try:
                entered, cursor, absent = await self._reading.page(run, self._layout)
            except PartnerError as error:
                words = f"{run.steps[run.step]}: {error}"
                log.warning("Run %d of reconciliation waits: %s", run.id, words)
                await self._failed(run, words)
                return
            step = run.step if cursor else run.step + 1
            await self._work.enter(
                run,
                step=step,
                cursor=cursor,
                entered=entered,
                absent={run.steps[run.step]: absent} if absent else {},
            )
            found = await self._service.recon.find(run.id)
            if found is None or found.state != "reading":
                return
            run = found

    async def _failed(self, run: Run, words: str) -> None:
        await self._work.failed(run.id, words, MAX_TRIES, self._clock.now())
        pause = min(PAUSE_SECONDS, 2.0 ** min(run.tries, 6))
        self._rests_until = self._clock.monotonic() + pause

    # --- comparing --------------------------------------------------------------------------------

    async def _match(self, run: Run) -> None:
        terms = {one: self._terms(run, one) for one in run.channels}
        for _ in range(PARTS):
            keys = await self._work.keys(run, KEYS)
            if not keys:
                await self._work.end(run, self._sides(run, terms), self._clock.now())
                return
            entered = await self._work.entries(run.id, keys)
            part = compared(run, entered, terms)
            named = sorted({one.order_id for one in part.found} - {""})
            changed = await self._work.changed(named, run.created_at) if named else set()
            part = without(part, changed)
            await self._work.keep(
                run, keys[-1], part.found, part.gross, part.waiting, self._clock.now()
            )
            for one in part.found:
                self._metrics.found.labels(one.channel, one.type).inc()
            again = await self._service.recon.find(run.id)
            if again is None or again.state != "matching":
                return
            run = again

    def _terms(self, run: Run, channel: str) -> Terms:
        setup = self._layout.plan.setups.get(channel)
        erp = setup.erp if setup is not None else ""
        sides = {step: (step.partition(":")[0], self._layout.plan.side(step)) for step in run.steps}
        # What a partner shows in several lists is compared if all of them were read.
        read = set(sides.values()) - {sides[step] for step in run.absent if step in sides}
        settings = self._settings
        return Terms(
            now=run.created_at,
            since=run.since,
            until=run.until,
            shop=(channel, SHOP) in read,
            gateway=(channel, GATEWAY) in read,
            erp=bool(erp) and (erp, ERP) in read,
            grace_seconds=settings.grace_hours * 3_600,
            settle_seconds=settings.settle_hours * 3_600,
            payout_seconds=settings.payout_days * 86_400,
        )

    def _sides(self, run: Run, terms: Mapping[str, Terms]) -> list[str]:
        found = []
        for channel, one in terms.items():
            for sides, read in (
                ("journal-shop", one.shop),
                ("shop-gateway", one.gateway),
                ("journal-erp", one.erp),
            ):
                if read:
                    found.append(f"{channel} {sides}")
        return found

    async def _prune(self) -> None:
        passed = self._clock.monotonic()
        if passed - self._pruned >= PRUNE_SECONDS:
            kept = timedelta(days=self._settings.kept_days)
            if await self._work.prune(self._clock.now() - kept):
                self._pruned = passed


class Part(Struct, frozen=True):
    """What some orders of a run showed: their differences, what they come to, and what waits for
    the next run, by order id and sides."""

    found: list[FoundDifference]
    gross: list[Gross]
    waiting: list[tuple[str, str]]


def without(part: Part, changed: Collection[str]) -> Part:
    """Return the part without what it says of orders that changed here while the lists were read:
    one side was read before that, another one after."""
    apart = [one for one in part.found if one.order_id in changed and "journal" in one.sides]
    waiting = {(one.order_id, one.sides) for one in apart}
    found = [one for one in part.found if one not in apart]
    return Part(found, part.gross, [*part.waiting, *sorted(waiting)])


def compared(run: Run, entered: Sequence[Entered], terms: Mapping[str, Terms]) -> Part:
    """Return what some orders show. Pure."""
    cases: dict[str, Case] = {}
    channels: dict[str, str] = {}
    for one in entered:
        cases.setdefault(one.key, Case()).add(decode_entry(one.body))
        if one.channel:
            channels.setdefault(one.key, one.channel)
    found: list[FoundDifference] = []
    waiting: list[tuple[str, str]] = []
    gross: dict[tuple[str, str], tuple[int, int]] = {}
    for key, case in cases.items():
        channel = case.ours.channel if case.ours is not None else channels.get(key, "")
        whole = case.ours or (case.shop[0] if case.shop else None)
        if channel not in terms or (case.ours is None and not belongs_to_none(key)):
            continue  # an order of another window, of which a part was read
        if case.ours is None and whole is not None and not terms[channel].covers(whole.placed_at):
            continue  # an order of the shop's from beside the window
        found += [_row(run, key, channel, case, one) for one in compare(case, terms[channel])]
        if case.ours is not None:
            waiting += [(key, sides) for sides in not_compared(case, terms[channel])]
        if whole is not None and not (whole.cancelled or is_test(case)):
            orders, minor = gross.get((channel, whole.currency), (0, 0))
            sums = orders + 1, minor + whole.amounts.total_minor
            gross[channel, whole.currency] = sums
    return Part(found, [Gross(*name, *sums) for name, sums in gross.items()], waiting)


def _row(run: Run, key: str, channel: str, case: Case, one: Difference) -> FoundDifference:
    ours, shop = case.ours, case.shop[0] if case.shop else None
    whole, cause = ours or shop, CAUSES[one.cause]
    named = f"{channel}\0{key}\0{one.cause}\0{one.about}"
    booked = case.booked[0] if case.booked else None
    return FoundDifference(
        identity=hashlib.sha256(named.encode()).hexdigest()[:32],
        channel=channel,
        order_id=ours.order_id if ours is not None else "",
        ref=whole.ref if whole is not None else "",
        number=whole.number if whole is not None else booked.external if booked else "",
        placed_at=whole.placed_at if whole is not None else _entered_at(run, case),
        type=one.type,
        cause=one.cause,
        sides=cause.sides,
        currency=one.currency,
        expected_minor=one.expected_minor,
        found_minor=one.found_minor,
        expected=one.expected,
        found=one.found,
        about=one.about[:500],
    )


def _entered_at(run: Run, case: Case) -> datetime:
    """Return when what belongs to no order was entered, as far as that is said and in the window:
    a later run that covers this time and does not find it any more resolves it."""
    at = run.since
    if case.settled:
        at = case.settled[0].at
    elif case.booked and (day := case.booked[0].day or case.booked[0].dated):
        with suppress(ValueError):
            at = datetime.combine(date.fromisoformat(day), time(), UTC)
    return at if run.since <= at < run.until else run.since


class ReconWorker:
    """Reconciliation inside the running service; it follows the settings."""

    def __init__(self, common: Common, wire: Wire, store: Store, keys: Mapping[str, bytes]) -> None:
        self._settings = common.settings
        self._common = common
        self._wire = wire
        self._store = store
        self._keys = keys
        self._metrics = ReconMetrics(common.metrics.registry)
        self._changed = asyncio.Event()

    def use(self, settings: Settings) -> None:
        """Work by these settings from now on."""
        self._settings = settings
        self._changed.set()

    async def run(self) -> None:
        """Work until cancelled."""
        await until_changed(self._changed, lambda stack: [self._rounds(stack)])

    async def _rounds(self, stack: AsyncExitStack) -> None:
        settings, store, clock = self._settings, self._store, self._common.clock
        client = open_client(settings, stack, clock, connections_per_host=2)
        there = layout(settings, Kits(settings, client, clock, intake=self._wire.publisher))
        work = ReconWork(store.reports, store.sealing)
        rounds = ReconRounds(
            work,
            Reading(work, store.views, verifier(self._keys)),
            ReconService(Recon(store.reports), there.plan),
            there,
            settings=settings.reconciliation,
            clock=clock,
            metrics=self._metrics,
        )
        await in_rounds(
            rounds.round,
            every_seconds=PERIOD_SECONDS,
            may=lambda: store.leases.surely_holds(JOBS),
            log=log,
            what="Reconciliation",
        )


def verifier(keys: Mapping[str, bytes]) -> Callable[[str], str]:
    """Return what says whose a reference is: an order id, "" for none of ours."""

    def verify(text: str) -> str:
        try:
            return verify_reference(text, keys)[0]
        except ReferenceRefused:
            return ""

    return verify
