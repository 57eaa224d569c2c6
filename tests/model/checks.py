"""What must hold after every step, whatever happened (design §4 and §2)."""

from __future__ import annotations

from collections import Counter

from msgspec.structs import replace

from actors.fulfilment.thing import Fulfilment
from actors.kernel import ledger
from actors.order import decide as deciding
from actors.order import timers
from actors.order.evolve import MAX_LOST
from actors.order.family import intend
from actors.order.family import step as advance
from actors.order.holding import MAX_HOLDS
from actors.order.joint import JOINT
from actors.order.outside import MAX_OUTSIDE
from actors.order.state import State
from actors.order.stream import (
    decide,
    decode_state,
    encode_state,
    replay,
    row_of,
    stage_of,
    waiting_for,
)
from actors.order.table import FINAL
from actors.order.timers import MAX_TIMERS
from actors.order.work import Work
from actors.parcel.table import ENDS, ON_ITS_WAY
from actors.returns.thing import MAX_RETURNS
from schemas.messages import events as e
from schemas.messages.codec import decode_event, encode
from schemas.order.claims import CROWDED, TWIN
from schemas.order.things import ORDER, Key, kind_of, number_of
from tests.model.world import World

AT_MOST_TASKS = 250
"""One for each parcel, and a few of the order itself."""


class Broken(AssertionError):
    """An invariant does not hold."""


def that(holds: object, rule: str, *about: object) -> None:
    """Raise Broken unless it holds."""
    if not holds:
        raise Broken(f"{rule}: {' | '.join(str(one) for one in about)}")


def check(world: World, *, sampled: bool = False) -> None:
    """Check everything; what costs much only where `sampled`."""
    state = world.state
    if state is not world.before or sampled:
        books(state)
        under_way(state)
        followed(state)
        money(world)
        refunds(world)
        returns(world)
        bounds(world)
        waits(world)
        printing(state)
        things(world)
        at_rest(world)
    if sampled:
        stored(world)


def printing(state: State) -> None:
    """A person is asked to print labels of parcels that are still here alone."""
    for task in state.tasks:
        if task.task_id.startswith("print-"):
            label = state.labels.get(task.key)
            held = label.parcels if label is not None and not label.stop else ()
            here = [k for k in held if k in state.parcels and state.parcels[k].stage == "packed"]
            that(here, "a label is left to be printed for nothing", task, label)


def books(state: State) -> None:
    """11: every unit is in exactly one account, and the accounts say what the things say."""
    here: dict[int, int] = {}
    for thing in state.fulfilments.values():
        for at, quantity in thing.left:
            here[at] = here.get(at, 0) + quantity
    accounts: dict[tuple[int, str], int] = {}
    for parcel in state.parcels.values():
        for at, quantity in parcel.units:
            for stages, letter in _ACCOUNTS:
                if parcel.stage in stages:
                    accounts[at, letter] = accounts.get((at, letter), 0) + quantity
    sums = Counter(
        {letter: sum(line.counts.get(letter, 0) for line in state.lines) for letter in _LETTERS}
    )
    that(+sums == +Counter(state.sums), "11 the sums are those of the lines", sums, state.sums)
    for at, line in enumerate(state.lines):
        counts = line.counts
        that(ledger.is_balanced(counts), "11 the line balances", at, line)
        that(here.get(at, 0) == counts.get("a", 0), "11 allocated is what lives", at, line, here)
        that(
            accounts.get((at, "t"), 0) == counts.get("t", 0),
            "11 travelling is in parcels",
            at,
            line,
        )
        for letter in "dlr":
            that(accounts.get((at, letter), 0) <= counts.get(letter, 0), "11 parcels", at, line)
        that(not (counts.get("o") and counts.get("x")), "11 open x excess = 0", at, line)
        wished = ledger.wished(counts)
        that(wished <= counts.get("o", 0) + counts.get("a", 0), "11 wishes are of units", at, line)


_LETTERS = (*ledger.LETTERS.values(), *ledger.WISHES.values())

_ACCOUNTS = (
    (frozenset(ON_ITS_WAY), "t"),
    (frozenset({"delivered"}), "d"),
    (frozenset({"lost"}), "l"),
    (frozenset({"returned"}), "r"),
)


def _for_people(state: State) -> set[Key]:
    """The things that a person is asked about."""
    return {
        *(one.key for one in state.stuck),
        *(one.key for one in state.holds),
        *(one.key for one in state.tasks),
    }


