"""Backfill: what is missed, what is not, and where the next window begins."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec
import pytest

from actors.runtime.errors import JournalUnavailable, Retryable, Unauthorised
from adapters.kit.sync import Listed, ListedPage, Subscriptions
from adapters.postgres.sync import Ours, Progress, SyncStore
from service.channels.backfill import Backfill, Found
from service.channels.run import ChannelSyncs
from service.channels.sync import is_unreachable, start_of, wait_after

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def at(minutes: int) -> str:
    """A time after noon, as channels write it."""
    return (NOON + timedelta(minutes=minutes)).isoformat()


class Shop:
    """Lists what it was given, in pages of two, and fails before a page when told to."""

    def __init__(self, *orders: tuple[str, str], fails_at: int = -1) -> None:
        self.orders = [Listed(ref=ref, updated_at=when) for ref, when in orders]
        self.fails_at = fails_at

    async def changed_orders(self, since: datetime, until: datetime, cursor: str) -> ListedPage:
        begin = int(cursor or 0)
        if begin == self.fails_at:
            raise Retryable("The shop rests.")
        end = begin + 2
        more = str(end) if end < len(self.orders) else ""
        return ListedPage(orders=tuple(self.orders[begin:end]), cursor=more)

    async def keep_subscriptions(self, address: str) -> Subscriptions:
        return Subscriptions()

    async def count_orders(self, since: datetime, until: datetime) -> int | None:
        return len(self.orders) + 1


class Kept:
    """What we have."""

    def __init__(self, refused: dict[str, datetime] | None = None, **orders: Ours) -> None:
        self.orders = orders
        self.turned_away = refused or {}

    async def ours(self, channel: str, refs: Sequence[str]) -> dict[str, Ours]:
        return {ref: one for ref, one in self.orders.items() if ref in refs}

    async def refused(self, channel: str, refs: Sequence[str]) -> dict[str, datetime]:
        return {ref: self.turned_away[ref] for ref in refs if ref in self.turned_away}


class Stream:
    """Keeps what was published."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str, str, bytes]] = []

    async def publish(
        self,
        channel: str,
        kind: str,
        ref: str,
        raw: bytes,
        *,
        delivery_id: str,
        source: str,
        topic: str,
        trace: str = "",
    ) -> None:
        self.messages.append((kind, ref, delivery_id, raw))


def comparing(shop: Shop, kept: Kept, stream: Stream) -> Backfill:
    """A comparison that does not rest."""
    return Backfill("acme", shop, cast("SyncStore", kept), stream, rest_seconds=0.0)


async def test_missing_and_newer_orders_are_looked_at() -> None:
    """Unknown ones are missed, and those that changed there after they were refused; newer ones
    changed; equal, final, refused, noticed ones and those whose cancellation was heard are left
    alone."""
    shop = Shop(
        ("new", at(1)), ("same", at(2)), ("newer", at(3)), ("final", at(4)), ("refused", at(5)),
        ("noticed", at(6)), ("fixed", at(7)), ("untold", ""), ("heard", at(8)),
        ("changed-since", at(9)),
    )  # fmt: skip
    kept = Kept(
        {"refused": NOON + timedelta(minutes=5), "fixed": NOON + timedelta(minutes=6)},
        same=Ours(updated_at=at(2), final=False),
        newer=Ours(updated_at="2026-11-24T07:02:00-05:00", final=False),
        final=Ours(updated_at=at(1), final=True),
        noticed=Ours(updated_at="", final=False),
        heard=Ours(updated_at=at(1), heard_at=at(8), final=False),
        **{"changed-since": Ours(updated_at=at(1), heard_at=at(8), final=False)},
    )
    stream = Stream()
    found = await comparing(shop, kept, stream).compare(NOON, NOON + HOUR)
    asked = ["new", "newer", "fixed", "untold", "changed-since"]
    assert [ref for _, ref, _, _ in stream.messages] == asked
    assert (found.listed, found.missed, found.changed) == (10, 3, 2)
    assert found.refs == tuple(asked)
    assert found.oldest == NOON + timedelta(minutes=1)
    assert found.complete
    assert found.position == NOON + HOUR
    assert "The channel counts 11" in found.words()
    kind, _, delivery_id, raw = stream.messages[0]
    assert (kind, delivery_id) == ("refetch", f"backfill:new:{at(1)}")
    told = msgspec.json.decode(raw)
    assert told == {
        "type": "order.refetch.v1", "ref": "new", "source": "backfill", "topic": "backfill",
    }  # fmt: skip


async def test_a_look_is_asked_for_once() -> None:
    """While windows overlap, what was asked for is neither asked for nor counted again."""
    stream = Stream()
    work = comparing(Shop(("new", at(1))), Kept(), stream)
    assert (await work.compare(NOON, NOON + HOUR)).missed == 1
    assert (await work.compare(NOON, NOON + HOUR)).missed == 0
    assert len(stream.messages) == 1


