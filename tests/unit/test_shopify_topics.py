"""Every topic of Shopify's has a declared meaning, and every official sample keeps to it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from adapters.channels.shopify.privacy import PRIVACY_TOPICS
from adapters.channels.shopify.returned import STEPS
from adapters.channels.shopify.topics import KIND_OF_TOPIC, MAX_WORDS, NOTE, TOPICS
from schemas.contracts import refusals
from schemas.contracts.refusals import Refused
from schemas.messages.codec import encode
from schemas.messages.inputs import KINDS, NoteReport
from schemas.messages.privacy import KIND, AskPrivacy, Subject
from tests.conftest import Say
from tests.shopify_payloads import NOW, SHOP, Json, a_payload, headers

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "specs" / "shopify" / "webhooks"
RISK = "orders/risk_assessment_changed"
IGNORED = "answered and not kept"
ASKED = {
    "fulfillment_orders/placed_on_hold", "fulfillment_orders/cancelled",
    "fulfillment_orders/cancellation_request_submitted", "fulfillment_orders/hold_released",
    "fulfillment_orders/rescheduled", "fulfillment_orders/scheduled_fulfillment_order_ready",
    "fulfillment_orders/fulfillment_request_submitted",
}  # fmt: skip
"""Of which Shopify is asked whose order it is."""
NAMELESS = {RISK, "returns/process", "returns/update"}
"""Whose samples name no order, not even a fulfilment order."""
PERSONAL = ("Steve", "jon@", "john@", "555", "Shipping Street", "Ottawa", "example.com")


def outcome(topic: str, payload: object) -> tuple[str, NoteReport | None]:
    """Return what a delivery becomes: a kind of input, or the reason it is kept for."""
    raw = json.dumps(payload).encode()
    receipt = SHOP.receive(headers(raw, X_Shopify_Topic=topic), raw, NOW)
    if receipt.ignored:
        return IGNORED, None
    try:
        found = SHOP.translate(receipt.kind, topic, raw)
    except Refused as kept:
        told = kept.sentences
        reason = kept.reason
    else:
        if isinstance(found, AskPrivacy):
            assert (found.ref, KIND) == (receipt.ref, receipt.kind)
            return found.asks, None
        note = found if isinstance(found, NoteReport) else None
        assert note is None or note.ref == receipt.ref
        return next(kind for kind, shape in KINDS.items() if type(found) is shape), note
    assert all(one.endswith(".") for one in told)
    assert not any(one in "".join(told) for one in PERSONAL)
    return reason, None


def sample_of(path: Path) -> Json:
    """Return an official sample, of this test's shop where it names one."""
    found: Json = json.loads(path.read_text())["response"]
    for name in ("shop_domain", "myshopify_domain"):
        if name in found:
            found[name] = "acme-us.myshopify.com"
    return found


def test_every_official_sample_has_a_declared_meaning(
    say: Say,
) -> None:
    """Each of the folder's topics is in the table, and its sample becomes what the table says, or
    is kept for the table's own reason. The counts are printed."""
    if not SAMPLES.is_dir():
        pytest.skip("The folder ../shared/specs with Shopify's samples is not here.")
    counts: Counter[str] = Counter()
    for path in sorted(SAMPLES.glob("*.meta.json")):
        topic = path.name.removesuffix(".meta.json").replace(".", "/", 1)
        meaning = TOPICS[topic]
        found, note = outcome(topic, sample_of(path))
        if topic in KIND_OF_TOPIC:
            expected = "cancel"  # all of Shopify's samples of whole orders are cancelled ones
        elif topic in PRIVACY_TOPICS:
            expected = PRIVACY_TOPICS[topic]
        elif meaning.kind == NOTE:
            nameless = topic in NAMELESS or topic in ASKED
            expected = refusals.ORDER_UNNAMED if nameless else NOTE
            expected = "return" if topic in STEPS else expected
            if topic.startswith(("fulfillment_o", "fulfillment_h")) and not nameless:
                expected = IGNORED
        else:
            expected = meaning.reason
        assert found == expected, topic
        assert note is None or not any(one in note.words for one in PERSONAL)
        counts["whole order" if topic in KIND_OF_TOPIC else found] += 1
    assert sum(counts.values()) >= 73
    told = ", ".join(f"{name}: {number}" for name, number in counts.most_common())
    say(f"Shopify's {sum(counts.values())} official samples: {told}.")


