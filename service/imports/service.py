"""Brings the orders of a file through the edge, and says of each what became of it.

Accepted means that the stream has it on disk. A repeat changes nothing: the delivery id is the
digest of the canonical order, so the same order is the same delivery, however its file was saved.
An import places orders and never changes one that is here, also where an earlier version knows it
by a reference that a spreadsheet had damaged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, Protocol

from msgspec import Struct
from msgspec.structs import replace

from actors.order.mapping import is_stated_by
from actors.runtime.errors import JournalUnavailable, StreamUnavailable
from adapters.channels.csv.cells import former_refs
from adapters.channels.csv.orders import Found
from adapters.postgres.imported import Aside, Known
from schemas.contracts import refusals
from schemas.order.ids import OrderId, order_id_for
from service.inbound.edge import Stream

Outcome = Literal["accepted", "already there", "refused", "would be accepted", "not sent"]

WINDOW = 64
"""Orders that are published at once: enough to keep a disk busy, an eighth of what the stream takes
at once, so that webhooks go on beside an import."""

WAIT_SECONDS = 60.0
"""How long the decisions about one window are waited for; they take milliseconds in good times."""

_LOOK_SECONDS = 0.1
_PLACE = "place"
_TOPIC = "csv"  # shown with what lies in quarantine


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of the report: one order, or rows that are none. `why` are whole sentences, `reason`
    is a code of `schemas.contracts.refusals`. `became` is what was decided, if that was waited
    for."""

    first_row: int
    last_row: int
    ref: str
    outcome: Outcome
    order_id: str = ""
    became: str = ""
    reason: str = ""
    why: tuple[str, ...] = ()


class Counts(Struct, kw_only=True):
    """What an import came to. `stopped` says that it ended before the file did."""

    orders: int = 0
    accepted: int = 0
    already_there: int = 0
    refused: int = 0
    would_be_accepted: int = 0
    not_sent: int = 0
    quarantined: int = 0
    stopped: bool = False


class OrdersHere(Protocol):
    """Which orders are here. Raises JournalUnavailable."""

    async def known(
        self, order_ids: Sequence[OrderId], delivery_ids: Sequence[str]
    ) -> Mapping[OrderId, Known]:
        """Return those that are here, each asked about with its delivery."""

    async def quarantined(self, delivery_ids: Sequence[str]) -> Mapping[str, Aside]:
        """Return those of the deliveries that did not pass."""


class _Ready(Struct):
    """An order that passed the edge's checks, on its way."""

    found: Found
    order_id: OrderId
    delivery_id: str
    former: tuple[tuple[OrderId, str], ...]
    failure: str = ""


