"""One order among everyone it deals with: its stream, the messages on their way, the partners."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec.structs import replace

from actors.fulfilment.thing import Fulfilment
from actors.kernel.setup import Setup
from actors.label.thing import Label
from actors.order.decision import Intended
from actors.order.normalise import NO_TABLES, Tables
from actors.order.policy import Policy
from actors.order.ruling import steered
from actors.order.stream import INITIAL, Context, Decision, State, decide, evolve
from actors.parcel.table import ON_ITS_WAY
from actors.parcel.thing import UNTRACKED, Parcel
from actors.rules.compiled import NO_RULES
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.messages.effects import digest_of, tag_of
from schemas.order.canonical import Address, Order
from schemas.order.claims import Claimed
from schemas.order.things import Key
from schemas.order.world import UNKNOWN, WorldAsked
from schemas.order.world import World as Known
from tests.given import CHANNEL, NOON, REF, REFERENCE, has_another
from tests.model.partners import Partners, Refusal

MAX_QUEUE = 60
"""Messages on their way to one order in a walk."""
MAX_EARLY = 6
"""How often a message is handed out again that came too early; then it would be in quarantine."""

MAKING = (
    f.CreateTask, f.BuyLabel, f.PostSalesOrder, f.SendMail, f.PublishFulfilment, f.CapturePayment,
    f.RefundPayment,
)  # fmt: skip
"""Effects that a partner keeps by their reference: what was done once is found by a repeat."""


ONCE = (*MAKING, f.AmendSalesOrder, f.VoidLabel, f.CancelSalesOrder)
"""Effects that are never asked for again once they were done."""


def is_once(effect: f.Effect) -> bool:
    """Whether it is never asked for again once it was done. A shop may ask again not to send what
    could not be stopped, and is answered again."""
    if isinstance(effect, f.TellStanding):
        return effect.what == "ready"
    return isinstance(effect, ONCE)


class Brain:
    """The seller's rules, and what is known of the world when a decision asks."""

    def __init__(self) -> None:
        self.rules = NO_RULES
        self.knows: Callable[[Order], Known] = lambda order: UNKNOWN


