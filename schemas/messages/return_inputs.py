"""What people, channels and warehouses say of goods that customers send back."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.messages.return_events import Disposition, ReturnRefund
from schemas.order.canonical import LongText, Ref, ShortText

ReturnStep = Literal[
    "request", "authorise", "decline", "cancel", "send", "receive", "inspect", "close"
]
"""How a return moves on."""


class ReturnLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """So many units of a line. `reason` is a code or a few words of why they are sent back; a line
    that is inspected has a `disposition`, and may be named once for each of them."""

    line_id: Ref
    quantity: Annotated[int, Meta(ge=1, le=1_000_000)]
    reason: Annotated[str, Meta(max_length=64)] = ""
    disposition: Disposition | None = None


class HandleReturn(Struct, frozen=True, kw_only=True, tag="return.step.v1", omit_defaults=True):
    """One step of a return. `source` is who tells; a `person` is named where one decides.

    Which return is meant says its `key` (T1), else the channel's `outside_id`, else, of a step that
    is not a request, the first that the step is possible for. `lines` without any: of goods that
    came back, all that were to come. `tracking_number` is the customer's shipment, `place` where
    the goods are, `refund` what is given back for them (left out: as the channel's settings say).
    `refetch`: the order may look different at its channel now, so it is fetched.
    """

    ref: Ref
    step: ReturnStep
    source: Literal["person", "channel", "warehouse"] = "person"
    person: ShortText = ""
    key: Annotated[str, Meta(pattern=r"^(T[1-9][0-9]{0,3})?(?![\s\S])")] = ""
    outside_id: ShortText = ""
    lines: Annotated[tuple[ReturnLine, ...], Meta(max_length=500)] = ()
    reason: LongText = ""
    tracking_number: ShortText = ""
    place: ShortText = ""
    refund: ReturnRefund | None = None
    refetch: bool = False
