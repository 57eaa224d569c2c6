"""The breaker opens, probes, and releases with a ramp; time is told to it."""

from __future__ import annotations

from actors.runtime.breaker import Breaker


def an_open_breaker() -> Breaker:
    breaker = Breaker(failures=2, open_seconds=10.0, concurrency=8)
    assert not breaker.failed(0.0)
    assert breaker.failed(1.0)
    return breaker


def test_failures_in_a_row_open_it() -> None:
    """A success in between starts the count again."""
    breaker = Breaker(failures=2, open_seconds=10.0, concurrency=8)
    breaker.failed(0.0)
    breaker.succeeded()
    assert not breaker.failed(1.0)
    assert breaker.failed(2.0)
    assert breaker.state == "open"


def test_an_open_breaker_rests_and_then_lets_one_probe_pass() -> None:
    """No one calls while it rests; afterwards one at a time."""
    breaker = an_open_breaker()
    assert not breaker.may_call(0, 10.9)
    assert breaker.may_call(0, 11.0)
    breaker.started()
    assert breaker.state == "half_open"
    assert not breaker.may_call(0, 12.0)


def test_a_failed_probe_rests_again() -> None:
    """The rest begins again with the probe's failure."""
    breaker = an_open_breaker()
    breaker.started()
    assert not breaker.failed(11.5)
    assert not breaker.may_call(0, 20.0)
    assert breaker.may_call(0, 21.5)


def test_a_probe_that_tells_nothing_is_repeated_later() -> None:
    """A probe may end without reaching the partner; the lane must not be stuck half open."""
    breaker = an_open_breaker()
    breaker.started()
    breaker.undecided(12.0)
    assert breaker.state == "open"
    assert breaker.may_call(0, 22.0)


def test_a_recovered_partner_is_released_with_a_ramp() -> None:
    """One call, then two, four, eight at once."""
    breaker = an_open_breaker()
    breaker.started()
    assert breaker.succeeded()
    allowed = []
    for _ in range(4):
        allowed.append(next(n for n in range(99) if not breaker.may_call(n, 12.0)))
        breaker.succeeded()
    assert allowed == [1, 2, 4, 8]
