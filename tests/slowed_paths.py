"""The hot paths with a loop too many in one of them, to be counted like `ops.bench.hot_paths`."""

from __future__ import annotations

import sys

from msgspec.structs import replace

from ops.bench.hot_paths import PATHS, Walk, main

SLOWED = "webhook"
ROUNDS = 400
"""About a tenth of the path's own instructions."""


def slowed() -> Walk:
    """Return the path's walk with the loop in each repeat."""
    walk = PATHS[SLOWED].prepare()

    def walk_slowly(count: int) -> None:
        walk(count)
        for _ in range(count):
            for _ in range(ROUNDS):
                pass

    return walk_slowly


if __name__ == "__main__":
    main(sys.argv[1:], {**PATHS, SLOWED: replace(PATHS[SLOWED], prepare=slowed)})
