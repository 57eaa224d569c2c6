"""Python's garbage collector, tuned for a long-lived process that allocates much.

Reference counting frees almost everything here; the collector only finds cycles. With its defaults
it examines young objects after every 700 allocations, and scans thousands of orders under way again
and again: 0.8 to 2.5 ms of an order's 4 to 6 ms of CPU (docs/bench.md).
"""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 150_000, 50, 100
"""Objects more than at the last young collection before the next one (some hundred orders under
load), and young collections before an older one. A young one walks over what has come since and is
alive, about a hundred thousand objects in some 50 milliseconds. They hold almost no cycles, so
rarer collections cost less in all: 3 % of the process with 50,000, under 1 % with 200,000."""


def settle() -> None:
    """Exclude the objects of the start-up from later collections, and collect less often. Call it
    once, when the process is ready and will run until it ends."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
