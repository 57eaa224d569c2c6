"""The page `docs/lifecycle.md`, drawn from the tables: one diagram for each machine, then what
makes them act on each other and wait for each other."""

from __future__ import annotations

from actors.kernel.tables import NONE, Table, event_name
from actors.order.family import FAMILY, Machine
from actors.order.joint import JOINT
from actors.order.prerequisites import PREREQUISITES
from schemas.messages.effects import tag_of
from schemas.order.things import NAMES

START = "[*]"


def draw() -> str:
    """Return the whole page."""
    lines = list(_INTRO)
    for machine in FAMILY.values():
        lines += _machine(machine)
    return "\n".join([*lines, *_joint(), *_prerequisites()]) + "\n"


_INTRO = (
    "# The life of an order",
    "",
    "Drawn from the tables in `actors/*/table.py`, `actors/order/joint.py` and",
    "`actors/order/prerequisites.py` by `python -m ops.draw_lifecycle`; a test compares this page",
    "with them.",
    "",
    "An order is a family of small machines in one stream: the order itself, and its fulfilments,",
    "parcels, labels, ERP documents and messages. A machine's stage says what the world is known",
    "to be; what is wished (stop it, another address) stands beside it. An input is understood by",
    "the machine it is about. Then the *joint table* says what that makes the others do, until",
    "nothing follows. At rest each machine asks its partner for the next thing, and the",
    "*prerequisite table* lets wait what has to wait.",
    "",
)


def _machine(machine: Machine) -> list[str]:
    name = NAMES[machine.letter]
    table = machine.table
    numbered = "" if machine.letter == "O" else f" (`{machine.letter}1` …)"
    title = f"## {name[0].upper()}{name[1:]}{numbered}"
    return [title, "", *_picture(table), *_waits(machine), *_rules(table)]


def _picture(table: Table) -> list[str]:
    lines = ["```mermaid", "stateDiagram-v2", "    direction LR"]
    merged: dict[tuple[str, str], list[str]] = {}
    for row in table.rows:
        if row.stage != row.to:
            rules = merged.setdefault((row.stage, row.to), [])
            if row.rule not in rules:
                rules.append(row.rule)
    if not any(stage == NONE for stage, _ in merged):
        lines.append(f"    {START} --> {table.stages[0]}")
    for (stage, to), rules in merged.items():
        lines.append(f"    {stage or START} --> {to}: {', '.join(rules)}")
    lines.extend(f"    {stage} --> {START}" for stage in table.stages if stage in table.ends)
    return [*lines, "```", ""]


def _waits(machine: Machine) -> list[str]:
    lines = ["| stage | waits for | overdue after |", "|---|---|---|"]
    lines.extend(
        f"| {stage} | {wait.whom} | `policy.{wait.due}` |" for stage, wait in machine.waits.items()
    )
    return [*lines, ""]


def _rules(table: Table) -> list[str]:
    lines = ["| rule | in stage | event | leads to | why |", "|---|---|---|---|---|"]
    merged: dict[tuple[str, str, str, str], list[str]] = {}
    for row in table.rows:
        to = "(stays)" if row.stage == row.to else row.to
        event = event_name(row.event)
        event = event if " " in event else f"`{event}`"
        stages = merged.setdefault((row.rule, event, to, row.why), [])
        stages.append(row.stage or "(none yet)")
    lines.extend(
        f"| {rule} | {', '.join(stages)} | {event} | {to} | {why} |"
        for (rule, event, to, why), stages in merged.items()
    )
    lines.extend(
        f"| {one.rule} | (any) | `{event_name(one.event)}` | (stays) | {one.why} |"
        for one in table.beside
    )
    return [*lines, ""]


def _joint() -> list[str]:
    lines = [
        "## Joint table: what one machine's state makes another do",
        "",
        "A rule is asked when something that it reads has changed, the first row first.",
        "",
        "```mermaid",
        "flowchart LR",
    ]
    for row in JOINT:
        kinds = dict.fromkeys(tag_of(event) for event in row.says)
        lines.extend(f'    {_node(name)} -- "{row.rule}" --> {_node(kind)}["{kind}"]'
                     for kind in kinds for name in row.reads[:1])  # fmt: skip
    lines += ["```", "", "| rule | reads | says | why |", "|---|---|---|---|"]
    for row in JOINT:
        says = ", ".join(f"`{tag_of(event)}`" for event in row.says)
        lines.append(f"| {row.rule} | {', '.join(row.reads)} | {says} | {row.why} |")
    return [*lines, ""]


def _prerequisites() -> list[str]:
    lines = [
        "## Prerequisite table: what an effect waits for",
        "",
        "```mermaid",
        "flowchart LR",
    ]
    for row in PREREQUISITES:
        kind = tag_of(row.effect)
        lines.append(f'    {_node(row.rule)}["{row.words}"] --> {_node(kind)}["{kind}"]')
    lines += ["```", "", "| rule | effect | waits for |", "|---|---|---|"]
    lines.extend(f"| {row.rule} | `{tag_of(row.effect)}` | {row.words} |" for row in PREREQUISITES)
    return lines


def _node(name: str) -> str:
    """Return a name that a flowchart takes."""
    return "".join(c if c.isalnum() else "_" for c in name)
