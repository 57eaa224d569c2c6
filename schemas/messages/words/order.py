"""Events of the order itself, and those that any of its things may have, in words."""

from __future__ import annotations

from schemas.messages import events as e
from schemas.messages.words.effects import effect_words
from schemas.messages.words.parts import (
    Lines,
    Words,
    because,
    counted,
    inside,
    listed,
    moved,
    named,
    sentence,
    simply,
    thing_words,
    total,
    wished,
)
from schemas.order.money import decimal_text
from schemas.order.things import ORDER

FACETS = {
    "address": "the address",
    "contact": "the contact",
    "method": "the shipping method",
    "note": "the note",
    "lines": "the lines",
    "money": "the amounts",
    "due": "the amount to collect",
    "terms": "the method of payment",
    "texts": "its texts",
}
"""What may differ after a change, in words."""


def _placed(event: e.Placed, lines: Lines) -> str:
    amount = decimal_text(event.total_minor, event.currency)
    to = f" to {event.country}" if event.country else ""
    doubts = ", ".join(one[:40].replace("_", " ") for one in event.doubts)
    doubt = f" In doubt: {doubts} (see the order's attributes)." if doubts else ""
    parts = tuple((at, line.quantity) for at, line in enumerate(event.lines))
    return (
        f"Order {event.number} placed on {event.channel}: {total(parts)}{to}, {amount}"
        f" {event.currency}, payment {event.payment.replace('_', ' ')}.{doubt}"
    )


def _paid(event: e.PaymentConfirmed, lines: Lines) -> str:
    if event.payment == "authorized":
        return f"{event.channel} says that the money is reserved."
    return f"{event.channel} confirms the payment."


def _accepted(event: e.Accepted, lines: Lines) -> str:
    who = f" by {event.person}" if event.person else ""
    basis = event.basis.replace("_", " ")
    claim = f" No other order of {event.claim} is." if event.claim else ""
    return f"Accepted{who}: the order may be worked on{f' ({basis})' if basis else ''}.{claim}"


def _duplicate(event: e.Duplicate, lines: Lines) -> str:
    return (
        f"Only recorded: the same order ({event.claim}) came as {event.ref} of {event.channel}, "
        f"and is worked on there (order {event.order_id})."
    )


def _taken_over(event: e.TakenOver, lines: Lines) -> str:
    why = because(event.reason)
    return f"{event.person} has it worked on instead of the other order of {event.claim}{why}"


def _twin_cancelled(event: e.TwinCancelled, lines: Lines) -> str:
    if event.known:
        return "The order that is worked on instead of this one is cancelled."
    return "Too many orders have this marketplace's id: this one won't hear what becomes of it."


def _changed(event: e.Changed, lines: Lines) -> str:
    what = listed([FACETS.get(one, one) for one in event.facets])
    who = _who(event.by)
    told = [f"{who} changed {what}" if what else f"{who} changed the order"]
    if added := moved(event, "open"):
        told.append(f"{named(added, lines)} added")
    if gone := wished(event):
        told.append(f"{named(gone, lines)} no longer wanted")
    return f"{', '.join(told)}{because(event.reason)}"


def _who(name: str) -> str:
    """Return who did something, at the beginning of a sentence: a person, or the channel."""
    return "The channel" if name == "channel" else name


def _normalised(event: e.Normalised, lines: Lines) -> str:
    many = f": {counted(len(event.lines), 'line')}" if event.lines else ""
    return f"Read again with version {event.mappings} of the mappings{many}."


def _rules_decided(event: e.RulesDecided, lines: Lines) -> str:
    again = f" Asked again by {event.person}{because(event.reason)}" if event.person else ""
    if not event.rulings:
        return f"Version {event.version} of the rules has no rule that decides about it.{again}"
    told = "; ".join(map(_ruling, event.rulings))
    return f"Rules, version {event.version}: {told}.{again}"


def _ruling(one: e.Ruling) -> str:
    if not one.rule:
        return f"{one.set}: no rule matched"
    asks = ", ".join(f"{name} {value}" for name, value in one.asks)
    facts = ", ".join(f"{name} is {value or '(empty)'}" for name, value in one.facts)
    return f"{one.set}: {one.rule}, {asks}{f' (because {facts})' if facts else ''}"


