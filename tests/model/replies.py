"""How partners answer: done, refused, given up, unknown, twice, and long after no one waits."""

from __future__ import annotations

from schemas.messages import effects as f
from schemas.messages import inputs as i
from schemas.messages.effects import tag_of
from tests.model.choices import Choices
from tests.model.world import World


def some(world: World, choices: Choices) -> None:
    """Let a partner answer one of the effects under way, well or badly."""
    number = choices.pick(sorted(world.pending))
    effect = world.effects[number].effect
    if isinstance(effect, world.slow) and choices.chance(85):
        return
    if isinstance(effect, world.lossy) and choices.chance(60):
        _unknown(world, number)
        return
    if isinstance(effect, f.CancelTask) and _is_asked(world, choices, number):
        return
    how = choices.whole(0, 99)
    if how < 72:
        world.answer(number, world.perform(number))
    elif how < 82:
        _unknown(world, number)
    elif how < 88 or (world.was_done(number) and (how >= 94 or not _comes_late(world, number))):
        world.answer(number, i.EffectGivenUp(number=number, reason="?", outcome_known=False))
    elif how < 94 and not isinstance(effect, f.ReserveStock | f.FetchOrder):
        world.answer(number, i.EffectRefused(number=number, reason="The partner says no."))
    else:
        world.answer(number, i.EffectGivenUp(number=number, reason="It was not taken."))


def _comes_late(world: World, number: int) -> bool:
    """Whether the answer of an earlier call for the same, which was lost, still comes: a partner
    may have done what it refuses now. A mail can't be taken back, so whoever has it sent again
    after that sends two; stock and orders that are fetched are never refused."""
    if isinstance(world.effects[number].effect, f.SendMail | f.ReserveStock | f.FetchOrder):
        return False
    name = world.name_of(world.effects[number])
    return any(world.name_of(world.effects[one]) == name for one in world.late)


def _is_asked(world: World, choices: Choices, number: int) -> bool:
    """Whether a warehouse says that it will say later whether it cancels."""
    task = world.partners.tasks.get(world.effects[number].key)
    if task is None or not task.is_live or not choices.chance(30):
        return False
    task.wishes_cancel = True
    world.answer(number, i.EffectDone(number=number, result=f.CancelAsked()))
    return True


def _unknown(world: World, number: int) -> None:
    """The partner does it, and its answer is lost."""
    reply = world.perform(number)
    if isinstance(reply, i.EffectDone):
        world.late[number] = reply.result
        reply = i.EffectGivenUp(number=number, reason="No answer.", outcome_known=False)
    world.answer(number, reply)


def lie(world: World, choices: Choices) -> None:
    """Let a partner do it and say that it did not: such an answer must harm no one."""
    world.is_wild = True
    number = choices.pick(sorted(world.pending))
    reply = world.perform(number)
    if isinstance(reply, i.EffectDone):
        world.late[number] = reply.result
    if isinstance(world.effects[number].effect, f.FetchOrder):
        world.answer(number, i.EffectGivenUp(number=number, reason="It was not taken."))
    elif choices.chance(50):
        world.answer(number, i.EffectGivenUp(number=number, reason="?", outcome_known=False))
    else:
        world.answer(number, i.EffectRefused(number=number, reason="No."))


def late(world: World, choices: Choices) -> None:
    """Let an answer come that no one waited for any more."""
    tell_late(world, choices.pick(sorted(world.late)))


def tell_late(world: World, number: int) -> None:
    """Let a late answer come; whoever went on without it knows better now."""
    reply = i.EffectDone(number=number, result=world.late.pop(number))
    world.past.append(reply)
    world.give(reply)
    one = world.effects[number]
    if isinstance(one.effect, f.BuyLabel | f.PostSalesOrder):
        world.skipped.discard((one.key, tag_of(one.effect)))
        if not any(key == one.key for key, _ in world.skipped):
            world.touched.discard(one.key)


def again(world: World, choices: Choices) -> None:
    """Let something come that has come before."""
    world.give(choices.pick(world.past[-30:]))
