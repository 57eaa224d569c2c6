"""What a customer asks by law is carried out: at a real Postgres, with nothing of him left."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from actors.runtime.ports import Append, Body, Document, Message, Quarantined
from adapters.postgres.audit import Audit
from adapters.postgres.erasing import Erasing
from adapters.postgres.pool import Pool
from adapters.postgres.privacy import PrivacyRequests, Request
from adapters.postgres.quarantine import PostgresQuarantine
from adapters.postgres.quarantine_workflow import Filter, QuarantineWorkflow, Release
from adapters.postgres.views import Views
from schemas.messages import events as e
from schemas.messages.privacy import AskPrivacy, Subject
from schemas.order.customers import email_of, phone_of
from service.embedded.supervisor import EmbeddedServers
from service.privacy.metrics import PrivacyMetrics
from service.privacy.requests import Privacy
from service.privacy.retention import Retention
from tests.appends import CHANNEL, NOON, SEALING, THING, append, id_of
from tests.fakes import JumpingClock
from tests.integration.journals import Bench, empty, journal_on, migrated_database
from tests.integration.servers import servers

__all__ = ["servers"]

JANE = Subject(reference="42", email="jane@example.com", phone="+1 555 625 1199")
BODY = b'{"customer":{"name":"Jane Doe"}}'
LABEL = Document(name="label-1", content_type="image/zpl", content=b"^XA^FDJane Doe^FS^XZ")
DAY = 86_400.0


@pytest.fixture(scope="module")
def dsn(servers: EmbeddedServers) -> str:
    """A database with our tables."""
    return migrated_database(servers)


class Scene:
    """A journal, a quarantine, and what carries requests out over them."""

    def __init__(self, bench: Bench, pool: Pool) -> None:
        self.bench, self.pool = bench, pool
        self.clock = JumpingClock()
        self.requests = PrivacyRequests(pool, SEALING)
        self.quarantine = PostgresQuarantine(pool, SEALING)
        self.workflow = QuarantineWorkflow(pool, SEALING)
        self.erasing = Erasing(pool)
        self.metrics = PrivacyMetrics(CollectorRegistry())
        self.alarms: list[tuple[str, str]] = []
        self.forgotten: list[str] = []
        self.privacy = self.carried_out()

    def carried_out(self, *, grace: timedelta = timedelta(0)) -> Privacy:
        """What carries requests out, after a time of grace."""
        return Privacy(
            self.requests,
            self.erasing,
            self.workflow,
            self.clock,
            self.metrics,
            grace=grace,
            may=lambda: True,
            forget=self.forget,
            refused=lambda category, channel: self.alarms.append((category, channel)),
        )

    def forget(self, order_ids: Iterable[str]) -> None:
        self.forgotten += order_ids

    async def order(self, ref: str, *, final: bool = True, **changes: Any) -> None:
        """An order of Jane's, unless told otherwise."""
        first = append(ref, documents=(LABEL,))
        told = {"customer": "reference:42", "email": email_of(JANE.email), **changes}
        first = replace(first, at=told.pop("at", first.at))
        body = Body(content=BODY, **told)
        made: Append = replace(first, row=replace(first.row, final=final), bodies=(body,))
        assert (await self.bench.journal.append(made)).kind == "committed"

    async def finish(self, ref: str) -> None:
        later = append(ref, 1)
        final = replace(later, row=replace(later.row, final=True))
        assert (await self.bench.journal.append(final)).kind == "committed"

    async def left(self, ref: str, at: datetime) -> None:
        """Goods of the order have left."""
        gone = e.HandedOver(rule="hand-over", key=THING, left=())
        later = replace(append(ref, 1, at=at), events=(gone,))
        assert (await self.bench.journal.append(later)).kind == "committed"

    async def item(self, number: int, original: bytes, **changes: Any) -> int:
        made = Quarantined(
            delivery_id=f"delivery-{number}",
            channel=CHANNEL,
            kind="update",
            ref="",
            source="shopify",
            reason="json_malformed",
            sentences=('"jane@example.com" is not an address.',),
            headers={"x-shopify-topic": "orders/updated"},
            original=original,
            at=NOON,
        )
        await self.quarantine.keep(replace(made, **changes))
        (row,) = await self.pool.fetch(
            "SELECT id FROM quarantine WHERE delivery_id = $1", f"delivery-{number}"
        )
        return int(row["id"])

    async def ask(self, asks: Any = "redact", subject: Subject = JANE, name: str = "hook-1") -> int:
        message = Message(
            partition=0,
            channel=CHANNEL,
            kind="privacy",
            source="shopify",
            topic="customers/redact",
            delivery_id=name,
            raw=b"",
            headers={},
            received_at=self.clock.now(),
            deliveries=1,
        )
        await self.privacy.asked(message, AskPrivacy(ref="x", asks=asks, subject=subject))
        return (await self.requests.find(limit=1))[0].id

    async def request(self, request_id: int) -> Request:
        found = await self.requests.one(request_id)
        assert found is not None
        return found

    async def readable(self, ref: str) -> bool:
        """Whether anything of the order's body or label can be read."""
        loaded = await self.bench.journal.load(id_of(ref))
        assert loaded is not None
        return bool(loaded.body or await self.bench.journal.documents(id_of(ref)))

    async def holds(self, item_id: int) -> bool:
        """Whether a message in quarantine still holds something."""
        found = await self.workflow.item(item_id)
        assert found is not None
        return bool(found.original or found.headers or "example" in "".join(found.sentences))


