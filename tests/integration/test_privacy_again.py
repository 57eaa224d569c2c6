"""Who asks again, who may skip the time of grace, and what a channel's days count from: at a real
Postgres."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from adapters.postgres.audit import Audit
from schemas.messages.privacy import Subject
from service.privacy.retention import Retention
from tests.appends import CHANNEL, NOON
from tests.integration.test_privacy import DAY, Scene, dsn, scene, servers

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


async def test_the_time_counts_from_the_shipment_where_the_channel_says_so(scene: Scene) -> None:
    """Of a channel that counts from the shipment an order that is held is erased as well, from its
    last parcel on; one that has not left keeps its address, and so does any of another channel."""
    for ref, left in (("held", 0), ("in parts", 5), ("waits", None)):
        await scene.order(ref, final=False)
        if left is not None:
            await scene.left(ref, NOON + timedelta(days=left))
    forgotten: list[str] = []
    works = {
        names: Retention(
            scene.erasing,
            {CHANNEL: 30},
            scene.clock,
            scene.metrics,
            may=lambda: True,
            forget=forgotten.extend,
            shipped=names,
        )
        for names in ((), (CHANNEL,))
    }
    scene.clock.seconds = 31 * DAY
    assert await works[()].walk() == 0
    assert await works[CHANNEL,].walk() == 1
    assert [await scene.readable(ref) for ref in ("held", "in parts", "waits")] == [
        False, True, True,
    ]  # fmt: skip
    assert len(forgotten) == 1
    scene.clock.seconds = 36 * DAY
    assert await works[CHANNEL,].walk() == 1
    assert [await scene.readable(ref) for ref in ("in parts", "waits")] == [False, True]
    reasons = {one.reason for one in await Audit(scene.pool).entries(target="privacy:retention")}
    assert reasons == {
        "The channel's personal_data_days have passed since its goods left; it has not ended."
    }
