"""Addresses, e-mail and phone: refused by our own contract, told and let pass for storefronts."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from adapters.channels.canonical.source import Canonical
from adapters.postgres.timeline import event_entry
from schemas.contracts import refusals
from schemas.contracts.doubts import TOO_MANY_ATTRIBUTES, doubts_of, refuse_doubts, shapes_of
from schemas.contracts.refusals import Refused
from schemas.messages import events as e
from schemas.messages.codec import encode
from schemas.messages.inputs import PlaceOrder
from schemas.order.canonical import DOUBT, Address, Customer
from schemas.order.iso_codes import COUNTRIES
from tests.given import NOON, an_order, given_placed
from tests.shopify_payloads import SHOP, a_payload


def at(country: str, region: str, postal_code: str, phone: str = "") -> Address:
    """Return an address."""
    return Address(
        name="A", lines=("B",), city="C", country=country, region=region, postal_code=postal_code,
        phone=phone,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("country", "region", "postal_code"),
    [
        ("US", "KY", "40003"),
        ("US", "kentucky", "40003-1234"),
        ("US", "US-KY", "40003"),
        ("US", "AE", "09123"),
        ("CA", "ON", "K1A 0B1"),
        ("CA", "Ontario", "k1a0b1"),
        ("GB", "", "EC1Y 8SY"),
        ("GB", "England", "SW1A 1AA"),
        ("DE", "", "26133"),
        ("NL", "", "1234 AB"),
        ("JP", "Tokyo", "154-0023"),
        ("JP", "13", "1540023"),
        ("IE", "Dublin", ""),
        ("HK", "", ""),
        ("AC", "", "ASCN 1ZZ"),
        ("XK", "", ""),
    ],
)
def test_usual_addresses_are_not_doubted(country: str, region: str, postal_code: str) -> None:
    """Codes or names of regions, in any case; nothing where a country has nothing."""
    assert doubts_of(at(country, region, postal_code), None, Customer()) == ()


@pytest.mark.parametrize(
    ("country", "region", "postal_code", "words"),
    [
        ("US", "KY", "4000", "is not of the form of US, such as 95014"),
        ("US", "KY", "", "has no postal code, which US needs"),
        ("US", "", "40003", "has no region, which US needs"),
        ("US", "Ontario", "40003", "does not exist in US"),
        ("CA", "ON", "40003", "is not of the form of CA"),
        ("DE", "", "D-1", "is not of the form of DE"),
    ],
)
def test_odd_addresses_are_doubted_without_naming_them(
    country: str, region: str, postal_code: str, words: str
) -> None:
    """The sentence tells what was expected, and nothing personal."""
    (doubt,) = doubts_of(at(country, region, postal_code), None, Customer())
    assert doubt.reason == refusals.ADDRESS_FORMAT_INVALID
    assert words in doubt.sentence
    assert not postal_code or postal_code not in doubt.sentence


def test_a_shipping_address_that_is_blank_somewhere() -> None:
    """Who receives it, the street, and the city where a country has cities: each is asked for."""
    blank = Address(name=" ", lines=("", " "), city=" ", country="DE", postal_code="26133")
    told = [one.sentence for one in doubts_of(blank, None, Customer())]
    assert told == [
        "The shipping address has no name; add who receives it.",
        "The shipping address has no street; add it.",
        "The shipping address has no city, which DE needs; add it.",
    ]
    assert doubts_of(None, blank, Customer()) == ()
    nowhere = Address(name="A", lines=("B",), city="", country="SG", postal_code="308900")
    assert doubts_of(nowhere, None, Customer()) == ()


def test_a_billing_address_may_be_partial_and_not_odd() -> None:
    """Wallets give part of one; what they give must have its shape."""
    assert doubts_of(None, at("US", "", ""), Customer()) == ()
    assert len(doubts_of(None, at("US", "", "x"), Customer())) == 1


@pytest.mark.parametrize(
    ("email", "phone", "reasons"),
    [
        ("steve@example.com", "+1 (555) 625-1199", ()),
        ("a.b+c@sub.example.co.uk", "0049 30 901820 ext. 12", ()),
        ("jürgen@müller.example", "555.625.1199x5", ()),
        ("", "", ()),
        ("steve", "", (refusals.EMAIL_INVALID,)),
        ("steve@example", "", (refusals.EMAIL_INVALID,)),
        ("a b@example.com", "", (refusals.EMAIL_INVALID,)),
        ("a@@example.com", "", (refusals.EMAIL_INVALID,)),
        ("a@example.com\n", "", (refusals.EMAIL_INVALID,)),
        ("", "555-555-SHIP", (refusals.PHONE_INVALID,)),
        ("", "1234", (refusals.PHONE_INVALID,)),
        ("", "1" * 16, (refusals.PHONE_INVALID,)),
        ("x", "y", (refusals.PHONE_INVALID, refusals.EMAIL_INVALID)),
    ],
)
def test_mail_and_phone_have_the_form_of_one(
    email: str, phone: str, reasons: tuple[str, ...]
) -> None:
    """Forms that people use pass; what can't be written to or called is doubted."""
    found = doubts_of(None, None, Customer(email=email, phone=phone))
    assert tuple(one.reason for one in found) == reasons