class World:
    """Feeds an order's inputs and keeps what comes of them."""

    def __init__(
        self,
        setup: Setup,
        order: Order,
        *,
        policy: Policy | None = None,
        tables: Tables = NO_TABLES,
    ) -> None:
        self.setup, self.policy, self.tables = setup, policy or Policy(), tables
        self.brain = Brain()
        self.now = NOON
        self.body: Order | None = None
        self.stated: Order | None = None
        self.state: State = INITIAL
        self.timers: dict[tuple[Key, str], datetime] = {}
        self.events: list[e.OrderEvent] = []
        self.effects: dict[int, Intended] = {}
        self.bodies: dict[int, Order | None] = {}
        self.pending: dict[int, Intended] = {}
        self.partners = Partners()
        self.shop = order
        self.is_placed = False
        self.queue: list[i.Input] = []
        self.early: Counter[str] = Counter()
        self.past: list[i.Input] = []
        self.late: dict[int, f.Result] = {}
        self.touched: set[Key] = set()
        self.skipped: set[tuple[Key, str]] = set()
        self.trail: list[tuple[datetime, Tables, i.Input]] = []
        self.last: Decision | None = None
        self.before: State = INITIAL
        self.asked_with = self.context()
        self.parcels: dict[Key, Parcel] = {}
        self.labels: dict[Key, Label] = {}
        self.fulfilments: dict[Key, Fulfilment] = {}
        self.made: set[tuple[str, Key, str]] = set()
        self.sent_to: dict[Key, Address | None] = {}
        self.slow: tuple[type[f.Effect], ...] = ()
        self.lossy: tuple[type[f.Effect], ...] = ()
        self.is_wild = False
        self.others: dict[str, Claimed] = {}

    # --- the order's side -------------------------------------------------------------------------

    def context(self) -> Context:
        """Return what a decision may know now."""
        found = Context(
            now=self.now,
            policy=self.policy,
            setup=self.setup,
            channel=CHANNEL,
            ref=REF,
            reference=REFERENCE,
            order=self.body,
            stated=self.stated,
            mappings=self.tables,
            rules=self.brain.rules,
        )
        return steered(self.state, found)

    def _decided(self, given: i.Input) -> Decision:
        try:
            return decide(self.state, given, self.asked_with)
        except WorldAsked as asked:
            known = replace(self.brain.knows(asked.order), asked=tuple(sorted(asked.parts)))
            self.asked_with = replace(self.asked_with, world=known)
            return decide(self.state, given, self.asked_with)

    def give(self, given: i.Input) -> Decision:
        """Let the order take an input, and keep what it decides."""
        self.now += timedelta(seconds=1)
        self.trail.append((self.now, self.tables, given))
        self.before = self.state
        self.asked_with = self.context()
        decision = self._decided(given)
        if other := has_another(decision.claim, self.others):
            self.asked_with = replace(self.asked_with, claimed=other)
            decision = decide(self.state, given, self.asked_with)
        if decision.claim is not None and decision.claim.wants:
            self.others.clear()  # it is this order's now, and no one takes it away
        self.last = decision
        if decision.early:
            self._again(given)
        self.state = decision.state
        self.events.extend(decision.events)
        self.body = decision.body if decision.body is not None else self.body
        self.stated = decision.stated if decision.stated is not None else self.stated
        self._remember(decision.events)
        for named in decision.clear_timers:
            self.timers.pop(named, None)
        self.timers.update({(key, name): at for key, name, at in decision.set_timers})
        for one in decision.effects:
            self.effects[one.number] = self.pending[one.number] = one
            self.bodies[one.number] = self.body
        return decision

    def _again(self, given: i.Input) -> None:
        """Hand a message out again that came before what it is about, so often at most."""
        self.early[repr(given)] += 1
        if self.early[repr(given)] <= MAX_EARLY:
            self.send(given)

    def _remember(self, events: tuple[e.OrderEvent, ...]) -> None:
        """Keep how each thing stood last: the order forgets what has ended."""
        states = [self.state]
        if self.state.ended is not self.before.ended:
            states, state = [], self.before
            for event in events:
                state = evolve(state, event)
                states.append(state)
        for state in states:
            self.parcels.update(state.parcels)
            self.labels.update(state.labels)
            self.fulfilments.update(state.fulfilments)
        for key, parcel in self.state.parcels.items():
            if parcel.stage in (*ON_ITS_WAY, UNTRACKED) and self.body is not None:
                self.sent_to[key] = self.body.ship_to
        for key, gone in self.state.ended.items():
            if key in self.parcels:
                self.parcels[key] = replace(self.parcels[key], stage=gone.stage)
                if gone.stage == UNTRACKED and self.body is not None:
                    self.sent_to[key] = self.body.ship_to

    def fire(self, key: Key, name: str) -> None:
        """Let a timer be due."""
        at = self.timers.pop((key, name), None)
        if at is not None:
            self.now = max(self.now, at)
        self.give(i.TimerFired(name=name, key=key))

    # --- partners ---------------------------------------------------------------------------------

    def perform(self, number: int) -> i.Input:
        """Let a partner do what an effect asks, and return its reply."""
        one = self.effects[number]
        order = self.bodies[number]
        assert order is not None or isinstance(one.effect, f.FetchOrder | f.TellStanding), one
        try:
            result = self.partners.do(one.key, one.effect, order or self.shop)
        except Refusal as error:
            return i.EffectRefused(number=number, reason=str(error))
        if isinstance(one.effect, f.FetchOrder):
            if not self.is_placed:
                return i.EffectGivenUp(number=number, reason="The shop has no such order.")
            self.send(self.statement())
        return i.EffectDone(number=number, result=result)

    def answer(self, number: int, reply: i.Input) -> None:
        """Bring a partner's reply to the order."""
        one = self.pending.pop(number, None)
        self.past.append(reply)
        self.give(reply)
        if one is not None and isinstance(reply, i.EffectDone) and is_once(one.effect):
            self.made.add(self.name_of(one))

    @staticmethod
    def name_of(one: Intended) -> tuple[str, Key, str]:
        """Return what makes an effect's idempotency key."""
        return tag_of(one.effect), one.key, digest_of(one.effect)

    def was_done(self, number: int) -> bool:
        """Whether a partner keeps already what an effect asks for."""
        one = self.effects[number]
        return self.partners.has(one.key, one.effect)

    # --- the shop ---------------------------------------------------------------------------------

    def send(self, message: i.Input) -> None:
        """Put a message on its way; no sender is kept waiting for more than there may be."""
        if len(self.queue) < MAX_QUEUE:
            self.queue.append(message)

    def deliver(self, at: int) -> None:
        """Let a message arrive."""
        message = self.queue.pop(at)
        self.past.append(message)
        self.give(message)

    def state_order(self, **changes: object) -> None:
        """Let the shop say something else about the order from now on."""
        minutes = int((self.now - NOON).total_seconds() // 60) + 1
        last = datetime.fromisoformat(self.shop.updated_at)
        at = max(NOON + timedelta(minutes=minutes), last + timedelta(seconds=1))
        self.shop = replace(self.shop, updated_at=f"{at:%Y-%m-%dT%H:%M:%SZ}", **changes)

    def statement(self) -> i.UpdateOrder:
        """Return how the shop shows the order now."""
        sums = self.setup.short_pick == "drop"
        return i.UpdateOrder(
            order=self.shop, fulfilled=self.partners.fulfilled(sums=sums), fulfilled_is_all=True
        )
