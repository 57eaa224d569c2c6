"""What an append does itself: decided and recorded like a partner's answer, in one commit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from actors.order.decision import Intended
from actors.runtime.errors import JournalUnavailable
from actors.runtime.observer import Blind
from actors.runtime.ports import Append, Outcome
from adapters.memory.journal import MemoryJournal
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.counter import ERP, MAIL, Begin
from tests.fakes import ScriptedPartner
from tests.given import F1, SETUP, an_order
from tests.house import POLICY, House, at_work
from tests.live_orders import ORDER_ID, Shop
from tests.waiting import eventually

PLACE = i.PlaceOrder(order=an_order())


class Watched(MemoryJournal):
    """Remembers how each append ended; `loses` answers get lost after the commit."""

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: list[str] = []
        self.loses = 0

    async def append(self, append: Append) -> Outcome:
        outcome = await super().append(append)
        self.outcomes.append(outcome.kind)
        if self.loses:
            self.loses -= 1
            raise JournalUnavailable("The answer was lost.")
        return outcome


class Calls(Blind):
    """Remembers the calls it is told of."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, str]] = []

    def called(self, partner: str, operation: str, outcome: str, seconds: float) -> None:
        self.calls.append((partner, operation, outcome))


@asynccontextmanager
async def _opened(store: Watched, observer: Calls) -> AsyncIterator[Shop]:
    shop = Shop(store, local=True, observer=observer)
    for name in (SETUP.erp, SETUP.mail, "wms"):
        shop.partners[name].gate.clear()
    shop.dispatcher.start()
    shop.clock.seconds += POLICY.settle_seconds
    yield shop
    await shop.dispatcher.drain(0.0)
    await shop.registry.drain(1.0)


@pytest.fixture
def store() -> Watched:
    """Its journal."""
    return Watched()


@pytest.fixture
def calls() -> Calls:
    """What it is told of."""
    return Calls()


@pytest.fixture
async def shop(store: Watched, calls: Calls) -> AsyncIterator[Shop]:
    """A shop at work whose partners, but the stock, answer nothing as yet."""
    async with _opened(store, calls) as opened:
        yield opened


def stage(shop: Shop) -> str:
    """How far the order's fulfilment is."""
    thing = shop.state.fulfilments.get(F1)
    return thing.stage if thing else ""


async def test_an_orders_stock_is_reserved_in_its_own_commit(
    shop: Shop, store: Watched, calls: Calls
) -> None:
    """One append has the order, the reservation and what both ask for; no lane gets the effect, and
    it counts as one that its partner has done."""
    store.stock.available = {("WH1", "SKU-1"): 5}
    shop.post(PLACE, "w-1")
    await eventually(lambda: stage(shop) == "reserved")
    assert (store.outcomes, shop.ends) == (["committed"], ["committed"])
    assert store.stock.available == {("WH1", "SKU-1"): 3}
    assert calls.calls == [("stock", "stock.reserve.v2", "done")]
    assert shop.runtime.lanes["stock"].held == 0
    assert set((await store.effect_counts(range(32))).keys()) == {SETUP.erp, SETUP.mail, "wms"}
    (reserved,) = [x for x in store.events(ORDER_ID) if isinstance(x, e.StockReserved)]
    assert (reserved.place, reserved.settles) == ("WH1", 1)
    shop.post(i.EffectDone(number=1, result=f.StockReserved(place="WH1")), "done:1")
    await eventually(lambda: shop.ends == ["committed", "duplicate"])


async def test_without_stock_it_goes_the_ordinary_way(shop: Shop, store: Watched) -> None:
    """Nothing was written of the hopeful append: the order is accepted all the same, its partner
    says what is short, and what is there is reserved with the plan that follows from it."""
    store.stock.available = {("WH1", "SKU-1"): 5, ("WH1", "SKU-2"): 0}
    shop.post(PLACE, "w-1")
    await eventually(lambda: stage(shop) == "reserved")
    assert store.outcomes == ["short", "committed", "committed"]
    assert shop.ends == ["committed"]
    assert store.stock.available == {("WH1", "SKU-1"): 3, ("WH1", "SKU-2"): 0}
    waits = [x for x in store.events(ORDER_ID) if isinstance(x, e.FulfilmentBackordered)]
    assert [one.skus for one in waits] == [("SKU-2",)]


