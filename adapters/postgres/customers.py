"""What else a customer has with the shop: a projection that is read, not stored.

Who the customer is goes by the keyed hashes of the channel's id, the e-mail address and the
telephone number that stand beside each sealed order; one of them is enough, so that an order as a
guest meets those of the account. Erasing an order destroys its hashes, and with them its part in
anybody's history.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path

from msgspec import Struct

from adapters.postgres.pool import Pool
from adapters.postgres.sealing import Sealing
from adapters.postgres.statements import parse
from schemas.order.canonical import Order
from schemas.order.customers import email_of, identity_of, order_phone_of
from schemas.order.world import MAX_DAYS, MAX_ORDERS, MAX_VALUE, History


class CustomerHistory(Struct, frozen=True, kw_only=True):
    """What else a customer has with the shop; `spent_minor` is what the orders in this currency
    that were not cancelled come to, in minor units. Of `orders` a parcel came back in `returned`.
    """

    orders: int = 0
    completed: int = 0
    cancelled: int = 0
    returned: int = 0
    spent_minor: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None


class Customers:
    """Raises JournalUnavailable within the pool's deadline when Postgres does not answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def of_order(self, order_id: str, currency: str) -> CustomerHistory:
        """Return what else the customer of a stored order has."""
        args = (order_id, currency, MAX_ORDERS)
        (row,) = await self._pool.fetch(_sql()["of_order"], *args)
        return CustomerHistory(**dict(row))

    async def beside(
        self, order_id: str, channel: str, order: Order, sealing: Sealing, now: datetime
    ) -> History:
        """Return what else the customer of an order has that may not be stored yet. Nothing is
        known of one whom neither id nor e-mail address nor telephone number tells."""
        who = identity_of(order.customer), email_of(order.customer.email), order_phone_of(order)
        if not any(who):
            return History()
        hashes = [[sealing.name_of(channel, one)] if one else [] for one in who]
        args = (order_id, *hashes, order.currency, MAX_ORDERS)
        (row,) = await self._pool.fetch(_sql()["of_hashes"], *args)
        first = row["first_at"]
        return History(
            orders=row["orders"],
            cancelled=row["cancelled"],
            returned=row["returned"],
            value_minor=max(0, min(row["spent_minor"], MAX_VALUE)),
            first_seen_days=None if first is None else max(0, min((now - first).days, MAX_DAYS)),
        )


@cache
def _sql() -> Mapping[str, str]:
    named = parse(Path(__file__).with_name("customers.sql").read_text("utf-8"))
    return {
        name: named[name].replace("{told}", named["told"].replace("{currency}", currency))
        for name, currency in (("of_hashes", "$5"), ("of_order", "$2"))
    }
