"""Walks at random through an order's life, for tests: whatever comes, in any order, doubled, late.

Each walk is told by its number alone, so that a failing one can be walked again.
"""

from __future__ import annotations

import random
from datetime import timedelta

from msgspec.structs import replace

from actors.kernel.setup import Place, Setup
from actors.order.normalise import NO_TABLES, Tables
from actors.order.policy import Policy
from actors.order.stream import State, row_of
from actors.order.table import FINAL
from schemas.contracts.mappings import from_table
from schemas.messages import effects as f
from schemas.messages import inputs as i
from schemas.messages.effects import tag_of
from schemas.order.canonical import Line, Order
from schemas.order.things import Key
from tests.given import CHANNEL, ELSEWHERE, MAIN, REF, SETUP, Story, a_line, a_parcel, order_of

PAYMENTS = ("pending", "authorized", "paid", "paid", "partially_refunded", "refunded", "voided")
STATUSES = (
    "label_created", "in_transit", "in_transit", "delivered", "delivered", "exception", "returned",
    "lost", "unknown",
)  # fmt: skip
VERBS = (
    "retry", "skip", "release", "done", "accept", "ship-short", "backorder", "drop", "cancel",
    "nonsense",
)  # fmt: skip
SETUPS = (
    SETUP,
    replace(SETUP, places=(MAIN, Place(name="WH2", warehouse="wms-2", carrier="dhl"))),
    replace(SETUP, places=(Place(name="3PL", warehouse="3pl", labels="them"),)),
    replace(SETUP, places=(Place(name="3PL", warehouse="3pl", carrier="dhl", labels="them"), MAIN)),
    replace(SETUP, places=(Place(name="home", carrier="ups"),)),
    replace(SETUP, places=(Place(name="home"),), stock=False),
    replace(SETUP, erp="", mail=""),
    replace(SETUP, places=()),
    replace(SETUP, storefront=""),
    replace(SETUP, stock=False, short_pick="backorder"),
    replace(SETUP, short_pick="drop", writes=frozenset({"order_confirmed", "order_cancelled",
                                                       "order_partly_cancelled"})),
    replace(SETUP, promised=frozenset({"cod", "net30"}), collected=frozenset({"cod"})),
    Setup(channel=CHANNEL),
)  # fmt: skip


KNOWN = [f"SKU-{n}" for n in range(2, 10)]


def _tables(version: int, skus: dict[str, object]) -> Tables:
    return Tables(from_table({"channels": {CHANNEL: {"skus": skus}}}), version)


