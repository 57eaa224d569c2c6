"""One place where bytes become inputs, events, effects and orders, and back."""

from __future__ import annotations

import msgspec

from schemas.effects import Effect, Result
from schemas.events import OrderEvent
from schemas.inputs import Input
from schemas.order import Order
from schemas.upcasting import reader

_encoder = msgspec.json.Encoder()

encode = _encoder.encode
decode_event = reader(msgspec.json.Decoder(OrderEvent).decode, OrderEvent)
decode_effect = msgspec.json.Decoder(Effect).decode
decode_input = msgspec.json.Decoder(Input).decode
decode_result = msgspec.json.Decoder(Result).decode
decode_order = msgspec.json.Decoder(Order).decode
