"""One place where bytes become inputs, events, effects and orders, and back."""

from __future__ import annotations

import msgspec

from schemas.contracts.upcasting import reader
from schemas.messages.effects import Effect, Result
from schemas.messages.events import OrderEvent
from schemas.messages.inputs import Input
from schemas.order.canonical import Order

_encoder = msgspec.json.Encoder()

encode = _encoder.encode
decode_event = reader(msgspec.json.Decoder(OrderEvent).decode, OrderEvent)
decode_effect = msgspec.json.Decoder(Effect).decode
decode_input = msgspec.json.Decoder(Input).decode
decode_result = msgspec.json.Decoder(Result).decode
decode_order = msgspec.json.Decoder(Order).decode
