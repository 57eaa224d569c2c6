"""Python's garbage collector, tuned for a long-lived process that allocates much.

Reference counting frees almost everything here; the collector only finds cycles. With its defaults
it examines young objects after every 700 allocations, and scans thousands of orders under way again
and again: 0.8 to 2.5 ms of an order's 4 to 6 ms of CPU (docs/bench.md).
"""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 50_000, 50, 100
"""Allocations before a young collection (a pause of some milliseconds; about sixteen orders), and
young collections before an older one."""


def settle() -> None:
    """Exclude the objects of the start-up from later collections, and collect less often. Call it
    once, when the process is ready and will run until it ends."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
