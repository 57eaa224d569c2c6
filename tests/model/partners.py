"""Simulated partners. What they did is the truth that an order's end is judged by.

Each finds a thing again by its key, as the real ones do by the signed reference: a repeat returns
what the first call made, and never makes it twice.
"""

from __future__ import annotations

from collections import Counter

from msgspec import Struct

from schemas.messages import effects as f
from schemas.messages import inputs as i
from schemas.order.canonical import Order
from schemas.order.shares import as_paid
from schemas.order.things import Key

SENT = frozenset({"in_transit", "delivered", "exception", "returned", "lost"})


class Refusal(Exception):
    """A partner says no, for a reason that repeating won't change."""


class Stock:
    """Places with goods. A SKU without a figure is not counted there."""

    def __init__(self) -> None:
        self.on_hand: dict[tuple[str, str], int] = {}
        self.held: Counter[tuple[Key, str, str, str]] = Counter()

    def free(self, place: str, sku: str) -> int:
        """Return what a place can still promise, -1 for a SKU that is not counted."""
        if (place, sku) not in self.on_hand:
            return -1
        held = sum(q for (_, _, s, p), q in self.held.items() if (p, s) == (place, sku))
        return self.on_hand[place, sku] - held

    def reserve(self, key: Key, asked: f.ReserveStock) -> f.Result:
        """Reserve all or nothing, filling up what is held already."""
        need: Counter[str] = Counter()
        for unit in asked.units:
            held = self.held[key, unit.line_id, unit.sku, asked.place]
            need[unit.sku] += max(0, unit.quantity - held)
        short = tuple(
            sku for sku, count in need.items() if -1 < self.free(asked.place, sku) < count
        )
        if short:
            seen = tuple(
                f.Seen(place, sku, self.free(place, sku)) for place in asked.places for sku in need
            )
            return f.StockShort(skus=short, seen=seen)
        for unit in asked.units:
            at = (key, unit.line_id, unit.sku, asked.place)
            self.held[at] = max(self.held[at], unit.quantity)
        return f.StockReserved(place=asked.place)

    def release(self, key: Key, asked: f.ReleaseStock) -> f.Result:
        """Give back these units, or all of them."""
        for at in [at for at in self.held if at[0] == key]:
            if not asked.units:
                del self.held[at]
        for unit in asked.units:
            at = (key, unit.line_id, unit.sku, asked.place)
            self.held[at] -= min(self.held[at], unit.quantity)
        return f.Undone()

    def held_by(self, key: Key) -> Counter[str]:
        """Return what a fulfilment holds, by line."""
        found: Counter[str] = Counter()
        for (whose, line_id, _, _), quantity in self.held.items():
            if whose == key:
                found[line_id] += quantity
        return found


class Box:
    """A parcel as it stands in a warehouse. `number` is the warehouse's own."""

    def __init__(self, box_id: str, units: dict[str, int], skus: dict[str, str]) -> None:
        self.box_id = box_id
        self.units = units
        self.skus = skus
        self.carrier = ""
        self.number = ""
        self.left = False
        self.told = False
        self.told_number = False


class Task:
    """What a warehouse was asked, and what it did."""

    def __init__(self, task_id: str, asked: f.CreateTask, order: Order) -> None:
        self.task_id = task_id
        self.asked = asked
        self.order = order
        self.boxes: dict[str, Box] = {}
        self.stage = "open"
        self.packed = False
        self.wishes_cancel = False
        self.reports = 0

    @property
    def is_live(self) -> bool:
        """Whether somebody still works on it."""
        return self.stage == "open"

    def rest(self) -> dict[str, int]:
        """Return what is asked and not in a box."""
        left = {unit.line_id: unit.quantity for unit in self.asked.units}
        for box in self.boxes.values():
            for line_id, quantity in box.units.items():
                left[line_id] = left.get(line_id, 0) - quantity
        return {line_id: quantity for line_id, quantity in left.items() if quantity > 0}


class Shipment:
    """A label that was bought."""

    def __init__(self, shipment_id: str, asked: f.BuyLabel, order: Order) -> None:
        self.shipment_id = shipment_id
        self.asked = asked
        self.order = order
        self.numbers = {one.parcel: f"1Z{shipment_id}{one.parcel}" for one in asked.parcels}
        self.voided = False


class Booking:
    """A sales order in the ERP, as it says now."""

    def __init__(self, erp_id: str, units: tuple[f.Units, ...], order: Order) -> None:
        self.erp_id = erp_id
        self.units = units
        self.order = order
        self.cancelled = False


class Taken(Struct, frozen=True):
    """Money that the channel took by one capture."""

    amount: int
    left: int


