"""Who asks again, and who may skip the time of grace: at a real Postgres."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from adapters.postgres.audit import Audit
from schemas.messages.privacy import Subject
from tests.appends import NOON
from tests.integration.test_privacy import Scene, dsn, scene, servers

__all__ = ["dsn", "scene", "servers"]


async def test_the_same_words_ask_again_later(scene: Scene) -> None:
    """A shop that came back and leaves again sends the same bytes: a repeat while the first request
    is open or has just ended, and a new request with a time of grace of its own later. What was
    delivered before that is a repeat."""
    privacy = scene.carried_out(grace=timedelta(hours=72))
    first = await scene.ask("redact_shop", Subject())
    await privacy.round()
    assert await scene.ask("redact_shop", Subject()) == first
    scene.clock.seconds += 72 * 3_600
    await privacy.round(everything=True)
    assert (await scene.request(first)).state == "done"
    scene.clock.seconds += 48 * 3_600
    assert await scene.ask("redact_shop", Subject()) == first
    await scene.order("came back")
    scene.clock.seconds += 1
    second = await scene.ask("redact_shop", Subject())
    assert second != first
    assert await scene.ask("redact_shop", Subject()) == second
    await privacy.round(everything=True)
    assert (await scene.request(second)).waits_for.startswith("its grace period")
    assert await scene.readable("came back")
    scene.clock.seconds += 72 * 3_600
    await privacy.round(everything=True)
    assert (await scene.request(second)).state == "done"
    assert not await scene.readable("came back")
    scene.clock.seconds = 1
    assert await scene.ask("redact_shop", Subject()) == second
    assert len(await scene.requests.find()) == 2


async def test_only_now_cuts_the_grace_short(scene: Scene) -> None:
    """A forced request waits for no order under way, and still for its time of grace; who cuts that
    short says so, and the audit names who and why."""
    privacy = scene.carried_out(grace=timedelta(hours=72))
    await scene.order("one", final=False)
    asked = await scene.ask()
    words: Any = {"person": "Kim", "reason": "a court says so", "at": NOON}
    assert await scene.requests.force(asked, **words)
    await privacy.round(everything=True)
    assert (await scene.request(asked)).waits_for.startswith("its grace period")
    assert await scene.readable("one")
    assert await scene.requests.hasten(asked, **words)
    await privacy.round()
    assert (await scene.request(asked)).state == "done"
    assert not await scene.readable("one")
    entries = await Audit(scene.pool).entries(target=f"privacy:{asked}")
    by = {one.action: (one.person, one.reason) for one in entries}
    assert by["privacy.hasten"] == by["privacy.force"] == ("Kim", "a court says so")
