"""Tells a channel without an API of its own that its order is shipped: a CloudEvent on NATS.

CloudEvents 1.0, structured JSON, on `orders.out.<channel>.order.fulfilled`. The same parcel of the
same order always has the same `id`, whichever effect or attempt says it, so a repeat is no second
fact: the stream drops it within its window, and readers are told to drop it after that.
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import msgspec

from actors.runtime.errors import Rejected
from actors.runtime.ports import Call, Clock
from schemas.contracts.published import ORDER_FULFILLED, identifier
from schemas.messages.effects import FetchOrder, FulfilmentPublished, PublishFulfilment, Result
from schemas.messages.published_events import OrderFulfilled
from schemas.order.ids import ref_token

CONTENT_TYPE = "application/cloudevents+json"
EVENT = "order.fulfilled"


class Events(Protocol):
    """Where facts are published. Raises Retryable or Unknown."""

    async def publish(
        self, subject: str, body: bytes, *, message_id: str, content_type: str, trace: str
    ) -> None:
        """Return when the fact is on disk, whether it was there before or not."""
        ...


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One fact in its envelope. `subject` is the channel's reference of the order."""

    specversion: str = "1.0"
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    datacontenttype: str = "application/json"
    dataschema: str
    data: OrderFulfilled


class CanonicalStorefront:
    """One channel of the kind `canonical`, behind `actors.runtime.ports.Partner`."""

    name = "storefront"
    can_look_up = True

    def __init__(self, channel: str, events: Events, clock: Clock) -> None:
        self._events = events
        self._clock = clock
        self._channel = ref_token(channel)

    async def perform(self, call: Call) -> Result:
        """Publish the fact; the stream's acknowledgement is the channel's."""
        effect = call.effect
        if isinstance(effect, FetchOrder):
            raise Rejected(
                "This channel has no API that could be asked for the order: whoever sends its "
                "orders must state it again."
            )
        if not isinstance(effect, PublishFulfilment):
            raise TypeError(f"A storefront has nothing to do with {type(effect).__name__}.")
        name = f"{call.correlation_id}-fulfilled-{effect.tracking_number}"
        event = CloudEvent(
            id=name,
            source=f"/orderwright/channels/{self._channel}",
            type=ORDER_FULFILLED,
            subject=call.ref,
            time=self._clock.now(),
            dataschema=identifier(ORDER_FULFILLED),
            data=OrderFulfilled(
                channel=call.channel,
                ref=call.ref,
                number=call.stated.number,
                correlation_id=call.correlation_id,
                carrier=effect.carrier,
                tracking_number=effect.tracking_number,
            ),
        )
        await self._events.publish(
            f"orders.out.{self._channel}.{EVENT}",
            msgspec.json.encode(event),
            message_id=name,
            content_type=CONTENT_TYPE,
            trace=call.trace,
        )
        return FulfilmentPublished(fulfilment_id=name)

    async def look_up(self, call: Call) -> Result | None:
        """Nothing needs to be found: the same fact under the same id may be published again."""
        return None
