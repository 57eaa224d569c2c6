"""Who answers what decisions ask, in a running service."""

from __future__ import annotations

import logging
from collections.abc import Callable

from actors.runtime.errors import MailboxFull
from actors.runtime.lanes import Lanes
from actors.runtime.mailbox import Envelope, untold
from actors.runtime.partner import Partner
from actors.runtime.registry import Registry
from adapters.postgres.customers import Customers
from schemas.messages.inputs import TimerFired
from schemas.order.canonical import Address, Order
from schemas.order.ids import OrderId
from service.app.clock import new_id
from service.app.common import Common
from service.checks.answering import (
    Answering,
    CheckMetrics,
    Told,
    account_teller,
    address_teller,
    history_teller,
)
from service.wiring.order_stream import OrderStream
from service.wiring.store import Store

log = logging.getLogger(__name__)

MAPPING = "mapping"
"""The timer by which a held order checks again whether anything is missing."""


def checks_of(
    common: Common,
    store: Store,
    stream: OrderStream,
    lanes: Lanes,
    registry: Callable[[], Registry],
) -> Answering:
    """Return what answers. A late answer makes its order check again at once."""

    def erp_of(channel: str) -> Partner | None:
        return partner_named(stream.erp_of(channel))

    def checker_of(channel: str, at: Address) -> Partner | None:
        return partner_named(stream.checker_of(channel, at))

    def partner_named(name: str) -> Partner | None:
        return next((lane.partner for lane in lanes if name and lane.name == name), None)

    found = Answering(
        {
            "customer": history_teller(Customers(store.pool), store.sealing, common.clock),
            "account": account_teller(erp_of),
            "address": address_teller(checker_of),
        },
        CheckMetrics(common.metrics.registry),
    )
    found.told = checks_again(registry)
    return found


def checks_again(registry: Callable[[], Registry]) -> Told:
    """Return what has an order check again whether anything is missing."""

    def told(order_id: OrderId, channel: str, order: Order) -> None:
        envelope = Envelope(
            TimerFired(name=MAPPING), f"check:{new_id()}", untold, channel=channel, ref=order.ref
        )
        try:
            registry().post(order_id, envelope)
        except MailboxFull as error:
            log.info("A late answer waits for the order to check by itself: %s", error)

    return told
