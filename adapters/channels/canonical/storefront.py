"""Tells a channel without an API of its own what left and what was cancelled: CloudEvents on NATS.

CloudEvents 1.0, structured JSON, on `orders.out.<channel>.order.fulfilled` and
`orders.out.<channel>.order.cancelled`; what waits for its customer on
`orders.out.<channel>.order.ready_for_pickup`. The same parcels, or the same cancellation, always
have the same `id`, whichever attempt says it, so a repeat is not a second event: the stream drops
it within its window, and readers are told to drop it after that.
"""

from __future__ import annotations

from collections.abc import Iterable

from actors.runtime.errors import Rejected
from actors.runtime.partner import Call
from actors.runtime.ports import Clock
from adapters.kit.events import CONTENT_TYPE, Events, cloud_event
from schemas.contracts.published import ORDER_CANCELLED_HERE, ORDER_FULFILLED, ORDER_READY
from schemas.messages.effects import (
    CancelAtChannel,
    ChannelCancelled,
    FetchOrder,
    FulfilmentPublished,
    PublishFulfilment,
    Result,
    StandingTold,
    TellStanding,
    Units,
)
from schemas.messages.published_events import (
    CANCELLED,
    FULFILLED,
    READY,
    FulfilledLine,
    FulfilledParcel,
    OrderCancelledHere,
    OrderFulfilled,
    OrderReady,
)
from schemas.order.ids import ref_token


class CanonicalStorefront:
    """One channel of the kind `canonical`, behind `actors.runtime.partner.Partner`."""

    name = "storefront"
    can_look_up = True

    def __init__(self, channel: str, events: Events, clock: Clock, own_url: str = "") -> None:
        self._own_url = own_url
        self._events = events
        self._clock = clock
        self._channel = ref_token(channel)

    async def perform(self, call: Call) -> Result:
        """Publish the event; the stream's acknowledgement is the channel's."""
        match call.effect:
            case PublishFulfilment():
                name = await self._tell(call, FULFILLED, ORDER_FULFILLED, _left(call, call.effect))
                return FulfilmentPublished(outside_ids=(name,))
            case CancelAtChannel():
                told = _cancelled(call, call.effect)
                await self._tell(call, CANCELLED, ORDER_CANCELLED_HERE, told)
                return ChannelCancelled()
            case TellStanding(what="ready"):
                await self._tell(call, READY, ORDER_READY, _ready(call, call.effect))
                return StandingTold()
            case FetchOrder():
                raise Rejected(
                    "This channel has no API to fetch the order from: whoever sends its orders "
                    "must state it again."
                )
        raise TypeError(f"A storefront has nothing to do with {type(call.effect).__name__}.")

    async def look_up(self, call: Call) -> Result | None:
        """Nothing needs to be found: the same event under the same id may be published again."""
        return None

    async def _tell(
        self,
        call: Call,
        subject: str,
        schema: str,
        data: OrderFulfilled | OrderCancelledHere | OrderReady,
    ) -> str:
        """Publish one event, and return its id."""
        name = call.idempotency_key
        await self._events.publish(
            f"orders.out.{self._channel}.{subject}",
            cloud_event(
                name,
                call.channel,
                schema,
                call.ref,
                self._clock.now(),
                data,
                own_url=self._own_url,
            ),
            message_id=name,
            content_type=CONTENT_TYPE,
            trace=call.trace,
        )
        return name


def _left(call: Call, effect: PublishFulfilment) -> OrderFulfilled:
    return OrderFulfilled(
        channel=call.channel,
        ref=call.ref,
        number=call.stated.number,
        reference=call.order_reference,
        fulfilment=effect.fulfilment,
        parcels=tuple(
            FulfilledParcel(
                parcel=one.parcel,
                carrier=one.carrier,
                tracking_number=one.tracking_number,
                lines=_lines(one.units),
            )
            for one in effect.parcels
        ),
        notify_customer=effect.notify_customer,
    )


def _ready(call: Call, effect: TellStanding) -> OrderReady:
    return OrderReady(
        channel=call.channel,
        ref=call.ref,
        number=call.stated.number,
        reference=call.order_reference,
        fulfilment=call.key,
        lines=_lines(effect.units),
    )


def _lines(units: Iterable[Units]) -> tuple[FulfilledLine, ...]:
    return tuple(FulfilledLine(line_id=x.line_id, sku=x.sku, quantity=x.quantity) for x in units)


def _cancelled(call: Call, effect: CancelAtChannel) -> OrderCancelledHere:
    return OrderCancelledHere(
        channel=call.channel,
        ref=call.ref,
        number=call.stated.number,
        reference=call.order_reference,
        reason=effect.reason,
        restock=effect.restock,
        notify_customer=effect.notify_customer,
    )