@pytest.fixture
async def scene(dsn: str) -> AsyncIterator[Scene]:
    """All of it, with nothing in it."""
    await empty(dsn)
    async with journal_on(dsn) as bench:
        pool = Pool(dsn, by_key=False, deadline_seconds=10)
        yield Scene(bench, pool)
        await pool.close()


async def test_a_customer_is_forgotten_and_no_other(scene: Scene) -> None:
    """By reference, e-mail, telephone, or as a named order: bodies, labels and messages in
    quarantine go; the orders stay, and so does everybody else's data."""
    await scene.order("by-reference")
    await scene.order("by-email", customer=email_of(JANE.email))
    await scene.order("by-phone", customer="", email="", phone=phone_of(JANE.phone))
    await scene.order("named", customer="", email="")
    await scene.order("others", customer="reference:43", email=email_of("mary@example.com"))
    his = [
        await scene.item(1, b'{"email": "JANE@example.com", broken'),
        await scene.item(2, b'{"order_id": "by-phone"}'),
        await scene.item(4, b"no word of it can be read", ref="by-email"),
    ]
    other = await scene.item(3, b'{"email": "mary@example.com", broken')
    asked = await scene.ask(subject=replace(JANE, refs=("named",)))
    await scene.privacy.round()
    for ref in ("by-reference", "by-email", "by-phone", "named"):
        assert not await scene.readable(ref), ref
    assert await scene.readable("others")
    assert [await scene.holds(one) for one in (*his, other)] == [False, False, False, True]
    done = await scene.request(asked)
    assert (done.state, done.orders, done.items, done.waits_for) == ("done", 4, 3, "")
    assert done.subject is None
    assert done.whose.customers == done.whose.emails == done.whose.phones == ()
    assert len(scene.forgotten) == 4
    entries = await Audit(scene.pool).entries(target=f"privacy:{asked}")
    assert [one.action for one in reversed(entries)] == [
        "privacy.redact",
        "privacy.erased",
        "privacy.done",
    ]
    shown = await Views(scene.pool, SEALING).show(id_of("named"))
    assert shown is not None
    assert shown.erased_at is not None


async def test_a_repeat_changes_nothing(scene: Scene) -> None:
    """The same delivery is the same request; another one of the same customer finds nothing."""
    await scene.order("1")
    first = await scene.ask()
    await scene.privacy.round()
    assert await scene.ask() == first
    await scene.privacy.round(everything=True)
    assert (await scene.request(first)).orders == 1
    second = await scene.ask(name="hook-2")
    await scene.privacy.round()
    done = await scene.request(second)
    assert (done.state, done.orders, done.items) == ("done", 0, 0)


