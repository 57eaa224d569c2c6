"""Facts: what we tell others about an order when they have no API of their own to be told by.

They travel as the `data` of a CloudEvent on `orders.out.<channel>.<event>` and bear no personal
data.
"""

from __future__ import annotations

from msgspec import Struct


class OrderFulfilled(Struct, frozen=True, kw_only=True):
    """The order is on its way: `ref` is the channel's own reference, `number` what people call it,
    `correlation_id` ours."""

    channel: str
    ref: str
    number: str
    correlation_id: str
    carrier: str
    tracking_number: str
