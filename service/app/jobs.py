"""Jobs that must run once, whatever the number of processes: under a lease of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Protocol

Job = Callable[[], Coroutine[object, object, None]]

LOOK_SECONDS = 1.0
"""How soon a lease that was taken or lost is noticed: well within the time that it lasts."""


class JobLease(Protocol):
    """The lease."""

    @property
    def sure(self) -> bool:
        """Whether it is held and can't have expired."""
        ...


async def run_once(lease: JobLease, jobs: Sequence[Job]) -> None:
    """Run the jobs, each without end, while the lease is held; begin them again when it is held
    again. Runs until cancelled; what a job raises, it raises."""
    while True:
        if lease.sure:
            await _run_while_held(lease, jobs)
        await asyncio.sleep(LOOK_SECONDS)


async def _run_while_held(lease: JobLease, jobs: Sequence[Job]) -> None:
    tasks = [asyncio.create_task(job()) for job in jobs]
    try:
        while lease.sure:
            done, _ = await asyncio.wait(
                tasks, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()
                raise RuntimeError("A job that runs without end has ended.")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
