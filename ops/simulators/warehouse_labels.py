"""Fetches the labels that the seller buys, from a task's `label_url`, until all are there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ops.simulators.shapes import JsonObject, NotUnderstood, dig, number, objects, parse_object
from ops.simulators.webhook_client import CallFailed, Target, WebhookClient

MAX_WAITING = 100_000
ANSWER_SECONDS = 5.0
FIRST_PAUSE_SECONDS = 0.2
LAST_PAUSE_SECONDS = 5.0
GIVE_UP_SECONDS = 15 * 60.0
CONCURRENCY = 16
Take = Callable[[list[JsonObject]], bool]


class Labels:
    """One request at a time for each task, 16 at once, 100,000 tasks waiting at the most."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._client = WebhookClient()
        self._slots = asyncio.Semaphore(CONCURRENCY)
        self._active: set[asyncio.Task[None]] = set()

    def waiting(self) -> int:
        """Tasks whose labels are not complete."""
        return len(self._active)

    def fetch(self, url: str, take: Take) -> bool:
        """Offers the labels once they are complete, until `take` says that they are enough.

        False if it cannot be tried. A link that is refused, or has not enough within 15 minutes, is
        given up.
        """
        if len(self._active) >= MAX_WAITING:
            return False
        try:
            target = Target.parse(url)
        except ValueError:
            return False
        task = self._loop.create_task(self._until_enough(target, take))
        self._active.add(task)
        task.add_done_callback(self._ended)
        return True

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._active.discard(task)
        if not task.cancelled():
            task.result()

    async def _until_enough(self, target: Target, take: Take) -> None:
        give_up_at = self._loop.time() + GIVE_UP_SECONDS
        pause = FIRST_PAUSE_SECONDS
        while self._loop.time() < give_up_at:
            wait = pause
            try:
                async with self._slots:
                    answer = await self._client.get(target, ANSWER_SECONDS)
                if answer.status in (403, 404):
                    return
                found = parse_object(answer.body) if answer.status == 200 else {}
                if dig(found, "complete") is True and take(objects(found, "labels")):
                    return
                wait = max(wait, number({"wait": answer.headers.get("retry-after", "")}, "wait"))
            except (CallFailed, NotUnderstood):
                wait = pause  # Whoever is away, or answers nonsense, is asked again.
            await asyncio.sleep(min(wait, LAST_PAUSE_SECONDS))
            pause = min(pause * 2, LAST_PAUSE_SECONDS)

    async def close(self) -> None:
        """Ends the requests under way."""
        for task in list(self._active):
            task.cancel()
        await asyncio.gather(*self._active, return_exceptions=True)
        self._client.close()
