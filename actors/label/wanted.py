"""What a label asks its carrier for next."""

from __future__ import annotations

from collections.abc import Iterator

from actors.fulfilment.collect import amount_for
from actors.label.thing import BOUGHT, WANTED, Label
from actors.order.decision import Context
from actors.order.reading import may_exist, packed_parcel
from actors.order.state import State
from actors.order.work import Ask
from schemas.messages import effects as f
from schemas.order.canonical import Order
from schemas.order.things import Key


def wanted(
    state: State, context: Context, order: Order | None, busy: frozenset[Key]
) -> Iterator[Ask]:
    """Yield at most one effect for each label that waits for nothing."""
    for key, thing in state.labels.items():
        if key in busy:
            continue
        if thing.stage == WANTED and not thing.stop:
            yield buy(state, key, thing, context, order)
        elif thing.stage == BOUGHT and thing.stop:
            effect = f.VoidLabel(shipment_id=thing.shipment, tracking_numbers=thing.numbers)
            yield Ask(key, thing.lane, effect)


def buy(state: State, key: Key, thing: Label, context: Context, order: Order | None) -> Ask:
    """Return the purchase. Only the first label of a fulfilment collects what is due; what is due
    by now, for units may have been cancelled since the warehouse was told."""
    fulfilment = state.fulfilments[thing.fulfilment]
    amount, currency = amount_for(state, thing.fulfilment, fulfilment, order, context)
    for other, x in state.labels.items():
        if other == key:
            break
        if x.fulfilment == thing.fulfilment and x.stage == WANTED and not (x.stop or x.told):
            amount = 0  # an earlier one, which is asked for at the same time, collects it
    others = sum(
        x.collect
        for k, x in state.labels.items()
        if k != key and x.fulfilment == thing.fulfilment and x.stage in (WANTED, BOUGHT)
    )
    amount = max(0, amount - others)
    if may_exist(state, key, f.tag_of(f.BuyLabel)):
        amount = thing.collect  # as it was asked for before, so that it is known what it says
    return Ask(
        key,
        thing.lane,
        f.BuyLabel(
            fulfilment=thing.fulfilment,
            place=fulfilment.place,
            parcels=tuple(packed_parcel(state, parcel) for parcel in thing.parcels),
            collect_minor=amount,
            collect_currency=currency if amount else "",
        ),
        note=str(amount) if amount else "",
    )
