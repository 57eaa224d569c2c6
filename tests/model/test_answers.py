"""Every machine, stage and input: what the data says it means is what the code does."""

from __future__ import annotations

from collections import Counter

import actors.capture.answers
import actors.documents.answers
import actors.fulfilment.answers
import actors.label.answers
import actors.messages.answers
import actors.order.answers
import actors.parcel.answers
import actors.payment.answers
import actors.refund.answers
import actors.returns.answers
from actors.kernel.answers import Answers
from actors.order import decide as deciding
from actors.order.family import intend, step
from actors.order.state import State
from actors.order.work import Work
from schemas.messages import events as e
from schemas.order.things import ORDER, Key, kind_of
from tests.model.checks import that
from tests.model.choices import Dice
from tests.model.plan import plan
from tests.model.steps import PROFILES
from tests.model.steps import step as walk_on
from tests.model.walk import world_of
from tests.model.world import World

ANSWERS: dict[str, Answers] = {
    "O": actors.order.answers.ANSWERS,
    "F": actors.fulfilment.answers.ANSWERS,
    "K": actors.parcel.answers.ANSWERS,
    "L": actors.label.answers.ANSWERS,
    "D": actors.documents.answers.ANSWERS,
    "M": actors.messages.answers.ANSWERS,
    "P": actors.payment.answers.ANSWERS,
    "C": actors.capture.answers.ANSWERS,
    "R": actors.refund.answers.ANSWERS,
    "T": actors.returns.answers.ANSWERS,
}
FIELDS = (
    "fulfilments", "parcels", "labels", "documents", "messages", "payments", "captures",
    "refunds", "returns",
)  # fmt: skip
BESIDE = (e.AnswerNoted, e.TaskOpened, e.TaskClosed, e.Held, e.HoldReleased, e.ActionRefused)
"""What may be said beside the life of a thing: a person is told, or told no more."""

Seen = Counter[tuple[str, str, str]]


def stage_of(state: State, key: Key) -> str:
    """Return the stage of a thing, "" for one that was not there."""
    if key == ORDER:
        return state.stage
    for name in (*FIELDS, "ended"):
        thing = getattr(state, name).get(key)
        if thing is not None:
            return str(thing.stage)
    return ""


def agree(world: World, seen: Seen) -> None:
    """Let the handlers alone take the last input again, without what follows by the joint table: no
    machine may do what its data says that it ignores, and nothing refused is without a reason."""
    _, _, given = world.trail[-1]
    before = world.before
    work = Work(before, world.asked_with, step, intend)
    deciding._HANDLERS[type(given)](work, given)
    order = ANSWERS["O"].of(before.stage, type(given))
    seen["O", before.stage, type(given).__name__] += 1
    if order.kind == "ignored":
        that(not work.events, "ignored by the order", before.stage, given, work.events)
    moved = False
    for event in work.events:
        stage = stage_of(before, event.key)
        if event.key == ORDER or not stage or isinstance(event, BESIDE):
            continue
        moved = True
        answer = ANSWERS[kind_of(event.key)].of(stage, type(given))
        seen[kind_of(event.key), stage, type(given).__name__] += 1
        that(answer.kind == "handled", "acts on what it ignores", event.key, stage, given, event)
    key = getattr(given, "fulfilment", None)
    if key is None or not stage_of(before, key) or order.kind == "ignored":
        return
    answer = ANSWERS["F"].of(stage_of(before, key), type(given))
    seen["F", stage_of(before, key), type(given).__name__] += 1
    if answer.kind == "ignored":
        that(not work.events, "ignored by the fulfilment", key, given, work.events)
    if answer.kind == "refused":
        that(not moved, "refused and done", key, given, work.events)
        tasks = [x.words for x in (*work.state.tasks,)]
        that(any(answer.why in words for words in tasks), "refused in words", key, given, tasks)


def test_the_code_does_what_the_data_says() -> None:
    """Walks of every bias: what is ignored changes nothing, what is refused is told in words."""
    seen: Seen = Counter()
    for number in range(0, 400, 2):
        one = plan(number, 90)
        world = world_of(one)
        for seed in one.seeds:
            told = len(world.trail)
            walk_on(world, Dice(seed), PROFILES[one.profile])
            if len(world.trail) > told:
                agree(world, seen)
    kinds = Counter(
        ANSWERS[letter].of(stage, next(x for x in deciding._HANDLERS if x.__name__ == name)).kind
        for letter, stage, name in seen
    )
    assert kinds["handled"] > 60
    assert kinds["ignored"] > 10
    assert kinds["refused"] >= 3
