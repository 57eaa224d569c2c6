"""What Shopify's webhooks of returns become: a step of the return, by Shopify's own id."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adapters.channels.shopify.topics import NOTE
from schemas.messages.inputs import HandleReturn, NoteReport
from schemas.messages.privacy import Read
from tests.shopify_payloads import NOW, SHOP, Json, headers

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "specs" / "shopify" / "webhooks"
GID = "gid://shopify/Return/123134564567890"


def read(topic: str, payload: Json) -> Read:
    """Receive and translate a webhook."""
    raw = json.dumps(payload).encode()
    receipt = SHOP.receive(headers(raw, X_Shopify_Topic=topic), raw, NOW)
    assert receipt.kind == NOTE
    return SHOP.translate(receipt.kind, topic, raw)


@pytest.mark.parametrize(
    ("topic", "step", "reason"),
    [
        ("returns/request", "request", ""),
        ("returns/approve", "authorise", ""),
        ("returns/decline", "decline", "return_period_ended"),
        ("returns/cancel", "cancel", ""),
        ("returns/close", "close", ""),
    ],
)
def test_an_official_sample_is_a_step(topic: str, step: str, reason: str) -> None:
    """Return and order by their ids, the code of a decline without what the merchant typed, and no
    lines, since none is told; the order is fetched when Shopify closes one."""
    if not SAMPLES.is_dir():
        pytest.skip("The folder ../shared/specs with Shopify's samples is not here.")
    path = SAMPLES / f"{topic.replace('/', '.')}.meta.json"
    found = read(topic, json.loads(path.read_text())["response"])
    assert found == HandleReturn(
        ref="4783296544821",
        step=step,  # type: ignore[arg-type]  # one of its steps
        source="channel",
        outside_id=GID,
        reason=reason,
        refetch=topic == "returns/close",
    )


def test_a_return_that_is_opened_again_is_news() -> None:
    """We know of no such step: a person reads it in the timeline."""
    told = {"admin_graphql_api_id": GID, "order_id": 7, "status": "open"}
    assert isinstance(read("returns/reopen", told), NoteReport)


def test_a_return_without_an_id_of_its_own_is_news() -> None:
    """Without it no later webhook could be told to be of the same return."""
    told: Json = {"order": {"admin_graphql_api_id": "gid://shopify/Order/7"}, "status": "requested"}
    assert isinstance(read("returns/request", told), NoteReport)


def test_what_a_merchant_typed_stays_in_shopify() -> None:
    """A reason that is not a code may name somebody."""
    why = {"reason": "Mr Miller rang", "note": "he is angry"}
    told: Json = {"admin_graphql_api_id": GID, "order_id": 7, "decline": why}
    found = read("returns/decline", told)
    assert isinstance(found, HandleReturn)
    assert found.reason == ""