def under_way(state: State) -> None:
    """One effect under way for each thing, and none for what waits for a person."""
    keys = [one.key for one in state.open]
    that(len(keys) == len(set(keys)), "one effect under way per thing", state.open)
    stuck = {one.key for one in state.stuck if one.key != ORDER}
    that(not stuck & set(keys), "nothing is asked for what waits for a person", state.stuck, keys)
    numbers = [x.number for x in state.open] + [x.number for x in state.lost]
    numbers += [x.number for x in state.stuck]
    that(all(n <= state.last_effect for n in numbers), "numbers rise", numbers)


def followed(state: State) -> None:
    """What is wished is being done: units go, a warehouse that was told something else stops, and a
    person who packs knows it."""
    unsure = {x.key for x in state.open} | {x.key for x in state.stuck}
    holding: dict[int, list[Fulfilment]] = {}
    moving: set[int] = set()
    cancels = state.cancel is not None and state.stage == "accepted"
    for key, thing in state.fulfilments.items():
        inside = thing.stage not in ("handed_over", "recalled", "done", "cancelled")
        if cancels and inside and thing.left and not thing.fixed:
            that(thing.stop, "a cancellation stops everything", key, thing)
        stays = not (thing.stop or thing.fixed or key in unsure)
        for at, _ in thing.left:
            holding.setdefault(at, []).append(thing)
            moving |= set() if stays else {at}
        sent = any(state.parcels[k].stage != "packed" for k in thing.parcels if k in state.parcels)
        if stays and thing.stage in ("released", "picked") and not sent:
            # Whether its share of what is due is what it was, the rule itself is asked at rest.
            since = {name for name, (task, _) in state.revised.items() if task > thing.told}
            same = thing.told in (0, state.task) or since == {"due"}
            that(same, "a warehouse was told something else", key, thing)
        if thing.person and thing.stage == "released" and thing.left and not thing.stop:
            that(any(x.key == key for x in state.tasks), "no one packs it", key, thing)
    for key, parcel in state.parcels.items():
        label = state.labels.get(Key(parcel.label))
        dead = label is not None and label.stage in ("voided", "refused", "dropped")
        that(
            not (dead and parcel.stage == "packed"), "a parcel waits under a dead label", key, label
        )
    for at, line in enumerate(state.lines):
        if ledger.wished(line.counts) and holding.get(at):
            that(at in moving, "no one follows a wish", at, line, holding[at])


def money(world: World) -> None:
    """8: we never ask for more than is authorised, and no more is authorised than the order came
    to; nothing is captured where the channel does so itself."""
    state = world.state
    if world.setup.capture == "none":
        that(not state.payments and not state.captures, "8 the channel captures by itself", state)
    for key, one in state.payments.items():
        mine = [x for x in state.captures.values() if x.payment == key]
        upto = [x.before + x.amount for x in mine if x.stage in ("wanted", "captured")]
        that(one.amount > 0, "8 something is authorised", key, one)
        that(one.captured <= one.amount, "8 captured is authorised", key, one)
        that(len([x for x in mine if x.stage == "wanted"]) <= 1, "8 one capture at a time", mine)
        that(all(x <= one.amount for x in upto), "8 no more is asked for than is there", key, mine)


def refunds(world: World) -> None:
    """8: we never ask to give back more than the seller has, one refund after another, and nothing
    by itself where a person does so; an order that owes nothing has none."""
    state, setup = world.state, world.setup
    had = max((one.had for one in state.refunds.values()), default=0)
    asked = sum(x.amount for x in state.refunds.values() if x.stage not in ("refused", "refunded"))
    given = sum(x.given for x in state.refunds.values() if x.stage == "refunded")
    late = world.is_wild or any(key[0] == "R" for key in world.touched)
    that(late or asked + given <= had, "8 no more goes back than there is", state.refunds)
    under_way = [x for x in state.open if x.key[0] == "R"]
    that(len(under_way) <= 1, "8 one refund at a time", under_way)
    by_itself = [x for x in state.refunds.values() if not x.person and not x.returns]
    if setup.refund != "automatic":
        that(not by_itself, "8 a person gives money back", by_itself)
    if not state.sums.get("c"):
        that(not by_itself, "8 nothing was cancelled", by_itself)


