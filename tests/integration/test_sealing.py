"""What is stored is sealed, and stays readable for us alone: at a real Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

import pytest
from msgspec.structs import replace

from actors.runtime.ports import Append, Body, Document
from adapters.postgres.outbox import PostgresOutbox
from adapters.postgres.sealing import Damaged, KeyMissing, Masters, Sealing
from adapters.postgres.sealing_keys import agree
from adapters.postgres.views import Views
from schemas.order.customers import email_of
from service.embedded.supervisor import EmbeddedServers
from tests.appends import CHANNEL, RESERVE, SEALING, STOCK, append, id_of, minutes
from tests.integration.journals import Bench, empty, journal_on, migrated_database
from tests.integration.servers import servers

__all__ = ["servers"]

BODY = b'{"customer":{"name":"Jane Doe"}}'
LABEL = Document(name="label-1", content_type="image/zpl", content=b"^XA^FDJane Doe^FS^XZ")
ERASE = "UPDATE body_keys SET wrapped = NULL, erased_at = now() WHERE order_id = $1"


@pytest.fixture(scope="module")
def dsn(servers: EmbeddedServers) -> str:
    """A database with our tables."""
    return migrated_database(servers)


@pytest.fixture
async def bench(dsn: str) -> AsyncIterator[Bench]:
    """A journal with nothing in it."""
    await empty(dsn)
    async with journal_on(dsn) as bench:
        yield bench


def with_body(ref: str, version: int = 0, body: bytes = BODY) -> Append:
    """An order with a body and a label."""
    change = append(ref, version, documents=(LABEL,))
    kept = Body(content=body, customer="reference:42", email=email_of("jane@example.com"))
    return replace(change, bodies=(kept,))


def _same(masters: Masters) -> Masters:
    return masters


async def body_of(bench: Bench, ref: str) -> bytes | None:
    """The order's body as the journal reads it."""
    found = await bench.journal.load(id_of(ref))
    assert found is not None
    return found.body


async def test_nothing_personal_lies_open(bench: Bench) -> None:
    """Body and label come back whole; in their rows, and in those of their keys, is nothing of
    them, nor of the customer's name."""
    await bench.journal.append(with_body("1"))
    assert await body_of(bench, "1") == BODY
    assert await bench.journal.documents(id_of("1")) == [LABEL]
    rows = await bench.pool.fetch(
        "SELECT body FROM order_bodies UNION ALL SELECT content FROM documents"
        " UNION ALL SELECT wrapped FROM body_keys UNION ALL SELECT customer FROM body_keys"
        " UNION ALL SELECT email FROM body_keys"
    )
    kept = b"".join(bytes(row[0]) for row in rows if row[0] is not None)
    assert b"Jane" not in kept
    assert kept[-2:] != b"42"
    names = await bench.pool.fetch("SELECT customer, email FROM body_keys WHERE name = ''")
    assert [tuple(map(bytes, row)) for row in names] == [
        (
            SEALING.name_of(CHANNEL, "reference:42"),
            SEALING.name_of(CHANNEL, "email:jane@example.com"),
        )
    ]


async def test_a_change_has_a_new_key(bench: Bench) -> None:
    """An amended body is read, and the old one's key is gone."""
    await bench.journal.append(with_body("1"))
    before = await bench.pool.fetch("SELECT wrapped FROM body_keys ORDER BY name")
    await bench.journal.append(with_body("1", 1, b'{"customer":{}}'))
    after = await bench.pool.fetch("SELECT wrapped FROM body_keys ORDER BY name")
    assert len(before) == len(after) == 2
    assert not set(map(bytes, (r[0] for r in before))) & set(map(bytes, (r[0] for r in after)))
    assert await body_of(bench, "1") == b'{"customer":{}}'


async def test_a_conflict_writes_no_key(bench: Bench) -> None:
    """An append that loses leaves body and key of the winner as they are."""
    await bench.journal.append(with_body("1"))
    lost = await bench.journal.append(replace(with_body("1", 0, b"{}"), input_ids=("other",)))
    assert lost.kind == "conflict"
    assert await body_of(bench, "1") == BODY


