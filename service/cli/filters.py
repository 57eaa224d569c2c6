"""The filter of lists and batches as an argument: its help, and how a terminal completes it."""

from __future__ import annotations

from typing import Annotated

import typer


def ways_on(incomplete: str) -> list[str]:
    """Return how an unfinished term may go on."""
    from adapters.postgres.order_filter import completions

    return list(completions(incomplete)) if incomplete else []


Terms = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FILTER]...",
        help="Such as: channel:acme-us stage:packed 'age:>2d'.",
        autocompletion=ways_on,
    ),
]
