"""The ledger's judge: what it counts, and that each kind of fault is called one."""

from __future__ import annotations

from typing import Any

import pytest

from ops.simulators.judge import judge

ORDER = "1AAAAAAAAAAAAAAAAAAA"
GID = "gid://shopify/Order/1"
NET: dict[str, Any] = {
    "lines": [{"line_item_id": "11", "sku": "A", "quantity": 2, "location": 1001}],
    "total": "22.00",
    "tax": "2.00",
    "taxes_included": False,
    "cancelled": False,
    "ship_to": {"zip": "H3B 1A7"},
    "to_collect": "0.00",
}
LINES = [{"line_id": "11", "sku": "A", "quantity": 2}]
SHOWN = [{"line_item_id": "11", "sku": "A", "quantity": 2}]


def entry(kind: str, thing: str, **detail: object) -> dict[str, Any]:
    """A consequence for a thing of the order, or for the shop's order."""
    reference = thing if thing == GID else f"{ORDER}{thing}0001HHHHHHHHHH"
    return {"kind": kind, "reference": reference, "id": f"{kind}-{thing}", "detail": detail}


def went_well() -> dict[str, dict[str, Any]]:
    """Every consequence of an order that was shipped in one parcel."""
    return {
        "task": entry("warehouse_task", "F", lines=LINES, postal_code="H3B 1A7"),
        "erp": entry("erp_order", "D", total_excluding_tax=20.0, total_including_tax=20.0),
        "label": entry("label", "L", packages=["1Z1"], postal_code="H3B1A7"),
        "left": entry("parcel_handed_over", "F", lines=LINES, task_id="T"),
        "shown": entry("fulfilment", GID, lines=SHOWN, numbers=["1Z1"]),
    }


def judged(entries: dict[str, dict[str, Any]], expected: dict[str, Any], *more: Any) -> Any:
    """The verdict about one accepted order."""
    told: dict[str, Any] = {"ref": GID, "name": "#1", "accepted": True, "expected": expected}
    reference = f"{ORDER}O0000HHHHHHHHHH"
    return judge([told], [*entries.values(), *more], {GID: reference}, frozenset())


