"""An order of the journal as a side of the books. Pure."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from actors.documents.thing import CANCELLED, POSTED
from actors.documents.wanted import has_units, is_empty
from actors.kernel.setup import Setup
from actors.order.reading import comes_to as ordered
from actors.order.reading import is_worked_on
from actors.order.state import State
from adapters.kit.books import Amounts
from schemas.order.canonical import Order, Totals
from schemas.order.shares import as_booked, comes_to
from service.recon.cases import OurOrder, Told


def our_order(
    order_id: str, state: State, order: Order, setup: Setup, zone: ZoneInfo | None, *, stated: Order
) -> OurOrder:
    """Return what we heard of the shop and what we told the ERP. `order` is the one that is acted
    on, `stated` the shop's latest statement: SKUs are mapped, and people edit. `zone` is that of
    the shop's days, None where the shop's own times say enough."""
    cancelled = state.stage == "cancelled"
    told = _told(state, order, zone)
    waits = bool(state.open or state.stuck or state.refetch)
    posted = [one for one in state.documents.values() if one.stage == POSTED]
    return OurOrder(
        order_id=order_id,
        channel=state.channel,
        ref=state.ref,
        number=state.number,
        placed_at=datetime.fromisoformat(order.placed_at),
        stated_at=datetime.fromisoformat(stated.updated_at),
        currency=stated.currency,
        amounts=_amounts(stated.totals),
        told=told,
        awaits_erp=_awaits(state, setup),
        cancelled=cancelled,
        unsettled=waits
        or (state.cancel is not None and not cancelled)
        or any(one.told != state.book for one in posted),
        test=order.test,
    )


def _amounts(totals: Totals) -> Amounts:
    beside = totals.shipping_minor + totals.duty_minor
    beside += 0 if totals.taxes_included else totals.tax_minor
    return Amounts(
        goods_minor=totals.total_minor - beside,
        shipping_minor=totals.shipping_minor,
        duty_minor=totals.duty_minor,
        tax_minor=totals.tax_minor,
        taxes_included=totals.taxes_included,
    )


def _told(state: State, order: Order, zone: ZoneInfo | None) -> Told | None:
    documents = [one for one in state.documents.values() if one.stage in (POSTED, CANCELLED)]
    if not documents:
        return None
    standing = [one for one in documents if one.stage == POSTED]
    known = {line.line_id: line.quantity for line in order.lines}
    units = [one for one in ordered(state) if one.line_id in known]
    sums = comes_to(as_booked(order), units)
    included = order.totals.taxes_included
    whole = all(one.quantity == known[one.line_id] for one in units) and len(units) == len(known)
    return Told(
        erp_id=(standing or documents)[-1].erp_id,
        amounts=Amounts(
            goods_minor=sums.goods_minor,
            shipping_minor=sums.shipping_minor,
            duty_minor=sums.duty_minor,
            tax_minor=order.totals.tax_minor if included else sums.tax_minor,
            taxes_included=included,
        ),
        day=_day(order.placed_at, zone),
        undone=not standing,
        tax_known=whole,
    )


def _awaits(state: State, setup: Setup) -> bool:
    if not setup.erp or state.stage != "accepted" or state.holds or state.documents:
        return False
    return has_units(state) and not is_empty(state) and is_worked_on(state, setup)


def _day(at: str, zone: ZoneInfo | None) -> str:
    if zone is None:
        return at[:10]
    try:
        return datetime.fromisoformat(at).astimezone(zone).date().isoformat()
    except OverflowError:  # the first and the last day of all calendars
        return at[:10]
