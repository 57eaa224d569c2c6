"""Python's garbage collector, set for a process that lives long and makes much.

Almost everything here dies by reference counting; what the collector looks for are cycles. With
its defaults it looks at the young objects after every 700 new ones, and at thousands of orders
under way again and again: 0.8 to 2.5 ms of an order's 4 to 6 ms of CPU (docs/bench.md).
"""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 50_000, 50, 100
"""New objects before the young are looked at (a pause of some milliseconds; about sixteen orders'
worth), and how often that happens before the older ones are."""


def settle() -> None:
    """Leave what start-up made out of every later look, and look more seldom. Call it once, when
    the process is ready and will work until it ends."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
