"""What finance has to do about reserved money is counted as a failure."""

from __future__ import annotations

import pytest

from actors.incidents.incidents import category_of, matter_of, settles
from schemas.contracts import money_incidents as money
from schemas.contracts import return_incidents as back
from schemas.messages import events as e
from schemas.order.things import Key


@pytest.mark.parametrize(
    ("task_id", "category"),
    [
        ("expires-P1", money.AUTHORISATION_EXPIRES),
        ("void-P1", money.AUTHORISATION_NOT_VOIDED),
        ("unpaid-P1", money.MONEY_MISSING),
        ("refund-excess-R1", money.REFUND_EXCESS),
        ("refund-declined-R1", money.REFUND_DECLINED),
        ("return-T1", back.RETURN_TO_DECIDE),
        ("return-money-T1", back.RETURN_TO_PAY),
        ("return-excess-T1", back.RETURN_EXCESS),
    ],
)
def test_tasks_about_reserved_money_are_failures(task_id: str, category: str) -> None:
    """It is open until the task is done."""
    opened = e.TaskOpened(rule="task", key=Key(task_id[-2:]), task_id=task_id, words="see to it")
    assert category_of(opened) == category
    assert settles(e.TaskClosed(rule="task-done", task_id=task_id, person="ann"), matter_of(opened))
