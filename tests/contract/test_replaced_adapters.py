"""A reload replaces adapters: the former ones are closed once their calls have ended, and however
often it reloads, no more is open than before."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.wiring import opened as wiring
from service.wiring.opened import Opened
from tests.contract.partner_calls import a_call, mail
from tests.contract.simulated import Running, started
from tests.contract.test_adapter_mail import CONFIRMED
from tests.orders import an_order
from tests.waiting import eventually

RELOADS = 20


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started() as found:
        yield found


class Adapter:
    """An adapter that notes when it is closed."""

    def __init__(self, *, fails: bool = False) -> None:
        self.closed = 0
        self._fails = fails

    async def close(self) -> None:
        self.closed += 1
        if self._fails:
            raise OSError("It can't be closed.")


def sockets() -> int:
    """How many sockets this process has open."""
    count = 0
    for number in os.listdir("/proc/self/fd"):
        try:
            count += os.readlink(f"/proc/self/fd/{number}").startswith("socket:")
        except FileNotFoundError:  # the one that reads the folder
            continue
    return count


async def test_twenty_reloads_leave_no_socket_and_no_task(running: Running) -> None:
    """Each former mail adapter hangs up; one connection and no task is left, as after the first
    mail."""
    opened = Opened()
    serving = mail(running.smtp_port)
    opened.add("mail", serving)
    await serving.perform(a_call(CONFIRMED, an_order(ref="first")))
    before = sockets(), len(asyncio.all_tasks())
    for number in range(RELOADS):
        following = mail(running.smtp_port)
        opened.add("mail", following)
        ended = asyncio.Event()
        opened.replace("mail", ended)
        await following.perform(a_call(CONFIRMED, an_order(ref=str(number))))
        ended.set()
    await eventually(lambda: opened.count == 1)
    await eventually(lambda: (sockets(), len(asyncio.all_tasks())) == before)
    await opened.close()
    assert opened.count == 0


async def test_a_connection_in_use_is_closed_when_it_comes_back(running: Running) -> None:
    """A mail under way ends as it began; its connection is not kept for a pool that is closed."""
    post = mail(running.smtp_port)
    async with post._pool.connection() as kept:
        await post.close()
        assert kept.session.is_open
        kept.broken = False
    assert post._pool._idle == []
    await eventually(lambda: not kept.session.is_open)


async def test_the_former_is_closed_when_its_calls_have_ended() -> None:
    """Not before, once, and whatever becomes of it; the one in use stays open."""
    opened = Opened()
    first, second = Adapter(fails=True), Adapter()
    for adapter in (first, second):
        opened.add("erp", adapter)
    ended = asyncio.Event()
    opened.replace("erp", ended)
    for _ in range(5):
        await asyncio.sleep(0)
    assert (first.closed, opened.count) == (0, 2)
    ended.set()
    await eventually(lambda: opened.count == 1)
    assert (first.closed, second.closed) == (1, 0)


async def test_calls_without_an_end_keep_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the longest time a call may take the former adapter is closed all the same."""
    monkeypatch.setattr(wiring, "LONGEST_CALL_SECONDS", 0.01)
    opened = Opened()
    first = Adapter()
    opened.add("erp", first)
    opened.add("erp", Adapter())
    opened.replace("erp", asyncio.Event())
    await eventually(lambda: first.closed == 1)


async def test_a_reload_that_is_refused_closes_what_it_made() -> None:
    """The one in use stays, also where the new one was of a new partner."""
    opened = Opened()
    first, second, new = Adapter(), Adapter(), Adapter()
    opened.add("erp", first)
    opened.add("erp", second)
    opened.add("fresh", new)
    await opened.undo(["erp", "fresh"])
    assert [one.closed for one in (first, second, new)] == [0, 1, 1]
    assert opened.count == 1


async def test_the_end_waits_for_no_call() -> None:
    """When the service ends everything is closed once, also what waited for its calls."""
    opened = Opened()
    adapters = [Adapter(), Adapter(), Adapter(fails=True)]
    opened.add("erp", adapters[0])
    opened.add("erp", adapters[1])
    opened.replace("erp", asyncio.Event())
    opened.add("mail", adapters[2])
    opened.add("stock", Path())  # what has nothing to close
    await opened.close()
    assert [one.closed for one in adapters] == [1, 1, 1]
    assert opened.count == 0
