"""Releases on a real Postgres, with a stream that fails when it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from msgspec.structs import replace

from actors.runtime.errors import StreamUnavailable
from actors.runtime.ports import Quarantined
from adapters.postgres.audit import Audit
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import Pool
from adapters.postgres.quarantine import PostgresQuarantine
from adapters.postgres.quarantine_workflow import Filter, HeldItem, QuarantineWorkflow
from service.quarantine.service import CHANGED, STREAM_AWAY, QuarantineDesk
from service.settings import Settings
from service.wiring.channels import Readers, readers_by_kind
from tests.appends import SEALING
from tests.fakes import JumpingClock
from tests.given import NOON, an_order
from tests.waiting import eventually


class Stream:
    """Notes what it gets; refuses while it is away. `gate` holds messages up while it is clear."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []
        self.away = False
        self.waiting = 0
        self.gate = asyncio.Event()
        self.gate.set()

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
        self.waiting += 1
        await self.gate.wait()
        if self.away:
            raise StreamUnavailable("The message stream is away.", retry_after_seconds=2)
        self.got.append((ref, delivery_id))


class Desk(QuarantineDesk):
    """A desk with its stream and store at hand."""

    def __init__(self, pool: Pool) -> None:
        self.stream = Stream()
        self.store = PostgresQuarantine(pool, SEALING)
        self.audit = Audit(pool)
        keys: dict[str, bytes] = {}
        readers = readers_by_kind(keys)
        translate = Readers(Settings(), keys).translate
        super().__init__(
            QuarantineWorkflow(pool, SEALING), self.stream, readers, translate, JumpingClock()
        )

    async def hold(self, number: int, *, ref: str = "", good: bool = True) -> HeldItem:
        """Put an order into quarantine that passes now, unless it isn't good."""
        order = replace(an_order(), ref=ref or f"ref-{number}")
        await self.store.keep(
            Quarantined(
                delivery_id=f"acme-us/place/{number}",
                channel="acme-us",
                kind="place",
                ref="",
                source="canonical",
                reason="schema_mismatch",
                sentences=("The order was refused.",),
                headers={},
                original=msgspec.json.encode(order) if good else b"{}",
                at=NOON,
            )
        )
        (newest,) = await self.workflow.find(Filter(state=None), limit=1)
        return await self.item(newest.id)

    async def item(self, item_id: int) -> HeldItem:
        found = await self.workflow.item(item_id)
        assert found is not None
        return found


@pytest.fixture
async def desk(database: str) -> AsyncIterator[Desk]:
    await migrate(database)
    pool = Pool(database, deadline_seconds=10, by_key=False)
    yield Desk(pool)
    await pool.close()


async def test_without_the_stream_everything_stays_open(desk: Desk) -> None:
    """A release of many ends with the page in which the stream was away, and says where to go on;
    later all of it goes, each under the name of its first try."""
    items = [await desk.hold(number) for number in range(120)]
    desk.stream.away = True
    found = await desk.release_matching(Filter(), "clerk", "go", preview=False)
    assert (found.looked_at, found.released, found.failed) == (100, 0, 100)
    assert {one.reason for one in found.failures} == {STREAM_AWAY}
    assert found.next_after == items[99].id
    assert await desk.workflow.open_reasons() == {"schema_mismatch": 120}
    desk.stream.away = False
    found = await desk.release_matching(Filter(), "clerk", "go", preview=False)
    assert (found.looked_at, found.released, found.next_after) == (120, 120, None)
    assert {name for _, name in desk.stream.got} == {
        f"acme-us/place/{number}/released-1" for number in range(120)
    }
    assert await desk.workflow.open_reasons() == {}


