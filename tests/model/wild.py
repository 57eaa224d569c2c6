"""Inputs that no partner would send in this order of events: whatever comes, nothing may break."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.messages import effects as f
from schemas.messages import inputs as i
from schemas.messages.effects import TrackStatus
from schemas.order.things import Key
from tests.given import REF
from tests.model.choices import Choices
from tests.model.setups import STREETS, address
from tests.model.world import World

STATUSES: tuple[TrackStatus, ...] = (
    "label_created", "in_transit", "delivered", "exception", "voided", "returned", "lost",
    "unknown",
)  # fmt: skip
TIMERS = (
    "expires", "due", "track", "stock", "close", "mapping", "twin", "crowded", "nonsense",
)  # fmt: skip


def reply(world: World, choices: Choices) -> None:
    """Let a partner answer anything to one of the latest effects, whatever it did."""
    world.is_wild = True
    world.give(_reply(world, choices))


def timer(world: World, choices: Choices) -> None:
    """Let any timer fire of any thing."""
    key, name = choices.pick(_keys(world)), choices.pick(TIMERS)
    world.timers.pop((key, name), None)
    world.give(i.TimerFired(name=name, key=key))


def statement(world: World, choices: Choices) -> None:
    """Let the shop say something of another time."""
    world.is_wild = True
    at = choices.pick(("2026-11-27T11:58:00Z", "2026-11-29T12:00:00Z", world.shop.updated_at))
    order = replace(world.shop, updated_at=at)
    if choices.chance(50):
        order = replace(order, ship_to=address(choices.pick(STREETS)))
    options: tuple[i.Input, ...] = (i.UpdateOrder(order=order), i.PlaceOrder(order=order))
    world.give(choices.pick(options))


def report(world: World, choices: Choices) -> None:
    """Let a warehouse report anything about any fulfilment."""
    world.is_wild = True
    world.give(_report(world, choices))


def _keys(world: World) -> list[Key]:
    state = world.state
    return [Key("O"), Key("F9"), Key("K9"), *state.fulfilments, *state.parcels, *state.payments,
            *state.captures, *state.refunds, *state.returns, *state.ended]  # fmt: skip


def _reply(world: World, choices: Choices) -> i.Input:
    numbers = sorted(world.effects)[-12:]
    number = choices.pick(numbers)
    world.pending.pop(number, None)
    how = choices.whole(0, 3)
    if how == 0:
        return i.EffectRefused(number=number, reason="no")
    if how == 1:
        return i.EffectGivenUp(number=number, reason="?", outcome_known=choices.chance(50))
    return i.EffectDone(number=number, result=_result(world, number, choices))


def _result(world: World, number: int, choices: Choices) -> f.Result:
    one = world.effects[number]
    match one.effect:
        case f.ReserveStock(place=place, units=units, places=places):
            if choices.chance(60):
                return f.StockReserved(place=place)
            seen = tuple(
                f.Seen(where, unit.sku, choices.whole(-1, 3)) for where in places for unit in units
            )
            return f.StockShort(skus=tuple(unit.sku for unit in units), seen=seen)
        case f.CancelTask():
            ends: tuple[f.Result, ...] = (f.Undone(), f.CancelAsked())
            return choices.pick(ends)
        case f.BuyLabel(parcels=parcels):
            labels = tuple(
                f.BoughtLabel(parcel=x.parcel, tracking_number=f"1ZS{one.key}{x.parcel}")
                for x in parcels
            )
            return f.LabelBought(shipment_id=f"S{one.key}", carrier="UPS", labels=labels)
        case f.RestockReturn(place=place):
            return f.StockReturned(place=place)
        case f.CapturePayment(amount_minor=amount):
            left = choices.pick((0, 0, 500))
            return f.PaymentCaptured(amount_minor=amount, left_minor=left)
        case f.RefundPayment(amount_minor=amount):
            given = choices.pick((amount, amount, amount // 2, 0))
            excess = choices.pick((0, 0, 0, 100))
            return f.PaymentRefunded(
                amount_minor=given, by_others=given < amount, excess_minor=excess
            )
        case f.TrackParcel():
            return f.Tracked(status=choices.pick(STATUSES))
        case f.CancelAtChannel():
            return f.ChannelCancelled(told=choices.chance(50))
        case f.TellStanding():
            return f.StandingTold(told=choices.chance(50))
    return _plain(one.key, number, one.effect)


def _plain(key: Key, number: int, effect: f.Effect) -> f.Result:
    match effect:
        case f.CreateTask():
            return f.TaskCreated(task_id=f"t-{key}")
        case f.PublishFulfilment():
            return f.FulfilmentPublished(outside_ids=(f"gid-{number}",))
        case f.PostSalesOrder():
            return f.SalesOrderPosted(erp_id=f"e-{key}", number=f"S-{key}")
        case f.AmendSalesOrder(digest=digest):
            return f.SalesOrderAmended(digest=digest)
        case f.FetchOrder():
            return f.OrderFetched(digest="d" * 64)
        case f.SendMail():
            return f.MailSent(message_id=f"m-{key}")
    return f.Undone()


def _report(world: World, choices: Choices) -> i.Input:
    state = world.state
    keys = [*state.fulfilments, *[k for k in state.ended if k[0] == "F"], Key("F7")]
    key = choices.pick(keys)
    units = tuple(
        f.Units(x.line_id, choices.pick((x.sku, x.sku, "SKU-else", "")), choices.whole(0, 3))
        for x in state.lines
        if choices.chance(60)
    )
    parcel = i.ReportedParcel(
        parcel_id=f"p{choices.whole(1, 4)}",
        units=choices.pick(((), units, units, (f.Units("no-line", "SKU-9", 1),))),
        tracking_number=choices.pick(("", "", "NR1", "NR2")),
    )
    parcels = choices.pick(((), (parcel,), (parcel,)))
    task_id = choices.pick((f"t-{key}", f"t-{key}", "t-other"))
    which, sequence = choices.whole(0, 5), choices.pick((0, 1, 2, 3))
    if which == 0:
        return i.ReportPicked(ref=REF, fulfilment=key, task_id=task_id)
    if which == 1:
        return i.ReportShortPicked(ref=REF, fulfilment=key, task_id=task_id, found=units)
    if which == 2:
        complete = choices.chance(60)
        return i.ReportPacked(
            ref=REF, fulfilment=key, task_id=task_id, parcels=parcels, complete=complete,
            sequence=sequence,
        )  # fmt: skip
    if which == 3:
        return i.ReportHandedOver(
            ref=REF, fulfilment=key, task_id=task_id, parcels=parcels, sequence=sequence
        )
    if which == 4:
        return i.ReportTaskCancelled(ref=REF, fulfilment=key, task_id=task_id)
    return i.ReportCollected(ref=REF, fulfilment=key, task_id=task_id, sequence=sequence)
