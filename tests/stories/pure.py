"""Stories against the machines alone: partners are simulated in memory, time is what it is told."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any, Self

from actors.kernel.setup import Setup
from actors.order.normalise import NO_TABLES
from actors.order.policy import Policy
from actors.order.words import stage_of
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.order.canonical import Line, Order
from schemas.order.claims import Claimed
from schemas.order.things import Key
from tests.given import REF
from tests.model import goods
from tests.model.asking import asked_well
from tests.model.checks import check
from tests.model.drain import drain
from tests.model.ends import judge
from tests.model.setups import MARKETPLACE_REF, SETUPS, elsewhere, of_lines, tables
from tests.model.shop import stop_request
from tests.model.world import Brain, World
from tests.stories.calls import CALLS, by_line
from tests.stories.pure_money import Money
from tests.stories.runner import Call


class Pure(Money):
    """Implements tests.stories.runner.Runner."""

    def __init__(self, seller: str | Setup = "full", *known_skus: str) -> None:
        self.setup = SETUPS[seller] if isinstance(seller, str) else seller
        self.words: list[str] = []
        self.world: World
        self._others: dict[str, Claimed] = {}
        self._refused: dict[type, str] = {}
        self._lost, self._failing, self._slow = Counter[type](), Counter[type](), set[type]()
        self._stock: dict[tuple[str, str], int] = {}
        self._skus, self.policy, self.brain = known_skus, Policy(), Brain()

    def given(self, words: str) -> Self:
        self.words.append(f"given {words}")
        return self

    def when(self, words: str) -> Self:
        self.words.append(f"when {words}")
        return self

    def then(self, words: str) -> Self:
        self.words.append(f"then {words}")
        return self

    # --- the shop -----------------------------------------------------------------------------

    def places(self, order: Order) -> Self:
        known = tables(1, *self._skus) if self._skus else NO_TABLES
        self.world = World(self.setup, order, policy=self.policy, tables=known)
        self.world.partners.stock.on_hand.update(self._stock)
        self.world.is_placed, self.world.others, self.world.brain = True, self._others, self.brain
        return self._gives(i.PlaceOrder(order=order))

    def stands_elsewhere(self, stage: str) -> Self:
        """The same order was accepted in another channel, and stands so there."""
        self._others[MARKETPLACE_REF] = elsewhere(stage)
        return self

    def states(self, **changes: object) -> Self:
        self.world.now += timedelta(minutes=1)
        self.world.state_order(**changes)
        return self._gives(self.world.statement())

    def states_lines(self, *lines: Line) -> Self:
        changed = of_lines(self.world.shop, lines)
        return self.states(lines=lines, totals=changed.totals)

    def others_send(self, line_id: str, quantity: int) -> Self:
        others = self.world.partners.others
        sku = next(x.sku for x in self.world.shop.lines if x.line_id == line_id)
        units = (f.Units(line_id, sku, quantity),)
        others.append(i.OutsideShipment(outside_id=f"foreign-{len(others) + 1}", units=units))
        return self.states()

    def shop_cancels(self) -> Self:
        self.world.partners.channel_cancelled = True
        return self._gives(i.CancelOrder(ref=REF, reason="customer", whole=True))

    def shop_asks_to_stop(self, **units: int) -> Self:
        held = tuple(f.Units(name[1:], "", count) for name, count in units.items())
        return self._gives(stop_request(self.world, held))

    def shop_puts_off(self, hours: float, **units: int) -> Self:
        held = tuple(f.Units(name[1:], "", count) for name, count in units.items())
        at = f"{self.world.now + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}"
        later = i.Later(outside_id="group", at=at, units=held)
        return self._gives(
            i.NoteReport(ref=REF, source="shopify", topic="x", words="scheduled", later=later)
        )

    # --- partners -----------------------------------------------------------------------------

    def everyone_answers(self) -> Self:
        for _ in range(200):
            ready = [n for n in sorted(self.world.pending) if not self._is_slow(n)]
            if not ready and not self.world.queue:
                return self
            if self.world.queue:
                self.world.deliver(0)
            else:
                self._answer(ready[0])
            self._checked()
        raise AssertionError("Partners and the order never come to rest.")

    def answer_is_lost(self, call: Call) -> Self:
        self._lost[CALLS[call]] += 1
        return self

    def refuses(self, call: Call, why: str = "No.") -> Self:
        self._refused[CALLS[call]] = why
        return self

    def fails(self, call: Call) -> Self:
        self._failing[CALLS[call]] += 1
        return self

    def is_slow(self, call: Call) -> Self:
        self._slow.add(CALLS[call])
        return self

    def answers(self, call: Call) -> Self:
        kind = CALLS[call]
        self._slow.discard(kind)
        late = [n for n in self.world.late if isinstance(self.world.effects[n].effect, kind)]
        for number in late:
            self._gives(i.EffectDone(number=number, result=self.world.late.pop(number)))
        return self.everyone_answers()

    def has_stock(self, place: str, sku: str, quantity: int) -> Self:
        self._stock[place, sku] = quantity
        if hasattr(self, "world"):
            self.world.partners.stock.on_hand[place, sku] = quantity
        return self

    # --- the warehouse ------------------------------------------------------------------------

    def picks(self, key: str = "F1") -> Self:
        task = self.world.partners.tasks[Key(key)]
        return self._gives(i.ReportPicked(**goods.named(Key(key), task)))  # type: ignore[arg-type]  # names are checked there

    def finds(self, key: str = "F1", **found: int) -> Self:
        task = self.world.partners.tasks[Key(key)]
        units = tuple(f.Units(name[1:], self._sku(name[1:]), n) for name, n in found.items())
        return self._gives(i.ReportShortPicked(**goods.named(Key(key), task), found=units))  # type: ignore[arg-type]  # as above

    def packs(self, key: str = "F1", *, more: bool = False, number: str = "", **units: int) -> Self:
        task = self.world.partners.tasks[Key(key)]
        held = {name[1:]: count for name, count in units.items()} or task.rest()
        box = goods.box_of(task, Key(key), held)
        if number:
            box.carrier, box.number, box.told_number = "DHL", number, True
        goods.report_packed(self.world, Key(key), task, [box], complete=not more)
        return self.everyone_answers()

    def sends(self, key: str = "F1", box: int = 0, number: str = "") -> Self:
        task = self.world.partners.tasks[Key(key)]
        boxes = [x for x in task.boxes.values() if not x.left]
        if box:
            boxes = [list(task.boxes.values())[box - 1]]
        for one in boxes if number else ():
            one.carrier, one.number = "DHL", number
        goods.leave(self.world, Key(key), task, boxes, by_name=bool(box or number))
        return self.everyone_answers()

    def drops_task(self, key: str = "F1") -> Self:
        goods.cancel(self.world, Key(key), self.world.partners.tasks[Key(key)])
        return self.everyone_answers()

    def customer_collects(self, key: str = "F1") -> Self:
        goods.collect(self.world, Key(key), self.world.partners.tasks[Key(key)])
        return self.everyone_answers()

    # --- the carrier --------------------------------------------------------------------------

    def carrier_says(self, status: str, parcel: str = "") -> Self:
        for key, name in tuple(self.world.timers):
            if name == "track" and parcel in ("", key):
                number = self.world.state.parcels[key].number
                self.world.partners.ways[number] = status
                box = goods.box_behind(self.world, key)
                if box is not None:
                    box.left = True
                    self._finish(key)
                self.world.fire(key, "track")
                self._checked()
        return self.everyone_answers()

    # --- people and time ----------------------------------------------------------------------

    def person(self, verb: str, target: str = "") -> Self:
        for one in self.world.state.stuck:
            if target in CALLS and one.kind == f.tag_of(CALLS[target]):
                target = str(one.number)
                self.world.touched |= {one.key} if verb == "skip" else set()
        for hold in self.world.state.holds:
            if hold.hold_id.startswith(target) and target:
                target = hold.hold_id
        return self._gives(i.ActOnOrder(ref=REF, verb=verb, person="ann", target=target))

    def edits(self, **changes: object) -> Self:
        lines = tuple(
            i.LineEdit(line_id=name[1:], quantity=int(str(count)))
            for name, count in changes.items()
            if name[0] == "l" and name[1:].isdigit()
        )
        named: dict[str, Any] = {k: v for k, v in changes.items() if not k[1:].isdigit()}
        return self._gives(i.EditOrder(ref=REF, person="ann", lines=lines, **named))

    def hours(self, hours: float) -> Self:
        until = self.world.now + timedelta(hours=hours)
        for _ in range(100):
            due = [named for named, at in self.world.timers.items() if at <= until]
            if not due:
                break
            self.world.fire(*min(due, key=lambda named: self.world.timers[named]))
            self._checked()
            self.everyone_answers()
        self.world.now = max(until, self.world.now)
        return self

    def knows_skus(self, *skus: str) -> Self:
        self.world.tables = tables(self.world.tables.version + 1, *skus)
        self.world.fire(Key("O"), "mapping")
        self._checked()
        return self

    # --- what it came to ----------------------------------------------------------------------

    def stage_is(self, stage: str) -> Self:
        assert stage_of(self.world.state) == stage, self._story(self.world.state)
        return self

    def person_is_asked(self, *words: str) -> Self:
        asked = self._asked()
        assert any(all(word in one for word in words) for one in asked), self._story(words, asked)
        return self

    def no_one_is_asked(self) -> Self:
        assert not self._asked(), self._story(self._asked())
        return self

    def person_was_told(self, *words: str) -> Self:
        told = [x.words for x in self.world.events if isinstance(x, e.TaskOpened)]
        assert any(all(word in one for word in words) for one in told), self._story(words, told)
        return self

    def tasks_are(self, count: int) -> Self:
        tasks = [x for x in self.world.partners.tasks.values() if x.stage != "cancelled"]
        assert len(tasks) == count, self._story(tasks)
        return self

    def task_holds(self, key: str, **units: int) -> Self:
        held = {x.line_id: x.quantity for x in self.world.partners.tasks[Key(key)].asked.units}
        assert held == by_line(units), self._story(held)
        return self

    def tasks_hold(self, **units: int) -> Self:
        held: Counter[str] = Counter()
        for task in self.world.partners.tasks.values():
            if task.stage != "cancelled":
                held.update({unit.line_id: unit.quantity for unit in task.asked.units})
        assert held == by_line(units), self._story(held)
        return self

    def collected_is(self, *amounts: int) -> Self:
        told = [x.asked.collect_minor for x in self.world.partners.tasks.values()]
        assert sorted(told) == sorted(amounts), self._story(told)
        return self

    def labels_are(self, good: int, void: int = 0) -> Self:
        labels = list(self.world.partners.shipments.values())
        void_ = [x for x in labels if x.voided]
        assert (len(labels) - len(void_), len(void_)) == (good, void), self._story(labels)
        return self

    def goods_go_to(self, street: str) -> Self:
        tasks = self.world.partners.tasks.values()
        return self.labels_say(street)._say(
            street, [x.order for x in tasks if x.stage != "cancelled"]
        )

    def labels_say(self, street: str) -> Self:
        labels = self.world.partners.shipments.values()
        return self._say(street, [x.order for x in labels if not x.voided])

    def erp_has(self, **units: int) -> Self:
        live = [x for x in self.world.partners.bookings.values() if not x.cancelled]
        has = {unit.line_id: unit.quantity for one in live for unit in one.units}
        assert len(live) == (1 if units else 0), self._story(live)
        assert has == by_line(units), self._story(has)
        return self

    def shop_shows(self, *parcels: dict[str, int]) -> Self:
        shown = [
            {unit.line_id: unit.quantity for unit in one.parcel.units}
            for one in self.world.partners.shown.values()
        ]
        assert shown == [by_line(one) for one in parcels], self._story(shown)
        return self

    def shop_is_cancelled(self, *, by_us: bool) -> Self:
        asked = [x for x in self.world.effects.values() if isinstance(x.effect, f.CancelAtChannel)]
        assert self.world.partners.channel_cancelled, self._story("the shop is not cancelled")
        assert bool(asked) == by_us, self._story(asked)
        return self

    def shop_shows_ready(self, *keys: str) -> Self:
        assert self.world.partners.ready == Counter(map(Key, keys)), self._story(keys)
        return self

    def shop_hears(self, *answers: str) -> Self:
        told = list(self.world.partners.answers.values())
        assert told == list(answers), self._story(told)
        return self

    def mails_are(self, *templates: str) -> Self:
        sent = sorted(template for _, template in self.world.partners.mails)
        assert sent == sorted(templates), self._story(sent)
        return self

    def stock_is_held(self, **units: int) -> Self:
        held: Counter[str] = Counter()
        for (_, line_id, _, _), quantity in self.world.partners.stock.held.items():
            held[line_id] += quantity
        for parcel in self.world.parcels.values():
            if parcel.stage not in ("packed", "unpacked"):
                for at, quantity in parcel.units:
                    held[self.world.state.lines[at].line_id] -= quantity
        assert +held == Counter(by_line(units)), self._story(held)
        return self

    def ends(self) -> None:
        drain(self.world)
        check(self.world, sampled=True)
        judge(self.world)

    # --- how ----------------------------------------------------------------------------------

    def _gives(self, given: i.Input) -> Self:
        self.world.give(given)
        self._checked()
        return self.everyone_answers()

    def _checked(self) -> None:
        check(self.world, sampled=True)
        asked_well(self.world)

    def _is_slow(self, number: int) -> bool:
        return isinstance(self.world.effects[number].effect, tuple(self._slow))

    def _answer(self, number: int) -> None:
        world, kind = self.world, type(self.world.effects[number].effect)
        if self._failing[kind]:
            self._failing[kind] -= 1
            world.answer(number, i.EffectGivenUp(number=number, reason="It can't be reached."))
        elif kind in self._refused:
            world.answer(number, i.EffectRefused(number=number, reason=self._refused.pop(kind)))
        elif self._lost[kind]:
            self._lost[kind] -= 1
            reply = world.perform(number)
            assert isinstance(reply, i.EffectDone), reply
            world.late[number] = reply.result
            lost = i.EffectGivenUp(number=number, reason="It did not answer.", outcome_known=False)
            world.answer(number, lost)
        else:
            world.answer(number, world.perform(number))

    def _finish(self, key: Key) -> None:
        task = self.world.partners.tasks.get(self.world.parcels[key].fulfilment)
        if task is not None and not task.rest() and all(x.left for x in task.boxes.values()):
            task.stage = "done"

    def _say(self, street: str, orders: list[Order]) -> Self:
        streets = [order.ship_to.lines[0] for order in orders if order.ship_to is not None]
        assert set(streets) == {street}, self._story(streets)
        return self

    def _asked(self) -> list[str]:
        state = self.world.state
        reasons = [x.reason for x in state.stuck] + [x.reason for x in state.holds]
        return reasons + [x.words for x in state.tasks]

    def _sku(self, line_id: str) -> str:
        return next(x.sku for x in self.world.state.lines if x.line_id == line_id)

    def _story(self, *about: object) -> str:
        return "\n".join((*self.words, str(about)))
