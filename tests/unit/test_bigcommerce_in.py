"""BigCommerce's webhooks: who sent them, which order they name, and what each scope means."""

from __future__ import annotations

from collections import Counter

import pytest

from adapters.channels.bigcommerce.scopes import NOT_OURS, NOTE, REFETCH, SCOPES
from adapters.channels.bigcommerce.source import SECRET_HEADER, BigCommerce
from adapters.kit.inbound import UNKNOWN, UNREADABLE, Receipt, SignatureRefused
from schemas.contracts import refusals
from schemas.contracts.refusals import Refused
from schemas.messages.inputs import NoteReport, RefetchOrder
from tests.bigcommerce_payloads import (
    NOW,
    OLD_SECRET,
    SECRET,
    SHOP,
    STORE,
    Json,
    a_hook,
    described_hooks,
    headers,
    raw,
    sample_hooks,
    scopes,
)
from tests.conftest import Say


def received(hook: object, shop: BigCommerce = SHOP, secret: str = SECRET) -> Receipt:
    """Return what the edge knows of a webhook."""
    return shop.receive(headers(**{SECRET_HEADER: secret}), raw(hook), NOW)


def outcome(hook: Json, shop: BigCommerce = SHOP) -> str:
    """Return what a webhook becomes: a kind of input, or the reason it is kept for."""
    receipt = received(hook, shop)
    try:
        found = shop.translate(receipt.kind, receipt.topic, raw(hook))
    except Refused as kept:
        reason, sentences = kept.reason, kept.sentences
    else:
        assert isinstance(found, RefetchOrder | NoteReport)
        assert (found.ref, found.topic) == (receipt.ref, hook["scope"])
        return REFETCH if isinstance(found, RefetchOrder) else NOTE
    assert all(one.endswith(".") for one in sentences)
    return reason


def test_a_webhook_has_the_order_fetched_that_it_names() -> None:
    """Kind, reference, topic and delivery are known before anybody reads it closely."""
    receipt = received(a_hook("store/order/created", 251))
    assert (receipt.kind, receipt.ref, receipt.topic) == (REFETCH, "251", "store/order/created")
    assert receipt.delivery_id.startswith("acme-bc:store/order/created ")
    found = SHOP.translate(receipt.kind, receipt.topic, raw(a_hook("store/order/created", 251)))
    assert found == RefetchOrder(ref="251", source="bigcommerce", topic="store/order/created")
    assert (receipt.notes, receipt.drift) == ((), "")


def test_the_secret_header_is_checked() -> None:
    """Today's secret and the one before are good; another, or none, is refused in words."""
    for secret in (SECRET, OLD_SECRET):
        assert received(a_hook(), secret=secret).ref == "250"
    lower = {SECRET_HEADER.lower(): SECRET}
    assert SHOP.receive(lower, raw(a_hook()), NOW).ref == "250"
    for wrong in ("another secret", SECRET + "x", "gehéim"):
        with pytest.raises(SignatureRefused, match="another than ours"):
            received(a_hook(), secret=wrong)
    for none in ({}, {SECRET_HEADER: ""}):
        with pytest.raises(SignatureRefused, match="is missing"):
            SHOP.receive(none, raw(a_hook()), NOW)
    no_one = BigCommerce("x", store_hash=STORE, secrets=("",))
    with pytest.raises(SignatureRefused):
        no_one.receive(headers(), raw(a_hook()), NOW)


def test_another_store_s_webhook_is_refused_and_an_unknown_producer_is_drift() -> None:
    """Our secret with another store's hash is a mix-up; a new form of producer is told."""
    with pytest.raises(SignatureRefused, match="stores/other"):
        received(a_hook(producer="stores/other"))
    receipt = received(a_hook(producer="v4/shops/abc123"))
    assert (receipt.kind, receipt.drift) == (REFETCH, "v4/shops/abc123")
    assert "v4/shops/abc123" in receipt.notes[0]
    assert received({**a_hook(), "producer": ""}).drift == "none"


def test_a_repeat_is_known_and_two_events_are_two() -> None:
    """The hash is of the payload, so that scope and time tell events apart; without one, the bytes
    do."""
    first = received(a_hook()).delivery_id
    assert received(a_hook()).delivery_id == first
    assert received(a_hook("store/order/statusUpdated")).delivery_id != first
    assert received(a_hook(created_at=1_795_780_801)).delivery_id != first
    bare = a_hook(hash="")
    assert received(bare).delivery_id == received(bare).delivery_id
    assert received(bare).delivery_id != received({**bare, "created_at": 1}).delivery_id


