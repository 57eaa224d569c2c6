"""`orders replay --verify`: stored states are compared with what their events give."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.kit.secret import Secret
from service.app.errors import OperatorError
from service.app.local import LocalSession
from service.app.running import Running
from service.orders.local import LocalOrders
from service.settings import Settings
from service.settings.model import Privacy
from tests.appends import append, id_of
from tests.integration.journals import Bench

KEYS = Privacy(active="01", keys={"01": Secret("k" * 32)}, names_key=Secret("n" * 32))


def local(bench: Bench) -> LocalOrders:
    """The orders of that journal, as the command line opens them."""
    nowhere = Running(pid=0, url="", postgres_dsn="", nats_url="")
    return LocalOrders(LocalSession(bench.pool, nowhere, Path(), Settings(privacy=KEYS)))


async def test_a_state_that_its_events_do_not_give_is_found(bench: Bench) -> None:
    """`orders replay --verify` compares: what was stored here is not a state, and is named."""
    await bench.journal.append(append("1"))
    verified = await local(bench).verify(lambda orders: None)
    assert (verified.orders, verified.events) == (1, 1)
    assert verified.different == (id_of("1"),)


async def test_an_event_that_no_one_can_read_is_named(bench: Bench) -> None:
    """The replay says in a sentence whose event it is, not where it raised."""
    await bench.journal.append(append("1"))
    await bench.pool.fetch(
        "INSERT INTO events (order_id, version, type, body, at) VALUES ($1, 2, 'x', $2, now())",
        id_of("1"),
        b'{"type":"order.of_the_future.v9"}',
    )
    await bench.pool.fetch("UPDATE orders SET version = 2")
    with pytest.raises(OperatorError, match=f"order {id_of('1')} can't be read"):
        await local(bench).verify(lambda orders: None)
