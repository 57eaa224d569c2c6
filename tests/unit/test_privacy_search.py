"""A broken message is found by what it says of a customer, and another customer's is not."""

from __future__ import annotations

import json

import pytest

from schemas.messages.privacy import Subject
from service.privacy.search import mentions

JANE = Subject(
    reference="207119551",
    email="Jane.Doe@example.com",
    phone="+1 (555) 625-1199",
    refs=("820982911946154508",),
)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"email": "jane.doe@EXAMPLE.com"',
        b'{"email": "jane.doe\\u0040example.com"}',
        b'{"phone": "15556251199"}',
        b'{"phone": "0015556251199"}',
        b"+1-555-625-1199",
        b'{"customer": {"state": "x", "id": 207119551, "email": null}',
        b'{"customer":{"reference":"207119551"}}',
        b'"gid://shopify/Customer/207119551"',
        b'"gid:\\/\\/shopify\\/Order\\/820982911946154508"',
        b'{"id":820982911946154508,"broken',
        b'{"order_id": 820982911946154508}',
    ],
)
def test_what_is_about_a_customer_is_found(raw: bytes) -> None:
    """By any of his names, in any way of writing it, though the text is broken."""
    assert mentions(JANE)(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"email": "mary.jane.doe@example.com"}',
        b'{"email": "jane.doe@example.com.au"}',
        b'{"phone": "+1 555 625 11990"}',
        b'{"line_id": "207119551", "total": 207119551}',
        b'{"customer":{"id":2071195512}}',
        b'{"id":8209829119461545081}',
        b"",
    ],
)
def test_what_is_about_others_is_left_alone(raw: bytes) -> None:
    """A message erased by mistake would be an order lost."""
    assert not mentions(JANE)(raw)


def test_who_is_no_one_is_found_nowhere() -> None:
    """An empty subject, or a telephone number of three digits, matches nothing."""
    assert not mentions(Subject())(b'{"email": ""}')
    assert not mentions(Subject(phone="112"))(b'{"phone": "112"}')


def test_his_orders_are_found_by_their_references() -> None:
    """Also those that the request did not name, by the field that holds them."""
    found = mentions(Subject(email="a@b.example"), ["W-1"])
    assert found(json.dumps({"order": {"ref": "W-1"}}).encode())
    assert not found(json.dumps({"order": {"ref": "W-10", "number": "W-1"}}).encode())