class Walk:
    """One order, and everything that could happen to it."""

    def __init__(self, number: int, *, checked: bool = True) -> None:
        self.dice = random.Random(number)
        policy = Policy(close_after_seconds=self.dice.choice((0.0, 0.0, 3600.0)))
        setup = SETUPS[number % len(SETUPS)]
        self.story = Story(policy=policy, setup=setup, checked=checked)
        if number % 7 == 3:
            self.story.mappings = _tables(1, {"aliases": {"SKU-1": "CUP"}, "known": KNOWN[:3]})
        self.minutes = 0
        self.statement = self._first()

    def step(self) -> i.Input:
        """Let one thing happen that could, and return it."""
        given = self.dice.choice(self._possible())
        self.story.when(given)
        return given

    @property
    def state(self) -> State:
        """The order as it stands."""
        return self.story.state

    # --- what could happen ------------------------------------------------------------------------

    def _possible(self) -> list[i.Input]:
        """Return what could come next, of a kind of sender that chance chose."""
        state, dice = self.state, self.dice
        if not state.lines:
            return self._unborn()
        sender = dice.choices(
            ("partners", "help", "warehouse", "channel", "people", "late", "time"),
            (40, 22, 10, 8, 9, 5, 6),
        )[0]
        found: list[i.Input] = []
        match sender:
            case "partners":
                found = self._from_partners()
            case "warehouse":
                for key in state.fulfilments:
                    found += self._from_warehouse(key)
            case "channel":
                found = self._from_channel()
            case "people":
                found = self._from_people()
            case "late":
                found = self._late()
            case "time":
                if self.story.mappings is not NO_TABLES and dice.random() < 0.3:
                    known: dict[str, object] = {"aliases": {"SKU-1": "CUP"}, "known": KNOWN}
                    self.story.mappings = _tables(2, known)
                found = [i.TimerFired(name=name, key=key) for key, name in self.story.timers]
        return found or [self._helpful()]

    def _unborn(self) -> list[i.Input]:
        """What may come before the order itself."""
        dice = self.dice
        if dice.random() < 0.6:
            return [i.PlaceOrder(order=self.statement, fulfilled=self._all_shown())]
        found: list[i.Input] = [
            i.ConfirmPayment(ref=REF),
            i.CancelOrder(ref=REF, whole=dice.random() < 0.3),
            i.NoteReport(
                ref=REF,
                source="amazon",
                topic="PENDING",
                words="it waits",
                waits=dice.random() < 0.5,
                hold=dice.choice(("", "before_hand_over")),
            ),
            i.RefetchOrder(ref=REF, source="amazon", topic="ORDER_CHANGE"),
            i.ActOnOrder(ref=REF, verb=dice.choice(("retry", "skip", "cancel")), person="ann"),
            *self._from_partners(),
            *(i.TimerFired(name=name, key=key) for key, name in self.story.timers),
        ]
        return found

    def _all_shown(self) -> tuple[i.OutsideShipment, ...]:
        """Now and then everything, or a part, was fulfilled before we heard of it."""
        if self.dice.random() < 0.92:
            return ()
        lines = self.statement.lines
        if self.dice.random() < 0.5:
            lines = lines[:1]
        units = tuple(f.Units(x.line_id, x.sku, x.quantity) for x in lines)
        return (i.OutsideShipment(outside_id="pos", units=units),)

    def _from_partners(self) -> list[i.Input]:
        found: list[i.Input] = []
        for intent in self.state.open:
            found.append(i.EffectDone(number=intent.number, result=self.result(intent.number)))
            if self.dice.random() < 0.2:
                found.append(i.EffectRefused(number=intent.number, reason="no"))
            if self.dice.random() < 0.25:
                known = self.dice.random() < 0.5
                found.append(
                    i.EffectGivenUp(number=intent.number, reason="who knows", outcome_known=known)
                )
        return found

    def _late(self) -> list[i.Input]:
        """Answers to effects that ended long ago, and things that never were."""
        numbers = [x.number for x in self.state.lost]
        if not numbers or self.dice.random() < 0.3:
            numbers = sorted(self.story.effects)[-12:]
        elif self.dice.random() < 0.8:
            return [i.EffectDone(number=one, result=self.result(one)) for one in numbers]
        found: list[i.Input] = [
            i.EffectDone(number=number, result=self.result(number)) for number in numbers
        ]
        found.append(i.EffectRefused(number=999, reason="no"))
        found.append(i.TimerFired(name=self.dice.choice(("due", "track", "stock", "close", "x"))))
        found.append(i.TimerFired(name="track", key=Key("K9")))
        for key in (*list(self.state.ended), Key("F9")):
            if key[0] == "F":
                found += self._from_warehouse(key)
        return found

    def result(self, number: int) -> f.Result:
        """Return what a partner could answer."""
        effect, dice = self.story.effects[number], self.dice
        match effect:
            case f.ReserveStock(place=place, units=units, places=places):
                if dice.random() < 0.3:
                    seen = tuple(
                        f.Seen(where, unit.sku, dice.choice((0, 0, 1, 2, 9)))
                        for where in places
                        for unit in units
                    )
                    return f.StockShort(skus=(units[0].sku,) if units else (), seen=seen)
                return f.StockReserved(place=place)
            case f.PostSalesOrder():
                return f.SalesOrderPosted(erp_id="e-1", number="S-1")
            case f.AmendSalesOrder(digest=digest):
                return f.SalesOrderAmended(digest=digest)
            case f.CreateTask():
                return f.TaskCreated(task_id=f"t-{number}")
            case f.CancelTask():
                return f.CancelAsked() if dice.random() < 0.4 else f.Undone()
            case f.BuyLabel(parcels=parcels):
                labels = tuple(
                    f.BoughtLabel(parcel=x.parcel, tracking_number=f"1Z{number}{x.parcel}")
                    for x in parcels
                )
                return f.LabelBought(shipment_id=f"S{number}", carrier="UPS", labels=labels)
            case f.TrackParcel():
                return f.Tracked(status=dice.choice(STATUSES))
            case f.PublishFulfilment():
                return f.FulfilmentPublished(outside_ids=(f"f-{number}",))
            case f.CancelAtChannel():
                return f.ChannelCancelled(told=dice.random() < 0.8)
            case f.FetchOrder():
                return f.OrderFetched(digest="d" * 64)
            case f.SendMail():
                return f.MailSent(message_id="m")
        return f.Undone()

    def _from_warehouse(self, key: Key) -> list[i.Input]:
        state, dice = self.state, self.dice
        thing = state.fulfilments.get(key)
        left = dict(thing.left) if thing is not None else {}
        lines = state.lines
        units = {
            f"l{lines[at].line_id}": max(0, count + dice.choice((0, 0, 0, 0, -1, 1)))
            for at, count in left.items()
            if dice.random() < 0.8
        }
        number = dice.choice(("", "", f"NR{dice.randrange(99)}"))
        parcel = a_parcel(f"p{dice.randrange(6)}", number, **units)
        whole = i.ReportedParcel(parcel_id=f"{key}-w{dice.randrange(3)}")
        task = {"ref": REF, "fulfilment": key, "task_id": f"t-{key}"}
        found_units = tuple(
            f.Units(lines[at].line_id, lines[at].sku, max(0, count - dice.choice((0, 1))))
            for at, count in left.items()
        )
        mine = [x for x in state.parcels.values() if x.fulfilment == key]
        known = [i.ReportedParcel(parcel_id=x.parcel_id) for x in mine if x.parcel_id]
        found: list[i.Input] = [i.ReportHandedOver(**task, parcels=(one,)) for one in known[:3]]
        return [
            *found,
            i.ReportPicked(**task),
            i.ReportShortPicked(**task, found=found_units),
            i.ReportPacked(**task, parcels=(dice.choice((parcel, whole)),),
                           complete=dice.random() < 0.7),
            i.ReportHandedOver(**task),
            i.ReportHandedOver(**task, parcels=(dice.choice((parcel, whole)),)),
            i.ReportTaskCancelled(**task),
            i.ReportCollected(**task),
        ]  # fmt: skip

    def _from_people(self) -> list[i.Input]:
        dice, state = self.dice, self.state
        targets = ["", *state.fulfilments, *(x.task_id for x in state.tasks)]
        targets += [str(x.number) for x in state.stuck]
        targets += [x.hold_id for x in state.holds]
        verb = dice.choice(VERBS)
        if verb == "cancel" and dice.random() < 0.6:
            verb = "release"
        found: list[i.Input] = [
            i.ActOnOrder(ref=REF, verb=verb, person="ann", target=dice.choice(targets))
        ]
        lines = tuple(
            i.LineEdit(line_id=x.line_id, quantity=dice.randrange(3))
            for x in state.lines
            if dice.random() < 0.4
        )
        ship_to = dice.choice((None, ELSEWHERE, replace(ELSEWHERE, city=f"C{dice.randrange(9)}")))
        found.append(i.EditOrder(ref=REF, person="bob", lines=lines, ship_to=ship_to))
        return found

    def _from_channel(self) -> list[i.Input]:
        dice = self.dice
        shown = self._shown()
        found: list[i.Input] = [
            i.PlaceOrder(order=self.statement),
            i.UpdateOrder(order=self._again(), fulfilled=shown),
            i.UpdateOrder(order=self._changed(), fulfilled=dice.choice((shown, ()))),
            i.ConfirmPayment(ref=REF),
            i.ConfirmPayment(ref=REF, order=self._changed()),
            i.NoteReport(
                ref=REF,
                source="shopify",
                topic=dice.choice(("refunds/create", "orders/edited")),
                words="news",
                hold=dice.choice(("", "before_hand_over", "once_begun")),
                refetch=dice.random() < 0.5,
                at=dice.choice((None, self.statement.updated_at)),
            ),
            i.NoteReport(ref=REF, source="amazon", topic="PENDING", words="it waits", waits=True),
            i.RefetchOrder(ref=REF, source="amazon", topic="ORDER_CHANGE"),
        ]
        if dice.random() < 0.15:
            found.append(i.CancelOrder(ref=REF, whole=dice.random() < 0.5))
        return found

    def _shown(self) -> tuple[i.OutsideShipment, ...]:
        """What the channel shows as fulfilled: ours, or somebody else's."""
        dice, state = self.dice, self.state
        units = tuple(f.Units(x.line_id, x.sku, 1) for x in state.lines if dice.random() < 0.3)
        if not units or dice.random() < 0.5:
            return ()
        ids = [one for x in state.fulfilments.values() for one in x.outside]
        numbers = [x.number for x in state.parcels.values() if x.number]
        return (
            i.OutsideShipment(
                outside_id=dice.choice(("", "foreign-1", f"foreign-{dice.randrange(9)}", *ids)),
                units=units,
                tracking_numbers=(dice.choice(numbers),) if numbers and dice.random() < 0.5 else (),
            ),
        )

    # --- statements -------------------------------------------------------------------------------

    def _first(self) -> Order:
        dice = self.dice
        lines = [self._line(n) for n in range(1, dice.randrange(1, 4) + 1)]
        methods = dice.choice(("", "", "cod", "net30, gift_card"))
        return self._stamped(
            order_of(*lines, payment=dice.choice(PAYMENTS), payment_method=methods)
        )

    def _line(self, number: int) -> Line:
        delivery = self.dice.choice(
            ("", "", "", "", "", "parcel", "digital", "elsewhere", "pickup", "local_delivery")
        )
        return a_line(str(number), self.dice.randrange(1, 4), delivery=delivery)

    def _stamped(self, order: Order) -> Order:
        if self.dice.random() < 0.95:
            self.minutes += 1
        at = f"2026-11-{27 + self.minutes // 1440:02d}T{self.minutes // 60 % 24:02d}:"
        return replace(order, updated_at=f"{at}{self.minutes % 60:02d}:00Z")

    def _again(self) -> Order:
        self.statement = self._stamped(self.statement)
        return self.statement

    def _changed(self) -> Order:
        dice, order = self.dice, self.statement
        lines = []
        for line in order.lines:
            if dice.random() < 0.2 and len(order.lines) > 1:
                continue
            quantity = max(1, line.quantity + dice.choice((0, 0, 0, -1, 1)))
            lines.append(replace(line, quantity=quantity, total_minor=500 * quantity))
        if dice.random() < 0.2 or not lines:
            lines.append(self._line(dice.randrange(4, 9)))
        unique = {line.line_id: line for line in lines}
        made = order_of(*unique.values())
        changes = {
            "payment": dice.choice((order.payment, order.payment, *PAYMENTS)),
            "payment_method": order.payment_method,
            "ship_to": dice.choice((order.ship_to, order.ship_to, ELSEWHERE)),
            "note": dice.choice((order.note, f"note {dice.randrange(9)}")),
        }
        self.statement = self._stamped(replace(made, **changes))
        return self.statement

    # --- the end ----------------------------------------------------------------------------------

    def settle(self, most: int = 600) -> int:
        """Let everyone answer well, and return how many answers it took until the order ended."""
        story = self.story
        for count in range(most):
            if story.state.stage in FINAL and not story.state.open and not story.state.tasks:
                return count
            story.when(self._helpful())
        raise AssertionError(f"The order does not end: {row_of(story.state)} {story.state}")

    def _helpful(self) -> i.Input:
        state, story = self.state, self.story
        if not state.lines:
            return i.PlaceOrder(order=self.statement)
        if state.open:
            number = state.open[0].number
            return i.EffectDone(number=number, result=self._kind_answer(number))
        if state.stuck:
            verb = "skip" if self.dice.random() < 0.3 else "retry"
            return i.ActOnOrder(ref=REF, verb=verb, person="ann")
        if state.holds:
            return i.ActOnOrder(ref=REF, verb="release", person="ann")
        for key, thing in state.fulfilments.items():
            task = {"ref": REF, "fulfilment": key, "task_id": thing.task}
            if thing.stop and thing.asked:
                return i.ReportTaskCancelled(**task)
            if thing.stop or thing.stage in ("handed_over", "cancelled", "recalled", "done"):
                continue
            if thing.delivery in ("pickup", "local_delivery") and thing.stage != "short":
                return i.ReportCollected(**task)
            if thing.stage in ("released", "picked") or thing.more:
                return i.ReportPacked(**task, parcels=(i.ReportedParcel(parcel_id=f"{key}-end"),))
            if thing.missing:
                return i.ActOnOrder(ref=REF, verb="ship-short", person="ann", target=key)
            if thing.stage == "packed":
                return i.ReportHandedOver(**task)
        for parcel in state.parcels.values():
            thing = state.fulfilments.get(parcel.fulfilment)
            if thing is None:
                continue
            if parcel.stage == "handed_over" and thing.delivery in ("pickup", "local_delivery"):
                return i.ReportCollected(ref=REF, fulfilment=parcel.fulfilment, task_id=thing.task)
        if state.tasks:
            return i.ActOnOrder(ref=REF, verb="done", person="ann")
        if state.stage in ("placed", "accepted") and state.payment not in ("paid", "authorized"):
            waits = state.stage == "placed" or state.sums.get("o")
            if waits and state.cancel is None and not state.accepted_by:
                return i.ActOnOrder(ref=REF, verb="accept", person="ann")
        for name in ("track", "stock", "close", "mapping"):
            for key, timer in story.timers:
                if timer == name:
                    return i.TimerFired(name=name, key=key)
        return i.ActOnOrder(ref=REF, verb="done", person="ann")

    def _kind_answer(self, number: int) -> f.Result:
        effect = self.story.effects[number]
        if isinstance(effect, f.TrackParcel):
            return f.Tracked(status="delivered")
        if isinstance(effect, f.ReserveStock):
            return f.StockReserved(place=effect.place)
        return self.result(number)


def kinds_open(state: State) -> list[str]:
    """Return the kinds of the open effects."""
    return [x.kind for x in state.open]


def wait(story: Story, seconds: float) -> None:
    """Let time pass."""
    story.now += timedelta(seconds=seconds)


__all__ = ["SETUPS", "Walk", "kinds_open", "tag_of", "wait"]
