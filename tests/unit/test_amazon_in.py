"""Amazon's notifications: signed by a forwarder, in any envelope, and never taken for the order."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta

import pytest

from adapters.channels.amazon.notifications import NOT_OURS, PENDING
from adapters.channels.amazon.source import Amazon
from adapters.kit.fetching import FETCHED
from adapters.kit.inbound import Receipt, SignatureRefused
from adapters.kit.rounding import Rounding
from schemas.contracts import refusals
from schemas.contracts.refusals import Refused
from schemas.messages.inputs import NoteReport, RefetchOrder, UpdateOrder
from tests.amazon_payloads import (
    NOW,
    REF,
    SECRET,
    SPECS,
    Json,
    a_notification,
    an_order,
    money,
    signed,
)
from tests.conftest import Say

SHOP = Amazon(
    "amazon-de",
    secrets=("another, new secret", SECRET),
    seller_id="A3TH9S8BH6GOGM",
    marketplace_ids=("A1PA6795UKMFR9",),
)
NAMED = "amazon-de:d0e9e693-c3ad-4373-979f-ed4ec98dd746"


def received(payload: object, shop: Amazon = SHOP) -> Receipt:
    """Return what is known of a delivery at the edge."""
    raw = json.dumps(payload).encode()
    return shop.receive(signed(raw), raw, NOW)


def refusal(payload: object, kind: str = "refetch", topic: str = "") -> Refused:
    """Return why a delivery is kept."""
    with pytest.raises(Refused) as caught:
        SHOP.translate(kind, topic, json.dumps(payload).encode())
    assert all(one.endswith(".") for one in caught.value.sentences)
    return caught.value


def enveloped(payload: Json) -> dict[str, Json]:
    """Return the notification in everything that a forwarder may deliver."""
    text = json.dumps(payload)
    sns = {"Type": "Notification", "MessageId": "sns-1", "Message": text}
    bus = {"version": "0", "id": "bus-1", "detail-type": "ORDER_CHANGE", "detail": payload}
    return {
        "the body of the SQS message": payload,
        "the SQS message": {"MessageId": "sqs-1", "ReceiptHandle": "x", "Body": text},
        "a record of a Lambda": {"messageId": "sqs-1", "body": text, "eventSource": "aws:sqs"},
        "SNS": sns,
        "SNS in SQS": {"MessageId": "sqs-1", "Body": json.dumps(sns)},
        "EventBridge": bus,
        "EventBridge in SQS": {"MessageId": "sqs-1", "Body": json.dumps(bus)},
    }


@pytest.mark.parametrize("envelope", list(enveloped({})))
def test_an_order_change_is_a_look_in_every_envelope(envelope: str) -> None:
    """Order, topic and delivery id are the notification's own, whatever it is wrapped in."""
    payload = enveloped(a_notification())[envelope]
    receipt = received(payload)
    assert (receipt.channel, receipt.kind, receipt.ref) == ("amazon-de", "refetch", REF)
    assert (receipt.delivery_id, receipt.notes, receipt.drift) == (NAMED, (), "")
    assert not receipt.ignored
    found = SHOP.translate(receipt.kind, receipt.topic, json.dumps(payload).encode())
    assert found == RefetchOrder(ref=REF, source="amazon", topic="ORDER_CHANGE OrderStatusChange")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"webhook-signature": ""}, "needed"),
        ({"webhook-signature": "v1,bm90IHRoZSBkaWdlc3Q="}, "does not fit"),
        ({"webhook-id": "another"}, "does not fit"),
        ({"webhook-timestamp": "soon"}, "seconds since 1970"),
    ],
)
def test_what_is_not_signed_is_refused_in_words(changes: dict[str, str], words: str) -> None:
    """A missing, wrong or foreign signature is refused, and nothing is read."""
    raw = json.dumps(a_notification()).encode()
    with pytest.raises(SignatureRefused, match=words):
        SHOP.receive(signed(raw) | changes, raw, NOW)