def test_news_is_told_with_codes_and_never_with_free_text() -> None:
    """Codes and amounts stand in the words; what somebody typed does not."""
    dispute: Json = {
        "order_id": 5, "type": "chargeback", "reason": "call <me> at home", "amount": "11.50",
    }  # fmt: skip
    kind, note = outcome("disputes/create", dispute)
    assert kind == NOTE
    assert note is not None
    assert note.words == (
        "The buyer disputes the payment with the bank. (type chargeback, amount 11.50)"
    )
    assert (note.ref, note.hold) == ("5", "before_hand_over")


def not_restocked(left: int) -> Json:
    """A refund of a unit that Shopify leaves to be fulfilled, or of one that left before."""
    line = {"id": 1, "fulfillable_quantity": left}
    told = {"quantity": 1, "restock_type": "no_restock", "line_item": line}
    return {"order_id": 7, "refund_line_items": [told]}


@pytest.mark.parametrize(
    ("topic", "payload", "hold"),
    [
        ("orders/edited", {"order_edit": {"order_id": 7}}, "once_begun"),
        ("orders/delete", {"id": 7}, "before_hand_over"),
        ("refunds/create", {"order_id": 7, "refund_line_items": None}, "once_begun"),
        ("refunds/create", {"order_id": 7, "refund_line_items": [{"id": 1}]}, "once_begun"),
        ("refunds/create", {"order_id": 7, "refund_line_items": []}, ""),
        ("refunds/create", not_restocked(1), "before_hand_over"),
        ("refunds/create", not_restocked(0), "once_begun"),
        (RISK, {"order_id": 7, "risk_level": "high"}, "before_hand_over"),
        (RISK, {"order_id": 7, "risk_level": "low"}, ""),
        ("fulfillments/create", {"order_id": 7, "status": "success"}, ""),
        ("returns/request", {"order": {"admin_graphql_api_id": "gid://shopify/Order/7"}}, ""),
        ("order_transactions/create", {"order_id": 7, "kind": "capture"}, ""),
    ],
)  # fmt: skip
def test_news_asks_for_a_hold_where_goods_could_leave_wrongly(
    topic: str, payload: Json, hold: str
) -> None:
    """A storefront's hold is for a person; an edit or returned goods hold until the order is known
    as it is now. Money given back alone holds nothing: the goods stay as they were."""
    kind, note = outcome(topic, payload)
    assert kind == NOTE
    assert note is not None
    assert (note.ref, note.hold) == ("7", hold)
    assert len(note.words) <= MAX_WORDS
    assert encode(note)


def test_only_what_changes_an_order_and_does_not_carry_it_is_fetched() -> None:
    """What every order has, or what carries the order, costs no fetch; these do."""
    asking = {
        topic for topic, meaning in TOPICS.items() if meaning.kind == NOTE and meaning.refetch({})
    }
    assert asking == {
        "orders/edited", "refunds/create", "returns/close", "returns/process",
        "fulfillment_orders/cancelled", "fulfillment_orders/cancellation_request_submitted",
        "fulfillment_orders/fulfillment_request_submitted",
    }  # fmt: skip
    assert not any(TOPICS[topic].refetch({}) for topic in KIND_OF_TOPIC)
    for kind, status, asks in (
        ("refund", "success", True),
        ("void", "success", True),
        ("refund", "failure", False),
        ("sale", "success", False),
        ("capture", "success", False),
        ("authorization", "pending", False),
    ):
        sent = {"order_id": 7, "kind": kind, "status": status}
        note = outcome("order_transactions/create", sent)[1]
        assert note is not None
        assert (note.refetch, note.hold) == (asks, "")


