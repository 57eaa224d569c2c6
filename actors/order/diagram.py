"""The picture of the life cycle, drawn from the table."""

from __future__ import annotations

from actors.order.lifecycle import FINAL, LIFECYCLE, WAITS, Stage
from schemas.messages.effects import tag_of


def draw() -> str:
    """Return the page `docs/lifecycle.md`: a state diagram, the waits, the rules."""
    return "\n".join([*_INTRO, *_picture(), *_waits(), *_rules()]) + "\n"


_INTRO = (
    "# The life of an order",
    "",
    "Drawn from the table in `actors/order/lifecycle.py` by `python -m ops.draw_lifecycle`; a test",
    "compares this page with the table.",
    "",
)


def _picture() -> list[str]:
    lines = ["```mermaid", "stateDiagram-v2", "    direction LR", "    [*] --> new"]
    seen: set[tuple[str, str, str]] = set()
    for row in LIFECYCLE:
        key = (row.stage.value, row.to.value, row.rule)
        if row.stage is row.to or key in seen:
            continue
        seen.add(key)
        lines.append(f"    {row.stage.value} --> {row.to.value}: {row.rule}")
    lines.extend(f"    {stage.value} --> [*]" for stage in Stage if stage in FINAL)
    return [*lines, "```", ""]


def _waits() -> list[str]:
    lines = ["## Whom each stage waits for", "", "| stage | waits for | overdue after |"]
    lines.append("|---|---|---|")
    lines.extend(
        f"| {stage.value} | {wait.whom} | `policy.{wait.due}` |" for stage, wait in WAITS.items()
    )
    return [*lines, ""]


def _rules() -> list[str]:
    lines = ["## Every rule", "", "| rule | in stage | event | leads to | why |"]
    lines.append("|---|---|---|---|---|")
    merged: dict[tuple[str, str, str, str], list[str]] = {}
    for row in LIFECYCLE:
        to = "(stays)" if row.stage is row.to else row.to.value
        merged.setdefault((row.rule, tag_of(row.event), to, row.why), []).append(row.stage.value)
    lines.extend(
        f"| {rule} | {', '.join(stages)} | `{event}` | {to} | {why} |"
        for (rule, event, to, why), stages in merged.items()
    )
    return lines