def test_two_secrets_are_good_and_old_signatures_are_not() -> None:
    """While the secret is replaced both hold; a signature ends after five minutes, either way."""
    raw = json.dumps(a_notification()).encode()
    for secret in ("another, new secret", SECRET):
        assert SHOP.receive(signed(raw, secret=secret), raw, NOW).kind == "refetch"
    for minutes in (-6, 6):
        at = NOW + timedelta(minutes=minutes)
        with pytest.raises(SignatureRefused, match="at most 300"):
            SHOP.receive(signed(raw, at=at), raw, NOW)
    with pytest.raises(SignatureRefused, match="does not fit"):
        SHOP.receive(signed(raw), raw + b" ", NOW)
    with pytest.raises(SignatureRefused):
        Amazon("a", secrets=("",)).receive(signed(raw, secret=""), raw, NOW)


def test_another_seller_is_refused_and_another_marketplace_is_ignored() -> None:
    """One queue may serve several sellers and marketplaces; each channel takes its own."""
    with pytest.raises(SignatureRefused, match="A3TH9S8BH6GOGM"):
        received(a_notification(SellerId="A000"))
    summary = {"MarketplaceId": "A13V1IB3VIYZZH", "FulfillmentType": "MFN"}
    found = received(a_notification(Summary=summary))
    assert found.ignored
    assert "A13V1IB3VIYZZH" in found.notes[0]
    everywhere = Amazon("amazon", secrets=(SECRET,))
    assert not received(a_notification(Summary=summary, SellerId="A000"), everywhere).ignored


def test_what_amazon_ships_itself_is_ignored() -> None:
    """An order of its own warehouse is answered and not kept; over NATS it is refused in words."""
    fba = a_notification(Summary={"OrderStatus": "Unshipped", "FulfillmentType": "AFN"})
    found = received(fba)
    assert (found.ignored, found.kind) == (True, "refetch")
    assert "FBA" in found.notes[0]
    assert refusal(fba).reason == refusals.TOPIC_NOT_OURS


def test_a_buyer_who_asks_to_cancel_has_the_order_held() -> None:
    """Only the seller can cancel it, so a person looks before it leaves the house; another wish of
    the buyer's is looked at like any change."""
    item = {"OrderItemId": "1", "IsBuyerRequestedCancel": True}
    wish = a_notification(OrderChangeType="BuyerRequestedChange", Summary={"OrderItems": [item]})
    receipt = received(wish)
    assert (receipt.kind, receipt.ref) == ("note", REF)
    found = SHOP.translate(receipt.kind, receipt.topic, json.dumps(wish).encode())
    assert isinstance(found, NoteReport)
    assert (found.hold, found.waits) == ("before_hand_over", False)
    other = a_notification(OrderChangeType="BuyerRequestedChange", Summary={"OrderItems": ["x"]})
    assert received(other).kind == "refetch"
    assert refusal(other, "note").reason == refusals.KIND_MISMATCH


def test_another_version_drifts_and_is_taken() -> None:
    """A newer payload version opens an incident; which order it is about is read all the same."""
    found = received(a_notification() | {"PayloadVersion": "2.0"})
    assert (found.kind, found.ref, found.drift) == ("refetch", REF, "2.0")
    assert "2.0" in found.notes[0]
    # Amazon's newer types begin names with a small letter.
    later = {name[0].lower() + name[1:]: value for name, value in a_notification().items()}
    assert received(later).ref == REF


def test_rubbish_is_kept_by_its_digest() -> None:
    """What names no order is kept for people, with a sentence that says what was expected."""
    batch = {"Records": [{"body": "{}"}]}
    rubbish: tuple[object, ...] = ([], {}, batch, {"Body": "no json"}, {"Body": 5})
    for payload in rubbish:
        found = received(payload)
        assert (found.kind, found.ref[:7]) == ("unreadable", "sha256-")
        told = refusal(payload, "unreadable")
        assert told.reason in {refusals.REF_MISSING, refusals.JSON_MALFORMED}
    nameless = a_notification(AmazonOrderId="S01-1234567-1234567-1")
    assert received(nameless).kind == "unreadable"
    assert refusal(nameless, "unreadable").reason == refusals.REF_MISSING
    nested: object = a_notification()
    for _ in range(4):
        nested = {"Body": json.dumps(nested)}
    assert received(nested).kind == "unreadable"


def test_a_notification_is_no_order() -> None:
    """Sent as another kind it is refused, so no one makes an order of a summary."""
    for kind in ("place", "update", "cancel", "pay"):
        assert refusal(a_notification(), kind).reason == refusals.KIND_MISMATCH


