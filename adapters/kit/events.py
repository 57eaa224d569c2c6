"""Where adapters publish events that other services read, and the envelope of such an event:
CloudEvents 1.0, structured JSON.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import msgspec

from schemas.contracts.published import address_of
from schemas.order.ids import ref_token

CONTENT_TYPE = "application/cloudevents+json"


class Events(Protocol):
    """Where events for other services are published. Raises Retryable or Unknown."""

    async def publish(
        self, subject: str, body: bytes, *, message_id: str, content_type: str, trace: str
    ) -> None:
        """Return when the event is on disk, whether it was there before or not."""
        ...


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event in its envelope. `subject` is the channel's reference of the order."""

    specversion: str = "1.0"
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    datacontenttype: str = "application/json"
    dataschema: str
    data: msgspec.Struct


def cloud_event(
    name: str,
    channel: str,
    schema: str,
    ref: str,
    at: datetime,
    data: msgspec.Struct,
    *,
    own_url: str = "",
) -> bytes:
    """Return an event about an order of the channel, encoded; `name` is its id. Its schema can be
    fetched from us at `own_url`."""
    event = CloudEvent(
        id=name,
        source=f"/orderwright/channels/{ref_token(channel)}",
        type=schema,
        subject=ref,
        time=at,
        dataschema=address_of(schema, own_url),
        data=data,
    )
    return msgspec.json.encode(event)
