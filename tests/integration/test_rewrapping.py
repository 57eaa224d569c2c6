"""A new master key wraps everything again, and then the old one is needed no more: at a real
Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry

from actors.runtime.ports import Document, Quarantined
from adapters.postgres.idempotency import Idempotency
from adapters.postgres.journal import PostgresJournal, stored_documents
from adapters.postgres.privacy import PrivacyRequests
from adapters.postgres.quarantine import PostgresQuarantine
from adapters.postgres.quarantine_workflow import QuarantineWorkflow
from adapters.postgres.rewrapping import SealingKeys
from adapters.postgres.sealing import KeyMissing, Masters, Sealing
from adapters.postgres.sealing_keys import agree
from schemas.messages.privacy import Subject
from service.embedded.supervisor import EmbeddedServers
from service.privacy.metrics import PrivacyMetrics
from service.privacy.retention import Rewrapping
from tests.appends import CHANNEL, NOON, append, id_of
from tests.fakes import JumpingClock
from tests.integration.journals import Bench, empty, journal_on, migrated_database
from tests.integration.servers import servers

__all__ = ["servers"]

OLD, NEW = b"the first master key", b"the second one"
LABEL = Document(name="label-1", content_type="image/zpl", content=b"^XA Jane ^XZ")
JANE = Subject(reference="42", email="jane@example.com")


@pytest.fixture(scope="module")
def dsn(servers: EmbeddedServers) -> str:
    """A database with our tables."""
    return migrated_database(servers)


@pytest.fixture
async def bench(dsn: str) -> AsyncIterator[Bench]:
    """A database with nothing in it."""
    await empty(dsn)
    async with journal_on(dsn) as bench:
        yield bench


class Secrets:
    """The data directory's secrets, as processes find them."""

    def __init__(self) -> None:
        self.active, self.keys = "01", {"01": OLD}

    def read(self) -> Masters:
        """The present ones."""
        return Masters(self.active, dict(self.keys), b"names")


async def test_everything_is_wrapped_again_while_it_is_used(bench: Bench) -> None:
    """Bodies, files, messages, requests and answers open by the new key alone; an order that was
    erased meanwhile stays so; a second round finds nothing to do."""
    secrets, pool = Secrets(), bench.pool
    sealing = Sealing(secrets.read)
    await agree(pool, sealing)
    journal = PostgresJournal(pool, bench.leases, sealing)
    for ref in ("1", "2", "3"):
        await journal.append(append(ref, body=b'{"of":"Jane"}', documents=(LABEL,)))
    await pool.fetch("UPDATE body_keys SET wrapped = NULL WHERE order_id = $1", id_of("3"))
    item = Quarantined(
        delivery_id="d-1", channel=CHANNEL, kind="place", ref="", source="shopify", at=NOON,
        reason="json_malformed", sentences=("Jane.",), headers={"a": "b"}, original=b"Jane",
    )  # fmt: skip
    await PostgresQuarantine(pool, sealing).keep(item)
    held = await QuarantineWorkflow(pool, sealing).item(1)
    requests = PrivacyRequests(pool, sealing)
    words = {"delivery_id": "p-1", "asked_by": "clerk", "reason": "x", "at": NOON}
    asked = await requests.add("redact", CHANNEL, JANE, **words)  # type: ignore[arg-type]  # by name
    answers = Idempotency(pool, sealing)
    await answers.begin("key", "k", b"d" * 32, now=NOON)
    await answers.finish("key", "k", b"d" * 32, status=200, body=b"Jane")

    secrets.keys["02"], secrets.active = NEW, "02"
    metrics = PrivacyMetrics(CollectorRegistry())
    rewrapping = Rewrapping(pool, sealing, JumpingClock(), metrics, may=lambda: True)
    found = await rewrapping.round()
    assert found == 2 * 2 + 1 + 1 + 1
    assert await rewrapping.round() == 0
    used = {one.id: one for one in await SealingKeys(pool, sealing).used()}
    assert not used["01"].needed
    assert (used["02"].keys, used["02"].parts) == (4, 5)

    only = Sealing(lambda: Masters("02", {"02": NEW}, b"names"))
    with pytest.raises(KeyMissing):
        await agree(pool, only)
    assert await SealingKeys(pool, only).retire("01", person="clerk", reason="x", at=NOON)
    await agree(pool, only)
    later = PostgresJournal(pool, bench.leases, only)
    bodies = [await later.load(id_of(ref)) for ref in ("1", "2", "3")]
    assert [one and one.body for one in bodies] == [b'{"of":"Jane"}'] * 2 + [None]
    assert await stored_documents(pool, only, id_of("1")) == [LABEL]
    assert await QuarantineWorkflow(pool, only).item(1) == held
    request = await PrivacyRequests(pool, only).one(asked)
    assert request is not None
    assert request.subject == JANE
    begun = await Idempotency(pool, only).begin("key", "k", b"d" * 32, now=NOON)
    assert begun.body == b"Jane"
