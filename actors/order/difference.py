"""What differs between two statements of an order, in all that we act on."""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct

from actors.kernel import ledger
from actors.order import mapping
from actors.order.acceptance import to_collect
from actors.order.reading import MONEY_IS_THERE
from actors.order.state import State
from actors.order.work import Work
from schemas.messages import events as e
from schemas.order.canonical import Order

MAX_REISSUED = 8
"""Revisions of what a warehouse is told after which texts alone give it no other task: an app that
writes others all the time would have it begin again and again. A person is told then."""


class Diff(Struct, frozen=True):
    """What differs between two statements: facets, units that were added (to lines by their place,
    or as new lines), and units that are not wanted any more."""

    facets: tuple[str, ...]
    new: tuple[e.NewLine, ...] = ()
    moves: tuple[e.Move, ...] = ()
    wishes: tuple[e.Wish, ...] = ()
    late: tuple[tuple[int, int], ...] = ()


def difference(work: Work, base: Order, order: Order) -> Diff:
    """Return what differs between two statements in all that we act on."""
    facets = [name for name, differs in FACETS if differs(base, order)]
    if work.state.task >= MAX_REISSUED and "note" in facets and _papers(base) == _papers(order):
        facets[facets.index("note")] = "texts"
    setup, methods = work.context.setup, work.state.payment_method
    if setup.collected and to_collect(base, setup, methods) != to_collect(
        order, setup, order.payment_method
    ):
        facets.append("due")
    if order.payment not in MONEY_IS_THERE and _methods(base) != _methods(order):
        facets.append("terms")
    if not facets:
        return Diff(())
    if "lines" not in facets:
        return Diff(tuple(facets))
    context = work.context
    before, after = (mapping.named(x, context, work.state.waived).order for x in (base, order))
    return of_lines(work.state, tuple(facets), before, after)


def of_lines(
    state: State, facets: tuple[str, ...], before: Order, after: Order, *, renamed: bool = False
) -> Diff:
    """Return what differs in the lines. `renamed`: the same goods under other names, so that only
    units that are here take them; else what was cancelled here stays cancelled."""
    was = {line.line_id: line for line in mapping.lines_of(before)}
    at_of = {line.line_id: at for at, line in enumerate(state.lines)}
    bundle = {line.line_id: line.bundle_line_id for line in after.lines}
    new: list[e.NewLine] = []
    moves: list[e.Move] = []
    gone: dict[int, tuple[int, int]] = {}
    for line in mapping.lines_of(after):
        old = was.get(line.line_id)
        if old is not None and (old.sku, old.delivery) == (line.sku, line.delivery):
            del was[line.line_id]
            more = line.quantity - old.quantity
            if more > 0:
                moves.append(e.Move(at_of[line.line_id], more, ledger.ADDED, ledger.OPEN))
            elif more < 0:
                gone[at_of[line.line_id]] = (-more, line.quantity)
            continue
        old = old or was.get(bundle[line.line_id])
        count = line.quantity
        if old is not None and old.line_id in at_of:
            kept = _kept_of(state, at_of[old.line_id], old.quantity, renamed=renamed)
            count = count * kept // old.quantity
        if count:
            moves.append(e.Move(len(state.lines) + len(new), count, ledger.ADDED, ledger.OPEN))
        new.append(line)
    for old in was.values():
        if old.line_id in at_of:
            gone[at_of[old.line_id]] = (old.quantity, 0)
    wishes, late = _freed(state, gone)
    return Diff(facets, tuple(new), tuple(moves), wishes, late)


def _kept_of(state: State, at: int, quantity: int, *, renamed: bool) -> int:
    """Return how many units of a line another one takes the place of."""
    counts = state.lines[at].counts
    if renamed:
        return min(quantity, counts.get("o", 0) + counts.get("a", 0) - ledger.wished(counts))
    return min(quantity, max(0, _wanted(counts)))


def _wanted(counts: ledger.Counts) -> int:
    """Return how many units of a line are still wanted, here or where they have gone."""
    return ledger.ordered(counts) - counts.get("M", 0) - counts.get("C", 0)


def _freed(
    state: State, gone: dict[int, tuple[int, int]]
) -> tuple[tuple[e.Wish, ...], tuple[tuple[int, int], ...]]:
    """Return the units that can still go, and those that can't because they have left. `gone` has
    so many fewer than before, and so many as are wanted now: what was cancelled or dropped here is
    not taken away twice, nor does it make up for units taken away later."""
    wishes, late = [], []
    for at, (fewer, left) in gone.items():
        counts = state.lines[at].counts
        here = counts.get("o", 0) + counts.get("a", 0) - ledger.wished(counts)
        owed = min(fewer, _wanted(counts) - left)
        if min(owed, here) > 0:
            wishes.append(e.Wish(at, min(owed, here), ledger.REMOVED))
        if owed > max(0, here):
            # What was lost or came back is not with the customer.
            kept = ledger.out(counts) - counts.get("l", 0) - counts.get("r", 0)
            kept += counts.get("e", 0) - left
            if (late_units := min(owed - max(0, here), kept)) > 0:
                late.append((at, late_units))
    return tuple(wishes), tuple(late)


def _money(order: Order) -> tuple[object, ...]:
    priced = tuple(
        (x.line_id, x.total_minor, x.discount_minor, x.tax_minor, x.tax_code) for x in order.lines
    )
    return priced, order.currency, order.totals, order.discounts, order.presentment


_OURS = re.compile(
    r"(line [^:]{1,80}: )?[a-z]{3,64}\.(?!more_attributes\.)[a-z0-9_.]{1,200}( [0-9A-Za-z-]{1,80})?"
)


def _methods(order: Order) -> frozenset[str]:
    return frozenset(one.strip().casefold() for one in order.payment_method.split(","))


def _texts(order: Order) -> dict[str, str]:
    """What the customer asked for in words, such as an engraving. A name that begins with `_` is by
    custom the shop's own, and one like `shopify.po_number` ours; what apps write there reissues no
    task. Of too many texts the others are together in one of ours."""
    return {
        name: text
        for name, text in order.attributes.items()
        if not (_OURS.fullmatch(name) or name.startswith("_") or ": _" in name)
    }


def _papers(order: Order) -> tuple[object, ...]:
    """What is written on papers and asked of a warehouse, beside goods, address and texts."""
    gifts = tuple(
        (x.line_id, x.gift_message, x.unit_codes)
        for x in order.lines
        if x.gift_message or x.unit_codes
    )
    wanted = (order.ship_by, order.deliver_from, order.deliver_by, order.pickup_at)
    papers = (order.note, order.gift_message, gifts, wanted)
    return papers, order.parent_ref, order.subscription_ref


def _told(order: Order) -> tuple[object, ...]:
    return _papers(order), _texts(order)


FACETS: tuple[tuple[str, Any], ...] = (
    ("address", lambda a, b: a.ship_to != b.ship_to),
    (
        "method",
        lambda a, b: (a.shipping_method, a.labels_from) != (b.shipping_method, b.labels_from),
    ),
    ("contact", lambda a, b: (a.customer, a.bill_to) != (b.customer, b.bill_to)),
    ("note", lambda a, b: _told(a) != _told(b)),
    ("lines", lambda a, b: mapping.lines_of(a) != mapping.lines_of(b)),
    ("money", lambda a, b: _money(a) != _money(b)),
)
