"""What customers paid on delivery: nothing for goods that never reached them."""

from __future__ import annotations

from collections.abc import Mapping

from actors.fulfilment.thing import Fulfilment
from actors.parcel.thing import LOST, PACKED, RETURNED, UNPACKED, Parcel
from schemas.order.things import Key


def remitted(parcels: Mapping[Key, Parcel], key: Key, thing: Fulfilment) -> int:
    """Return the amount that is collected with a fulfilment, in minor units: 0 once every parcel of
    it that left was returned to its sender or lost."""
    if not thing.collect:
        return 0
    stages = {x.stage for x in parcels.values() if x.fulfilment == key} - {PACKED, UNPACKED}
    return 0 if stages and stages <= {RETURNED, LOST} else thing.collect