def returns(world: World) -> None:
    """8 and 11: what is inspected is what came, and no unit that came is paid for twice."""
    state = world.state
    opened = [x for x in world.events if isinstance(x, e.TaskOpened)]
    came: Counter[int] = Counter()
    paid: Counter[int] = Counter()
    for key, one in state.returns.items():
        found = Counter[int]()
        for unit in one.found:
            found[unit.line] += unit.quantity
        that(not one.found or found == Counter(dict(one.came)), "11 what came is inspected", one)
        that(one.stage != "closed" or not one.came or one.money, "8 no one decided", key, one)
        came.update(dict(one.came))
        paid.update(dict(one.by_others))
    for key, refund in state.refunds.items():
        if refund.returns and refund.stage not in ("refused",):
            if refund.followed:  # it was refused, another one followed, and it was done after all
                told = f"refund-excess-{key}" in {x.task_id for x in opened}
                that(told, "8 a person knows what went back twice", key, refund)
                continue
            mine = state.returns.get(Key(refund.returns))
            that(mine is not None and mine.money == key, "8 a refund is its return's", key, refund)
            paid.update(dict(refund.units))
    that(all(n <= came[at] for at, n in paid.items()), "8 nothing is paid twice", paid, came)
    that(len(state.returns) <= MAX_RETURNS, "9 returns", len(state.returns))


def bounds(world: World) -> None:
    """9: every list has a bound."""
    state = world.state
    that(len(state.lost) <= MAX_LOST, "9 lost", len(state.lost))
    that(len(state.holds) <= MAX_HOLDS + 8 + len(state.fulfilments), "9 holds", state.holds)
    that(len(state.tasks) <= AT_MOST_TASKS, "9 tasks", len(state.tasks))
    that(len(state.outside) <= MAX_OUTSIDE, "9 outside", len(state.outside))
    that(len(world.timers) <= MAX_TIMERS, "9 timers", len(world.timers))


def waits(world: World) -> None:
    """5: every open machine has a next due time or names whom it waits for."""
    state = world.state
    wanted = set(timers.wanted(state, world.context()))
    woken = {TWIN, CROWDED}  # which the other order's commit sets
    that(
        set(world.timers) - woken == wanted, "5 timers are read off the state", world.timers, wanted
    )
    row_of(state)
    if state.stage in FINAL or state.stage == "new":
        return
    that(waiting_for(state), "5 the order names whom it waits for", stage_of(state))
    that(world.timers, "5 an open order has a timer", state)
    named = {x.key for x in state.open} | _for_people(state)
    for key, thing in state.fulfilments.items():
        if thing.stage in ("done", "cancelled") or key in named:
            continue
        mine = [k for k, x in state.parcels.items() if x.fulfilment == key and x.stage not in ENDS]
        due = (key, "due") in world.timers or any((k, "due") in world.timers for k in mine)
        that(due, "5 a fulfilment has an alarm", key, thing, world.timers)
    for key, parcel in state.parcels.items():
        if parcel.stage in ON_ITS_WAY:
            that((key, "due") in world.timers, "5 a parcel has an alarm", key, parcel)


def things(world: World) -> None:
    """Things keep to their numbers, and every effect is for one that is there."""
    before, state = world.before, world.state
    for kind, number in before.numbers.items():
        that(state.numbers.get(kind, 0) >= number, "numbers of things never fall", kind)
    live = {
        *state.fulfilments, *state.parcels, *state.labels, *state.documents, *state.messages, ORDER,
        *state.payments, *state.captures, *state.refunds, *state.returns, *state.ended,
    }  # fmt: skip
    for key in live - {ORDER}:
        that(number_of(key) <= state.numbers.get(kind_of(key), 0), "a key was numbered", key)
    asked = {x.key for x in state.open} | {x.key for x in state.lost}
    for key in asked | _for_people(state):
        that(key in live, "what is kept about a thing that is not there", key)
    assert world.last is not None
    for one in world.last.effects:
        that(one.lane, "an effect has a lane", one)
        that(world.name_of(one) not in world.made, "what was done is not asked for again", one)


def at_rest(world: World) -> None:
    """Nothing that could be said or asked is left unsaid, whichever fields changed last."""
    state = world.state
    if state.stage == "new" or state is world.before:
        return
    work = Work(state, world.context(), advance, intend)
    for row in JOINT:
        event = row.when(work)
        that(event is None, "a joint rule still speaks", row.rule, event)
    asks = list(deciding._asks(work))
    that(not asks, "something is wanted and not asked for", asks)


def stored(world: World) -> None:
    """4: replaying the events gives the stored state, byte for byte; deciding is pure."""
    stored_ = encode_state(world.state)
    again = replay(decode_event(encode(event)) for event in world.events)
    that(encode_state(again) == stored_, "4 replay gives the state", again, world.state)
    that(decode_state(stored_) == world.state, "4 a stored state loads")
    if world.trail:
        _, _, given = world.trail[-1]
        context = replace(world.context(), world=world.asked_with.world)
        first, second = decide(world.state, given, context), decide(world.state, given, context)
        that(first == second, "deciding twice gives the same", given)
        that(encode_state(world.state) == stored_, "deciding leaves the state as it was", given)
