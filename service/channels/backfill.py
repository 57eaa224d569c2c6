"""Finds the orders of a channel that no webhook told of, and has them looked at.

Whatever the channel lists as changed is compared with ours by reference and time of change. What
is missing, or newer there, becomes a letter `look`: the order's own actor then asks the channel,
so backfill and webhooks never work on one order at the same time.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Protocol, runtime_checkable

import msgspec
from msgspec import Struct

from adapters.kit.sync import Listed, Upkeep
from adapters.postgres.sync import Ours, Upkeeps
from service.inbound.edge import Stream

MAX_PAGES = 400
"""Pages of one round, a hundred thousand orders; the next one goes on where it ended."""

PAGE_REST_SECONDS = 0.2
"""Rest between two pages: the channel's limit is shared with the orders' own calls."""

MAX_NAMED = 100
"""References that a result names."""

MAX_REMEMBERED = 10_000
"""Looks that were asked for and are not asked for again, while their windows overlap."""

KIND, SOURCE = "look", "canonical"


@runtime_checkable
class Counts(Protocol):
    """A channel that can say how many orders changed, without listing them."""

    async def count_orders(self, since: datetime, until: datetime) -> int | None:
        """Return the count; None when it does not know exactly."""
        ...


class Found(Struct, frozen=True, kw_only=True):
    """What one comparison found. `missed` are unknown to us, `changed` are known and newer there;
    `refs` names the first hundred. `counted` is the channel's own count (None: it has none).
    `position`: everything that changed before it is compared; `complete`: that is the whole
    window."""

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
        """Say it in a sentence or two."""
        told = f"{self.listed} orders changed there; {self.missed} were missing here"
        told += f", {self.changed} had changed unseen."
        if self.counted is not None and self.complete and self.counted != self.listed:
            told += f" The channel counts {self.counted}: compare again if that stays so."
        if not self.complete:
            told += f" The comparison has come to {self.position:%Y-%m-%d %H:%M:%S} UTC."
        return told


def look_body(ref: str, source: str) -> bytes:
    """Return the letter that asks to look at an order again."""
    told = {"type": "order.look_again.v1", "ref": ref, "source": source, "topic": source}
    return msgspec.json.encode(told)


class Backfill:
    """One channel's comparison; it remembers what it asked for."""

    def __init__(
        self,
        channel: str,
        shop: Upkeep,
        orders: Upkeeps,
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
        """Compare a window page by page; `told` hears after each page what was found so far.

        Raises PartnerError as the channel does, StreamUnavailable and JournalUnavailable; then
        what `told` heard last is done. `deliver` False only looks.
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
            look_body(one.ref, "backfill"),
            delivery_id=f"backfill:{one.ref}:{one.updated_at}",
            source=SOURCE,
            topic="backfill",
        )
        self._asked[(one.ref, one.updated_at)] = None
        if len(self._asked) > MAX_REMEMBERED:
            self._asked.popitem(last=False)


def moment(text: str) -> datetime | None:
    """Return a channel's time in UTC; None when it says none, or none that can be read."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo is not None else None


def _is_refused(at: datetime | None, came: datetime | None) -> bool:
    """Say whether what the channel has is in quarantine: something came after its last change. What
    was mended there since is to be fetched."""
    return came is not None and (at is None or at <= came)


def _is_newer(at: datetime | None, ours: Ours | None) -> bool:
    """Say whether the channel's order is newer than ours, or, where it is only expected, changed
    after we last heard of it. Nothing happens to a final one."""
    if ours is None or ours.final or at is None:
        return False
    known = moment(ours.updated_at)
    return known is not None and at > known