async def test_an_append_whose_answer_is_lost_reserves_once(shop: Shop, store: Watched) -> None:
    """It comes again, is known, and the order goes on from what was written."""
    store.stock.available = {("WH1", "SKU-1"): 5}
    store.loses = 1
    shop.post(PLACE, "w-1")
    await eventually(lambda: store.outcomes == ["committed", "duplicate"])
    await eventually(lambda: shop.ends == ["duplicate"])
    assert store.stock.available == {("WH1", "SKU-1"): 3}
    assert stage(shop) == "reserved"
    shop.partners["wms"].gate.set()
    await shop_moves(shop, lambda: stage(shop) == "released")


async def shop_moves(shop: Shop, true: Callable[[], bool]) -> None:
    """Let the lanes look into the store until something is true."""

    def looked() -> bool:
        shop.clock.seconds += 1.0
        for lane in shop.runtime.lanes:
            lane.wake()
        return true()

    await eventually(looked)


async def test_a_stale_first_statement_is_decided_again_and_not_lost(
    shop: Shop, store: Watched
) -> None:
    """A second delivery of an order that was placed is tried as the first one: it numbers its
    effect as that one did, and must not pass for a repeat."""
    shop.post(PLACE, "w-1")
    await eventually(lambda: stage(shop) == "reserved")
    async with _opened(store, Calls()) as other:
        paid_less = replace(an_order(), updated_at="2026-11-27T12:30:00Z", note="ring twice")
        other.post(i.PlaceOrder(order=paid_less), "w-2")
        await eventually(lambda: other.ends == ["committed"])
    assert store.outcomes == ["committed", "conflict", "committed"]


async def test_what_is_not_the_local_partners_or_may_have_been_done_is_not_expected(
    shop: Shop,
) -> None:
    """A person's retry is looked up, another lane's effect is its own, nothing needs no stock, and
    a partner that rests or pauses is not asked this way either."""
    units = (f.Units("1", "SKU-1", 1),)
    ask = f.ReserveStock(place="WH1", units=units)
    one = Intended(number=1, key=F1, lane="stock", effect=ask)
    expected, lane = shop.runtime.expected, shop.runtime.lanes["stock"]
    assert expected(one) == i.EffectDone(number=1, result=f.StockReserved(place="WH1"))
    assert expected(replace(one, attempts=1)) is None
    assert expected(replace(one, lane="wms")) is None
    assert expected(replace(one, lane="nowhere")) is None
    assert expected(replace(one, effect=f.ReserveStock(place="WH1", units=()))) is None
    assert expected(replace(one, effect=f.ReleaseStock(place="WH1", units=units))) is None
    lane.pause_until(shop.clock.monotonic() + 1.0)
    assert expected(one) is None
    shop.clock.seconds += 1.0
    assert expected(one) is not None
    for _ in range(POLICY.breaker_failures):
        lane.failed(shop.clock.monotonic())
    assert expected(one) is None


async def test_a_paused_partners_effect_waits_for_it(shop: Shop, store: Watched) -> None:
    """The order is accepted without its stock, and the effect is open."""
    shop.runtime.lanes["stock"].pause_until(shop.clock.monotonic() + 60.0)
    shop.post(PLACE, "w-1")
    await eventually(lambda: shop.ends == ["committed"])
    assert (stage(shop), store.stock.held) == ("planned", {})
    assert "stock" in await store.effect_counts(range(32))


class Mistaken(ScriptedPartner):
    """Expects what its stream can't decide."""

    def expected(self, effect: f.Effect) -> f.Result | None:
        return f.Undone()


async def test_an_expected_reply_that_cannot_be_decided_is_not_hoped_for() -> None:
    """The partner is called as usual, and the input that asks for it is not held up."""
    wrong = Mistaken(ERP)
    partners = {ERP: wrong, MAIL: ScriptedPartner(MAIL, can_look_up=False)}
    house = await at_work(House(partners=partners, local=wrong))
    house.post(Begin(), "w-1", fresh=True)
    await house.until("finished")
    assert house.ends == ["committed"]
    assert len(wrong.did) == 1
    await house.close()
