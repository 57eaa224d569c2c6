"""Orders on a terminal: a page of them, and one with its parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from schemas.messages.words.parts import inside
from schemas.order.things import (
    DOCUMENT,
    FULFILMENT,
    LABEL,
    MESSAGE,
    ORDER,
    PARCEL,
    Key,
    kind_of,
    number_of,
)
from service.cli.tables import age, money, print_table
from service.cli.tables import print_plain as print

if TYPE_CHECKING:
    from actors.order.correcting import AddressCheck
    from adapters.postgres.order_parts import UnitView
    from adapters.postgres.views import OrderView, Page
    from schemas.order.canonical import Address

Named = tuple[str, str]
"""A name on the left, and words."""

WIDTH = 13
"""Of the names on the left."""


def print_page(page: Page, *, more: bool) -> None:
    """Print a page of orders, and how to see the next."""
    print_table(
        ("number", "channel", "stage", "progress", "", "waits for", "total", "placed"),
        [
            (
                row.number or row.ref,
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


def print_view(
    view: OrderView, ship_to: Address | None = None, check: AddressCheck | None = None
) -> None:
    """Print one order: where it stands, where it goes, what a person has to do, what happened out
    of the ordinary, what it consists of, and what waits."""
    row = view.row
    # An order of which only news has come has neither a number nor an amount.
    total = f", {money(row.total_minor, row.currency)}" if row.currency else ""
    print(f"{row.number or 'order'} of {row.channel} ({row.ref}){total}")
    written = _written(view, check)
    parts = (written, _to_do(view), _notable(view), _goods(view), _papers(view), _waiting(view))
    for name, words in (one for part in (_head(view), _goes_to(ship_to), *parts) for one in part):
        told = words.replace("\n", " ")
        print(f"  {name:<{WIDTH}}{told}")


def _head(view: OrderView) -> Iterator[Named]:
    row = view.row
    needs = "  (needs a person)" if row.attention else ""
    how = "" if row.progress == row.stage else f", {row.progress}"
    yield "stage", f"{row.stage}{how}{needs}"
    yield "waits for", row.waiting_for or "no one: it is final"
    if row.stage == "duplicate":
        yield _command(view, "claim", "", "  (once that one is cancelled)")
    if view.ship_by and not row.final:
        yield "ship by", view.ship_by
    for rule in view.rules:
        asks = ", ".join(f"{name} {value}" for name, value in rule.asks.items())
        yield "rules", f"{rule.set}: {rule.rule or 'no rule matched'}{f' → {asks}' if asks else ''}"
    yield "placed", f"{row.placed_at:%Y-%m-%d %H:%M:%S} UTC, changed {age(row.updated_at)}"
    yield "order id", row.order_id
    yield "reference", row.reference
    if view.cancel:
        yield ("cancelling" if row.stage == "cancelling" else "cancelled"), view.cancel
    if view.erased_at is not None:
        yield "erased", f"{view.erased_at:%Y-%m-%d %H:%M:%S} UTC"


def _goes_to(at: Address | None) -> Iterator[Named]:
    if at is not None:
        town = " ".join(one for one in (at.city, at.region, at.postal_code) if one)
        parts = (at.name, at.company, *at.lines, town, at.country, at.phone)
        yield "ship to", ", ".join(one for one in parts if one)


def _written(view: OrderView, check: AddressCheck | None) -> Iterator[Named]:
    """How an address service writes it otherwise, with the command that takes it over."""
    if check is not None:
        for _, words in _goes_to(check.written):
            yield f"by {check.service}"[:WIDTH], words
        yield _command(view, "correct", "", "  (sends it there)")


def _to_do(view: OrderView) -> Iterator[Named]:
    """What is left to a person, each with the command that ends it."""
    for hold in view.holds if view.row.stage != "duplicate" else ():
        yield "hold", f"{hold.hold_id}{_of(hold.key)}: {hold.reason}"
        short = any(one.key == hold.key and one.missing for one in view.fulfilments)
        if short:
            verbs = "ship-short | backorder | drop"
            yield _command(view, verbs, f"--fulfilment {hold.key}")
        else:
            yield _command(view, "release", f"--hold {hold.hold_id}")
    for task in view.tasks:
        yield "task", f"{task.task_id}{_of(task.key)}: {task.words}"
        if task.task_id == f"return-{task.key}":
            words = f'{view.row.order_id} --key {task.key} --reason "…"'
            yield "", f"→ orderwright returns authorise | decline {words}"
        else:
            yield _command(view, "done", f"--task {task.task_id}")
    for stuck in view.stuck:
        doubt = "" if stuck.outcome_known else " (it may have been done)"
        yield "stuck", f"effect {stuck.effect}, {stuck.words}: {stuck.reason}{doubt}"
        yield _command(view, "retry | skip", f"--effect {stuck.effect}")
    for key in view.overdue:
        yield "overdue", f"{inside(key)} waits longer than it may"


def _command(view: OrderView, verb: str, target: str, when: str = "") -> Named:
    named = f"{view.row.order_id} {target}".rstrip()
    return "", f'→ orderwright orders {verb} {named} --reason "…"{when}'


def _of(key: Key) -> str:
    return "" if key == ORDER else f" of {key}"


def _notable(view: OrderView) -> Iterator[Named]:
    for one in view.notable:
        yield f"{one.at:%m-%d %H:%M}", one.words


def _goods(view: OrderView) -> Iterator[Named]:
    for line in view.lines:
        books = ", ".join(f"{count} {name}" for name, count in line.accounts.items())
        leaving = f", {line.leaving} to be dropped" if line.leaving else ""
        yield "line", f"{line.line_id}, {line.sku}: {books}{leaving}"
    yield from _sorted(_fulfilments(view), _ended(view, FULFILMENT))
    yield from _sorted(_parcels(view), _ended(view, PARCEL))


def _fulfilments(view: OrderView) -> Iterator[Named]:
    for one in view.fulfilments:
        at = f" at {one.place}" if one.place else ""
        task = f", task {one.task_id}" if one.task_id else ""
        units = f": {_units(one.units)} to leave" if one.units else ""
        missing = f", short of {_units(one.missing)}" if one.missing else ""
        stop = f", to be undone ({one.stop})" if one.stop else ""
        waits = f", waits for {one.waiting_for}" if one.waiting_for else ""
        yield one.key, f"{_stage(one.stage)}{at}{task}{units}{missing}{stop}{waits}"


def _parcels(view: OrderView) -> Iterator[Named]:
    for parcel in view.parcels:
        number = f", {parcel.carrier} {parcel.tracking_number}" if parcel.tracking_number else ""
        held = f"of {parcel.fulfilment}: {_units(parcel.units)}"
        yield parcel.key, f"{_stage(parcel.stage)}, {held}{number}"


def _ended(view: OrderView, kind: str) -> Iterator[Named]:
    for one in view.ended:
        if kind_of(one.key) == kind:
            held = f", of {one.fulfilment}: {_units(one.units)}" if one.units else ""
            # A parcel that a person packed has no id of a warehouse's behind its fulfilment's key.
            named = [name for name in one.ids if not name.endswith("/")]
            ids = f" ({', '.join(named)})" if named else ""
            yield one.key, f"ended: {_stage(one.stage)}{held}{ids}"


def _sorted(*parts: Iterable[Named]) -> list[Named]:
    """Return things in the order in which they came, whether they have ended or not."""
    return sorted((one for part in parts for one in part), key=lambda one: number_of(Key(one[0])))


def _papers(view: OrderView) -> Iterator[Named]:
    yield from _money(view)
    yield from _refunds(view)
    yield from _returns(view)
    yield from _sorted(_labels(view), _ended(view, LABEL))
    documents = (
        (one.key, f"{one.stage} at {one.lane}{f' as {one.number}' if one.number else ''}")
        for one in view.documents
    )
    yield from _sorted(documents, _ended(view, DOCUMENT))
    messages = ((one.key, f"{one.template}, {one.stage}") for one in view.messages)
    yield from _sorted(messages, _ended(view, MESSAGE))
    if view.files:
        yield "files", ", ".join(one.name for one in view.files)


def _money(view: OrderView) -> Iterator[Named]:
    """What the channel has reserved, and what was captured of it."""
    currency = {one.key: one.currency for one in view.payments}
    for one in view.payments:
        until = f", until {one.until}" if one.until and one.stage == "authorised" else ""
        free = ", goods may leave without it" if one.waived else ""
        taken = money(one.captured_minor, one.currency)
        whole = money(one.amount_minor, one.currency)
        yield one.key, f"{one.stage}: {taken} captured of {whole}{until}{free}"
    for capture in view.captures:
        amount = money(capture.amount_minor, currency[capture.payment])
        outside = f" as {capture.outside_id}" if capture.outside_id else ""
        yield capture.key, f"{capture.stage}: {amount} of {capture.payment}{outside}"


def _refunds(view: OrderView) -> Iterator[Named]:
    for one in view.refunds:
        asked = money(one.amount_minor, one.currency)
        given = money(one.given_minor, one.currency)
        amount = f"{given} given back" if one.stage == "refunded" else asked
        by = f" by {one.person}" if one.person else ""
        outside = f" as {one.outside_id}" if one.outside_id else ""
        yield one.key, f"{one.stage}: {amount}{by}{outside}"


def _returns(view: OrderView) -> Iterator[Named]:
    for one in view.returns:
        lines = [
            f"{line.came if one.stage in _CAME else line.asked} × {line.sku}" for line in one.lines
        ]
        what = ", ".join(lines[:10]) or "goods that the channel does not name"
        more = f" and {len(lines) - 10} more lines" if len(lines) > 10 else ""
        number = f", sent as {one.tracking_number}" if one.tracking_number else ""
        outside = f" ({one.outside_id})" if one.outside_id else ""
        paid = f", {_MONEY.get(one.money, f'paid back by {one.money}')}" if one.money else ""
        yield one.key, f"{_stage(one.stage)}: {what}{more}{number}{paid}{outside}"


_CAME = ("received", "inspected", "closed")
_MONEY = {
    "none": "no money due",
    "others": "paid back before",
    "person": "a person pays it back",
    "asked": "a person pays it back",
}
"""What was decided about a return's money, where no refund of ours follows."""


def _labels(view: OrderView) -> Iterator[Named]:
    for label in view.labels:
        numbers = f" {', '.join(label.tracking_numbers)}" if label.tracking_numbers else ""
        stop = ", to be voided" if label.stop else ""
        held = f"{label.stage} for {', '.join(label.parcels)} at {label.lane}"
        yield label.key, f"{held}{numbers}{stop}"


def _waiting(view: OrderView) -> Iterator[Named]:
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
