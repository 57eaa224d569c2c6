"""Warehouse callbacks: signed, fresh, and only about the order the task was for."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.kit.inbound import SignatureRefused
from adapters.kit.secret import Secret
from adapters.warehouses.http.callbacks import WarehouseCallbacks
from adapters.warehouses.http.settings import WarehouseSettings
from schemas.contracts import refusals
from schemas.contracts.refusals import Refused
from schemas.messages import inputs as i
from schemas.messages.effects import Units
from schemas.messages.return_inputs import ReturnLine
from schemas.order.ids import order_id_for, sign_reference
from schemas.order.things import ORDER, Key

# Any: bodies as JSON, to be changed in every way.
Json = dict[str, Any]

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
KEYS = {"1": b"a key of thirty-two bytes......."}
SECRET = "whsec_" + base64.b64encode(b"a shared secret").decode()
REFERENCE = sign_reference(order_id_for("acme-us", "1042"), Key("F2"), "1", KEYS)


def house(*secrets: str) -> WarehouseCallbacks:
    """A warehouse called north, which signs with these secrets."""
    settings = WarehouseSettings(
        kind="warehouse",
        base_url="https://north.example",
        token=Secret("token"),
        callback_secrets=tuple(Secret(one) for one in secrets),
    )
    return WarehouseCallbacks(settings, name="north", keys=KEYS)


HOUSE = house(SECRET, "a plain old one")
PARCEL = {
    "parcel_id": "p1", "weight_grams": 900, "length_mm": 300,
    "lines": [{"line_id": "1", "quantity": 2}, {"line_id": "2", "quantity": 1, "sku": "SKU-9"}],
}  # fmt: skip


def a_body(kind: str = "packed", **changes: object) -> Json:
    """Return a callback's body."""
    return {
        "type": f"task.{kind}",
        "reference": REFERENCE,
        "channel": "acme-us",
        "order_ref": "1042",
        "task_id": "WT-1",
        "occurred_at": "2026-11-27T11:59:58.123Z",
        **({"parcels": [PARCEL]} if kind == "packed" else {}),
        **changes,
    }


