"""What a person reports of a task, and what the audit says of it."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from multidict import MultiDict

from actors.runtime.errors import StreamUnavailable
from adapters.postgres.audit import Audit
from adapters.postgres.in_house import PostgresInHouse
from adapters.postgres.views import Views
from schemas.order.ids import order_id_for
from service.console.people import Person
from service.warehouse.pages import WarehousePages
from service.warehouse.tasks import tasks_of
from tests.appends import CHANNEL, SEALING, minutes
from tests.fakes import JumpingClock
from tests.given import MAIN, SETUP, Story, given_reserved
from tests.integration.test_filtered import Shop, shop
from tests.integration.test_in_house import kept

__all__ = ["shop"]

BY_HAND = replace(SETUP, places=(replace(MAIN, warehouse=""),))
"""A place where no system but a person packs."""

WALTER = Person(name="walter", role="warehouse", channels=frozenset({CHANNEL}))


class Stream:
    """Takes reports, or is away."""

    def __init__(self) -> None:
        self.away = True
        self.taken: list[str] = []

    async def publish(self, channel: str, kind: str, ref: str, raw: bytes, **more: Any) -> None:
        """Keep what kind of report came."""
        if self.away:
            raise StreamUnavailable("It is away.", retry_after_seconds=1)
        self.taken.append(kind)


class Form:
    """The console's frame, as far as a form asks for it."""

    def __init__(self, clock: JumpingClock, told: dict[str, str]) -> None:
        self.clock = clock
        self._told = told

    async def form(self, request: Any) -> dict[str, str]:
        """Return what was filled in."""
        return self._told


async def test_what_the_stream_did_not_take_was_not_reported(shop: Shop) -> None:
    """The audit has nothing of it; the same form, sent again, is reported and audited once."""
    pool, clock = shop.views._pool, JumpingClock()
    views = Views(pool, SEALING)
    house = PostgresInHouse(pool, views)
    await kept(shop, "1", 0, given_reserved(Story(setup=BY_HAND)))
    (one,) = await house.oldest(None)
    (task,) = tasks_of(
        one.parts, order_id=one.order_id, number="1", channel=CHANNEL, placed_at=minutes(0),
        now=minutes(0), ours=(),
    )  # fmt: skip
    told = {"seen": task.tag, "once": "1"}
    frame: Any = Form(clock, told)
    stream, audit = Stream(), Audit(pool)
    pages = WarehousePages(frame, views, house, stream, audit, ())
    match = {"order": order_id_for(CHANNEL, "1"), "key": "F1", "what": "short"}
    request: Any = type("Request", (), {"match_info": match, "query": MultiDict()})()
    told |= {f"line:{unit.line_id}": "0" for unit in task.units}

    async def actions() -> list[str]:
        return [row["action"] for row in await pool.fetch("SELECT action FROM audit")]

    with pytest.raises(StreamUnavailable):
        await pages.report(request, WALTER)
    assert await actions() == []
    stream.away = False
    answer = await pages.report(request, WALTER)
    assert answer.status == 303
    assert stream.taken == ["short-picked"]
    assert await actions() == ["warehouse.short"]
