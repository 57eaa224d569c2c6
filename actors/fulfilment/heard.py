"""Which reports of a task were heard, by their places: a later one may overtake an earlier.

What was heard is kept short: first up to which place every report was, then those beyond it.
"""

from __future__ import annotations

Heard = tuple[int, ...]

MAX_BEYOND = 200
"""Places kept beyond a gap; a task has a report for each of its 100 parcels at the most, and a
few."""


def hear(heard: Heard, place: int) -> Heard:
    """Return what was heard with one more report; 0: its warehouse does not count."""
    run = heard[0] if heard else 0
    if place <= run:
        return heard
    beyond = {*heard[1:], place}
    while run + 1 in beyond:
        run += 1
    return (run, *sorted(one for one in beyond if one > run)[:MAX_BEYOND])


def is_gap_before(heard: Heard, place: int) -> bool:
    """Whether a report that was sent before this one was not heard."""
    run = heard[0] if heard else 0
    between = sum(1 for one in heard[1:] if run < one < place)
    return min(run, place - 1) + between < place - 1