async def test_a_dry_run_changes_nothing() -> None:
    """It names what is missing, and leaves it to the next comparison."""
    stream = Stream()
    work = comparing(Shop(("new", at(1))), Kept(), stream)
    assert (await work.compare(NOON, NOON + HOUR, deliver=False)).refs == ("new",)
    assert stream.messages == []
    assert (await work.compare(NOON, NOON + HOUR)).missed == 1


async def test_what_was_done_before_a_failure_is_told() -> None:
    """A round that breaks off after a page has told where it stands; the next goes on there."""
    told: list[Found] = []

    async def hear(found: Found) -> None:
        told.append(found)

    shop = Shop(("a", at(1)), ("b", at(2)), ("c", at(3)), fails_at=2)
    work = comparing(shop, Kept(), Stream())
    with pytest.raises(Retryable):
        await work.compare(NOON, NOON + HOUR, told=hear)
    assert [(one.missed, one.position) for one in told] == [(2, NOON + timedelta(minutes=2))]
    assert not told[0].complete
    assert "has reached 2026-11-24 12:02:00 UTC" in told[0].words()


async def test_a_long_round_stops_at_its_bound() -> None:
    """At most so many pages are read; the position says how far that was."""
    shop = Shop(*((f"o{n}", at(n)) for n in range(10)))
    found = await comparing(shop, Kept(), Stream()).compare(NOON, NOON + HOUR, max_pages=2)
    assert not found.complete
    assert found.position == NOON + timedelta(minutes=3)


def progress(minutes: int, *, complete: bool = True) -> Progress:
    """A round that came so far."""
    return Progress(
        channel="acme",
        job="backfill",
        position=NOON + timedelta(minutes=minutes),
        complete=complete,
        tried_at=NOON,
    )


@pytest.mark.parametrize(
    ("before", "minutes"),
    [
        (None, -60),
        (progress(-5), -60),
        (progress(-600), -600),
        (progress(-5, complete=False), -5),
        (progress(-600, complete=False), -600),
    ],
)
def test_where_a_window_begins(before: Progress | None, minutes: int) -> None:
    """A window back, at the last success after an outage, or where a long round stopped."""
    assert start_of(before, NOON, 3600.0) == NOON + timedelta(minutes=minutes)


def test_a_failed_round_is_repeated_soon_and_a_refused_credential_rarely() -> None:
    """A shop that rests is asked again soon, or when it says; one that has thrown us out is not
    asked again and again, and is found within half an hour when it lets us in again."""
    assert wait_after(None, 0, 300.0) == 300.0
    assert [wait_after(Retryable("x"), n, 300.0) for n in (1, 2, 9)] == [30.0, 60.0, 300.0]
    assert wait_after(Retryable("x", retry_after_seconds=900.0), 1, 300.0) == 900.0
    refused = Unauthorised("x")
    assert [wait_after(refused, n, 300.0) for n in (1, 2, 4, 99)] == [60.0, 120.0, 480.0, 1800.0]
    assert wait_after(refused, 1, 1.0) == 60.0


def test_a_channel_that_does_not_answer_is_an_incident() -> None:
    """A refused credential at once, a disturbance when it lasts, a fault of our own never."""
    assert is_unreachable(Unauthorised("x"), 1)
    assert [is_unreachable(Retryable("x"), n) for n in (1, 4, 5, 50)] == [False, False, True, True]
    assert not is_unreachable(JournalUnavailable("x"), 50)
    assert not is_unreachable(None, 0)


class Once(ChannelSyncs):
    """Has one job that has nothing to do, and one that fails when told to."""

    def __init__(self, fails: asyncio.Event) -> None:
        self.begun = 0
        self._fails = fails
        self._changed = asyncio.Event()

    def _jobs(self, stack: AsyncExitStack) -> list[Any]:
        self.begun += 1
        return [Idle(), Failing(self._fails)]


class Idle:
    """A job without anything to do."""

    async def run(self) -> None:
        return


class Failing:
    """A job that fails when told to."""

    def __init__(self, told: asyncio.Event) -> None:
        self._told = told

    async def run(self) -> None:
        await self._told.wait()
        raise RuntimeError("as told")


async def test_a_channel_without_anything_to_do_begins_once() -> None:
    """A job that ends at once is not begun again and again; one that fails ends them all."""
    fails = asyncio.Event()
    syncs = Once(fails)
    running = asyncio.create_task(syncs.run())
    for _ in range(50):
        await asyncio.sleep(0)
    assert syncs.begun == 1
    fails.set()
    with pytest.raises(RuntimeError, match="as told"):
        await running