def test_every_country_has_its_shapes() -> None:
    """Google's data is readable for each country we take, and its own example has its shape."""
    for country in COUNTRIES:
        shapes = shapes_of(country)
        if shapes.postal_code is not None and shapes.example:
            assert shapes.postal_code.fullmatch(shapes.example), country
    assert shapes_of("ZZ").postal_code is None
    assert sum(shapes_of(one).postal_code is not None for one in COUNTRIES) > 150


def test_our_own_contract_refuses_what_is_doubted() -> None:
    """The sender waits for the answer and can fix it; all sentences of the first reason come."""
    odd = an_order(ship_to=at("US", "", "4000", "call me"))
    with pytest.raises(Refused) as caught:
        Canonical().translate("place", "", encode(odd))
    assert caught.value.reason == refusals.ADDRESS_FORMAT_INVALID
    assert len(caught.value.sentences) == 2
    refuse_doubts(an_order())


def test_a_storefronts_order_is_told_of_and_goes_on() -> None:
    """The order keeps the sentences, its first event the reasons, and the timeline says so."""
    address = {**a_payload()["shipping_address"], "zip": "4", "phone": "555-555-SHIP"}
    found = SHOP.translate(
        "place", "orders/create", json.dumps(a_payload(shipping_address=address)).encode()
    )
    assert isinstance(found, PlaceOrder)
    told = found.order.attributes
    assert "form of US" in told[DOUBT + refusals.ADDRESS_FORMAT_INVALID]
    story = given_placed(attributes={**told, DOUBT + "made up by somebody": "x"})
    story.then_stage("accepted")
    placed = story.events[0]
    assert isinstance(placed, e.Placed)
    assert placed.doubts == (refusals.ADDRESS_FORMAT_INVALID, refusals.PHONE_INVALID)
    text = event_entry(1, "order.placed.v1", encode(placed), NOON).text
    assert "In doubt: address format invalid, phone invalid" in text


def test_a_full_list_of_attributes_still_comes_in() -> None:
    """Neither a doubt nor a long list makes an order refused: there is room for both."""
    many = [{"name": f"n{number}", "value": "v"} for number in range(100)]
    payload = a_payload(note_attributes=many, phone="no")
    found = SHOP.translate("place", "", json.dumps(payload).encode())
    assert isinstance(found, PlaceOrder)
    assert len(found.order.attributes) <= 100
    assert "shopify.more_attributes.1" in found.order.attributes
    assert "has 100 attributes" in found.order.attributes[DOUBT + TOO_MANY_ATTRIBUTES]
    assert any(name.startswith("orderwright.doubt.") for name in found.order.attributes)
    assert replace(found.order, attributes={}).ref == found.order.ref
