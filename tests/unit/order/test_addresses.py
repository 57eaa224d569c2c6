"""What an address is to a carrier, as people of many countries write it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from actors.kernel.setup import Place, Setup
from actors.order.addresses import is_military, is_post_box
from actors.order.normalise import ADDRESS
from actors.order.unfit import unfit
from schemas.order.canonical import Address
from tests.given import an_order

HOME = Address(
    name="Ada", lines=("12 Oak Street",), city="Lexington", region="KY", postal_code="40502",
    country="US",
)  # fmt: skip


@pytest.mark.parametrize(
    ("country", "line"),
    [
        ("US", "P.O. Box 12"), ("US", "po box12"), ("US", "P O BOX 12"), ("US", "POB 12"),
        ("US", "Post Office Box 12"), ("US", "Postal Box 12"), ("US", "General Delivery"),
        ("US", "Ｐ．Ｏ．　Ｂｏｘ　１２"), ("AU", "GPO Box 2890"), ("AU", "G.P.O. Box 2890"),
        ("AU", "Parcel Locker 10123 45678"), ("AU", "Locked Bag 1797"), ("NZ", "Private Bag 1"),
        ("DE", "Packstation 145"), ("DE", "Postfach 10 01 02"), ("DE", "Postfiliale 512"),
        ("CH", "Case postale 12"), ("CH", "Casella postale 12"), ("CH", "CP 12"),
        ("CA", "C.P. 8888, succ. Centre-ville"), ("FR", "BP 70012"), ("FR", "Boîte postale 12"),
        ("NL", "Postbus 1234"), ("DK", "Postboks 12"), ("NO", "Pb. 12"), ("SE", "Box 123"),
        ("FI", "PL 41"), ("ES", "Apartado de Correos 12"), ("MX", "Apdo. Postal 12-345"),
        ("BR", "Caixa Postal 12"), ("PL", "skrytka pocztowa 12"), ("IT", "Fermo Posta Centro"),
    ],
)  # fmt: skip
def test_boxes_of_the_post_are_known_by_their_names(country: str, line: str) -> None:
    """Whatever language the customer writes in, and however he types it."""
    assert is_post_box(replace(HOME, country=country, lines=("c/o Ada", line)))


@pytest.mark.parametrize(
    ("country", "line"),
    [
        ("US", "12 Boxwood Lane"), ("US", "Post Road 12"), ("US", "1 Pobst Street"),
        ("US", "BP 12"), ("MX", "C.P. 06600"), ("GB", "Box Hill Road 3"), ("US", "RR 2 Box 12"),
        ("SE", "Boxvägen 1"), ("DE", "Postplatz 3"), ("AT", "Poststraße 1"),
        ("NL", "Postbuslaan 3"), ("FI", "Plaza 4"),
    ],
)  # fmt: skip
def test_streets_are_no_boxes(country: str, line: str) -> None:
    """Words that only look like one, or mean another thing in this country."""
    assert not is_post_box(replace(HOME, country=country, lines=(line,)))


def test_a_box_beside_a_street_counts_by_its_full_name_alone() -> None:
    """French companies write their box under the street that parcels are brought to."""
    both = replace(HOME, country="FR", lines=("12 rue de la Paix", "BP 70012"))
    assert not is_post_box(both)
    assert is_post_box(replace(both, lines=("12 rue de la Paix", "Boîte postale 12")))


@pytest.mark.parametrize(
    "change",
    [
        {"city": "APO"}, {"city": "fpo"}, {"city": "A.P.O."}, {"city": "DPO AE"},
        {"region": "AE"}, {"region": "Armed Forces Pacific"}, {"postal_code": "09459"},
        {"postal_code": "34058-1234"}, {"postal_code": "96349"}, {"postal_code": "０９４５９"},
        {"country": "GB", "city": "BFPO 58"}, {"country": "GB", "lines": ("Sgt A", "BFPO 58")},
        {"country": "GB", "postal_code": "BF1 2AX"}, {"country": "GB", "region": "BFP"},
        {"country": "CA", "lines": ("CFPO 5048 STN FORCES",)},
        {"country": "FR", "city": "ARMEES", "postal_code": "00200"},
        {"country": "DE", "lines": ("Feldpost 64298",)},
    ],
)  # fmt: skip
def test_post_offices_of_armed_forces(change: dict[str, object]) -> None:
    """By place, region, line or postal code: each is used for nothing else."""
    assert is_military(replace(HOME, **{"region": "", **change}))


@pytest.mark.parametrize(
    "change",
    [
        {}, {"city": "Apopka", "region": "FL", "postal_code": "32703"},
        {"postal_code": "09901"}, {"region": "GU", "postal_code": "96910"},
        {"country": "GB", "postal_code": "LS1 1AA", "city": "Leeds"},
        {"country": "DE", "city": "APO", "postal_code": "09456"},
    ],
)  # fmt: skip
def test_civilians(change: dict[str, object]) -> None:
    """Places that only look like one."""
    assert not is_military(replace(HOME, **change))


def test_what_a_label_can_not_show_is_held_before_anything_is_packed() -> None:
    """The hold says how much room there is; a person may release it."""
    place = Place(name="main", carrier="ups", label_lines=(35, 35, 35))
    setup = Setup(channel="acme-us", places=(place,))
    long = replace(HOME, lines=("Building 4, Gate 7, " * 3, "Third Courtyard, " * 4, "Flat 12"))
    (found,) = unfit(an_order(ship_to=long), setup)
    assert found.kind == ADDRESS
    assert "3 lines of 35 characters" in found.value
    assert list(unfit(an_order(ship_to=HOME), setup)) == []


@pytest.mark.parametrize(
    ("region", "code", "is_right"),
    [("PR", "00901", True), ("PR", "901", False), ("GU", "", False), ("KY", "４０５０２", True),
     ("KY", "40502 – 1234", True), ("FM", "", True)],
)  # fmt: skip
def test_postal_codes_of_territories_are_asked_for_before_packing(
    region: str, code: str, is_right: bool
) -> None:
    """Carriers want theirs as those of states; what is associated is another country."""
    place = Place(name="main", carrier="ups")
    setup = Setup(channel="acme-us", places=(place,))
    there = replace(HOME, region=region, postal_code=code)
    assert (list(unfit(an_order(ship_to=there), setup)) == []) is is_right
