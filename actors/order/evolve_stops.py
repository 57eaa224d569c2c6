"""How what the channel asked us to take on, not to send, or to send later, follows from events."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from actors.order.draft import Draft, stays
from actors.order.state import LaterUnits, LineState, StopAsk
from schemas.messages import events as e


def gone_of(line: LineState) -> int:
    """Return how many units of a line were taken off the order."""
    return line.counts.get("c", 0) + line.counts.get("m", 0)


def _scheduled(draft: Draft, event: e.UnitsScheduled) -> None:
    stays(draft, event)
    others = tuple(one for one in draft.get("later") if one.outside_id != event.outside_id)
    made = LaterUnits(event.outside_id, event.at, event.units, event.gone)
    draft.set(later=(*others, made) if event.units else others)


def _stop_asked(draft: Draft, event: e.StopAsked) -> None:
    stays(draft, event)
    lines = draft.get("lines")
    base = tuple((at, gone_of(lines[at])) for at, _ in event.units)
    made = StopAsk(event.outside_id, event.units, base, event.hold_id)
    draft.set(stops=(*draft.get("stops"), made))


def _stop_decided(draft: Draft, event: e.StopDecided) -> None:
    stays(draft, event)
    verdict = "stopped" if event.stopped else "refused"
    draft.set(
        stops=tuple(
            replace(one, verdict=verdict, reason=event.reason)
            if one.outside_id == event.outside_id
            else one
            for one in draft.get("stops")
        )
    )


def _stop_answered(draft: Draft, event: e.StopAnswered) -> None:
    """What was stopped is remembered while its hold stands: until then it is not planned again."""
    stays(draft, event)
    held = {hold.hold_id for hold in draft.get("holds")}
    draft.set(
        stops=tuple(
            replace(one, told=True) if one.outside_id == event.outside_id else one
            for one in draft.get("stops")
            if one.outside_id != event.outside_id
            or (one.verdict == "stopped" and one.hold_id in held)
        )
    )


def _request_noted(draft: Draft, event: e.RequestNoted) -> None:
    stays(draft, event)
    draft.set(requests=(*draft.get("requests"), event.outside_id))


def _request_answered(draft: Draft, event: e.RequestAnswered) -> None:
    stays(draft, event)
    draft.set(requests=tuple(x for x in draft.get("requests") if x != event.outside_id))


STOPS: dict[type[e.Event], Any] = {
    e.UnitsScheduled: _scheduled,
    e.StopAsked: _stop_asked,
    e.StopDecided: _stop_decided,
    e.StopAnswered: _stop_answered,
    e.RequestNoted: _request_noted,
    e.RequestAnswered: _request_answered,
}
"""What each of these events does to the order."""
