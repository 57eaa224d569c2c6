"""Timelines of ten thousand events, read in parts from a real journal."""

from __future__ import annotations

from adapters.postgres import timeline_pages
from adapters.postgres.order_parts import skus_of
from adapters.postgres.timeline import in_order
from adapters.postgres.timeline_pages import MAX_EVENTS, TimelinePages
from schemas.order.ids import OrderId
from tests.appends import SEALING, append, id_of, minutes
from tests.integration.journals import rows_read
from tests.integration.test_views import Shop, a_story, shop

__all__ = ["shop"]

EVENTS, AT_ONCE = 10_000, 500


async def a_long_order(shop: Shop) -> OrderId:
    """An order of 10,000 events, each five hundred of one time."""
    for number in range(EVENTS // AT_ONCE):
        one = append(
            "long", number * AT_ONCE, count=AT_ONCE, at=minutes(number), inputs=(f"{number}",)
        )
        await shop.tell(one)
    return id_of("long")


async def test_every_event_is_told_once_whatever_the_part(shop: Shop) -> None:
    """From the newest part back to the first each event is told once, in order, and no part is
    longer than a browser shows at once."""
    order_id, pages = await a_long_order(shop), TimelinePages(shop.pool, SEALING)
    found: list[int] = []
    before: int | None = None
    while True:
        page = await pages.before(order_id, (), before)
        versions = [one.version for one in page.entries]
        assert len(versions) <= MAX_EVENTS
        assert versions == sorted(versions)
        found = [*versions, *found]
        if page.older is None:
            break
        before = page.older
    assert found == list(range(1, EVENTS + 1))


async def test_a_part_reads_its_own_events_alone(shop: Shop, database: str) -> None:
    """Also in the middle of a long life."""
    order_id = await a_long_order(shop)
    for version in (None, 5_000):
        asked = timeline_pages._sql()["events"], order_id, version, MAX_EVENTS + 1
        assert await rows_read(database, "events", *asked) == MAX_EVENTS + 1


async def test_a_short_timeline_is_one_part(shop: Shop) -> None:
    """What an order of a normal life met is told as the whole timeline has it: events, effects and
    calls in their order; of an unknown order nothing is."""
    stream = await a_story(shop)
    whole = await shop.views.timeline(stream.order_id)
    page = await TimelinePages(shop.pool, SEALING).before(stream.order_id, skus_of(stream.state))
    assert page.older is None
    assert list(page.entries) == [one for one in whole if one.kind != "timer"]
    assert list(page.entries) == in_order(page.entries)
    nothing = await TimelinePages(shop.pool, SEALING).before(OrderId("unknown"), ())
    assert (nothing.entries, nothing.older) == ((), None)