async def test_an_erased_message_does_not_come_back(scene: Scene) -> None:
    """Neither when its sender repeats it, nor when its release is refused again."""
    first, returned = [await scene.item(number, b"jane@example.com") for number in (1, 2)]
    release = Release(id=returned, attempt=1, name="delivery-2/released-1")
    await scene.workflow.intend([release])
    await scene.workflow.released([release], person="clerk", reason="fixed", now=NOON)
    await scene.ask()
    await scene.privacy.round()
    await scene.item(1, b"jane@example.com")
    await scene.item(1, b"jane@example.com, in other bytes")
    item = Quarantined(
        delivery_id="delivery-2/released-1", channel=CHANNEL, kind="update", ref="",
        source="shopify", reason="json_malformed", sentences=("Jane.",), headers={},
        original=b"jane@example.com", at=NOON,
    )  # fmt: skip
    await scene.quarantine.keep(item)
    assert not await scene.holds(first)
    assert not await scene.holds(returned)
    assert (await scene.workflow.count(Filter(state=None)))[0] == 2
    assert (await scene.workflow.count(Filter()))[0] == 0


async def test_an_order_under_way_keeps_its_address_until_it_is_final(scene: Scene) -> None:
    """The request says what it waits for, is done by itself when the order is through, and raises
    an alarm every hour from a week before it is due."""
    await scene.order("done")
    await scene.order("1042", final=False)
    waiting = await scene.item(1, b'{"email":"jane@example.com"', kind="place")
    asked = await scene.ask()
    await scene.privacy.round()
    found = await scene.request(asked)
    assert (found.state, found.orders) == ("open", 1)
    assert found.waits_for == (
        "an order that is under way: #1042 and an order in quarantine, to be released or"
        f" discarded: {waiting}"
    )
    assert found.subject == JANE
    assert await scene.readable("1042")
    assert await scene.holds(waiting)
    scene.clock.seconds = 22 * DAY
    await scene.privacy.round()
    assert scene.alarms == []
    for hours in (0.0, 0.5, 1.0):
        scene.clock.seconds = 24 * DAY + hours * 3_600
        await scene.privacy.round()
    assert scene.alarms == [("privacy_late", CHANNEL)] * 2
    await scene.workflow.discard(waiting, person="clerk", reason="a test", now=NOON)
    await scene.finish("1042")
    scene.clock.seconds += 3_600
    await scene.privacy.round()
    found = await scene.request(asked)
    assert (found.state, found.orders, found.items) == ("done", 2, 1)
    assert not await scene.readable("1042")


@pytest.mark.parametrize(
    "broken", [b"\x02rubbish", b"\x0277" + b"x" * 90], ids=["altered", "no key"]
)
async def test_a_request_that_can_t_be_opened_keeps_no_other_waiting(
    scene: Scene, broken: bytes
) -> None:
    """Its row was altered, or its master key is gone: it says so and raises its alarm in time,
    and every other request is carried out and listed."""
    await scene.order("1")
    lost = await scene.ask(subject=Subject(reference="7"), name="hook-0")
    await scene.pool.fetch("UPDATE privacy_requests SET subject = $1", broken)
    asked = await scene.ask()
    await scene.privacy.round()
    assert (await scene.request(asked)).state == "done"
    assert not await scene.readable("1")
    found = await scene.request(lost)
    assert (found.state, found.subject) == ("open", None)
    assert found.unreadable
    assert found.waits_for == found.unreadable
    scene.clock.seconds = 24 * DAY
    await scene.privacy.round()
    assert scene.alarms == [("privacy_late", CHANNEL)]


async def test_a_person_may_force_it(scene: Scene) -> None:
    """Then orders under way lose their address too; what comes later for them stays unreadable."""
    await scene.order("1", final=False)
    await scene.item(1, b'{"email":"jane@example.com"', kind="place")
    asked = await scene.ask()
    await scene.privacy.round()
    words = {"person": "clerk", "reason": "a court says so", "at": NOON}
    assert await scene.requests.force(asked, **words)  # type: ignore[arg-type]  # words by name
    await scene.privacy.round()
    assert (await scene.request(asked)).state == "done"
    assert not await scene.readable("1")
    later = append("1", 1, body=b'{"customer":{"name":"Jane again"}}')
    assert (await scene.bench.journal.append(later)).kind == "committed"
    assert not await scene.readable("1")