def _report_noted(event: e.ReportNoted, lines: Lines) -> str:
    return f"{event.source} ({event.topic}): {sentence(event.words)}"


def _refetch_asked(event: e.RefetchAsked, lines: Lines) -> str:
    topic = f" ({event.topic})" if event.topic else ""
    return f"{event.source}{topic}: the order changed there, so it is fetched."


def _elsewhere(event: e.ShippedElsewhere, lines: Lines) -> str:
    name = f" ({event.outside_id})" if event.outside_id else ""
    return f"The channel shows {named(event.units, lines)} as fulfilled, and not by us{name}."


def _not_elsewhere(event: e.NotElsewhere, lines: Lines) -> str:
    names = ", ".join(one for one in event.gone if one)
    told = []
    if event.gone or not event.less:
        told.append(
            f"shipments that it showed before ({names})" if names else "all it showed before"
        )
    told += (f"{named(parts, lines)} in shipment {name}" for name, parts in event.less)
    ours = [*moved(event, "open"), *event.kept]
    again = f" {named(tuple(ours), lines)} are ours to send again." if ours else ""
    return f"The channel does not show {'; '.join(told)} any more.{again}"


def _left_to_others(event: e.LeftToOthers, lines: Lines) -> str:
    return f"Others fulfil {named(moved(event, 'elsewhere'), lines)}."


def _cancel_requested(event: e.CancelRequested, lines: Lines) -> str:
    left = f" Not undone, because it has left: {listed(event.left)}." if event.left else ""
    return f"{_who(event.requested_by)} cancels the order{because(event.reason)}{left}"


def _cancel_refused(event: e.CancelRefused, lines: Lines) -> str:
    who = _who(event.requested_by)
    return f"{who} asked to cancel, which is too late{because(event.reason)}"


def _units_dropped(event: e.UnitsDropped, lines: Lines) -> str:
    parts = tuple((move.line, move.quantity) for move in event.moves)
    return f"Dropped from the order: {named(parts, lines)}."


def _excess_counted(event: e.ExcessCounted, lines: Lines) -> str:
    parts = tuple((move.line, move.quantity) for move in event.moves)
    return f"What left too much counts for what was open: {named(parts, lines)}."


def _scheduled(event: e.UnitsScheduled, lines: Lines) -> str:
    name = f" ({event.outside_id})" if event.outside_id else ""
    if not event.units:
        return f"What the channel wanted sent later may be sent now{name}."
    what = listed([f"{one.quantity} of line {one.line_id}" for one in event.units])
    if not event.at:
        return f"The channel has not asked to send {what} yet{name}."
    return f"The channel wants {what} sent not before {event.at}{name}."


def _stop_asked(event: e.StopAsked, lines: Lines) -> str:
    name = f" ({event.outside_id})" if event.outside_id else ""
    what = named(event.units, lines) if event.units else "some of it"
    return f"The channel asks not to send {what}{name}."


def _stop_decided(event: e.StopDecided, lines: Lines) -> str:
    how = "is stopped" if event.stopped else "is not stopped"
    return f"What the channel asked not to send {how}{because(event.reason)}"


def _stop_answered(event: e.StopAnswered, lines: Lines) -> str:
    if event.by:
        return f"{event.by} says that the channel knows whether it is stopped."
    told = "has been told" if event.told else "does not wait to be told"
    return f"The channel {told} whether it is stopped."


def _request_noted(event: e.RequestNoted, lines: Lines) -> str:
    return f"The channel asks to take its goods on ({event.outside_id})."


def _request_answered(event: e.RequestAnswered, lines: Lines) -> str:
    if event.by:
        return f"{event.by} says that the channel knows whether its goods are taken on."
    told = "has been told" if event.told else "does not wait to be told"
    return f"The channel {told} whether its goods are taken on."


def _channel_told(event: e.ChannelTold, lines: Lines) -> str:
    if event.by:
        return f"{event.by} says that the channel shows the order as cancelled."
    told = "has been told and " if event.told else ""
    return f"The channel {told}shows the order as cancelled."


