"""What a warehouse tells us, signed by the rules of https://www.standardwebhooks.com.

The body is `schemas/contracts/json/warehouse.callback.v2.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import assert_never

from msgspec.structs import replace

from adapters.kit.inbound import (
    UNKNOWN,
    UNREADABLE,
    Receipt,
    SignatureRefused,
    delivery_of,
    digest_ref,
)
from adapters.kit.standard_webhooks import authenticate, key_of
from adapters.warehouses.http.counts import STOCK_COUNTED
from adapters.warehouses.http.settings import WarehouseSettings
from schemas.contracts import checks, published, refusals
from schemas.contracts.refusals import Refused, refused
from schemas.contracts.strict_json import parse, shown
from schemas.contracts.validation import read
from schemas.messages.callbacks import CallbackParcel, WarehouseCallback
from schemas.messages.effects import LineCodes, Units
from schemas.messages.inputs import (
    HandleReturn,
    Input,
    ReportCollected,
    ReportedParcel,
    ReportHandedOver,
    ReportPacked,
    ReportPicked,
    ReportShortPicked,
    ReportTaskCancelled,
)
from schemas.messages.return_inputs import ReturnLine
from schemas.order.ids import (
    MAX_CHANNEL_LENGTH,
    MAX_REF_LENGTH,
    ReferenceRefused,
    order_id_for,
    verify_reference,
)
from schemas.order.things import FULFILMENT, Key, kind_of

KIND_OF_TYPE: Mapping[str, str] = MappingProxyType(
    {
        "task.picked": "picked",
        "task.packed": "packed",
        "task.short_picked": "short-picked",
        "task.handed_over": "handed-over",
        "task.cancelled": "task-cancelled",
        "task.collected": "collected",
        "task.returned": "return",
    }
)


class WarehouseCallbacks:
    """One warehouse's reports. `keys` sign our references, by key id. Raises ValueError for a
    secret that is not base64 although it begins as one."""

    kind = "warehouse"

    def __init__(
        self, settings: WarehouseSettings, *, name: str, keys: Mapping[str, bytes]
    ) -> None:
        secrets = (secret.reveal() for secret in settings.callback_secrets)
        self._name = name
        self._secrets = tuple(key_of(one, "A warehouse's") for one in secrets if one)
        self._keys = keys

    def receive(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> Receipt:
        """Check signature, age and reference. Raises SignatureRefused."""
        message_id = authenticate(headers, raw, now, self._secrets)
        delivery_id = delivery_of(self._name, message_id, "", raw)
        try:
            tree = parse(raw)
        except Refused:
            tree = None
        told = tree if isinstance(tree, dict) else {}
        channel, ref = _text(told, "channel"), _text(told, "order_ref")
        topic = _text(told, "type")
        if topic == STOCK_COUNTED:
            return Receipt(
                channel=self._name,
                kind=UNREADABLE,
                ref=digest_ref(raw),
                topic=topic,
                delivery_id=delivery_id,
                at_once=True,
            )
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
            self._fulfilment(_text(told, "reference"), channel, ref)
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
        """Return what a kept callback is, from its bytes alone: channel ("" when they do not say)
        and kind."""
        try:
            tree = parse(raw)
        except Refused:
            tree = None
        told = tree if isinstance(tree, dict) else {}
        channel = _text(told, "channel")
        kind = KIND_OF_TYPE.get(_text(told, "type"), UNKNOWN)
        return channel if _is_token(channel) else "", kind

    def translate(self, kind: str, topic: str, raw: bytes) -> Input:
        """Make one of our inputs. Raises Refused, also for the reference of another order."""
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
        fulfilment = self._fulfilment(told.reference, told.channel, told.order_ref)
        return _input(told, fulfilment)

    def _fulfilment(self, reference: str, channel: str, ref: str) -> Key:
        """Return the fulfilment that `reference` names. Raises Refused unless we signed it, for a
        fulfilment of this order of this channel."""
        try:
            order_id, key = verify_reference(reference, self._keys)
        except ReferenceRefused as error:
            raise refused(refusals.CORRELATION_REFUSED, str(error)) from None
        if order_id != order_id_for(channel, ref):
            raise refused(
                refusals.CORRELATION_REFUSED,
                f"The reference is not one of the order {shown(ref)} in {shown(channel)}; send the "
                "reference that came with the task.",
            )
        if kind_of(key) != FULFILMENT:
            raise refused(
                refusals.CORRELATION_REFUSED,
                "The reference names no fulfilment; send the reference that came with the task.",
            )
        return key


def _input(told: WarehouseCallback, fulfilment: Key) -> Input:
    ref, task_id = told.order_ref, told.task_id
    match told.type:
        case "task.picked":
            return ReportPicked(
                ref=ref, fulfilment=fulfilment, task_id=task_id, sequence=told.sequence
            )
        case "task.short_picked":
            if not told.lines:
                raise refused(
                    refusals.QUANTITY_IMPOSSIBLE,
                    "The short pick names no line; send every line with what was found of it.",
                )
            found = tuple(Units(one.line_id, "", one.picked_quantity) for one in told.lines)
            if faults := checks.quantities_possible(found):
                raise Refused(refusals.QUANTITY_IMPOSSIBLE, faults)
            return ReportShortPicked(
                ref=ref,
                fulfilment=fulfilment,
                task_id=task_id,
                found=found,
                sequence=told.sequence,
            )
        case "task.packed":
            parcels = tuple(_parcel(one) for one in told.parcels)
            if faults := checks.parcels_possible(parcels):
                raise Refused(refusals.PARCELS_IMPOSSIBLE, faults)
            return ReportPacked(
                ref=ref,
                fulfilment=fulfilment,
                task_id=task_id,
                parcels=parcels,
                complete=told.complete,
                sequence=told.sequence,
            )
        case "task.handed_over":
            return ReportHandedOver(
                ref=ref,
                fulfilment=fulfilment,
                task_id=task_id,
                parcels=_handed_over(told),
                sequence=told.sequence,
            )
        case "task.collected":
            return ReportCollected(
                ref=ref, fulfilment=fulfilment, task_id=task_id, sequence=told.sequence
            )
        case "task.cancelled":
            return ReportTaskCancelled(
                ref=ref, fulfilment=fulfilment, task_id=task_id, reason=told.reason[:256]
            )
        case "task.returned":
            return _returned(told)
        case _ as other:
            assert_never(other)


def _returned(told: WarehouseCallback) -> HandleReturn:
    """Return that goods came back. Which return they belong to is the order's to know."""
    if not told.returned:
        raise refused(
            refusals.QUANTITY_IMPOSSIBLE,
            "The report names nothing that came back; send each line in `returned`.",
        )
    return HandleReturn(
        ref=told.order_ref,
        step="receive",
        source="warehouse",
        lines=tuple(
            ReturnLine(line_id=one.line_id, quantity=one.quantity) for one in told.returned
        ),
        place=told.place,
        reason=told.reason,
    )