@pytest.mark.parametrize(
    ("committed_at", "known"),
    [
        ("2026-11-27T07:00:00-05:00", "2026-11-27T12:00:00Z"),
        ("2026-11-27T07:00:00", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("soon", None),
        (7, None),
        (None, None),
    ],
)
def test_an_edit_says_when_it_was(committed_at: object, known: str | None) -> None:
    """With its moment a later statement of the order ends the hold; what is none is left out."""
    sent = {"order_edit": {"order_id": 7, "committed_at": committed_at}}
    note = outcome("orders/edited", sent)[1]
    assert note is not None
    assert (note.at, note.refetch, note.hold) == (known, True, "once_begun")
    assert encode(note)


@pytest.mark.parametrize("wrong", [None, True, -1, 1.5, "7", [], {}, {"id": 7}])
def test_news_that_names_no_order_is_kept_for_a_person(wrong: object) -> None:
    """What stands for the order's id and is none is never taken for one."""
    refund = {"order_id": wrong, "id": 7, "refund_line_items": []}
    assert outcome("refunds/create", refund)[0] == refusals.ORDER_UNNAMED
    assert outcome("fulfillments/create", [wrong])[0] == refusals.ORDER_UNNAMED


def test_what_concerns_no_order_is_kept_with_a_reason_of_its_own() -> None:
    """An uninstalled app is an alarm at once."""
    raw = b'{"id":1,"email":"jon@example.com"}'
    receipt = SHOP.receive(headers(raw, X_Shopify_Topic="app/uninstalled"), raw, NOW)
    assert "uninstalled" in receipt.notes[0]
    ours = {"myshopify_domain": "acme-us.myshopify.com"}
    assert outcome("app/uninstalled", ours)[0] == refusals.CHANNEL_DISCONNECTED
    with pytest.raises(Refused, match="End the subscription") as catalogue:
        SHOP.translate("unknown", "products/update", b"{}")
    assert catalogue.value.reason == refusals.TOPIC_NOT_OURS


def test_a_note_sent_as_another_topic_is_kept() -> None:
    """The kind and the topic come apart only by a mistake, which must show."""
    with pytest.raises(Refused) as caught:
        SHOP.translate("note", "orders/levitated", json.dumps(a_payload()).encode())
    assert caught.value.reason == refusals.TOPIC_UNKNOWN


def test_a_privacy_topic_says_whom_it_is_about() -> None:
    """By Shopify's id, both addresses, and the orders it names; whatever it leaves out is empty.
    One that names no one is kept for a person."""
    payload: Json = {
        "shop_id": 954889,
        "shop_domain": "acme-us.myshopify.com",
        "customer": {"id": 191167, "email": "john@example.com", "phone": "555-625-1199"},
        "orders_to_redact": [299938, 280263],
    }
    raw = json.dumps(payload).encode()
    found = SHOP.translate(KIND, "customers/redact", raw)
    assert isinstance(found, AskPrivacy)
    assert found.subject == Subject(
        reference="191167",
        email="john@example.com",
        phone="555-625-1199",
        refs=("299938", "280263"),
    )
    ours = {"shop_domain": "ACME-us.myshopify.com"}
    bare: Json = {**ours, "customer": {"id": 5, "email": None}, "orders_requested": []}
    found = SHOP.translate(KIND, "customers/data_request", json.dumps(bare).encode())
    assert isinstance(found, AskPrivacy)
    assert (found.asks, found.subject) == ("export", Subject(reference="5"))
    shop = SHOP.translate(KIND, "shop/redact", json.dumps(ours).encode())
    assert isinstance(shop, AskPrivacy)
    assert (shop.asks, shop.subject) == ("redact_shop", Subject())
    none = json.dumps({**ours, "customer": {}, "orders_to_redact": []}).encode()
    with pytest.raises(Refused, match="names neither a customer nor an order") as no_one:
        SHOP.translate(KIND, "customers/redact", none)
    assert no_one.value.reason == refusals.PRIVACY_REQUEST
    assert outcome("customers/redact", [])[0] == refusals.TOPIC_MISMATCH
    most = {**ours, "customer": {"id": 5}, "orders_to_redact": [*range(1, 10_002)]}
    assert outcome("customers/redact", most)[0] == refusals.PRIVACY_REQUEST
    found = SHOP.translate(
        KIND, "customers/redact", json.dumps({**most, "orders_to_redact": [7, 7]}).encode()
    )
    assert isinstance(found, AskPrivacy)
    assert found.subject.refs == ("7",)


def test_what_each_order_sends_and_says_nothing_is_answered_and_not_kept() -> None:
    """Only a fulfilment order's id makes it so; what can't be read is kept for a person."""
    told = {"fulfillment_order": {"id": "gid://shopify/FulfillmentOrder/1", "status": "open"}}
    topic = "fulfillment_orders/order_routing_complete"
    assert outcome(topic, told)[0] == IGNORED
    assert outcome(topic, {})[0] == refusals.TOPIC_MISMATCH
    unread = {"fulfillment_order": {"id": "one of ours", "status": "open"}}
    assert outcome(topic, unread)[0] == refusals.ORDER_UNNAMED
    assert outcome(topic, told | {"admin_graphql_api_order_id": "gid://shopify/Order/7"})[0] == NOTE


HARMFUL = sorted(
    topic for topic, meaning in TOPICS.items()
    if meaning.kind in ("pay", "cancel") or meaning.hold or topic in PRIVACY_TOPICS
)  # fmt: skip
"""Topics that release, cancel, hold or erase something."""

ALIKE = {frozenset({"disputes/create", "disputes/update"}),
         frozenset({"fulfillment_holds/added", "fulfillment_holds/released"})}  # fmt: skip


def test_no_official_sample_bears_out_another_topic_that_does_harm(say: Say) -> None:
    """Each signed sample is sent again under each topic that releases, cancels, holds or erases,
    and is refused, unless both topics carry the same shape. The count is printed."""
    if not SAMPLES.is_dir():
        pytest.skip("The folder ../shared/specs with Shopify's samples is not here.")
    refused_ones = 0
    for path in sorted(SAMPLES.glob("*.meta.json")):
        own = path.name.removesuffix(".meta.json").replace(".", "/", 1)
        body = sample_of(path)
        if own in KIND_OF_TOPIC or own == "orders/link_requested":
            body = a_payload(financial_status="pending")  # the samples of orders are all cancelled
        for topic in HARMFUL:
            alike = {own, topic} <= next((x for x in ALIKE if topic in x), frozenset())
            bare = topic == "orders/delete" and own.endswith("/delete")  # an id, and no more
            if alike or bare or (own == topic and topic not in KIND_OF_TOPIC):
                continue
            found, _ = outcome(topic, body)
            harmless = (refusals.TOPIC_MISMATCH, refusals.ORDER_UNNAMED, IGNORED)
            assert found in harmless, (own, topic, found)
            refused_ones += found == refusals.TOPIC_MISMATCH
    assert refused_ones > 800
    say(f"Signed bodies under a topic that they don't bear out: {refused_ones} refused.")


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("orders/cancelled", a_payload()),
        ("orders/paid", a_payload(financial_status="pending")),
        ("orders/paid", a_payload(financial_status="authorized")),
        ("orders/paid", a_payload(financial_status=["paid"])),
        ("orders/delete", a_payload()),
        ("shop/redact", {"shop_domain": "other.myshopify.com"}),
        ("shop/redact", {"shop_domain": "acme-us.myshopify.com", "customer": {"id": 5}}),
        ("shop/redact", {"shop_domain": "acme-us.myshopify.com", "orders_to_redact": [5]}),
        ("shop/redact", {"shop_domain": None}),
        (
            "customers/redact",
            {"shop_domain": "acme-us.myshopify.com", "customer": {"id": 5}, "orders_requested": []},
        ),
        ("app/uninstalled", {"myshopify_domain": "other.myshopify.com"}),
    ],
)  # fmt: skip
def test_a_topic_that_its_body_does_not_bear_out_is_refused(topic: str, payload: Json) -> None:
    """The topic is not signed: the body must show it, and be of this shop."""
    assert outcome(topic, payload)[0] == refusals.TOPIC_MISMATCH


def test_a_replay_under_a_new_id_is_the_same_delivery() -> None:
    """What is signed names the delivery of news; of whole orders, which say how old they are, and
    of states that come back, the sender's id does."""
    raw = json.dumps(a_payload()).encode()

    def named(topic: str, hook: str) -> str:
        sent = headers(raw, X_Shopify_Topic=topic, X_Shopify_Webhook_Id=hook)
        return SHOP.receive(sent, raw, NOW).delivery_id

    for topic in ("shop/redact", "customers/redact", "refunds/create", "orders/delete"):
        assert named(topic, "first") == named(topic, "second")
    for topic in ("orders/create", "returns/update", "fulfillment_orders/cancelled"):
        assert named(topic, "first") != named(topic, "second")
