"""Texts and marks of an order that change after it was placed reach whoever works by them."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from actors.order.difference import MAX_REISSUED
from adapters.channels.amazon.about import attributes_of
from adapters.channels.amazon.shapes import AmazonOrder
from schemas.contracts.validation import read_foreign
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.order.things import Key
from tests.amazon_payloads import an_order as an_amazon_order
from tests.given import RESERVED, an_order, given_placed, given_released, later
from tests.unit.order.test_changes import updated

CUP, JAR = an_order().lines


@pytest.mark.parametrize(
    "name",
    [
        "Engraving",
        "line 1: Engraving",
        "Engraving (max. 20 letters)",
        "line 1: p.s.",
        "shopify.more_attributes.2",
    ],
)
def test_a_text_that_the_customer_asked_for_is_told_again(name: str) -> None:
    """Given a text for the warehouse, such as an engraving, that is corrected before its task or
    after it: the order says the new one, and a task that says the old one is reissued."""
    new = {name: "For ANNA"}
    early = given_placed(attributes={name: "For M."}).when(updated(later(5, attributes=new)))
    assert early.order is not None
    assert early.order.attributes == new
    story = given_released(attributes={name: "For M."}).when(updated(later(5, attributes=new)))
    story.then_events(e.Changed, e.Stopped).done(f.CancelTask, f.Undone())
    assert story.order is not None
    assert story.order.attributes == new


@pytest.mark.parametrize(
    "name",
    ["_app", "line 1: _app", "shopify.po_number", "line 1: bigcommerce.bin", "amazon.line 05-1"],
)
def test_what_apps_and_we_write_there_reissues_nothing(name: str) -> None:
    """Given a task at the warehouse, a text that is not the customer's is only noted."""
    given_released().when(updated(later(5, attributes={name: "x"}))).then_events(e.UpdateNoted)


@pytest.mark.parametrize(
    "changes",
    [{"labels_from": "channel"}, {"lines": (replace(CUP, unit_codes="transparency"), JAR)}],
)
def test_what_decides_about_goods_is_taken_over_when_it_comes_later(
    changes: dict[str, Any],
) -> None:
    """Codes of the single pieces, and who sells the label, may be told after the order itself."""
    story = given_placed().when(updated(later(5, **changes)))
    assert story.order is not None
    assert all(getattr(story.order, name) == value for name, value in changes.items())


def test_what_the_channels_samples_say_beside_the_customer_is_known_as_that() -> None:
    """Given the names under which Amazon's own facts about an order and its lines are kept, none is
    taken for a customer's text: Amazon changes them by itself."""
    found = attributes_of(read_foreign(an_amazon_order(), AmazonOrder))
    assert any(name.startswith("amazon.line ") for name in found)
    story = given_released(attributes=found)
    changed = {name: f"{text} and more" for name, text in found.items()}
    story.when(updated(later(5, attributes=changed))).then_events(e.UpdateNoted)


def test_texts_that_change_all_the_time_reissue_no_more_tasks() -> None:
    """Given an app that writes another text with each statement: the warehouse begins again a few
    times, then a person has one task about it, which ends when the goods leave. A corrected address
    or note is told all the same."""
    story = given_released()
    for minute in range(1, 30):
        story.when(updated(later(minute, attributes={"Synced": str(minute)})))
        for _ in range(2):
            for one in (f.CancelTask, f.ReleaseStock, f.ReserveStock, f.CreateTask):
                answer = {
                    f.ReserveStock: RESERVED,
                    f.CreateTask: f.TaskCreated(task_id=f"t-{minute}"),
                }.get(one, f.Undone())
                if f.tag_of(one) in {x.kind for x in story.state.open}:
                    story.done(one, answer)  # type: ignore[arg-type]  # each has its own
    key = Key(f"F{MAX_REISSUED}")
    assert story.state.fulfilments[key].task
    assert story.order is not None
    assert story.order.attributes == {"Synced": "29"}
    (task,) = story.state.tasks
    assert task.task_id == f"note-{key}"
    assert "texts of the order change again and again" in task.words
    left = story.state.fulfilments[key]
    story.when(updated(later(40, attributes={"Synced": "30"})))
    assert story.state.fulfilments[key] == left
    story.when(updated(later(41, attributes={"Synced": "30"}, note="ring twice")))
    assert story.state.fulfilments[key].stop == "changed"
    assert not story.state.tasks
