"""Group commit without a server: how callers are gathered, held back and given up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from actors.runtime.errors import JournalUnavailable
from adapters.postgres.group import Group
from tests.waiting import eventually


class Slow:
    """A store whose round trips end when the test says so; an item's text says how it answers."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.gate = asyncio.Event()
        self.error: Exception | None = None

    async def write(self, items: Sequence[str]) -> Sequence[str | Exception]:
        """One round trip."""
        self.batches.append(list(items))
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return [KeyError(item) if item.startswith("bad") else item.upper() for item in items]


def group(
    slow: Slow, *, deadline_seconds: float = 60, max_batch: int = 3, max_waiting: int = 4
) -> Group[str, str]:
    """A small group; an item's first word is its key."""
    return Group(
        slow.write,
        key=lambda item: item.split()[0],
        deadline_seconds=deadline_seconds,
        max_batch=max_batch,
        max_waiting=max_waiting,
    )


async def turns(count: int = 5) -> None:
    """Let everything run that can."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_comes_during_a_round_trip_makes_the_next() -> None:
    """The first turn's callers share a batch; later ones gather, at most `max_batch` at a time."""
    slow = Slow()
    gathering = group(slow)
    first = [asyncio.create_task(gathering.submit(item)) for item in ("a", "b")]
    await turns()
    later = [asyncio.create_task(gathering.submit(item)) for item in ("c", "d", "e", "f")]
    await turns()
    assert slow.batches == [["a", "b"]]
    slow.gate.set()
    assert await asyncio.gather(*first, *later) == list("ABCDEF")
    assert slow.batches == [["a", "b"], ["c", "d", "e"], ["f"]]


async def test_two_of_one_key_keep_their_order_in_batches_of_their_own() -> None:
    """The second waits for the first's end; others overtake it, never the other way round."""
    slow = Slow()
    slow.gate.set()
    gathering = group(slow)
    await asyncio.gather(*map(gathering.submit, ("a 1", "a 2", "b 1", "a 3")))
    assert slow.batches == [["a 1", "b 1"], ["a 2"], ["a 3"]]


async def test_each_gets_its_own_answer() -> None:
    """An item's error is raised to its caller alone."""
    slow = Slow()
    slow.gate.set()
    gathering = group(slow)
    answers = await asyncio.gather(
        *map(gathering.submit, ("a", "bad", "c")), return_exceptions=True
    )
    assert answers[::2] == ["A", "C"]
    assert isinstance(answers[1], KeyError)


async def test_more_than_may_wait_are_held_back() -> None:
    """At the bound callers wait outside; nothing grows, and all are served in the end."""
    slow = Slow()
    gathering = group(slow)
    tasks = [asyncio.create_task(gathering.submit(str(n))) for n in range(20)]
    await turns()
    assert len(gathering._waiting) <= 4
    slow.gate.set()
    assert await asyncio.gather(*tasks) == [str(n) for n in range(20)]
    assert max(map(len, slow.batches)) == 3


async def test_those_who_waited_too_long_are_given_up() -> None:
    """After a failure the next round trip would take as long again: old ones are told now."""
    slow = Slow()
    gathering = group(slow, deadline_seconds=1)
    loop = asyncio.get_running_loop()
    tasks = [asyncio.create_task(gathering.submit("a"))]
    await turns()
    tasks += [asyncio.create_task(gathering.submit(item)) for item in ("b", "c")]
    old = loop.time() + 0.11
    await eventually(lambda: loop.time() > old)
    slow.error = JournalUnavailable("Away.")
    slow.gate.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in answers] == [JournalUnavailable] * 3
    assert slow.batches == [["a"]]


async def test_no_one_waits_indefinitely_after_a_programmer_s_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What was not foreseen fails its batch aloud, and the next batch is written all the same."""
    slow = Slow()
    slow.gate.set()
    slow.error = ZeroDivisionError("unforeseen")
    gathering = group(slow)
    with pytest.raises(JournalUnavailable, match="unforeseen"):
        await gathering.submit("a")
    await turns()
    slow.error = None
    assert await gathering.submit("b") == "B"
    assert "unforeseen" in caplog.text


async def test_a_cancelled_task_is_left_out() -> None:
    """Whoever left before the batch began isn't written; whoever leaves later disturbs no one."""
    slow = Slow()
    gathering = group(slow)
    first = asyncio.create_task(gathering.submit("a"))
    await turns()
    tasks = [asyncio.create_task(gathering.submit(item)) for item in ("b", "c")]
    await turns()
    first.cancel()
    tasks[0].cancel()
    slow.gate.set()
    assert await tasks[1] == "C"
    assert slow.batches == [["a"], ["c"]]