def _held(event: e.Held, lines: Lines) -> str:
    return f"{thing_words(event.key)} is held ({event.hold_id}){because(event.reason)}"


def _released(event: e.HoldReleased, lines: Lines) -> str:
    which = f"the hold {event.hold_id}"
    of = "" if event.key == ORDER else f" of {inside(event.key)}"
    return f"{event.person} released {which}{of}{because(event.reason)}"


def _task_opened(event: e.TaskOpened, lines: Lines) -> str:
    return f"Task {event.task_id} for a person, {inside(event.key)}: {sentence(event.words)}"


def _task_closed(event: e.TaskClosed, lines: Lines) -> str:
    return f"{event.person} closed task {event.task_id}{because(event.reason)}"


def _given(event: e.GivenToPerson, lines: Lines) -> str:
    doubt = "" if event.outcome_known else " It may have been done: check there before repeating."
    what = effect_words(event.kind, event.key)
    return f"{what}: a person must act: {sentence(event.reason)}{doubt}"


def _retried(event: e.Retried, lines: Lines) -> str:
    what = f"effect {event.effect} for {inside(event.key)}"
    return f"{event.person} had {what} tried again{because(event.reason)}"


def _renewed(event: e.Renewed, lines: Lines) -> str:
    gone = f"{event.person} gave {inside(event.key)} up, so that another attempt can follow"
    return f"{gone}{because(event.reason)}"


def _skipped(event: e.Skipped, lines: Lines) -> str:
    what = effect_words(event.kind, event.key)
    return f"{event.person} went on without effect {event.effect} ({what}){because(event.reason)}"


def _overdue(event: e.Overdue, lines: Lines) -> str:
    waits = f", waiting for {event.waiting_for}" if event.waiting_for else ""
    if event.until:
        return (
            f"{thing_words(event.key)}: goods are still here that have to leave by {event.until}"
            f"{waits}."
        )
    stage = event.stage.replace("_", " ")
    return f"{thing_words(event.key)} is overdue: {stage} for too long{waits}."


def _action_refused(event: e.ActionRefused, lines: Lines) -> str:
    return (
        f"{event.person} asked for `{event.verb}`, which can't be done now: "
        f"{sentence(event.reason)}"
    )


WORDS: dict[type[e.Event], Words] = {
    e.Placed: _placed,
    e.PaymentConfirmed: _paid,
    e.Accepted: _accepted,
    e.Duplicate: _duplicate,
    e.TakenOver: _taken_over,
    e.TwinCancelled: _twin_cancelled,
    e.Changed: _changed,
    e.Normalised: _normalised,
    e.RulesDecided: _rules_decided,
    e.UpdateNoted: simply("The channel stated the order again; there is nothing new to do."),
    e.ReportNoted: _report_noted,
    e.RefetchAsked: _refetch_asked,
    e.Fetched: simply("The channel returned the current order, which comes in as a message."),
    e.ShippedElsewhere: _elsewhere,
    e.NotElsewhere: _not_elsewhere,
    e.LeftToOthers: _left_to_others,
    e.CancelRequested: _cancel_requested,
    e.CancelRefused: _cancel_refused,
    e.UnitsDropped: _units_dropped,
    e.ExcessCounted: _excess_counted,
    e.UnitsScheduled: _scheduled,
    e.StopAsked: _stop_asked,
    e.StopDecided: _stop_decided,
    e.StopAnswered: _stop_answered,
    e.RequestNoted: _request_noted,
    e.RequestAnswered: _request_answered,
    e.ChannelTold: _channel_told,
    e.Cancelled: simply("Cancelled: nothing of the order went out, and nothing is left to do."),
    e.Closed: simply("Closed: nothing is left to do."),
    e.Reopened: lambda event, lines: f"Open again: {sentence(event.why)}",
    e.Held: _held,
    e.HoldReleased: _released,
    e.TaskOpened: _task_opened,
    e.TaskClosed: _task_closed,
    e.GivenToPerson: _given,
    e.AnswerNoted: simply("{thing}: the answer told nothing that was not known already."),
    e.Retried: _retried,
    e.Renewed: _renewed,
    e.Skipped: _skipped,
    e.Overdue: _overdue,
    e.ActionRefused: _action_refused,
}
