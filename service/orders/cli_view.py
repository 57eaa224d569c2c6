"""Orders on a terminal: a page of them, and one with its parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from service.cli.tables import age, money, print_table
from service.cli.tables import print_plain as print

if TYPE_CHECKING:
    from adapters.postgres.order_parts import UnitView
    from adapters.postgres.views import OrderView, Page

WIDTH = 13
"""Of the names on the left."""


def print_page(page: Page, *, more: bool) -> None:
    """Print a page of orders, and how to see the next."""
    print_table(
        ("number", "channel", "stage", "progress", "", "waits for", "total", "placed"),
        [
            (
                row.number,
                row.channel,
                row.stage,
                row.progress,
                "!" if row.attention else "",
                row.waiting_for,
                money(row.total_minor, row.currency),
                age(row.placed_at),
            )
            for row in page.rows
        ],
    )
    if more and page.next_cursor:
        print(f"More: add --cursor {page.next_cursor}")


def print_view(view: OrderView) -> None:
    """Print one order: where it stands, what it consists of, what waits."""
    row = view.row
    print(f"{row.number} of {row.channel} ({row.ref}), {money(row.total_minor, row.currency)}")
    for name, words in (*_head(view), *_goods(view), *_papers(view), *_waiting(view)):
        told = words.replace("\n", " ")
        print(f"  {name:<{WIDTH}}{told}")


def _head(view: OrderView) -> Iterator[tuple[str, str]]:
    row = view.row
    needs = "  (needs a person)" if row.attention else ""
    how = "" if row.progress == row.stage else f", {row.progress}"
    yield "stage", f"{row.stage}{how}{needs}"
    yield "waits for", row.waiting_for or "no one: it is final"
    yield "placed", f"{row.placed_at:%Y-%m-%d %H:%M:%S} UTC, changed {age(row.updated_at)}"
    yield "order id", row.order_id
    yield "reference", row.reference
    if view.cancel:
        yield "cancelling", view.cancel
    if view.erased_at is not None:
        yield "erased", f"{view.erased_at:%Y-%m-%d %H:%M:%S} UTC"


def _goods(view: OrderView) -> Iterator[tuple[str, str]]:
    for line in view.lines:
        books = ", ".join(f"{count} {name}" for name, count in line.accounts.items())
        leaving = f", {line.leaving} to be dropped" if line.leaving else ""
        yield "line", f"{line.line_id}, {line.sku}: {books}{leaving}"
    for one in view.fulfilments:
        at = f" at {one.place}" if one.place else ""
        task = f", task {one.task_id}" if one.task_id else ""
        units = f": {_units(one.units)} to leave" if one.units else ""
        missing = f", short of {_units(one.missing)}" if one.missing else ""
        stop = f", to be undone ({one.stop})" if one.stop else ""
        waits = f", waits for {one.waiting_for}" if one.waiting_for else ""
        yield one.key, f"{_stage(one.stage)}{at}{task}{units}{missing}{stop}{waits}"
    for parcel in view.parcels:
        number = f", {parcel.carrier} {parcel.tracking_number}" if parcel.tracking_number else ""
        yield (
            parcel.key,
            f"{_stage(parcel.stage)}, of {parcel.fulfilment}: {_units(parcel.units)}{number}",
        )


def _papers(view: OrderView) -> Iterator[tuple[str, str]]:
    for label in view.labels:
        numbers = f" {', '.join(label.tracking_numbers)}" if label.tracking_numbers else ""
        stop = ", to be voided" if label.stop else ""
        yield (
            label.key,
            f"{label.stage} for {', '.join(label.parcels)} at {label.lane}{numbers}{stop}",
        )
    for document in view.documents:
        number = f" as {document.number}" if document.number else ""
        yield document.key, f"{document.stage} at {document.lane}{number}"
    for message in view.messages:
        yield message.key, f"{message.template}, {message.stage}"
    for ended in view.ended:
        ids = f" ({', '.join(ended.ids)})" if ended.ids else ""
        yield ended.key, f"ended: {_stage(ended.stage)}{ids}"
    if view.files:
        yield "files", ", ".join(one.name for one in view.files)


def _waiting(view: OrderView) -> Iterator[tuple[str, str]]:
    for hold in view.holds:
        yield "hold", f"{hold.hold_id} on {hold.key}: {hold.reason}"
    for task in view.tasks:
        yield "task", f"{task.task_id} on {task.key}: {task.words}"
    for stuck in view.stuck:
        doubt = "" if stuck.outcome_known else " (it may have been done)"
        yield "stuck", f"effect {stuck.effect}, {stuck.words}: {stuck.reason}{doubt}"
    for effect in view.effects:
        tries = "1 try" if effect.attempts == 1 else f"{effect.attempts} tries"
        error = f": {effect.error}" if effect.error else ""
        state = "suspended, " if effect.status == "suspended" else ""
        yield (
            "effect",
            f"{effect.number}, {effect.words} at {effect.lane}, {state}{tries}{error}",
        )
    for timer in view.timers:
        error = f", suspended: {timer.error}" if timer.error else ""
        yield (
            "timer",
            f"{timer.name} of {timer.key} due {timer.due_at:%Y-%m-%d %H:%M:%S} UTC{error}",
        )


def _units(units: Sequence[UnitView]) -> str:
    return ", ".join(f"{one.quantity} × {one.sku}" for one in units) or "nothing"


def _stage(stage: str) -> str:
    return stage.replace("_", " ")