@pytest.mark.parametrize(
    ("scope", "data", "found"),
    [
        ("store/shipment/created", {"type": "shipment", "id": 12, "orderId": 7}, REFETCH),
        ("store/order/transaction/created", {"order_id": "7", "id": 9}, REFETCH),
        ("store/order/refund/created", {"id": 7, "refund": {"refund_id": 3}}, NOTE),
        ("store/order/message/created", {"id": 7}, NOTE),
        ("store/shipment/deleted", {"id": 12, "orderId": 7}, NOTE),
        ("store/shipment/created", {"id": 7}, refusals.ORDER_UNNAMED),
        ("store/order/created", {"id": 0}, refusals.ORDER_UNNAMED),
        ("store/order/created", {"id": -7}, refusals.ORDER_UNNAMED),
        ("store/order/created", {"id": "7x"}, refusals.ORDER_UNNAMED),
        ("store/order/created", {}, refusals.ORDER_UNNAMED),
        ("store/order/refund/created", {}, refusals.ORDER_UNNAMED),
        ("store/product/updated", {"id": 7}, refusals.TOPIC_NOT_OURS),
        ("store/app/uninstalled", {"type": "app"}, refusals.CHANNEL_DISCONNECTED),
        ("store/order/levitated", {"id": 7}, refusals.TOPIC_UNKNOWN),
    ],
)
def test_each_scope_names_its_order_in_its_own_place(scope: str, data: Json, found: str) -> None:
    """Orders by id, shipments by orderId, transactions by a text; what names none is kept."""
    assert outcome(a_hook(scope, data=data)) == found
    receipt = received(a_hook(scope, data=data))
    if found in (REFETCH, NOTE):
        assert receipt.ref == "7"
    assert SHOP.address(scope, raw(a_hook(scope, data=data))) == ("", receipt.kind)


def test_a_refund_asks_for_a_hold_and_an_uninstalled_app_is_told_at_once() -> None:
    """Money given back before goods left is for a person; an uninstalled app is in the log."""
    note = SHOP.translate(NOTE, "store/order/refund/created", raw(a_hook()))
    assert isinstance(note, NoteReport)
    assert note.hold == "once_begun"
    assert "uninstalled" in received(a_hook("store/app/uninstalled", data={})).notes[0]


@pytest.mark.parametrize("wrong", [b"", b"[]", b"{}", b'{"scope": [7]}', b"\xff", b'{"scope":"a"'])
def test_what_is_no_webhook_is_kept(wrong: bytes) -> None:
    """Authentic bytes that are broken come in, and are refused with a reason a clerk can read."""
    receipt = SHOP.receive(headers(), wrong, NOW)
    assert receipt.kind == UNREADABLE
    assert receipt.ref.startswith("sha256-")
    assert SHOP.address("", wrong) == ("", UNREADABLE)
    with pytest.raises(Refused) as refused:
        SHOP.translate(receipt.kind, receipt.topic, wrong)
    assert refused.value.reason in (
        refusals.REF_MISSING,
        refusals.JSON_MALFORMED,
        refusals.JSON_NOT_UTF8,
    )


def test_a_kind_and_a_scope_that_do_not_fit_are_kept() -> None:
    """They come apart only by a mistake, which must show."""
    for kind, topic in ((NOTE, "store/order/updated"), (UNKNOWN, "store/order/updated")):
        with pytest.raises(Refused):
            SHOP.translate(kind, topic, raw(a_hook()))


def test_every_official_sample_has_a_declared_meaning(
    say: Say,
) -> None:
    """Each sample, and each webhook described without one, becomes what the table says, or is kept
    for the table's own reason. The counts are printed."""
    shop = BigCommerce("acme-bc", store_hash="{store_hash}", secrets=(SECRET,))
    counts: Counter[str] = Counter()
    for name, sample in sample_hooks():
        meaning = SCOPES.get(sample["scope"])
        wanted = refusals.TOPIC_NOT_OURS if meaning is None else meaning.kind
        assert outcome(sample, shop) == wanted, name
        counts[f"sample: {wanted}"] += 1
    for name, scope, one in described_hooks():
        meaning = SCOPES.get(scope)
        wanted = refusals.TOPIC_NOT_OURS if meaning is None else meaning.kind
        assert outcome(one | {"producer": "stores/{store_hash}"}, shop) == wanted, name
        counts[f"description: {wanted}"] += 1
    assert sum(n for name, n in counts.items() if name.startswith("sample")) >= 16
    told = ", ".join(f"{name} {number}" for name, number in counts.most_common())
    say(f"BigCommerce's official webhooks: {told}.")


def test_every_scope_of_bigcommerce_s_has_a_meaning() -> None:
    """None of them is unknown, and none of our own is made up."""
    known = scopes()
    assert len(known) > 80
    assert set(SCOPES) <= set(known)
    begins = tuple(one for one, _ in NOT_OURS)
    for scope in known:
        assert scope in SCOPES or scope.startswith(begins), scope
    unused = [one for one in begins if not any(scope.startswith(one) for scope in known)]
    assert unused == []