def _parcel(one: CallbackParcel) -> ReportedParcel:
    return ReportedParcel(
        parcel_id=one.parcel_id,
        units=tuple(Units(line.line_id, line.sku, line.quantity) for line in one.lines),
        weight_grams=one.weight_grams,
        length_mm=one.length_mm,
        width_mm=one.width_mm,
        height_mm=one.height_mm,
        carrier=one.carrier,
        tracking_number=one.tracking_number,
        codes=tuple(LineCodes(x.line_id, x.codes) for x in one.lines if x.codes),
    )


def _handed_over(told: WarehouseCallback) -> tuple[ReportedParcel, ...]:
    """Return the parcels that left, each once, with what the report tells of it; none named: all
    packed so far have left. Whoever is told of in `tracking` or `parcels` has left, too."""
    found = {one.parcel_id: _parcel(one) for one in told.parcels}
    for parcel_id in told.parcel_ids:
        found.setdefault(parcel_id, ReportedParcel(parcel_id=parcel_id))
    for one in told.tracking:
        known = found.get(one.parcel_id, ReportedParcel(parcel_id=one.parcel_id))
        found[one.parcel_id] = replace(
            known,
            carrier=one.carrier or known.carrier,
            tracking_number=one.tracking_number or known.tracking_number,
        )
    parcels = tuple(found.values())
    if parcels and (faults := checks.parcels_possible(parcels)):
        raise Refused(refusals.PARCELS_IMPOSSIBLE, faults)
    return parcels


def _text(told: Mapping[str, object], name: str) -> str:
    value = told.get(name)
    return value if isinstance(value, str) else ""


def _is_token(channel: str) -> bool:
    plain = channel.replace("-", "").replace("_", "")
    return len(channel) <= MAX_CHANNEL_LENGTH and plain.isascii() and plain.isalnum()
