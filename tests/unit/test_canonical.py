"""Our own contract: every kind is read, and what isn't the contract is refused in words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from adapters.channels.canonical.source import Canonical
from schemas.contracts import refusals
from schemas.contracts.refusals import Refused
from schemas.messages import inputs as i
from schemas.messages.codec import encode
from schemas.messages.effects import Units, tag_of
from schemas.messages.return_inputs import ReturnLine
from schemas.order.things import Key
from service.inbound.addressing import ref_of
from tests.orders import an_order

EDGE = Canonical()
ORDER = an_order()
REF = ORDER.ref
TASK = {"ref": REF, "fulfilment": Key("F1"), "task_id": "t1"}
CUPS = Units("1", "SKU-1", 2)
OUTSIDE = i.OutsideShipment(outside_id="S-1", units=(CUPS,), tracking_numbers=("1Z1",))
EXAMPLES: dict[str, i.Input] = {
    "place": i.PlaceOrder(order=ORDER, fulfilled=(OUTSIDE,)),
    "pay": i.ConfirmPayment(ref=REF, paid_minor=2250, order=ORDER, fulfilled=(OUTSIDE,)),
    "update": i.UpdateOrder(order=ORDER, fulfilled=(OUTSIDE,)),
    "cancel": i.CancelOrder(ref=REF, reason="customer"),
    "note": i.NoteReport(ref=REF, source="till", topic="refund", words="Money went back."),
    "refetch": i.RefetchOrder(ref=REF, source="till", topic="changed"),
    "picked": i.ReportPicked(**TASK),  # type: ignore[arg-type]  # one dict of fields for all reports
    "packed": i.ReportPacked(
        parcels=(i.ReportedParcel(parcel_id="p1", units=(CUPS,)),),
        **TASK,  # type: ignore[arg-type]  # one dict of fields for all reports
    ),
    "short-picked": i.ReportShortPicked(
        found=(Units("1", "SKU-1", 1),),
        **TASK,  # type: ignore[arg-type]  # one dict of fields for all reports
    ),
    "handed-over": i.ReportHandedOver(**TASK),  # type: ignore[arg-type]  # one dict of fields for all reports
    "task-cancelled": i.ReportTaskCancelled(**TASK),  # type: ignore[arg-type]  # one dict of fields for all reports
    "collected": i.ReportCollected(**TASK),  # type: ignore[arg-type]  # one dict of fields for all reports
    "return": i.HandleReturn(ref=REF, step="request", lines=(ReturnLine(line_id="1", quantity=1),)),
    "act": i.ActOnOrder(ref=REF, verb="retry", person="mary"),
    "edit": i.EditOrder(ref=REF, person="mary", lines=(i.LineEdit(line_id="1", quantity=0),)),
}


def refusal(kind: str, raw: bytes) -> Refused:
    """Return how a message is refused."""
    with pytest.raises(Refused) as caught:
        EDGE.translate(kind, "", raw)
    return caught.value


@pytest.mark.parametrize("kind", sorted(i.KINDS))
def test_every_kind_is_read_as_it_was_written(kind: str) -> None:
    """Each kind survives the way through the edge, and names its order."""
    found = EDGE.translate(kind, "", encode(EXAMPLES[kind]))
    assert found == EXAMPLES[kind]
    assert ref_of(found) == REF


@pytest.mark.parametrize("kind", sorted(i.KINDS))
def test_unknown_fields_versions_and_kinds_are_refused(kind: str) -> None:
    """A misspelt field, a later version and another kind's message each have their own refusal."""
    good: dict[str, Any] = json.loads(encode(EXAMPLES[kind]))
    misspelt = refusal(kind, json.dumps({**good, "resaon": "x"}).encode())
    assert misspelt.reason == refusals.SCHEMA_MISMATCH
    assert '"resaon"' in misspelt.sentences[0]
    later = refusal(kind, json.dumps({**good, "type": good["type"][:-1] + "9"}).encode())
    assert later.reason == refusals.KIND_UNKNOWN
    assert tag_of(i.KINDS[kind]) in later.sentences[0]
    other = "cancel" if kind != "cancel" else "picked"
    assert refusal(kind, encode(EXAMPLES[other])).reason == refusals.KIND_MISMATCH
    assert refusal(kind, b"[]").reason == refusals.SCHEMA_MISMATCH
    assert refusal("teleport", encode(EXAMPLES[kind])).reason == refusals.KIND_UNKNOWN


def test_a_bare_order_is_placed() -> None:
    """A storefront posts the order itself; a later version of it is refused by name."""
    assert EDGE.translate("place", "", encode(ORDER)) == i.PlaceOrder(order=ORDER)
    assert EDGE.translate("update", "", encode(ORDER)) == i.UpdateOrder(order=ORDER)
    later = encode(ORDER).replace(b"order.v1", b"order.v2")
    assert refusal("place", later).reason == refusals.KIND_UNKNOWN
    untagged = json.loads(encode(ORDER))
    del untagged["schema"]
    assert '"schema"' in refusal("place", json.dumps(untagged).encode()).sentences[0]


def test_whole_numbers_may_be_written_with_a_point() -> None:
    """JSON Schema takes 2.0 for an integer, so the edge does."""
    raw = encode(ORDER).replace(b'"quantity":2', b'"quantity":2.0')
    assert EDGE.translate("place", "", raw) == i.PlaceOrder(order=ORDER)


def test_business_rules_hold_for_our_own_contract() -> None:
    """Totals, parcels and the paid order's reference are checked beyond the shape."""
    wrong = encode(ORDER).replace(b'"total_minor":2250', b'"total_minor":2251')
    assert refusal("place", wrong).reason == refusals.TOTAL_MISMATCH
    other = encode(i.ConfirmPayment(ref="7", order=ORDER))
    assert refusal("pay", other).reason == refusals.REF_MISMATCH
    none = encode(i.ReportPacked(parcels=(), **TASK))  # type: ignore[arg-type]  # one dict of fields for all reports
    assert refusal("packed", none).reason == refusals.PARCELS_IMPOSSIBLE
    nothing = i.OutsideShipment(outside_id="S-1", units=(Units("1", "SKU-1", 0),))
    empty = encode(i.UpdateOrder(order=ORDER, fulfilled=(nothing,)))
    assert refusal("update", empty).reason == refusals.QUANTITY_IMPOSSIBLE
    due = encode(replace(ORDER, amount_due_minor=2251))
    assert refusal("place", due).reason == refusals.TOTAL_MISMATCH
