"""One step of a walk: something that could happen now, chosen by weight."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from actors.order.reading import shipped
from schemas.messages.effects import (
    BuyLabel,
    CancelTask,
    CreateTask,
    Effect,
    PostSalesOrder,
    PublishFulfilment,
    ReserveStock,
    TellStanding,
    TrackParcel,
    Units,
)
from schemas.messages.events import Accepted, TakenOver
from schemas.order.claims import TWIN
from schemas.order.things import Key
from tests.model import back, goods, people, replies, shop, wild
from tests.model.choices import Choices
from tests.model.setups import MARKETPLACE_REF, elsewhere, tables
from tests.model.world import World


class Profile(Struct, frozen=True):
    """How often each kind of thing happens, by its name in STEPS. `stocked` percent of the SKUs are
    there; answers to effects in `slow` mostly take their time, and those to effects in `lossy` are
    mostly lost."""

    weights: dict[str, int]
    stocked: int = 80
    slow: tuple[type[Effect], ...] = ()
    lossy: tuple[type[Effect], ...] = ()


def _deliver(world: World, choices: Choices) -> None:
    world.deliver(0 if choices.chance(70) else choices.whole(0, len(world.queue) - 1))


def _timer(world: World, choices: Choices) -> None:
    every = sorted(world.timers, key=lambda named: (world.timers[named], named))
    key, name = every[0] if choices.chance(50) else choices.pick(every)
    world.fire(key, name)


def _stale(world: World, choices: Choices) -> None:
    """Let a timer fire of a thing that has ended, or that never was."""
    ended = [key for key in world.state.ended if key[0] in "FK"] or [Key("F8")]
    world.fire(choices.pick(ended), choices.pick(("due", "track", "stock")))


def _track(world: World, choices: Choices) -> None:
    """Let it be time to ask a carrier, after the parcel may have moved on."""
    if choices.chance(70):
        goods.move(world, choices)
    every = sorted(key for key, name in world.timers if name == "track")
    if every:
        world.fire(choices.pick(every), "track")


def _goods_arrive(world: World, choices: Choices) -> None:
    on_hand = world.partners.stock.on_hand
    at = choices.pick(sorted(on_hand))
    on_hand[at] += choices.whole(1, 4)


def _map(world: World, choices: Choices) -> None:
    """Let somebody list one more SKU, or all of them."""
    known = {line.sku for line in world.shop.lines if choices.chance(60)}
    old = world.tables.mappings.channels
    listed = {sku for one in old.values() if one.skus for sku in one.skus.known}
    world.tables = tables(world.tables.version + 1, *known, *listed)


def _other(world: World, choices: Choices) -> None:
    """Let the same order have come through another channel before, or be cancelled there. Of one
    that waits for its money the shop may ask not to send some."""
    if world.state.stage == "placed" and "stop" in world.setup.hears and choices.chance(50):
        line = choices.pick(world.shop.lines)
        units = (Units(line.line_id, "", choices.whole(1, line.quantity)),)
        world.give(shop.stop_request(world, units))
    has_it = any(x.claim for x in world.events if isinstance(x, Accepted | TakenOver))
    if has_it:
        return
    stage = choices.pick(("open", "cancelled", "closed"))
    world.others = {MARKETPLACE_REF: elsewhere(stage)}
    if stage == "cancelled" and world.state.stage == "duplicate":
        world.timers[TWIN] = world.now


Step = Callable[[World, Choices], None]

STEPS: dict[str, tuple[Step, Callable[[World], bool]]] = {
    "answer": (replies.some, lambda w: bool(w.pending)),
    "lie": (replies.lie, lambda w: bool(w.pending)),
    "late": (replies.late, lambda w: bool(w.late)),
    "again": (replies.again, lambda w: bool(w.past)),
    "warehouse": (goods.work, lambda w: bool(w.partners.tasks)),
    "carrier": (goods.move, lambda w: bool(w.parcels)),
    "deliver": (_deliver, lambda w: bool(w.queue)),
    "timer": (_timer, lambda w: bool(w.timers)),
    "stale timer": (_stale, lambda w: True),
    "shop": (shop.act, lambda w: True),
    "person": (people.sensible, lambda w: True),
    "odd person": (people.odd, lambda w: True),
    "edit": (people.edit, lambda w: bool(w.state.lines)),
    "cancel": (people.cancel, lambda w: True),
    "send back": (back.some, lambda w: bool(shipped(w.state) or w.state.returns)),
    "wild send back": (back.wild, lambda w: bool(w.state.lines)),
    "goods arrive": (_goods_arrive, lambda w: bool(w.partners.stock.on_hand)),
    "map": (_map, lambda w: bool(w.tables.mappings.channels)),
    "track": (_track, lambda w: bool(w.parcels)),
    "other": (_other, lambda w: w.setup.claims),
    "wild reply": (wild.reply, lambda w: bool(w.effects)),
    "wild report": (wild.report, lambda w: bool(w.state.lines)),
    "wild timer": (wild.timer, lambda w: True),
    "wild statement": (wild.statement, lambda w: True),
}
"""What may happen, and when it can."""

USUAL = {
    "answer": 40, "late": 3, "again": 2, "warehouse": 18, "carrier": 10, "deliver": 26, "timer": 10,
    "stale timer": 1, "shop": 4, "person": 7, "odd person": 1, "edit": 2, "cancel": 1,
    "goods arrive": 2, "map": 2, "other": 4, "send back": 3,
}  # fmt: skip

PROFILES: dict[str, Profile] = {
    "usual": Profile(USUAL),
    "quiet": Profile({**USUAL, "shop": 1, "edit": 0, "cancel": 0, "odd person": 0}),
    "editing": Profile({**USUAL, "shop": 14, "edit": 8}),
    "cancelling": Profile({**USUAL, "cancel": 6}),
    "slow partners": Profile({**USUAL, "answer": 10, "late": 12, "person": 14}),
    "on the way": Profile({**USUAL, "track": 40, "answer": 60, "shop": 1, "edit": 0, "cancel": 0}),
    "empty shelves": Profile({**USUAL, "goods arrive": 0, "warehouse": 30}, stocked=0),
    "slow carrier": Profile({**USUAL, "track": 30, "warehouse": 30, "wild report": 3},
                            slow=(TrackParcel, BuyLabel)),
    "slow storefront": Profile({**USUAL, "shop": 12}, slow=(PublishFulfilment, TellStanding)),
    "deaf to the storefront": Profile({**USUAL, "shop": 10, "person": 24, "late": 1},
                                      lossy=(PublishFulfilment, TellStanding)),
    "deaf to the storefront, and stopping": Profile(
        {**USUAL, "warehouse": 60, "shop": 14, "edit": 8, "cancel": 4, "late": 0, "person": 1,
         "answer": 60, "deliver": 50},
        lossy=(PublishFulfilment, TellStanding),
    ),
    "unsure": Profile({**USUAL, "shop": 10, "edit": 8, "person": 24},
                      lossy=(BuyLabel, CreateTask, PostSalesOrder)),
    "slow warehouse": Profile({**USUAL, "warehouse": 30, "cancel": 3, "edit": 6},
                              slow=(CancelTask, CreateTask, ReserveStock)),
    "lying partners": Profile({**USUAL, "lie": 12, "person": 24, "late": 12, "cancel": 2}),
    "wild stock": Profile({**USUAL, "wild reply": 30, "late": 60, "person": 60, "shop": 0,
                           "edit": 0},
                          slow=(ReserveStock,), lossy=(ReserveStock,)),
    "wild partners": Profile({**USUAL, "wild reply": 30, "late": 8}),
    "wild warehouses": Profile({**USUAL, "wild report": 24, "wild timer": 4}),
    "wild warehouses, deaf to the storefront": Profile(
        {**USUAL, "wild report": 30, "shop": 20, "person": 1, "late": 0, "answer": 60},
        lossy=(PublishFulfilment, TellStanding),
    ),
    "returning": Profile({**USUAL, "track": 20, "answer": 60, "send back": 20, "cancel": 0}),
    "wild returns": Profile({**USUAL, "send back": 8, "wild send back": 12, "wild reply": 6}),
    "wild": Profile({**USUAL, "wild reply": 10, "wild report": 10, "wild timer": 6,
                     "wild statement": 6, "track": 10}),
}  # fmt: skip
"""Walks with a bias: each makes other rows of the tables likely."""


def step(world: World, choices: Choices, profile: Profile) -> str:
    """Let one thing happen, and return what it was."""
    if world.state.stage == "new":
        if world.setup.claims and choices.chance(60):
            _other(world, choices)
        shop.first(world, choices)
        return "first"
    if not world.state.lines and choices.chance(40):
        (shop.early if choices.chance(60) else shop.place_it)(world, choices)
        return "early"
    options = [(name, n) for name, n in profile.weights.items() if n and STEPS[name][1](world)]
    at = choices.whole(1, sum(weight for _, weight in options))
    for name, weight in options:
        at -= weight
        if at <= 0:
            STEPS[name][0](world, choices)
            return name
    raise AssertionError("The weights sum to what was drawn from.")
