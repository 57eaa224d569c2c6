"""How an address service writes an order's address otherwise, for people who decide about it."""

from __future__ import annotations

import msgspec

from actors.order.correcting import CHECK, AddressCheck
from adapters.postgres.views import OrderView, Views

_decode = msgspec.json.Decoder(AddressCheck).decode


def is_checked(view: OrderView) -> bool:
    """Whether a service writes the address otherwise than it was when it was asked last."""
    return any(one.name == CHECK for one in view.files)


async def check_of(views: Views, view: OrderView) -> AddressCheck | None:
    """Return what an address service writes, None where it said nothing else, or where that was
    erased. Raises KeyMissing, Damaged and JournalUnavailable."""
    if not is_checked(view):
        return None
    found = await views.document(view.row.order_id, CHECK)
    return None if found is None else _decode(found.content)