class CsvImport:
    """Places the orders of one file on one channel.

    With `patience_seconds` the stream may be away for so long; after that the rest is `not sent`.
    Without it StreamUnavailable is raised: the sender repeats everything, which does no harm.
    `refused` is told each refusal's reason, to be counted. `stopping` is asked before each window.
    """

    def __init__(
        self,
        stream: Stream,
        here: OrdersHere,
        channel: str,
        *,
        dry_run: bool = False,
        wait: bool = False,
        patience_seconds: float = 0.0,
        trace: str = "",
        refused: Callable[[str], None] = lambda reason: None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._stream = stream
        self._here = here
        self._channel = channel
        self._dry_run = dry_run
        self._wait = wait
        self._patience_seconds = patience_seconds
        self._trace = trace
        self._refused = refused
        self._stopping = stopping
        self.counts = Counts()

    async def run(self, orders: Iterable[Found], tell: Callable[[Entry], None]) -> Counts:
        """Take all orders, window by window; `tell` gets an entry for each in the file's order."""
        window: list[Found] = []
        for found in orders:
            window.append(found)
            await asyncio.sleep(0)  # reading an order takes up to milliseconds; others go between
            if len(window) < WINDOW:
                continue
            if not await self._take(window, tell):
                return self.counts
            window = []
        if window:
            await self._take(window, tell)
        return self.counts

    async def _take(self, window: Sequence[Found], tell: Callable[[Entry], None]) -> bool:
        """Take a window; return whether to go on."""
        if self._stopping():
            self.counts.stopped = True
            return False
        ready = [
            _Ready(
                found,
                order_id_for(self._channel, found.ref),
                f"csv:{found.digest}",
                tuple((order_id_for(self._channel, x), x) for x in former_refs(found.ref)),
            )
            for found in window
            if found.order is not None
        ]
        known = await self._known(ready, former=True)
        new = [
            one
            for one in ready
            if not _is_known(known.get(one.order_id)) and _damaged(one, known) is None
        ]
        became: dict[str, str] = {}
        if not self._dry_run:
            await self._publish(new)
            if self._wait:
                became = await self._decided([one for one in new if not one.failure])
        by_row = {one.found.first_row: one for one in ready}
        for found in window:
            one = by_row.get(found.first_row)
            entry = self._entry(found, one, known, became)
            self._count(entry)
            tell(entry)
        self.counts.stopped = any(one.failure for one in new)
        return not self.counts.stopped

    async def _known(
        self, ready: Sequence[_Ready], *, former: bool = False
    ) -> Mapping[OrderId, Known]:
        """Return those that are here; `former`: also under what their references were before."""
        if not ready:
            return {}
        asked = [(one.order_id, self._scoped(one)) for one in ready]
        if former:
            asked += [(order_id, "") for one in ready for order_id, _ in one.former]
        return await self._here.known([x for x, _ in asked], [x for _, x in asked])

    def _scoped(self, one: _Ready) -> str:
        """Return the delivery id as the intake has it."""
        return f"{self._channel}/{_PLACE}/{one.delivery_id}"

    async def _publish(self, new: Sequence[_Ready]) -> None:
        left, waited = list(new), 0.0
        while left:
            answers = await asyncio.gather(*map(self._put, left), return_exceptions=True)
            away: StreamUnavailable | None = None
            again = []
            for one, answer in zip(left, answers, strict=True):
                if isinstance(answer, StreamUnavailable):
                    away = answer
                    again.append(one)
                elif isinstance(answer, BaseException):
                    raise answer
            if away is None:
                return
            if not self._patience_seconds:
                raise away
            if waited >= self._patience_seconds or self._stopping():
                for one in again:
                    one.failure = str(away)
                return
            await asyncio.sleep(away.retry_after_seconds)
            waited += away.retry_after_seconds
            left = again

    async def _put(self, one: _Ready) -> None:
        await self._stream.publish(
            self._channel,
            _PLACE,
            one.found.ref,
            one.found.raw,
            delivery_id=one.delivery_id,
            source="canonical",
            topic=_TOPIC,
            trace=self._trace,
        )

    async def _decided(self, sent: Sequence[_Ready]) -> dict[str, str]:
        """Wait until each order is decided; return what it became, in words, by its order id."""
        became: dict[str, str] = {}
        left = list(sent)
        waited = 0.0
        while left and waited < WAIT_SECONDS:
            try:
                known = await self._known(left)
                aside = await self._here.quarantined([self._scoped(one) for one in left])
            except JournalUnavailable:  # the stream has them all the same: check again
                known, aside = {}, {}
            for one in left:
                row, put = known.get(one.order_id), aside.get(self._scoped(one))
                if put is not None:
                    became[one.order_id] = f"in quarantine as {put.id}: {put.reason}"
                    self.counts.quarantined += 1
                elif row is not None and row.delivered:
                    became[one.order_id] = _words(row)
            left = [one for one in left if one.order_id not in became]
            if left and self._stopping():
                break
            if left:
                await asyncio.sleep(_LOOK_SECONDS)
                waited += _LOOK_SECONDS
        became.update((one.order_id, "not decided yet") for one in left)
        return became

    def _entry(
        self,
        found: Found,
        one: _Ready | None,
        known: Mapping[OrderId, Known],
        became: Mapping[str, str],
    ) -> Entry:
        entry = Entry(
            first_row=found.first_row,
            last_row=found.last_row,
            ref=found.ref,
            outcome="refused",
            order_id=one.order_id if one is not None else "",
            reason=found.reason,
            why=found.sentences,
        )
        if one is None:
            return entry
        there = known.get(one.order_id)
        if there is not None and _is_known(there):
            return self._there(entry, found, there)
        if (former := _damaged(one, known)) is not None:
            order_id, ref = former
            why = (_DAMAGED.format(ref=ref, order_id=order_id, clean=one.found.ref),)
            return replace(entry, reason=refusals.ORDER_DIFFERS, why=why)
        if self._dry_run:
            return replace(entry, outcome="would be accepted")
        if one.failure:
            why = (f"{one.failure} Import the file again; what was accepted stays so.",)
            return replace(entry, outcome="not sent", why=why)
        return replace(entry, outcome="accepted", became=became.get(one.order_id, ""))

    def _there(self, entry: Entry, found: Found, there: Known) -> Entry:
        assert found.order is not None, "only whole orders are looked for"
        if there.delivered or is_stated_by(found.order, there.body_digest, there.stated_digest):
            became = _words(there) if self._wait else ""
            return replace(entry, outcome="already there", became=became)
        why = (_DIFFERS.format(order_id=entry.order_id),)
        return replace(entry, reason=refusals.ORDER_DIFFERS, why=why)

    def _count(self, entry: Entry) -> None:
        name = entry.outcome.replace(" ", "_")
        setattr(self.counts, name, getattr(self.counts, name) + 1)
        self.counts.orders += 1
        if entry.outcome == "refused":
            self._refused(entry.reason)


_DIFFERS = (
    "An order of this ref is here already and says something else, and an import changes no order. "
    "Compare with `orders show {order_id}`; if the file is right, cancel that order and import "
    "this one under another ref."
)

_DAMAGED = (
    "The order {order_id} is here under the reference {ref!r}, which a spreadsheet had made of "
    "{clean!r} when it was imported: this one would be sent a second time. Compare with `orders "
    "show {order_id}`; if it is another order, import it under another ref."
)


def _damaged(one: _Ready, known: Mapping[OrderId, Known]) -> tuple[OrderId, str] | None:
    """Return the order that an earlier version placed of the same rows, and its reference."""
    return next((x for x in one.former if _is_known(known.get(x[0]))), None)


def _is_known(known: Known | None) -> bool:
    """An order of which only a payment came before is still to be placed."""
    return known is not None and (known.delivered or bool(known.body_digest))


def _words(row: Known) -> str:
    waits = f", waits for {row.waiting_for}" if row.waiting_for else ""
    return f"{row.stage}{waits}" + (" (needs a person)" if row.attention else "")
