"""Our own contract, spoken by storefronts over `POST /api/v1/orders` and by services over NATS."""

from __future__ import annotations

from schemas.contracts import checks, doubts, refusals
from schemas.contracts.edits import refuse_edit
from schemas.contracts.refusals import Refused, refused
from schemas.contracts.returns import refuse_return
from schemas.contracts.strict_json import parse, shown
from schemas.contracts.validation import read_input, read_order
from schemas.messages.effects import tag_of
from schemas.messages.inputs import (
    KINDS,
    ConfirmPayment,
    EditOrder,
    HandleReturn,
    Input,
    NoteReport,
    PlaceOrder,
    ReportedParcel,
    ReportHandedOver,
    ReportPacked,
    ReportShortPicked,
    UpdateOrder,
)
from schemas.order.canonical import ORDER_SCHEMA, Order

_BARE: dict[str, type[PlaceOrder | UpdateOrder]] = {"place": PlaceOrder, "update": UpdateOrder}


class Canonical:
    """Reads messages of `schemas/contracts/json/`. It proves no one's identity: an API key or a
    NATS user with its subjects does, before."""

    kind = "canonical"

    def translate(self, kind: str, topic: str, raw: bytes) -> Input:
        """Read strictly, validate, and check what goes beyond shape. Raises Refused.

        `place` and `update` also take a bare order. `topic` says nothing here.
        """
        tree = parse(raw)
        if kind not in KINDS:
            raise refused(
                refusals.KIND_UNKNOWN,
                f"The kind {shown(kind)} is unknown; known are {', '.join(KINDS)}.",
            )
        found = _bare(kind, tree)
        if found is None:
            _refuse_other_kind(kind, tree)
            found = read_input(kind, tree)
        _check(found)
        return found


def _bare(kind: str, tree: object) -> Input | None:
    """Return the input around an order that was sent without one."""
    around = _BARE.get(kind)
    if around is None or not isinstance(tree, dict) or "type" in tree:
        return None
    stated = tree.get("schema", ORDER_SCHEMA)
    if stated != ORDER_SCHEMA:
        told = shown(stated) if isinstance(stated, str) else "no text"
        raise refused(
            refusals.KIND_UNKNOWN,
            f"The order's schema is {told}; this version reads {ORDER_SCHEMA}.",
        )
    return around(order=read_order(tree))


def _refuse_other_kind(kind: str, tree: object) -> None:
    tag = tree.get("type") if isinstance(tree, dict) else None
    expected = tag_of(KINDS[kind])
    if not isinstance(tag, str) or tag == expected:
        return
    if tag in {tag_of(shape) for shape in KINDS.values()}:
        raise refused(
            refusals.KIND_MISMATCH,
            f"The message is a {tag}, but was sent as {kind}; send it as its own kind.",
        )
    raise refused(
        refusals.KIND_UNKNOWN,
        f"The message's type is {shown(tag)}; as {kind}, this version reads {expected}.",
    )


def _check_persons(found: Input) -> None:
    if isinstance(found, EditOrder):
        refuse_edit(found)
    if isinstance(found, HandleReturn):
        refuse_return(found)


def _check(found: Input) -> None:
    order: Order | None = None
    if isinstance(found, PlaceOrder | UpdateOrder | ConfirmPayment):
        order = found.order
    if order is not None:
        checks.refuse_order(order)
        doubts.refuse_doubts(order)
    if isinstance(found, ConfirmPayment) and order is not None and order.ref != found.ref:
        raise refused(
            refusals.REF_MISMATCH,
            f"The payment is of the order {shown(found.ref)}, but the order with it is "
            f"{shown(order.ref)}; send the order that was paid.",
        )
    _check_persons(found)
    if isinstance(found, NoteReport) and (faults := checks.news_possible(found.at)):
        raise Refused(refusals.DATE_IMPOSSIBLE, faults)
    if isinstance(found, PlaceOrder | UpdateOrder | ConfirmPayment):
        for shipment in found.fulfilled:
            if faults := checks.quantities_possible(shipment.units, least=1):
                raise Refused(refusals.QUANTITY_IMPOSSIBLE, faults)
    if isinstance(found, ReportShortPicked) and (faults := checks.quantities_possible(found.found)):
        raise Refused(refusals.QUANTITY_IMPOSSIBLE, faults)
    parcels: tuple[ReportedParcel, ...] | None = None
    if isinstance(found, ReportPacked) or (isinstance(found, ReportHandedOver) and found.parcels):
        parcels = found.parcels
    if parcels is not None and (faults := checks.parcels_possible(parcels)):
        raise Refused(refusals.PARCELS_IMPOSSIBLE, faults)
