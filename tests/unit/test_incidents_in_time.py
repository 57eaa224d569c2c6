"""How an incident goes on: it resolves when it is quiet, and opens again."""

from __future__ import annotations

from datetime import timedelta

from actors.incidents.incidents import Incident, occur, resolve, wait
from tests.appends import minutes

HOUR = timedelta(hours=1)


def opened(at: float = 0) -> Incident:
    """An incident that just opened."""
    return occur(None, "held", minutes(at))


def test_an_incident_resolves_when_quiet_and_no_one_waits() -> None:
    """Both are needed; the moment is the later of both, whenever somebody looks."""
    incident = wait(opened(), 1, minutes(0))
    assert resolve(incident, minutes(600), HOUR).is_open
    incident = wait(incident, -1, minutes(5))
    assert resolve(incident, minutes(59), HOUR).is_open
    assert resolve(incident, minutes(500), HOUR).resolved_at == minutes(60)
    late = wait(wait(opened(), 1, minutes(0)), -1, minutes(90))
    assert resolve(late, minutes(500), HOUR).resolved_at == minutes(90)


def test_an_incident_opens_again() -> None:
    """A recurrence after the resolution is a new episode; the counts go on."""
    resolved = resolve(opened(), minutes(61), HOUR)
    again = occur(resolved, "held", minutes(70), count=3)
    assert again.is_open
    assert (again.opened_at, again.reopened) == (minutes(70), 1)
    assert (again.occurrences, again.episode) == (4, 3)
    assert again.first_at == minutes(0)


def test_a_late_event_takes_the_resolution_back() -> None:
    """What happened before the resolution and was committed after it opens no new episode."""
    resolved = resolve(opened(), minutes(61), HOUR)
    back = occur(resolved, "held", minutes(59))
    assert back.is_open
    assert (back.opened_at, back.reopened, back.resolved_at) == (minutes(0), 0, None)
    assert back == occur(opened(), "held", minutes(59))
