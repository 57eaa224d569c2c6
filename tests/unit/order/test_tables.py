"""The tables are data: complete, used, drawn, and without a fourth kind of answer."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import get_args

import pytest

import actors.capture.answers
import actors.documents.answers
import actors.fulfilment.answers
import actors.label.answers
import actors.messages.answers
import actors.order.answers
import actors.parcel.answers
import actors.payment.answers
import actors.refund.answers
import actors.returns.answers
from actors.kernel.answers import Answers
from actors.kernel.tables import NONE, Table
from actors.order.diagram import draw
from actors.order.family import FAMILY
from actors.order.joint import JOINT
from actors.order.policy import Policy
from actors.order.prerequisites import PREREQUISITES
from actors.order.state import State
from schemas.messages import inputs as i
from schemas.messages.events import OrderEvent
from tests.conftest import Say

ROOT = Path(__file__).parents[3]

ANSWERS: dict[str, Answers] = {
    "O": actors.order.answers.ANSWERS,
    "F": actors.fulfilment.answers.ANSWERS,
    "K": actors.parcel.answers.ANSWERS,
    "L": actors.label.answers.ANSWERS,
    "D": actors.documents.answers.ANSWERS,
    "M": actors.messages.answers.ANSWERS,
    "P": actors.payment.answers.ANSWERS,
    "C": actors.capture.answers.ANSWERS,
    "R": actors.refund.answers.ANSWERS,
    "T": actors.returns.answers.ANSWERS,
}


def stages_of(table: Table) -> list[str]:
    """Every stage that a thing may be in."""
    return list(table.stages)


@pytest.mark.parametrize("message", FAMILY)
def test_every_machine_stage_and_input_is_answered(message: str) -> None:
    """Handled, refused with a reason, or ignored on purpose: no pair is missing."""
    table, answers = FAMILY[message].table, ANSWERS[message]
    wanted = {(stage, one) for stage in stages_of(table) for one in get_args(i.Input)}
    assert set(answers.pairs) == wanted


def test_every_ignored_input_has_its_own_reason(say: Say) -> None:
    """A reason is written for one machine's input, not copied from another's; how many pairs there
    are of each kind is printed."""
    counts: Counter[str] = Counter()
    reasons: dict[str, set[tuple[str, ...]]] = {}
    for letter, answers in ANSWERS.items():
        for answer in answers.pairs.values():
            counts[answer.kind] += 1
            assert len(answer.why.split()) >= 4, answer
            if answer.kind == "ignored":
                reasons.setdefault(answer.why, set()).add((letter,))
    assert all(len(where) == 1 for where in reasons.values()), reasons
    assert set(counts) == {"handled", "refused", "ignored"}
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
    say(f"{counts.total()} pairs of stage and input over {len(ANSWERS)} machines: {told}.")


@pytest.mark.parametrize("message", FAMILY)
def test_every_open_stage_says_whom_it_waits_for_and_until_when(message: str) -> None:
    """A stage that is not an end has words, and the policy knows how long it may last."""
    machine = FAMILY[message]
    policy = Policy()
    for wait in machine.waits.values():
        assert getattr(policy, wait.due) > 0
    waiting = {stage for stage in machine.table.stages if stage not in machine.table.ends}
    told = {"packed"} if message == "K" else {"new"} if message == "O" else set()
    assert waiting - machine.waits.keys() <= told


def test_every_event_is_in_a_table_or_beside_all() -> None:
    """No event exists that no machine could have."""
    known = {row.event for one in FAMILY.values() for row in one.table.rows}
    known |= {one.event for machine in FAMILY.values() for one in machine.table.beside}
    assert set(get_args(OrderEvent)) <= known


def test_every_row_leads_to_a_stage_that_exists() -> None:
    """A stage that nothing leads to would be dead."""
    for machine in FAMILY.values():
        reached = {row.to for row in machine.table.rows} | {"new"}
        assert {row.stage for row in machine.table.rows if row.stage != NONE} <= reached
        assert machine.table.ends <= reached


def test_every_rule_of_the_tables_is_used_by_the_code() -> None:
    """No row is dead: each rule's name stands in the pure modules beside its own table."""
    code = "".join(
        path.read_text()
        for path in (ROOT / "actors").rglob("*.py")
        if path.name not in ("table.py", "tables.py") and "runtime" not in path.parts
    )
    begun = {"want", "ask"}  # what an intended effect begins has no event of its own
    for machine in FAMILY.values():
        for row in machine.table.rows:
            assert row.rule in begun or f'"{row.rule}"' in code, row


def test_joint_rules_name_what_they_read() -> None:
    """Each is asked only when a field that it names has changed, so the fields must exist."""
    for row in JOINT:
        assert row.reads
        assert set(row.reads) <= set(State.__struct_fields__), row
        assert row.says
    assert len({row.rule for row in JOINT}) == len(JOINT)
    assert len({row.rule for row in PREREQUISITES}) == len(PREREQUISITES)


def test_the_picture_is_the_tables() -> None:
    """docs/lifecycle.md is what the tables draw."""
    assert (ROOT / "docs" / "lifecycle.md").read_text() == draw()