async def test_two_people_at_once_are_one_delivery(desk: Desk) -> None:
    """Both releases bear the same name, which the stream and the inbox know for one."""
    item = await desk.hold(1)
    desk.stream.gate.clear()
    both = [asyncio.create_task(desk.release(item, name, "go")) for name in ("Ann", "Bob")]
    await eventually(lambda: desk.stream.waiting == 2)
    desk.stream.gate.set()
    assert [await one for one in both] == [None, None]
    assert set(desk.stream.got) == {("ref-1", "acme-us/place/1/released-1")}
    assert (await desk.item(item.id)).state == "released"


async def test_who_decides_on_an_old_picture_is_told(desk: Desk) -> None:
    """An edit, a release or a discard that somebody forestalled changes and sends nothing."""
    item = await desk.hold(1)
    right = item.original
    assert await desk.fix(item, b"{}", "Ann", "spoilt by mistake") is not None
    assert await desk.fix(item, right, "Bob", "too late") is None
    failure = await desk.release(item, "Bob", "too late")
    assert failure is not None
    assert failure.reason == CHANGED
    assert desk.stream.got == []
    now = await desk.item(item.id)
    assert await desk.fix(now, right, "Bob", "mended") is not None
    assert await desk.discard(now, "Ann", "no use")
    assert not await desk.discard(now, "Bob", "no use")
    told = [(one.person, one.action) for one in await desk.audit.entries()]
    assert told == [
        ("Ann", "quarantine.discard"),
        ("Bob", "quarantine.fix"),
        ("Ann", "quarantine.fix"),
    ]


async def test_the_audit_holds_no_payload(desk: Desk) -> None:
    """An edit is told by digest and size; the reason is kept as it was given."""
    item = await desk.hold(1, good=False)
    await desk.fix(item, b'{"customer": "Jane"}', "Ann", "spelling \x00 of a key")
    (entry,) = await desk.audit.entries(target=f"quarantine:{item.id}")
    assert (entry.before["bytes"], entry.after["bytes"]) == (2, 20)
    assert "Jane" not in str(entry)
    assert (entry.channel, entry.reason) == ("acme-us", "spelling � of a key")


async def test_an_order_s_messages_keep_their_order(desk: Desk) -> None:
    """What came first goes first, also when many are sent at once."""
    for number in range(60):
        await desk.hold(number, ref=f"order-{number % 3}")
    await desk.release_matching(Filter(), "clerk", "go", preview=False)
    for ref in ("order-0", "order-1", "order-2"):
        numbers = [int(name.split("/")[2]) for one, name in desk.stream.got if one == ref]
        assert numbers == sorted(numbers)
        assert len(numbers) == 20


async def test_what_comes_back_is_the_same_item(desk: Desk) -> None:
    """Refused again before it was noted as released, it stays open; its repeats change nothing;
    other bytes that bear its name are another item; what was discarded stays so."""
    item = await desk.hold(1)
    back = Quarantined(
        delivery_id="acme-us/place/acme-us/place/1/released-1",
        channel="acme-us",
        kind="place",
        ref="",
        source="canonical",
        reason="undecidable",
        sentences=("It could not be decided.",),
        headers={},
        original=item.original,
        at=NOON,
    )
    desk.stream.gate.clear()
    releasing = asyncio.create_task(desk.release(item, "Ann", "go"))
    await eventually(lambda: desk.stream.waiting == 1)
    await asyncio.gather(desk.store.keep(back), desk.store.keep(back))
    desk.stream.gate.set()
    assert await releasing is None
    again = await desk.item(item.id)
    assert (again.state, again.attempt, again.reason) == ("open", 2, "undecidable")
    assert again.released_as == back.delivery_id
    actions = [one.action for one in await desk.audit.entries()]
    assert actions == ["quarantine.release", "quarantine.reopened"]
    await desk.store.keep(replace(back, original=b"forged"))
    assert len(await desk.workflow.find(Filter(state=None))) == 2
    assert (await desk.item(item.id)).attempt == 2
    await desk.discard(again, "Ann", "no use")
    await desk.store.keep(back)
    assert (await desk.item(item.id)).state == "discarded"
