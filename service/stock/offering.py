"""Tells sales channels what may be sold, where they are configured so: in rounds, each SKU and
place at most once in the channel's period, and never on an order's way."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial

from msgspec.structs import replace
from prometheus_client import CollectorRegistry, Counter

from actors.runtime.errors import PartnerError
from actors.runtime.ports import Clock
from adapters.kinds import kind_named
from adapters.kit.offering import MAX_OFFERED, Heard, Offered, Offers, StockTeller
from adapters.postgres.stock_offers import StockOffers
from schemas.contracts.mappings import Mappings, aliases_of, tables_of
from service.settings import Settings
from service.settings.roles import offers_of
from service.wiring.partners import Kits

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often it is looked whose period is over."""

MAX_CALLS = 50
"""Calls of one channel in one period: five thousand figures; what is left goes on in the next."""

AGAIN = timedelta(days=1)
"""A figure is compared with the channel's own after so long, though nothing moved: a person may
have changed it there."""


class OfferMetrics:
    """Metrics of what channels are told."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.figures = Counter(
            "orderwright_stock_offered_total",
            "Figures of free stock by what became of them at the channel.",
            ["channel", "outcome"],
            registry=registry,
        )
        self.failures = Counter(
            "orderwright_stock_offering_failures_total",
            "Rounds of telling a channel its stock that failed.",
            ["channel"],
            registry=registry,
        )


class ChannelOffer:
    """One channel. `names` returns the channel's SKUs by ours."""

    def __init__(
        self,
        channel: str,
        offers: Offers,
        teller: StockTeller,
        store: StockOffers,
        clock: Clock,
        metrics: OfferMetrics,
        *,
        names: Callable[[], Mapping[str, tuple[str, ...]]],
    ) -> None:
        self._channel = channel
        self._offers = offers
        self._teller = teller
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._names = names
        self._after = ("", "")
        self._due_at = 0.0
        self._last_fault = ""

    async def round(self) -> None:
        """Tell what has changed, if the period is over. Raises JournalUnavailable."""
        now = self._clock.monotonic()
        if now < self._due_at:
            return
        self._due_at = now + self._offers.every_seconds
        try:
            await self._tell()
            self._last_fault = ""
        except PartnerError as error:
            self._metrics.failures.labels(self._channel).inc()
            if str(error) != self._last_fault:
                self._last_fault = str(error)
                log.warning("%s is not told its stock: %s", self._channel, error)

    async def _tell(self) -> None:
        names = self._names()
        for _ in range(MAX_CALLS):
            now = self._clock.now()
            figures = await self._store.due(
                self._channel,
                self._offers.places,
                buffer=self._offers.buffer,
                after=self._after,
                before=now - AGAIN,
                limit=MAX_OFFERED,
            )
            is_last = len(figures) < MAX_OFFERED
            # Where these can't be told, the next ones are in the next period, and these after all.
            self._after = ("", "") if is_last else (figures[-1].place, figures[-1].sku)
            if not figures:
                return
            heard = await self._heard(figures, names)
            told = list(zip(figures, heard, strict=True))
            await self._store.heard(self._channel, now, told)
            for one in heard:
                self._metrics.figures.labels(self._channel, one.outcome).inc()
            if is_last:
                return

    async def _heard(
        self, figures: list[Offered], names: Mapping[str, tuple[str, ...]]
    ) -> list[Heard]:
        """Tell each figure under every name that the channel has for the SKU; the gravest answer
        is that of the figure, and one without a name is told as unknown."""
        asked = [(at, name) for at, one in enumerate(figures) for name in names.get(one.sku, ("",))]
        sent = [replace(figures[at], sku=name) if name else figures[at] for at, name in asked]
        answers: list[Heard] = []
        for start in range(0, len(sent), MAX_OFFERED):
            answers += await self._teller.tell(sent[start : start + MAX_OFFERED])
        found: dict[int, Heard] = {}
        for (at, _), answer in zip(asked, answers, strict=True):
            found[at] = min(found.get(at, answer), answer, key=_weight)
        return [found.get(at, NAMELESS) for at in range(len(figures))]


NAMELESS = Heard(
    outcome="unknown",
    why="In the mappings its name is that of another SKU at this channel: name it there, or leave "
    "it if it is not sold there.",
)

_GRAVE = ("stale", "refused", "told", "same", "unknown")


def _weight(one: Heard) -> int:
    return _GRAVE.index(one.outcome)


def channels_told(
    settings: Settings,
    kits: Callable[[], Kits],
    store: StockOffers,
    clock: Clock,
    metrics: OfferMetrics,
    mappings: Callable[[], Mappings],
) -> list[ChannelOffer]:
    """Return every channel that is configured so. `mappings` returns the tables in use."""
    told = {name: one for name, one in settings.channels.items() if offers_of(one)}
    if not told:
        return []
    of, found = kits().of, []
    for name, channel in told.items():
        part, offers = kind_named(channel.kind).channel, offers_of(channel)
        assert part is not None, "a channel that is told is one"
        assert part.teller is not None, "a kind with offers has a teller"
        assert offers is not None, "it is told"
        teller = part.teller(channel, of(name))
        names = partial(_names_now, mappings, name)
        found.append(ChannelOffer(name, offers, teller, store, clock, metrics, names=names))
    return found


def _names_now(mappings: Callable[[], Mappings], channel: str) -> Mapping[str, tuple[str, ...]]:
    return names_of(mappings(), channel)


def names_of(mappings: Mappings, channel: str) -> Mapping[str, tuple[str, ...]]:
    """Return the names that a channel has for our SKUs, for those that have others than ours: none
    for one whose name is that of another SKU there."""
    tables = tables_of(mappings, channel)
    if tables is None or tables.skus is None:
        return {}
    aliases = aliases_of(tables.skus)
    # A name that is another SKU of ours there is told that one's units alone.
    found: dict[str, list[str]] = {name: [] for name, ours in aliases.items() if name != ours}
    for theirs, ours in aliases.items():
        found.setdefault(ours, [ours]).append(theirs)
    return {ours: tuple(dict.fromkeys(names)) for ours, names in found.items()}
