"""An answer that no one waits for may wait for company, so that one commit takes both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from actors.runtime.call_policy import CallPolicy
from actors.runtime.ports import Append, Outcome
from adapters.memory.journal import MemoryJournal
from schemas.order.ids import partition_of
from tests.counter import ERP, MAIL, Add, Begin
from tests.house import REF, House, at_work, turns
from tests.waiting import eventually

LONG_SECONDS = 3_600.0
ONE_AT_A_TIME = CallPolicy(
    rate_per_second=10_000.0,
    retry_first_seconds=1.0,
    settle_seconds=2.0,
    breaker_failures=2,
    breaker_open_seconds=5.0,
    retry_attempts=3,
    backlog=3,
    concurrency=1,
)

Make = Callable[..., Any]


class Counting(MemoryJournal):
    """Counts the commits of each."""

    def __init__(self) -> None:
        super().__init__()
        self.commits: list[tuple[str, ...]] = []

    async def append(self, append: Append) -> Outcome:
        """As the journal, and written down."""
        self.commits.append(append.input_ids)
        return await super().append(append)


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    """Makes houses at work with patience; they end with the test."""
    made: list[House] = []

    async def one(**given: Any) -> tuple[House, list[tuple[str, ...]]]:
        store = Counting()
        house = House(store, **{"patience_seconds": LONG_SECONDS, **given})
        made.append(await at_work(house))
        return house, store.commits

    yield one
    for house in made:
        await house.close()


async def test_one_commit_takes_an_answer_and_what_comes_next(make: Make) -> None:
    """The sales order's answer waits for the next input, and both are written at once."""
    house, commits = await make()
    house.post(Begin(lanes=(ERP,)), "begin")
    await eventually(lambda: house.erp.did)
    await turns()
    assert commits == [("begin",)]
    house.post(Add(), "add")
    await house.until("finished")
    assert commits == [("begin",), ("done:1", "add")]


async def test_an_answer_that_others_wait_for_waits_for_nothing(make: Make) -> None:
    """A mail can't be looked up, so it is known to be sent as soon as it can be, and takes the
    answer that waits along."""
    house, commits = await make()
    house.mail.gate.clear()
    house.post(Begin(lanes=(ERP, MAIL)), "begin")
    await eventually(lambda: house.erp.did)
    await turns()
    house.mail.gate.set()
    await house.until("finished")
    assert commits == [("begin",), ("done:1", "done:2")]


async def test_what_gets_no_company_is_written_all_the_same(make: Make) -> None:
    """Patience ends."""
    house, commits = await make(patience_seconds=0.01)
    house.post(Begin(lanes=(ERP,)), "begin")
    await house.until("finished")
    assert commits == [("begin",), ("done:1",)]


async def test_nothing_waits_while_there_is_little_to_do(make: Make) -> None:
    """With fewer streams at work than a wait is worth, an answer is written at once."""
    house, commits = await make(busy_enough=2)
    house.post(Begin(lanes=(ERP,)), "begin")
    await house.until("finished")
    assert commits == [("begin",), ("done:1",)]


async def test_the_partner_is_called_for_others_meanwhile(make: Make) -> None:
    """An answer that waits takes none of the partner's concurrency."""
    house, _ = await make(policy=ONE_AT_A_TIME)
    for ref in ("1", "2", "3"):
        house.post(Begin(lanes=(ERP,)), f"begin {ref}", ref)
    await eventually(lambda: len(house.erp.did) == 3)
    assert [house.state(ref).stage for ref in "123"] == ["counting"] * 3
    assert house.lane().held == 3


async def test_an_answer_that_waits_is_written_before_the_process_ends(make: Make) -> None:
    """The end of the process is company enough."""
    house, commits = await make()
    house.post(Begin(lanes=(ERP,)), "begin")
    await eventually(lambda: house.erp.did)
    await turns()
    await house.close()
    assert house.state().stage == "finished"
    assert commits == [("begin",), ("done:1",)]


async def test_what_died_waiting_is_looked_up_and_not_done_again(make: Make) -> None:
    """A process that dies while an answer waits leaves the effect open; the next one asks the
    partner, and nothing is done twice."""
    house, _ = await make()
    house.post(Begin(lanes=(ERP,)), "begin")
    await eventually(lambda: house.erp.did)
    await turns()
    assert house.state().stage == "counting"
    other = house.other()
    other.partners[ERP] = house.erp
    other.lane().use(house.erp, ONE_AT_A_TIME)
    await at_work(other)
    await other.while_time_passes(lambda: other.state().stage == "finished")
    await other.close()
    assert len(house.erp.did) == 1
    assert house.erp.looked_up


async def test_an_answer_that_waits_is_given_back_with_its_partition(make: Make) -> None:
    """Another process owns the order now: the answer is not written here, whenever it comes."""
    house, commits = await make()
    house.post(Begin(lanes=(ERP,)), "begin")
    await eventually(lambda: house.erp.did)
    await turns()
    house.lose(REF)
    house.registry.drop([partition_of(REF)])
    await turns()
    house.registry.hasten()
    await eventually(lambda: house.registry.busy == 0)
    assert commits == [("begin",)]
