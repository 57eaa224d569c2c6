"""Finds orders and changes that no webhook reported, and has them fetched.

Backfill compares the orders that the channel lists as changed with ours, by reference and time of
change. For an order that is missing here or newer there it publishes a message `refetch`. The
order's own actor then fetches it, so that backfill and webhooks never work on one order at the same
time.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Protocol, runtime_checkable

import msgspec
from msgspec import Struct

from adapters.kit.sync import ChannelSync, Listed
from adapters.postgres.sync import Ours, SyncStore
from service.inbound.edge import Stream

MAX_PAGES = 400
"""Pages of one round, a hundred thousand orders; the next round continues where it ended."""

PAGE_REST_SECONDS = 0.2
"""Pause between two pages: the channel's rate limit is shared with the orders' own calls."""

MAX_NAMED = 100
"""References that a result lists."""

MAX_REMEMBERED = 10_000
"""Refetches already requested, remembered so that overlapping windows don't request them again."""

KIND, SOURCE = "refetch", "canonical"


@runtime_checkable
class Counts(Protocol):
    """A channel that can count the orders that changed, without listing them."""

    async def count_orders(self, since: datetime, until: datetime) -> int | None:
        """Return the count, None when the channel does not know it exactly."""
        ...


class Found(Struct, frozen=True, kw_only=True):
    """What one comparison found. `missed` counts orders that are unknown here, `changed` those that
    are newer there; `refs` lists the first hundred of both. `counted` is the channel's own count,
    if it has one. Everything that changed before `position` has been compared; `complete` says that
    this is the whole window."""

    since: datetime
    until: datetime
    listed: int = 0
    missed: int = 0
    changed: int = 0
    refs: tuple[str, ...] = ()
    oldest: datetime | None = None
    counted: int | None = None
    position: datetime
    complete: bool = False

    def words(self) -> str:
        """Return it in a sentence or two."""
        told = f"{self.listed} orders changed there; {self.missed} were missing here"
        told += f", {self.changed} had changed unnoticed."
        if self.counted is not None and self.complete and self.counted != self.listed:
            told += f" The channel counts {self.counted}: compare again if the difference remains."
        if not self.complete:
            told += f" The comparison has reached {self.position:%Y-%m-%d %H:%M:%S} UTC."
        return told


def refetch_body(ref: str, source: str) -> bytes:
    """Return the message that asks for an order to be fetched again."""
    told = {"type": "order.refetch.v1", "ref": ref, "source": source, "topic": source}
    return msgspec.json.encode(told)


class Backfill:
    """Compares one channel with our orders; it remembers what it requested."""

    def __init__(
        self,
        channel: str,
        shop: ChannelSync,
        orders: SyncStore,
        stream: Stream,
        *,
        rest_seconds: float = PAGE_REST_SECONDS,
    ) -> None:
        self._channel = channel
        self._shop = shop
        self._orders = orders
        self._stream = stream
        self._rest_seconds = rest_seconds
        self._asked: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def compare(
        self,
        since: datetime,
        until: datetime,
        *,
        deliver: bool = True,
        told: Callable[[Found], Awaitable[None]] | None = None,
        max_pages: int = MAX_PAGES,
    ) -> Found:
        """Compare a window page by page; `told` receives what was found so far after each page.

        Raises PartnerError as the channel does, StreamUnavailable and JournalUnavailable; what
        `told` received last is then done. With `deliver` False nothing is fetched.
        """
        found = Found(since=since, until=until, position=since)
        cursor = ""
        for number in range(max_pages):
            if number:
                await asyncio.sleep(self._rest_seconds)
            page = await self._shop.changed_orders(since, until, cursor)
            found = await self._page(found, page.orders, deliver=deliver)
            cursor = page.cursor
            if not cursor:
                found = msgspec.structs.replace(found, complete=True, position=until)
                break
            if told is not None:
                await told(found)
        if isinstance(self._shop, Counts) and found.complete:
            counted = await self._shop.count_orders(since, until)
            found = msgspec.structs.replace(found, counted=counted)
        return found

    async def _page(self, found: Found, listed: tuple[Listed, ...], *, deliver: bool) -> Found:
        refs = [one.ref for one in listed]
        ours = await self._orders.ours(self._channel, refs) if refs else {}
        unknown = [ref for ref in refs if ref not in ours]
        refused = await self._orders.refused(self._channel, unknown) if unknown else {}
        missed = changed = 0
        named = list(found.refs)
        oldest, position = found.oldest, found.position
        for one in listed:
            at = moment(one.updated_at)
            position = max(position, at) if at is not None else position
            is_missing = one.ref not in ours and not _is_refused(at, refused.get(one.ref))
            if not is_missing and not _is_newer(at, ours.get(one.ref)):
                continue
            if (one.ref, one.updated_at) in self._asked:
                continue
            if deliver:
                await self._look(one)
            missed, changed = missed + is_missing, changed + (not is_missing)
            if is_missing and at is not None:
                oldest = at if oldest is None else min(oldest, at)
            if len(named) < MAX_NAMED:
                named.append(one.ref)
        return msgspec.structs.replace(
            found,
            listed=found.listed + len(listed),
            missed=found.missed + missed,
            changed=found.changed + changed,
            refs=tuple(named),
            oldest=oldest,
            position=min(position, found.until),
        )

    async def _look(self, one: Listed) -> None:
        await self._stream.publish(
            self._channel,
            KIND,
            one.ref,
            refetch_body(one.ref, "backfill"),
            delivery_id=f"backfill:{one.ref}:{one.updated_at}",
            source=SOURCE,
            topic="backfill",
        )
        self._asked[(one.ref, one.updated_at)] = None
        if len(self._asked) > MAX_REMEMBERED:
            self._asked.popitem(last=False)


def moment(text: str) -> datetime | None:
    """Return a channel's time in UTC, None when it is missing or malformed."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo is not None else None


def _is_refused(at: datetime | None, came: datetime | None) -> bool:
    """Whether the channel's current state is in quarantine: a message arrived after its last
    change. An order that was corrected there since then must be fetched."""
    return came is not None and (at is None or at <= came)


def _is_newer(at: datetime | None, ours: Ours | None) -> bool:
    """Whether the channel's order is newer than ours or, when ours is only expected, changed after
    we last heard of it. A final order never counts."""
    if ours is None or ours.final or at is None:
        return False
    known, heard = moment(ours.updated_at), moment(ours.heard_at)
    return known is not None and at > known and (heard is None or at > heard)