def test_an_order_that_went_well_is_counted_and_right() -> None:
    """Net prices are compared without the tax, and postal codes without spaces."""
    verdict = judged(went_well(), NET)
    assert (verdict.orders, verdict.fulfilments, verdict.wrong, verdict.doubled) == (1, 1, [], [])
    gross = {**went_well(), "erp": entry("erp_order", "D", total_including_tax=22.0)}
    assert judged(gross, {**NET, "taxes_included": True}).wrong == []


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "units": ("left", {"lines": [{"line_id": "11", "quantity": 1}]}, "should have shipped"),
    "total": ("erp", {"total_excluding_tax": 19.0}, "the ERP has 19.00"),
    "address": ("label", {"packages": ["1Z1"], "postal_code": "10001"}, "its label says 10001"),
    "shown": ("shown", {"lines": [], "numbers": ["1Z1"]}, "the shop shows {}"),
    "number": ("shown", {"lines": SHOWN, "numbers": []}, "the shop shows []"),
    "cash": (
        "task",
        {"postal_code": "H3B1A7", "amount_to_collect": {"minor": 500}},
        "5 are collected",
    ),
    "cash by a label": (
        "label",
        {"packages": ["1Z1"], "postal_code": "H3B1A7", "to_collect": "7.50"},
        "7.50 are collected",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_each_fault_is_called_one(name: str) -> None:
    """Units, amounts, addresses, numbers and cash that are not the shop's last word."""
    which, detail, words = WRONG[name]
    entries = went_well()
    entries[which] = {**entries[which], "detail": detail}
    assert any(words in sentence for sentence in judged(entries, NET).wrong)


def test_the_driver_collects_by_the_label_that_we_buy() -> None:
    """What the task says then is how the goods were shared out when the warehouse was told."""
    entries = went_well()
    told = {"labels": "ours", "delivery": "parcel", "amount_to_collect": {"minor": 500}}
    entries["task"] = {**entries["task"], "detail": {**entries["task"]["detail"], **told}}
    paid = {**entries["label"]["detail"], "to_collect": "7.50"}
    entries["label"] = {**entries["label"], "detail": paid}
    assert judged(entries, {**NET, "to_collect": "7.50"}).wrong == []
    assert judged(entries, {**NET, "to_collect": "5"}).wrong != []


def test_goods_that_left_before_their_label_collect_by_the_task() -> None:
    """As many tasks count as labels are missing, and no more."""
    entries = went_well()
    told = {"labels": "ours", "delivery": "parcel", "amount_to_collect": {"minor": 500}}
    entries["task"] = {**entries["task"], "detail": {**entries["task"]["detail"], **told}}
    del entries["label"]
    assert not any("collect" in x for x in judged(entries, {**NET, "to_collect": "5"}).wrong)
    assert any("collect" in x for x in judged(entries, {**NET, "to_collect": "0"}).wrong)


def test_what_is_done_twice_is_doubled() -> None:
    """Twice under one reference, or the same units twice with one number in the shop; two halves
    with one number are not."""
    entries = went_well()
    assert judged(entries, NET, {**entries["label"], "id": "another"}).doubled
    assert judged(entries, NET, {**entries["shown"], "id": "another"}).doubled
    halves = [
        entry("fulfilment", GID, lines=[{**SHOWN[0], "quantity": 1, "line_item_id": line}])
        for line in ("11", "12")
    ]
    for half in halves:
        half["detail"]["numbers"] = ["1Z1"]
    assert judge([], halves, {}, frozenset()).doubled == []


def test_a_mail_that_was_sent_and_declined_may_come_once_more() -> None:
    """No one can know that the first one was sent; what is repeated without that, or a second time,
    is doubled."""
    plain, declined = entry("mail", "M"), entry("mail", "M", declined=True)
    for once in ([declined, plain], [declined, declined], [declined]):
        assert judge([], once, {}, frozenset()).doubled == []
    for twice in ([plain, plain], [plain, declined], [declined, plain, plain], [declined] * 3):
        assert len(judge([], twice, {}, frozenset()).doubled) == 1


def test_a_task_is_undone_by_its_own_warehouse_alone() -> None:
    """Two warehouses may have given the same id to their tasks: what one cancels, the other has not
    undone."""
    told = went_well()
    told["task"]["partner"] = told["left"]["partner"] = "warehouse-east"
    other = entry("warehouse_task", "F", lines=LINES, postal_code="10001") | {"partner": "west"}
    stop = entry("warehouse_task_cancel", "F") | {"id": other["id"], "partner": "west"}
    verdict = judged(told, NET, other, stop)
    assert (verdict.fulfilments, verdict.wrong) == (1, [])


def test_a_cancelled_order_leaves_nothing_standing() -> None:
    """What was done and not undone is named."""
    entries = went_well()
    for gone in ("left", "shown"):
        del entries[gone]
    wrong = judged(entries, {**NET, "cancelled": True}).wrong
    assert len(wrong) == 3
    undone = {
        "erp_order_delete": entries["erp"],
        "warehouse_task_cancel": entries["task"],
        "label_void": entries["label"],
    }
    more = [{**one, "kind": kind} for kind, one in undone.items()]
    assert judged(entries, {**NET, "cancelled": True}, *more).wrong == []


def test_who_waits_for_a_person_is_not_judged_but_by_what_was_doubled() -> None:
    """Its end is a person's."""
    told: dict[str, Any] = {"ref": GID, "name": "#1", "accepted": True, "expected": NET}
    entries = went_well()
    del entries["shown"]
    reference = {GID: f"{ORDER}O0000HHHHHHHHHH"}
    verdict = judge([told], [*entries.values()], reference, frozenset({GID}))
    assert (verdict.orders, verdict.wrong) == (0, [])


def test_refunds_are_counted() -> None:
    """Two of one reference are doubled, more than was paid is wrong, and so is another sum than
    should have gone back."""
    one = entry("refund", "R", amount="5.00", received="22.00", refunded="5.00")
    told = {**NET, "to_refund": "5.00"}
    assert judged(went_well(), told, one).wrong == []
    verdict = judged(went_well(), told, one, one)
    assert any("refund was done 2 times" in words for words in verdict.doubled)
    assert any("should have 5.00 given back, and 10.00" in words for words in verdict.wrong)
    over = entry("refund", "R", amount="5.00", received="22.00", refunded="23.00")
    assert any("more given back than was taken" in x for x in judged(went_well(), told, over).wrong)