async def test_without_its_key_an_order_goes_on_and_stays_erased(bench: Bench) -> None:
    """A destroyed key: no body, no label, the effect has no order beside it; and what comes later
    is not readable either."""
    await bench.journal.append(
        replace(with_body("1"), effects=append("1", record={1: RESERVE}).effects)
    )
    await bench.pool.fetch(ERASE, id_of("1"))
    views = Views(bench.pool, SEALING)
    for version in (1, 2):
        assert await body_of(bench, "1") is None
        assert await bench.journal.documents(id_of("1")) == []
        assert await views.document(id_of("1"), LABEL.name) is None
        shown = await views.show(id_of("1"))
        assert shown is not None
        assert shown.erased_at is not None
        later = with_body("1", version, b'{"customer":{"name":"Again"}}')
        fresh = Document(name=f"label-{version + 1}", content_type="a/b", content=b"Again")
        assert (await bench.journal.append(replace(later, documents=(fresh,)))).kind == "committed"
    outbox = PostgresOutbox(bench.pool, bench.leases, SEALING)
    (effect,) = await outbox.open_effects(
        STOCK, partitions=range(32), due_before=minutes(9), limit=9, exclude=()
    )
    assert effect.body == b""


async def test_swapped_rows_do_not_open(bench: Bench) -> None:
    """Whoever may write to the database can't show one customer another's order; and an order
    that does not open keeps no other from being read."""
    await bench.journal.append(with_body("1"))
    await bench.journal.append(with_body("2", body=b'{"customer":{"name":"Other"}}'))
    for table, column in (("order_bodies", "body"), ("body_keys", "wrapped")):
        await bench.pool.fetch(
            f"UPDATE {table} a SET {column} = b.{column} FROM {table} b"
            " WHERE a.order_id = $1 AND b.order_id = $2",
            id_of("1"),
            id_of("2"),
        )
    with pytest.raises(Damaged):
        await bench.journal.load(id_of("1"))
    assert await body_of(bench, "2") == b'{"customer":{"name":"Other"}}'


async def test_what_lies_open_is_not_believed(bench: Bench) -> None:
    """A body without a key beside it was put there by somebody else."""
    await bench.journal.append(with_body("1"))
    await bench.pool.fetch("DELETE FROM body_keys")
    await bench.pool.fetch("UPDATE order_bodies SET body = $1", BODY)
    with pytest.raises(Damaged, match="no key"):
        await bench.journal.load(id_of("1"))


async def test_a_statement_beside_the_body_has_a_key_of_its_own(bench: Bench) -> None:
    """Both come back whole, and erasing the order destroys both."""
    await bench.journal.append(append("1", body=BODY, stated=b'{"customer":{"name":"Joan"}}'))
    found = await bench.journal.load(id_of("1"))
    assert found is not None
    assert (found.body, found.stated) == (BODY, b'{"customer":{"name":"Joan"}}')
    keys = await bench.pool.fetch("SELECT wrapped FROM body_keys ORDER BY name")
    assert len({bytes(row[0]) for row in keys}) == 2
    await bench.pool.fetch(ERASE, id_of("1"))
    found = await bench.journal.load(id_of("1"))
    assert found is not None
    assert (found.body, found.stated) == (None, None)


async def test_a_process_with_other_secrets_may_not_write(bench: Bench) -> None:
    """Each secret is known again; one that is missing or another one is told before any work."""
    keys = {"01": b"one master key", "02": b"another"}
    await agree(bench.pool, Sealing(lambda: Masters("02", keys, b"names")))
    await agree(bench.pool, Sealing(lambda: Masters("02", {"02": b"another"}, b"names")))
    for wrong in (
        Masters("01", {"01": b"one master key"}, b"names"),
        Masters("02", {"02": b"a changed one"}, b"names"),
        Masters("02", keys, b"other names"),
    ):
        with pytest.raises(KeyMissing, match=r"missing here|another secret"):
            await agree(bench.pool, Sealing(partial(_same, wrong)))
