"""What is left of a fulfilment that has ended, and how its parcels are known by then."""

from __future__ import annotations

from actors.fulfilment.thing import Fulfilment
from actors.order.draft import Draft
from schemas.order.things import Key

FIELD = "fulfilments"


def box_id(key: Key, parcel_id: str) -> str:
    """Return how a parcel that has ended is known by its warehouse: its ids are good within a task
    alone."""
    return f"{key}/{parcel_id}"


def bury(draft: Draft, key: Key, thing: Fulfilment) -> None:
    """Leave only the ids of a fulfilment, its parcels and its labels, unless a partner may still
    tell something about it: that is known by what its parcels hold."""
    if any(one.key == key and not one.known for one in draft.get("lost")):
        return
    for name in ("labels", "parcels"):
        for other, one in tuple(draft.get(name).items()):
            if one.fulfilment == key:
                ids = (
                    (one.shipment,)
                    if name == "labels"
                    else (one.number, box_id(key, one.parcel_id), *one.others)
                )
                kept = one.units if one.stage == "unpacked" else ()
                draft.bury(name, other, one.stage, ids, kept)
                if name == "labels":
                    draft.forget(other)
    draft.bury(FIELD, key, draft.get(FIELD)[key].stage, (thing.task, *thing.outside))
