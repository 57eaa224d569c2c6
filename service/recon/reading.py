"""Reads the lists of a run, page by page, and says of each entry which order it is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from actors.kernel.setup import Setup
from actors.order.state import State
from actors.order.stream import StateOutdated, decode_state
from adapters.kinds import kind_named
from adapters.kit.books import Booked, Books, Settled, ShopOrder, Side
from adapters.postgres.recon import Entered, Run
from adapters.postgres.recon_work import Placed, ReconWork
from adapters.postgres.views import Views
from schemas.order.ids import OrderId
from service.recon.cases import Stated
from service.recon.ours import our_order
from service.settings import Settings
from service.settings.roles import setups
from service.wiring.partners import Kits

JOURNAL_PAGE = 100
"""Orders of the journal that are read at once: some hundred kilobytes."""

MARGIN = timedelta(days=1)
"""What belongs to an order is searched from so long before it: clocks differ."""

_encode = msgspec.json.Encoder().encode
decode_entry = msgspec.json.Decoder(Stated).decode


class Plan(Struct, frozen=True):
    """What can be read by the settings: the lists of each instance with the sides that they show,
    and the channels' setups."""

    sources: Mapping[str, Mapping[str, Side]]
    setups: Mapping[str, Setup]

    def steps(self, channels: Sequence[str]) -> list[str]:
        """Return the lists that a run over these channels reads, our own first."""
        erps = sorted({self.setups[one].erp for one in channels if one in self.setups} - {""})
        lists = [f"{x}:{source}" for x in (*channels, *erps) for source in self.sources.get(x, {})]
        return [*(f":{channel}" for channel in channels), *lists]

    def side(self, step: str) -> Side | None:
        """Return which side a list shows; None for our own, and for one that is not there now."""
        name, _, source = step.partition(":")
        return self.sources.get(name, {}).get(source)


class Layout(Struct, frozen=True):
    """A plan with what reads its lists, and the time zones of the channels' days."""

    plan: Plan
    books: Mapping[str, Books]
    zones: Mapping[str, ZoneInfo | None]


def plan(settings: Settings) -> Plan:
    """Return what can be read."""
    instances = {**settings.partners, **settings.channels}
    parts = {name: kind_named(one.kind).books for name, one in instances.items()}
    sources = {name: part.sources for name, part in parts.items() if part is not None}
    return Plan(sources, setups(settings))


def layout(settings: Settings, kits: Kits) -> Layout:
    """Make what reads the books of every channel and partner that has some."""
    instances = {**settings.partners, **settings.channels}
    books: dict[str, Books] = {}
    for name, one in instances.items():
        part = kind_named(one.kind).books
        if part is not None:
            books[name] = part.reader(one, kits.of(name))
    zones = {
        name: ZoneInfo(one.time_zone) if one.time_zone else None
        for name, one in settings.channels.items()
    }
    return Layout(plan(settings), books, zones)


class Reading:
    """Reads pages. `verify` returns whose a reference of ours is, "" for none of ours."""

    def __init__(self, work: ReconWork, views: Views, verify: Callable[[str], str]) -> None:
        self._work = work
        self._views = views
        self._verify = verify

    async def page(self, run: Run, layout: Layout) -> tuple[list[Entered], str, str]:
        """Return the next page of a run's list as entries, the cursor behind it ("": the list is
        read), and why there is none. Raises PartnerError and JournalUnavailable."""
        name, _, source = run.steps[run.step].partition(":")
        if not name:
            entered, cursor = await self._journal(run, source, layout)
            return entered, cursor, ""
        books = layout.books.get(name)
        if books is None or layout.plan.side(run.steps[run.step]) is None:
            return [], "", f"{name} is not configured any more."
        since, until = run.since - MARGIN, run.until + MARGIN
        page = await books.page(source, since, until, run.cursor)
        found: list[Entered] = []
        if name in run.channels:
            found += await self._of_channel(name, page.entries)
        found += await self._of_erp(name, run, page.entries)
        return found, page.cursor, page.absent

    async def _journal(self, run: Run, channel: str, layout: Layout) -> tuple[list[Entered], str]:
        window = run.since, run.until
        placed, cursor = await self._work.journal(channel, *window, run.cursor, JOURNAL_PAGE)
        entered = []
        setup, zone = layout.plan.setups.get(channel), layout.zones.get(channel)
        for one in placed:
            if one.order is None or setup is None:
                continue  # erased: what is left of it says no amounts
            state = await self._state(one)
            ours = our_order(
                one.order_id, state, one.order, setup, zone, stated=one.stated or one.order
            )
            entered.append(Entered(one.order_id, channel, _encode(ours)))
        return entered, cursor

    async def _state(self, one: Placed) -> State:
        try:
            return decode_state(one.state)
        except StateOutdated:
            return await self._views.state(OrderId(one.order_id))

    async def _of_channel(self, channel: str, entries: Sequence[object]) -> list[Entered]:
        there = [one for one in entries if isinstance(one, ShopOrder | Settled)]
        refs = sorted({one.ref for one in there if one.ref})
        known = await self._work.by_ref(channel, refs) if refs else {}
        return [
            Entered(known.get(one.ref) or _no_order(channel, one), channel, _encode(one))
            for one in there
        ]

    async def _of_erp(self, partner: str, run: Run, entries: Sequence[object]) -> list[Entered]:
        there = [one for one in entries if isinstance(one, Booked)]
        if not there:
            return []
        marked = {mark: self._verify(mark) for one in there for mark in one.marks}
        exist = await self._work.there(sorted(set(marked.values()) - {""}))
        external = {one.id: numbered(one.external, run.channels) for one in there}
        named = await self._work.by_number([x for x in external.values() if x is not None])
        found = []
        for one in there:
            owner = next((marked[x] for x in one.marks if marked[x] in exist), "")
            by = external[one.id]
            if not owner and by is not None:
                owner = named.get(by) or f"erp:{partner}:{one.id}"
            if owner:
                found.append(Entered(owner, by[0] if by is not None else "", _encode(one)))
        return found


def numbered(external: str, channels: Sequence[str]) -> tuple[str, str] | None:
    """Return the channel and number that an external document number names, as we write it there;
    None for another one's."""
    first, there, number = external.partition(" ")
    for channel in channels:
        if there and first == channel.upper():
            return channel, number
    return None


def belongs_to_none(key: str) -> bool:
    """Say whether a key is of something that belongs to no order of ours."""
    return ":" in key


def _no_order(channel: str, one: ShopOrder | Settled) -> str:
    if isinstance(one, Settled) and not one.ref:
        return f"pay:{channel}:{one.id}"
    return f"shop:{channel}:{one.ref}"


def window_of(now: datetime, days: int) -> tuple[datetime, datetime]:
    """Return the window of a run over the last days."""
    return now - timedelta(days=days), now
