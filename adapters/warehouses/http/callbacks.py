"""What a warehouse tells us, signed by the rules of https://www.standardwebhooks.com.

The body is `schemas/contracts/json/warehouse.callback.v1.json`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from adapters.kit.inbound import (
    UNKNOWN,
    UNREADABLE,
    Receipt,
    SignatureRefused,
    delivery_of,
    digest_ref,
)
from adapters.kit.standard_webhooks import authenticate, key_of
from schemas.contracts import checks, published, refusals
from schemas.contracts.refusals import Refused, refused
from schemas.contracts.strict_json import parse, shown
from schemas.contracts.validation import read
from schemas.messages.callbacks import WarehouseCallback
from schemas.messages.effects import Parcel
from schemas.messages.inputs import (
    Input,
    ReportHandedOver,
    ReportPacked,
    ReportPicked,
    ReportShortPicked,
    ReportTaskCancelled,
    ShortLine,
)
from schemas.order.ids import (
    MAX_CHANNEL_LENGTH,
    MAX_REF_LENGTH,
    CorrelationIdRefused,
    order_id_for,
    verify_correlation_id,
)

KIND_OF_TYPE: Mapping[str, str] = MappingProxyType(
    {
        "task.picked": "picked",
        "task.packed": "packed",
        "task.short_picked": "short-picked",
        "task.handed_over": "handed-over",
        "task.cancelled": "task-cancelled",
    }
)


class WarehouseCallbacks:
    """One warehouse. `secrets` are texts, or base64 after `whsec_`; two while they are rotated.
    `keys` sign our correlation ids, by key id. Raises ValueError for a secret that is no base64."""

    kind = "warehouse"

    def __init__(self, name: str, *, secrets: Sequence[str], keys: Mapping[str, bytes]) -> None:
        self._name = name
        self._secrets = tuple(key_of(one, "A warehouse's") for one in secrets if one)
        self._keys = keys

    def receive(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> Receipt:
        """Check signature, age and correlation id. Raises SignatureRefused."""
        message_id = authenticate(headers, raw, now, self._secrets)
        delivery_id = delivery_of(self._name, message_id, "", raw)
        try:
            tree = parse(raw)
        except Refused:
            tree = None
        told = tree if isinstance(tree, dict) else {}
        channel, ref = _text(told, "channel"), _text(told, "order_ref")
        topic = _text(told, "type")
        # A warehouse serves many channels: without a channel the bytes are kept under its own name.
        if not _is_token(channel) or not 0 < len(ref) <= MAX_REF_LENGTH:
            return Receipt(
                channel=self._name,
                kind=UNREADABLE,
                ref=digest_ref(raw),
                topic=topic[:100],
                delivery_id=delivery_id,
            )
        try:
            self._refuse_stranger(_text(told, "reference"), channel, ref)
        except Refused as error:
            raise SignatureRefused(str(error)) from None
        return Receipt(
            channel=channel,
            kind=KIND_OF_TYPE.get(topic, UNKNOWN),
            ref=ref,
            topic=topic[:100],
            delivery_id=delivery_id,
        )

    def address(self, topic: str, raw: bytes) -> tuple[str, str]:
        """Say again what a kept callback is, for its bytes alone say it: channel ("" when they
        don't) and kind."""
        try:
            tree = parse(raw)
        except Refused:
            tree = None
        told = tree if isinstance(tree, dict) else {}
        channel = _text(told, "channel")
        kind = KIND_OF_TYPE.get(_text(told, "type"), UNKNOWN)
        return channel if _is_token(channel) else "", kind

    def translate(self, kind: str, topic: str, raw: bytes) -> Input:
        """Make one of our inputs. Raises Refused, also for a correlation id of another order."""
        tree = parse(raw)
        if kind == UNKNOWN:
            raise refused(
                refusals.TOPIC_UNKNOWN,
                f"The type {shown(topic)} is unknown; known are {', '.join(KIND_OF_TYPE)}.",
            )
        told = read(published.WAREHOUSE_CALLBACK, tree, WarehouseCallback)
        if KIND_OF_TYPE[told.type] != kind:
            raise refused(
                refusals.KIND_MISMATCH,
                f"The callback is a {told.type}, but came in as {shown(kind)}.",
            )
        self._refuse_stranger(told.reference, told.channel, told.order_ref)
        return _input(told)

    def _refuse_stranger(self, reference: str, channel: str, ref: str) -> None:
        """Raise Refused unless we signed `reference`, for this order of this channel."""
        try:
            order_id = verify_correlation_id(reference, self._keys)
        except CorrelationIdRefused as error:
            raise refused(refusals.CORRELATION_REFUSED, str(error)) from None
        if order_id != order_id_for(channel, ref):
            raise refused(
                refusals.CORRELATION_REFUSED,
                f"The correlation id is not that of the order {shown(ref)} in {shown(channel)}; "
                "send the reference that came with the task.",
            )


def _input(told: WarehouseCallback) -> Input:
    ref, task_id = told.order_ref, told.task_id
    if told.type == "task.picked":
        return ReportPicked(ref=ref, task_id=task_id)
    if told.type == "task.handed_over":
        return ReportHandedOver(ref=ref, task_id=task_id)
    if told.type == "task.cancelled":
        return ReportTaskCancelled(ref=ref, task_id=task_id)
    if told.type == "task.short_picked":
        return ReportShortPicked(ref=ref, task_id=task_id, lines=_short_lines(told))
    parcels = tuple(
        Parcel(
            parcel_id=one.parcel_id,
            weight_grams=one.weight_grams,
            length_mm=one.length_mm,
            width_mm=one.width_mm,
            height_mm=one.height_mm,
        )
        for one in told.parcels
    )
    if faults := checks.parcels_possible(parcels):
        raise Refused(refusals.PARCELS_IMPOSSIBLE, faults)
    return ReportPacked(ref=ref, task_id=task_id, parcels=parcels)


def _short_lines(told: WarehouseCallback) -> tuple[ShortLine, ...]:
    """Return the lines of which less was found than asked."""
    short = tuple(
        ShortLine(
            line_id=line.line_id,
            ordered_quantity=line.ordered_quantity,
            picked_quantity=line.picked_quantity,
        )
        for line in told.lines
        if line.picked_quantity < line.ordered_quantity
    )
    if faults := checks.quantities_possible(short):
        raise Refused(refusals.QUANTITY_IMPOSSIBLE, faults)
    return short


def _text(told: Mapping[str, object], name: str) -> str:
    value = told.get(name)
    return value if isinstance(value, str) else ""


def _is_token(channel: str) -> bool:
    plain = channel.replace("-", "").replace("_", "")
    return len(channel) <= MAX_CHANNEL_LENGTH and plain.isascii() and plain.isalnum()