def sent(
    body: Json | bytes, *, at: datetime = NOW, key: bytes = b"a shared secret"
) -> tuple[dict[str, str], bytes]:
    """Return headers and bytes as a warehouse sends them."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    stamp = str(int(at.timestamp()))
    digest = hmac.digest(key, f"msg_1.{stamp}.".encode() + raw, "sha256")
    signature = "v1," + base64.b64encode(digest).decode()
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": stamp,
        "webhook-signature": signature,
    }, raw


def translated(body: Json) -> i.Input:
    """Take a callback the whole way."""
    headers, raw = sent(body)
    receipt = HOUSE.receive(headers, raw, NOW)
    assert (receipt.channel, receipt.ref) == ("acme-us", "1042")
    return HOUSE.translate(receipt.kind, receipt.topic, raw)


ABOUT: Json = {"ref": "1042", "fulfilment": Key("F2"), "task_id": "WT-1"}


def test_each_callback_becomes_its_input() -> None:
    """Each type of report becomes its input, for the fulfilment that the reference names."""
    line = {"line_id": "1", "ordered_quantity": 2, "picked_quantity": 0}
    full = {"line_id": "2", "ordered_quantity": 1, "picked_quantity": 1}
    parcel = i.ReportedParcel(
        parcel_id="p1",
        units=(Units("1", "", 2), Units("2", "SKU-9", 1)),
        weight_grams=900,
        length_mm=300,
    )
    assert translated(a_body("picked")) == i.ReportPicked(**ABOUT)
    assert translated(a_body("collected")) == i.ReportCollected(**ABOUT)
    counted = translated(a_body("collected", sequence=7))
    assert counted == i.ReportCollected(**ABOUT, sequence=7)
    assert translated(a_body("cancelled", reason="Damaged.")) == i.ReportTaskCancelled(
        **ABOUT, reason="Damaged."
    )
    back = [{"line_id": "1", "quantity": 1}]
    assert translated(a_body("returned", returned=back, place="east")) == i.HandleReturn(
        ref="1042",
        step="receive",
        source="warehouse",
        lines=(ReturnLine(line_id="1", quantity=1),),
        place="east",
    )
    with pytest.raises(Refused, match="names nothing that came back"):
        translated(a_body("returned"))
    assert translated(a_body()) == i.ReportPacked(**ABOUT, parcels=(parcel,))
    assert translated(a_body(complete=False)) == i.ReportPacked(
        **ABOUT, parcels=(parcel,), complete=False
    )
    assert translated(a_body("short_picked", lines=[line, full])) == i.ReportShortPicked(
        **ABOUT, found=(Units("1", "", 0), Units("2", "", 1))
    )


def test_parcels_that_left_are_named_once() -> None:
    """Ids, numbers told only now and whole parcels are put together; none named means all."""
    assert translated(a_body("handed_over")) == i.ReportHandedOver(**ABOUT)
    number = {"parcel_id": "p2", "carrier": "ups", "tracking_number": "1Z9"}
    told = translated(a_body("handed_over", parcel_ids=["p1", "p2"], tracking=[number]))
    assert told == i.ReportHandedOver(
        **ABOUT,
        parcels=(
            i.ReportedParcel(parcel_id="p1"),
            i.ReportedParcel(parcel_id="p2", carrier="ups", tracking_number="1Z9"),
        ),
    )
    whole = {**PARCEL, "carrier": "ups", "tracking_number": "1Z8"}
    told = translated(a_body("handed_over", parcels=[whole], parcel_ids=["p1"]))
    assert isinstance(told, i.ReportHandedOver)
    assert [(one.parcel_id, one.tracking_number) for one in told.parcels] == [("p1", "1Z8")]
    assert told.parcels[0].units


def test_a_partner_that_folds_case_is_understood() -> None:
    """The reference is recognised in small letters, too."""
    assert translated(a_body("picked", reference=REFERENCE.lower())) == i.ReportPicked(**ABOUT)


def test_the_delivery_is_named_by_the_warehouse_and_its_message() -> None:
    """A repeat of a message, signed again, is the same delivery."""
    later = NOW + timedelta(seconds=30)
    first = HOUSE.receive(*sent(a_body()), NOW)
    again = HOUSE.receive(*sent(a_body(), at=later), later)
    assert first.delivery_id == again.delivery_id == "north:msg_1"


def test_any_listed_secret_and_any_given_signature_counts() -> None:
    """Rotation on either side: two secrets here, several signatures there."""
    headers, raw = sent(a_body(), key=b"a plain old one")
    assert HOUSE.receive(headers, raw, NOW).kind == "packed"
    headers["webhook-signature"] = "v2,xx v1,AAAA " + headers["webhook-signature"]
    assert HOUSE.receive(headers, raw, NOW).kind == "packed"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"webhook-id": ""}, "are needed"),
        ({"webhook-id": "msg_2"}, "does not fit"),
        ({"webhook-timestamp": "soon"}, "seconds since 1970"),
        ({"webhook-timestamp": "1"}, "does not fit"),
        ({"webhook-signature": "v1,rubbish"}, "does not fit"),
        ({"webhook-signature": "v2,AAAA"}, "does not fit"),
    ],
)
def test_forged_callbacks_are_refused_in_words(change: dict[str, str], words: str) -> None:
    """Missing headers, a changed id or time, and wrong signatures are refused."""
    headers, raw = sent(a_body())
    with pytest.raises(SignatureRefused, match=words):
        HOUSE.receive({**headers, **change}, raw, NOW)


@pytest.mark.parametrize("seconds", [-301, 301])
def test_old_and_future_callbacks_are_refused(seconds: int) -> None:
    """A signature holds for five minutes around now, so that a recorded one can't be replayed."""
    headers, raw = sent(a_body(), at=NOW + timedelta(seconds=seconds))
    with pytest.raises(SignatureRefused, match="301 seconds"):
        HOUSE.receive(headers, raw, NOW)
    edge, raw = sent(a_body(), at=NOW + timedelta(seconds=seconds - seconds // abs(seconds)))
    assert HOUSE.receive(edge, raw, NOW).kind == "packed"


@pytest.mark.parametrize(
    "change",
    [
        {"order_ref": "1043"},
        {"channel": "acme-eu"},
        {"reference": REFERENCE[:-1] + ("A" if REFERENCE[-1] != "A" else "B")},
        {"reference": sign_reference(order_id_for("acme-us", "1042"), ORDER, "1", KEYS)},
        {"reference": sign_reference(order_id_for("acme-us", "1042"), Key("L1"), "1", KEYS)},
        {"reference": ""},
        {"reference": 7},
    ],
)
def test_a_reference_of_another_order_is_refused(change: Json) -> None:
    """An authentic warehouse still may only speak of orders whose reference it was given."""
    headers, raw = sent(a_body(**change))
    with pytest.raises(SignatureRefused, match="reference"):
        HOUSE.receive(headers, raw, NOW)
    with pytest.raises(Refused):
        HOUSE.translate("packed", "task.packed", raw)


def test_what_is_authentic_and_not_understood_is_kept() -> None:
    """Broken bytes and unknown types get a receipt, and are refused behind the stream."""
    headers, raw = sent(b"{broken")
    receipt = HOUSE.receive(headers, raw, NOW)
    assert (receipt.kind, receipt.channel) == ("unreadable", "north")
    with pytest.raises(Refused) as broken:
        HOUSE.translate(receipt.kind, receipt.topic, raw)
    assert broken.value.reason == refusals.JSON_MALFORMED
    headers, raw = sent(a_body("teleported"))
    receipt = HOUSE.receive(headers, raw, NOW)
    assert receipt.kind == "unknown"
    with pytest.raises(Refused, match="teleported") as unknown:
        HOUSE.translate(receipt.kind, receipt.topic, raw)
    assert unknown.value.reason == refusals.TOPIC_UNKNOWN


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (a_body(parcels=[]), refusals.PARCELS_IMPOSSIBLE),
        (a_body(parcels=[PARCEL, PARCEL]), refusals.PARCELS_IMPOSSIBLE),
        (a_body(parcels=[{**PARCEL, "weight_grams": -1}]), refusals.SCHEMA_MISMATCH),
        (a_body("short_picked", lines=[]), refusals.QUANTITY_IMPOSSIBLE),
        (a_body(task_id=""), refusals.SCHEMA_MISMATCH),
    ],
)
def test_impossible_news_is_refused_by_name(body: Json, reason: str) -> None:
    """Parcels that can't exist and news without content are refused in words."""
    with pytest.raises(Refused) as caught:
        translated(body)
    assert caught.value.reason == reason


def test_a_broken_secret_is_told_at_start() -> None:
    """A secret that is not base64 after whsec_ is the operator's error, without showing it."""
    with pytest.raises(ValueError, match="not base64") as caught:
        house("whsec_§§")
    assert "§" not in str(caught.value)