async def test_a_shop_that_left_is_forgotten_whole(scene: Scene) -> None:
    """Every final order and every message of the channel; those under way wait."""
    for number in range(5):
        await scene.order(str(number), final=number != 3, customer=f"reference:{number}")
    item = await scene.item(1, b"whatever", kind="place")
    asked = await scene.ask("redact_shop", Subject())
    await scene.privacy.round()
    assert [await scene.readable(str(n)) for n in range(5)] == [False, False, False, True, False]
    assert not await scene.holds(item)
    found = await scene.request(asked)
    assert (found.state, found.orders, found.waits_for) == (
        "open",
        4,
        "an order that is under way: #3",
    )
    await scene.finish("3")
    await scene.privacy.round(everything=True)
    assert (await scene.request(asked)).state == "done"


async def test_a_channel_s_time_ends(scene: Scene) -> None:
    """What has been final for the channel's days is erased by itself, told in one row of the
    audit; younger orders, orders under way and other channels' stay."""
    for ref, final in (("old", True), ("open", False)):
        await scene.order(ref, final=final)
    await scene.order("young", at=NOON + timedelta(days=20))
    retention = Retention(
        scene.erasing,
        {CHANNEL: 30, "another": 1},
        scene.clock,
        scene.metrics,
        may=lambda: True,
        forget=scene.forget,
    )
    scene.clock.seconds = 29 * DAY
    assert await retention.walk() == 0
    scene.clock.seconds = 31 * DAY
    assert await retention.walk() == 1
    assert await retention.walk() == 0
    assert [await scene.readable(ref) for ref in ("old", "open", "young")] == [False, True, True]
    (entry,) = await Audit(scene.pool).entries(target="privacy:retention")
    assert (entry.channel, entry.after) == (CHANNEL, {"orders": 1})


async def test_nothing_is_erased_in_the_time_of_grace(scene: Scene) -> None:
    """A shop's erasure says until when a person can stop it, raises an incident once, and does
    its work when the time is over."""
    privacy = scene.carried_out(grace=timedelta(hours=72))
    await scene.order("one")
    item = await scene.item(1, b"jane@example.com")
    asked = await scene.ask("redact_shop", Subject())
    for _ in range(2):
        await privacy.round(everything=True)
    waits = (await scene.request(asked)).waits_for
    assert waits.startswith("its grace period, which ends on ")
    assert f"`orderwright privacy stop {asked}`" in waits
    assert scene.alarms == [("privacy_request", CHANNEL)]
    assert await scene.readable("one")
    assert await scene.holds(item)
    scene.clock.seconds += 72 * 3_600
    await privacy.round()
    assert (await scene.request(asked)).state == "done"
    assert not await scene.readable("one")
    assert not await scene.holds(item)


async def test_a_person_cuts_the_grace_short_or_stops_the_request(scene: Scene) -> None:
    """Either is decided once and audited; a stopped request erases nothing and forgets whom it was
    about, and a repeat of the webhook does not bring it back."""
    privacy = scene.carried_out(grace=timedelta(hours=72))
    await scene.order("one")
    asked = await scene.ask()
    await privacy.round()
    decided: Any = {"person": "Kim", "reason": "a forged request", "at": NOON}
    assert await scene.requests.stop(asked, **decided)
    assert not await scene.requests.stop(asked, **decided)
    assert not await scene.requests.hasten(asked, **decided)
    assert await scene.ask() == asked
    scene.clock.seconds += 100 * 3_600
    await privacy.round(everything=True)
    stopped = await scene.request(asked)
    assert (stopped.state, stopped.subject, stopped.waits_for) == ("stopped", None, "")
    assert await scene.readable("one")
    second = await scene.ask(name="hook-2")
    await privacy.round()
    assert await scene.readable("one")
    assert await scene.requests.hasten(second, **decided)
    await privacy.round()
    assert (await scene.request(second)).state == "done"
    assert not await scene.readable("one")
    told = {one.action for one in await Audit(scene.pool).entries()}
    assert {"privacy.stop", "privacy.hasten"} <= told
