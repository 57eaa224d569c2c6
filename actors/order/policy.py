"""How long an order may wait, in one place. Every duration is in seconds."""

from __future__ import annotations

from msgspec import Struct

DAY = 86_400.0


class Policy(Struct, frozen=True, kw_only=True):
    """The durations that decisions use.

    `*_due` is how long a stage may last before it is overdue and raises an alarm. `close_after` is
    how long after delivery the order stays open (0: closes at once). `accept_test_orders` treats
    orders that the channel marks as tests like real ones: real labels are bought for them.
    """

    place_due_seconds: float = 600.0
    payment_due_seconds: float = 3 * DAY
    stock_due_seconds: float = DAY
    stock_retry_seconds: float = 900.0
    pack_due_seconds: float = DAY
    label_due_seconds: float = 3600.0
    scan_due_seconds: float = 2 * DAY
    delivery_due_seconds: float = 10 * DAY
    close_due_seconds: float = DAY
    cancel_due_seconds: float = 3600.0
    first_track_seconds: float = 3600.0
    track_every_seconds: float = 6 * 3600.0
    close_after_seconds: float = 0.0
    accept_test_orders: bool = False
