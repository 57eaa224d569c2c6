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
from service.quarantine.service import CHANGED, STREAM_AWAY, QuarantineService
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


class LocalSession(QuarantineService):
    """A service with its stream and store."""

    def __init__(self, pool: Pool) -> None:
        self.stream = Stream()
        self.store = PostgresQuarantine(pool, SEALING)
        self.audit = Audit(pool)
        keys: dict[str, bytes] = {}
        readers = readers_by_kind(keys)
        translate = Readers(Settings(), keys).read
        super().__init__(
            QuarantineWorkflow(pool, SEALING),
            self.stream,
            readers,
            translate,
            lambda *_: None,
            JumpingClock(),
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
async def service(database: str) -> AsyncIterator[LocalSession]:
    await migrate(database)
    pool = Pool(database, deadline_seconds=10, by_key=False)
    yield LocalSession(pool)
    await pool.close()


async def test_without_the_stream_everything_stays_open(service: LocalSession) -> None:
    """A release of many ends with the page in which the stream was away, and says where to go on;
    later all of it goes, each under the name of its first try."""
    items = [await service.hold(number) for number in range(120)]
    service.stream.away = True
    found = await service.release_matching(Filter(), "clerk", "go", preview=False)
    assert (found.looked_at, found.released, found.failed) == (100, 0, 100)
    assert {one.reason for one in found.failures} == {STREAM_AWAY}
    assert found.next_after == items[99].id
    assert await service.workflow.open_reasons() == {"schema_mismatch": 120}
    service.stream.away = False
    found = await service.release_matching(Filter(), "clerk", "go", preview=False)
    assert (found.looked_at, found.released, found.next_after) == (120, 120, None)
    assert {name for _, name in service.stream.got} == {
        f"acme-us/place/{number}/released-1" for number in range(120)
    }
    assert await service.workflow.open_reasons() == {}


async def test_two_people_at_once_are_one_delivery(service: LocalSession) -> None:
    """Both releases bear the same name, which the stream and the inbox know for one."""
    item = await service.hold(1)
    service.stream.gate.clear()
    both = [asyncio.create_task(service.release(item, name, "go")) for name in ("Ann", "Bob")]
    await eventually(lambda: service.stream.waiting == 2)
    service.stream.gate.set()
    assert [await one for one in both] == [None, None]
    assert set(service.stream.got) == {("ref-1", "acme-us/place/1/released-1")}
    assert (await service.item(item.id)).state == "released"


async def test_who_decides_on_an_old_picture_is_told(service: LocalSession) -> None:
    """An edit, a release or a discard that somebody forestalled changes and sends nothing."""
    item = await service.hold(1)
    right = item.original
    assert await service.fix(item, b"{}", "Ann", "malformed by mistake") is not None
    assert await service.fix(item, right, "Bob", "too late") is None
    failure = await service.release(item, "Bob", "too late")
    assert failure is not None
    assert failure.reason == CHANGED
    assert service.stream.got == []
    now = await service.item(item.id)
    assert await service.fix(now, right, "Bob", "fixed") is not None
    assert await service.discard(now, "Ann", "no use")
    assert not await service.discard(now, "Bob", "no use")
    told = [(one.person, one.action) for one in await service.audit.entries()]
    assert told == [
        ("Ann", "quarantine.discard"),
        ("Bob", "quarantine.fix"),
        ("Ann", "quarantine.fix"),
    ]


async def test_the_audit_holds_no_payload(service: LocalSession) -> None:
    """An edit is told by digest and size; the reason is kept as it was given."""
    item = await service.hold(1, good=False)
    await service.fix(item, b'{"customer": "Jane"}', "Ann", "spelling \x00 of a key")
    (entry,) = await service.audit.entries(target=f"quarantine:{item.id}")
    assert (entry.before["bytes"], entry.after["bytes"]) == (2, 20)
    assert "Jane" not in str(entry)
    assert (entry.channel, entry.reason) == ("acme-us", "spelling � of a key")


async def test_an_order_s_messages_keep_their_order(service: LocalSession) -> None:
    """What came first goes first, also when many are sent at once."""
    for number in range(60):
        await service.hold(number, ref=f"order-{number % 3}")
    await service.release_matching(Filter(), "clerk", "go", preview=False)
    for ref in ("order-0", "order-1", "order-2"):
        numbers = [int(name.split("/")[2]) for one, name in service.stream.got if one == ref]
        assert numbers == sorted(numbers)
        assert len(numbers) == 20


async def test_what_comes_back_is_the_same_item(service: LocalSession) -> None:
    """Refused again before it was noted as released, it stays open; its repeats change nothing;
    other bytes that bear its name are another item; what was discarded stays so."""
    item = await service.hold(1)
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
    service.stream.gate.clear()
    releasing = asyncio.create_task(service.release(item, "Ann", "go"))
    await eventually(lambda: service.stream.waiting == 1)
    await asyncio.gather(service.store.keep(back), service.store.keep(back))
    service.stream.gate.set()
    assert await releasing is None
    again = await service.item(item.id)
    assert (again.state, again.attempt, again.reason) == ("open", 2, "undecidable")
    assert again.released_as == back.delivery_id
    actions = [one.action for one in await service.audit.entries()]
    assert actions == ["quarantine.release", "quarantine.reopened"]
    await service.store.keep(replace(back, original=b"forged"))
    assert len(await service.workflow.find(Filter(state=None))) == 2
    assert (await service.item(item.id)).attempt == 2
    await service.discard(again, "Ann", "no use")
    await service.store.keep(back)
    assert (await service.item(item.id)).state == "discarded"
