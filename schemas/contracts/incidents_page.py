"""The table of `docs/incidents.md`."""

from __future__ import annotations

from schemas.contracts.incidents import CATEGORIES


def drawn() -> str:
    """Return the table in `docs/incidents.md`; each row has an anchor."""
    rows = [
        (f'<a id="{x.code}"></a>`{x.code}`', x.words, x.who, x.fix, x.counted_from)
        for x in sorted(CATEGORIES.values(), key=lambda one: (one.counted_from, one.code))
    ]
    head = ("category", "what", "who acts", "how to fix it", "counted from")
    return "\n".join(f"| {' | '.join(x)} |" for x in (head, ("---",) * len(head), *rows))