class Shown(Struct, frozen=True):
    """A parcel that the shop shows as sent by us."""

    outside_id: str
    fulfilment: Key
    parcel: f.SentParcel


class Partners:
    """Everyone whom the order asks for something."""

    def __init__(self) -> None:
        self.stock = Stock()
        self.tasks: dict[Key, Task] = {}
        self.shipments: dict[Key, Shipment] = {}
        self.bookings: dict[Key, Booking] = {}
        self.mails: Counter[tuple[Key, str]] = Counter()
        self.ways: dict[str, str] = {}
        self.shown: dict[Key, Shown] = {}
        self.others: list[i.OutsideShipment] = []
        self.channel_cancelled = False
        self.ready: Counter[Key] = Counter()
        self.answers: dict[str, str] = {}
        self.taken: dict[Key, Taken] = {}
        self.given: dict[Key, int] = {}
        self.back: dict[Key, tuple[f.Units, ...]] = {}
        self.is_freed = False
        self.frees_rest = False
        self.loses_images = False  # and its carrier gives an image only once

    # --- what there is already --------------------------------------------------------------------

    def has(self, key: Key, effect: f.Effect) -> bool:
        """Whether an earlier call of the same purpose did it already."""
        match effect:
            case f.ReserveStock():
                return bool(self.stock.held_by(key).total())
            case f.CreateTask():
                return key in self.tasks
            case f.CancelTask():
                return key in self.tasks and self.tasks[key].stage == "cancelled"
            case f.BuyLabel():
                return key in self.shipments
            case f.VoidLabel():
                return key in self.shipments and self.shipments[key].voided
            case f.CancelSalesOrder():
                return key in self.bookings and self.bookings[key].cancelled
            case f.PostSalesOrder():
                return key in self.bookings
            case f.SendMail():
                return any(known == key for known, _ in self.mails)
            case f.CapturePayment():
                return key in self.taken
            case f.RefundPayment() | f.RestockReturn():
                return key in self.given or key in self.back
            case f.PublishFulfilment(parcels=parcels):
                return all(one.parcel in self.shown for one in parcels)
        return False

    def do(self, key: Key, effect: f.Effect, order: Order) -> f.Result:
        """Do what is asked, or find that it was done. Raises Refusal."""
        match effect:
            case f.ReserveStock():
                return self.stock.reserve(key, effect)
            case f.ReleaseStock() | f.RestockReturn():
                return self._give_back(key, effect)
            case f.CreateTask():
                if key not in self.tasks:
                    self.tasks[key] = Task(f"t-{key}", effect, order)
                return f.TaskCreated(task_id=self.tasks[key].task_id)
            case f.CancelTask():
                return self._cancel_task(key)
            case f.BuyLabel() | f.VoidLabel() | f.TrackParcel():
                return self._carrier(key, effect, order)
            case f.PostSalesOrder() | f.AmendSalesOrder() | f.CancelSalesOrder():
                return self._erp(key, effect, order)
            case f.PublishFulfilment():
                return self._publish(key, effect)
            case f.CancelAtChannel() | f.TellStanding() | f.CapturePayment() | f.RefundPayment():
                return self._tell(key, effect, order)
            case f.SendMail(template=template):
                self.mails[key, template] = 1
                return f.MailSent(message_id=f"m-{key}")
            case f.FetchOrder():
                return f.OrderFetched(digest="d" * 64)
        raise AssertionError(effect)

    def _give_back(self, key: Key, effect: f.ReleaseStock | f.RestockReturn) -> f.Result:
        """Give back what was reserved, or put what came back on its shelf, once for each return."""
        if isinstance(effect, f.ReleaseStock):
            return self.stock.release(key, effect)
        for unit in effect.units if key not in self.back else ():
            if (effect.place, unit.sku) in self.stock.on_hand:
                self.stock.on_hand[effect.place, unit.sku] += unit.quantity
        self.back.setdefault(key, effect.units)
        return f.StockReturned(place=effect.place)

    def _cancel_task(self, key: Key) -> f.Result:
        task = self.tasks.get(key)
        if task is None:
            return f.Undone()
        if any(box.left for box in task.boxes.values()) and not task.rest():
            raise Refusal("The goods have left.")
        if task.stage == "open":
            task.stage = "cancelled"
        if task.stage == "done":
            raise Refusal("The task is finished.")
        return f.Undone()

    def _carrier(
        self, key: Key, effect: f.BuyLabel | f.VoidLabel | f.TrackParcel, order: Order
    ) -> f.Result:
        match effect:
            case f.BuyLabel():
                if key not in self.shipments:
                    self.shipments[key] = Shipment(f"S{key}", effect, order)
                one = self.shipments[key]
                labels = tuple(
                    f.BoughtLabel(parcel=parcel, tracking_number=number)
                    for parcel, number in one.numbers.items()
                )
                return f.LabelBought(
                    shipment_id=one.shipment_id,
                    carrier="UPS",
                    labels=labels,
                    reprint_at="ups.com" if self.loses_images else "",
                )
            case f.VoidLabel():
                if key not in self.shipments:
                    return f.Undone()
                one = self.shipments[key]
                if any(self.ways.get(number) in SENT for number in one.numbers.values()):
                    raise Refusal("The label was scanned.")
                one.voided = True
                return f.Undone()
        number = effect.tracking_number
        void = any(x.voided and number in x.numbers.values() for x in self.shipments.values())
        status = self.ways.get(number, "voided" if void else "label_created")
        return f.Tracked(status=status, at="2026-11-28T10:00:00Z")  # type: ignore[arg-type]  # of TrackStatus

    def _erp(
        self,
        key: Key,
        effect: f.PostSalesOrder | f.AmendSalesOrder | f.CancelSalesOrder,
        order: Order,
    ) -> f.Result:
        match effect:
            case f.PostSalesOrder(units=units):
                if key not in self.bookings:
                    self.bookings[key] = Booking(f"e-{key}", units, order)
                erp_id = self.bookings[key].erp_id
                return f.SalesOrderPosted(erp_id=erp_id, number=f"S-{key}")
            case f.AmendSalesOrder(units=units, digest=digest):
                one = self.bookings.setdefault(key, Booking(effect.erp_id, units, order))
                one.units, one.order = units, order
                return f.SalesOrderAmended(digest=digest)
        if key in self.bookings:
            self.bookings[key].cancelled = True
        return f.Undone()

    def _tell(
        self,
        key: Key,
        effect: f.CancelAtChannel | f.TellStanding | f.CapturePayment | f.RefundPayment,
        order: Order,
    ) -> f.Result:
        if isinstance(effect, f.RefundPayment):
            amount = self.given.setdefault(key, effect.amount_minor)
            return f.PaymentRefunded(amount_minor=amount, outside_id=f"R-{key}")
        if isinstance(effect, f.CapturePayment):
            return self._capture(key, effect, order)
        if isinstance(effect, f.CancelAtChannel):
            told = not self.channel_cancelled
            self.channel_cancelled = True
            return f.ChannelCancelled(told=told)
        if effect.outside_id:
            told = effect.outside_id not in self.answers
            self.answers.setdefault(effect.outside_id, effect.what)
        else:
            told = not self.ready[key]
            self.ready[key] += told
        return f.StandingTold(told=told)

    def _capture(self, key: Key, effect: f.CapturePayment, order: Order) -> f.Result:
        """Take the money once for each capture; some gateways free the rest of it then."""
        if key not in self.taken:
            if self.is_freed or self.channel_cancelled:
                raise Refusal("The authorisation is gone.")
            whole = as_paid(order).total_minor
            left = max(0, whole - self.money() - effect.amount_minor)
            self.is_freed = self.frees_rest or not left
            self.taken[key] = Taken(effect.amount_minor, 0 if self.is_freed else left)
        one = self.taken[key]
        return f.PaymentCaptured(
            amount_minor=one.amount, left_minor=one.left, outside_id=f"T-{key}"
        )

    def money(self) -> int:
        """Return what was captured in all."""
        return sum(one.amount for one in self.taken.values())

    def _publish(self, key: Key, effect: f.PublishFulfilment) -> f.Result:
        if self.channel_cancelled:
            raise Refusal("The order is cancelled.")
        ids = []
        for one in effect.parcels:
            if one.parcel not in self.shown:
                self.shown[one.parcel] = Shown(f"gid-{key}-{one.parcel}", key, one)
            ids.append(self.shown[one.parcel].outside_id)
        return f.FulfilmentPublished(outside_ids=tuple(ids))

    # --- the storefront's view --------------------------------------------------------------------

    def fulfilled(self, *, sums: bool) -> tuple[i.OutsideShipment, ...]:
        """Return what the shop shows as fulfilled, ours and others'."""
        ours = [
            i.OutsideShipment(
                outside_id=one.outside_id,
                units=one.parcel.units,
                tracking_numbers=(one.parcel.tracking_number,)
                if one.parcel.tracking_number
                else (),
            )
            for one in self.shown.values()
        ]
        every = [*ours, *self.others]
        if not sums or not every:
            return tuple(every)
        total: Counter[tuple[str, str]] = Counter()
        for shipment in every:
            for unit in shipment.units:
                total[unit.line_id, unit.sku] += unit.quantity
        units = tuple(f.Units(line_id, sku, count) for (line_id, sku), count in total.items())
        return (i.OutsideShipment(outside_id="", units=units),)