def test_a_fetched_order_is_read_with_the_channel_s_rounding() -> None:
    """The bundle becomes an update; digits beyond the cent are rounded if the channel says so."""
    raw = json.dumps({"order": an_order()}).encode()
    found = SHOP.translate("update", FETCHED, raw)
    assert isinstance(found, UpdateOrder)
    assert found.order.totals.total_minor == 3220
    order = an_order()
    order["orderItems"][1]["product"]["price"]["unitPrice"] = money("5.499")
    assert refusal({"order": order}, "update", FETCHED).reason == refusals.MONEY_UNREADABLE
    down = Amazon("a", secrets=(SECRET,), rounding=Rounding(mode="half_up"))
    rounded = down.translate("update", FETCHED, json.dumps({"order": order}).encode())
    assert isinstance(rounded, UpdateOrder)
    assert rounded.order.lines[1].unit_price_minor == 550


def test_kept_bytes_get_their_meaning_again() -> None:
    """Quarantine finds out what an item is: a notification by its bytes, an order by its topic."""
    assert SHOP.address("", json.dumps(a_notification()).encode()) == ("", "refetch")
    assert SHOP.address(FETCHED, b"{}") == ("", "update")
    assert SHOP.address("", b"{") == ("", "unreadable")
    feed = {"notificationType": "FEED_PROCESSING_FINISHED"}
    assert SHOP.address("", json.dumps(feed).encode()) == ("", "unknown")


def test_a_broken_secret_is_told_without_showing_it() -> None:
    """A secret that is not base64 after whsec_ is the operator's error."""
    with pytest.raises(ValueError, match="A forwarder's secret") as caught:
        Amazon("a", secrets=("whsec_§§",))
    assert "§" not in str(caught.value)


def test_every_official_notification_has_a_declared_meaning(say: Say) -> None:
    """Each example of the folder becomes a look or a note (a buyer's wish to cancel, as the one of
    ORDER_CHANGE is), or is kept for a stated reason. No file is left out; counts are printed."""
    folder = SPECS / "notifications"
    if not folder.is_dir():
        pytest.skip("The folder ../shared/specs with Amazon's notifications is not here.")
    counts: Counter[str] = Counter()
    paths = sorted(folder.glob("*.json"))
    shop = Amazon("amazon", secrets=(SECRET,))
    for path in paths:
        schema: Json = json.loads(path.read_text())
        examples = schema.get("examples", [])
        if not examples:
            counts["without an example"] += 1
        for example in examples:
            receipt = received(example, shop)
            try:
                found = shop.translate(receipt.kind, receipt.topic, json.dumps(example).encode())
            except Refused as refused:
                counts[refused.reason if receipt.topic in NOT_OURS else path.name] += 1
                continue
            assert isinstance(found, RefetchOrder | NoteReport)
            assert found.ref == receipt.ref
            counts[receipt.kind] += 1
    told = ", ".join(f"{name}: {number}" for name, number in counts.most_common())
    assert len(paths) >= 10
    assert set(counts) == {"note", refusals.TOPIC_NOT_OURS, "without an example"}, told
    say(f"Amazon's {len(paths)} official notifications: {told}.")


def test_every_documented_change_of_an_order_is_a_look() -> None:
    """Whatever status and kind of change the official description has: the order is looked at, but
    for the pending ones, of which Amazon would tell no more."""
    path = SPECS / "notifications" / "OrderChangeNotification.json"
    if not path.is_file():
        pytest.skip("The folder ../shared/specs with Amazon's notifications is not here.")
    schema: Json = json.loads(path.read_text())
    (example,) = schema["examples"]
    told = schema["properties"]["Payload"]["properties"]["OrderChangeNotification"]["properties"]
    statuses = told["Summary"]["properties"]["OrderStatus"]["enum"]
    changes = told["OrderChangeType"]["enum"]
    assert (len(statuses), len(changes)) >= (8, 3)
    about = example["Payload"]["OrderChangeNotification"]
    about["Summary"]["OrderItems"][0]["IsBuyerRequestedCancel"] = False
    for status in statuses:
        for change in changes:
            about["Summary"]["OrderStatus"], about["OrderChangeType"] = status, change
            receipt = received(example, Amazon("amazon", secrets=(SECRET,)))
            kind = "note" if status in PENDING else "refetch"
            assert (receipt.kind, receipt.ref) == (kind, about["AmazonOrderId"])
            assert (receipt.ignored, receipt.drift) == (False, "")
