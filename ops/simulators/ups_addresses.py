"""UPS's Address Validation (street level, v2), in the shapes of UPS's own description.

Every street with a house number is there, unless it was planted as something else: the control
plants what is found for a street and a ZIP code.
https://github.com/UPS-API/api-documentation/blob/main/AddressValidation.yaml
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ops.simulators.partner import json_reply
from ops.simulators.shapes import (
    JsonObject,
    JsonValue,
    NotUnderstood,
    dig,
    objects,
    parse_object,
    text,
)
from ops.simulators.usps import standard
from ops.simulators.wire import Reply, Request

MAX_PLANTED = 1_000
MAX_LINES, MAX_LINE, MAX_CITY = 3, 100, 30
COUNTRIES = frozenset({"US", "PR"})
CLASSES = {"": "UnClassified", "1": "Commercial", "2": "Residential"}


@dataclass(slots=True, frozen=True)
class Place:
    """What was planted at a street and ZIP code: how UPS writes it, or that it is not found, or
    that several are."""

    street: str
    city: str = ""
    state: str = ""
    zip_code: str = ""
    extended: str = ""
    country: str = ""
    classification: str = "2"
    found: str = "valid"


class UpsAddresses:
    """The addresses that UPS knows."""

    def __init__(self) -> None:
        self._planted: dict[tuple[str, str], Place] = {}
        self.asked = 0

    def control(self, request: Request) -> Reply:
        """Answers /_sim/carrier/addresses: POST plants places in place of those before, GET says
        how many addresses were asked for."""
        if request.method == "GET":
            return json_reply(200, {"asked": self.asked})
        planted = objects(parse_object(request.body), "addresses")
        if len(planted) > MAX_PLANTED:
            return json_reply(400, {"error": f"At most {MAX_PLANTED} addresses can be planted."})
        self._planted = {_key(one): _place(one) for one in planted}
        self.asked = 0
        return json_reply(200, {"planted": len(self._planted)})

    def answer(self, request: Request) -> JsonObject | tuple[str, str]:
        """Return the answer, or the code and the words of a refusal."""
        self.asked += 1
        asked = dig(parse_object(request.body), "XAVRequest", "AddressKeyFormat")
        if not isinstance(asked, dict):
            return "10400", "The request is not well formed."
        told = asked.get("AddressLine")
        lines = [str(one) for one in told] if isinstance(told, list) else []
        if fault := _fault(asked, lines):
            return fault
        street, zip_code = standard(lines[0]), text(asked, "PostcodePrimaryLow")
        place = self._planted.get((street, zip_code)) or self._planted.get((street, ""))
        if place is None:
            there = re.search(r"\d", street) is not None
            place = Place(street, found="valid" if there else "none")
        return {"XAVResponse": _found(place, asked, lines)}


def _fault(asked: JsonObject, lines: list[str]) -> tuple[str, str] | None:
    country = text(asked, "CountryCode")
    if country not in COUNTRIES:
        return "10400", "The country code is not supported."
    if not lines or not lines[0] or len(lines) > MAX_LINES:
        return "10400", "The street is missing or has too many lines."
    if any(len(one) > MAX_LINE for one in lines) or len(_city(asked)) > MAX_CITY:
        return "10400", "A field is too long."
    if not _city(asked) and not text(asked, "PostcodePrimaryLow"):
        return "10400", "City or postal code is missing."
    return None


def _city(asked: JsonObject) -> str:
    return text(asked, "PoliticalDivision2")


def _found(place: Place, asked: JsonObject, lines: list[str]) -> JsonObject:
    status: JsonValue = {"Code": "1", "Description": "Success"}
    found: JsonObject = {"Response": {"ResponseStatus": status}}
    if place.found == "none":
        return {**found, "NoCandidatesIndicator": ""}
    kind: JsonValue = {
        "Code": place.classification or "0",
        "Description": CLASSES[place.classification],
    }
    units = [standard(one) for one in lines[1:]]
    one = _candidate(place, asked, units, kind)
    if place.found == "several":
        other = _candidate(place, asked, ["APT 1"], kind)
        return {**found, "AmbiguousAddressIndicator": "", "Candidate": [one, other]}
    return {
        **found,
        "ValidAddressIndicator": "",
        "AddressClassification": kind,
        "Candidate": [one],
    }


def _candidate(place: Place, asked: JsonObject, units: list[str], kind: JsonValue) -> JsonObject:
    city = (place.city or _city(asked)).upper() or "LOUISVILLE"
    state = place.state or text(asked, "PoliticalDivision1")
    zip_code = place.zip_code or text(asked, "PostcodePrimaryLow") or "40202"
    extended = place.extended or "4616"
    key: JsonObject = {
        "AddressLine": [place.street, *units],
        "PoliticalDivision2": city,
        "PoliticalDivision1": state,
        "PostcodePrimaryLow": zip_code,
        "PostcodeExtendedLow": extended,
        "Region": f"{city} {state} {zip_code}-{extended}",
        "CountryCode": place.country or text(asked, "CountryCode"),
    }
    return {"AddressClassification": kind, "AddressKeyFormat": key}


def _key(raw: JsonObject) -> tuple[str, str]:
    asked = text(raw, "asked") or text(raw, "street")
    return standard(asked), text(raw, "asked_zip") or text(raw, "zip")


def _place(raw: JsonObject) -> Place:
    if not text(raw, "street"):
        raise NotUnderstood("Each of `addresses` needs a `street`.")
    return Place(
        street=standard(text(raw, "street")),
        city=text(raw, "city"),
        state=text(raw, "state"),
        zip_code=text(raw, "zip"),
        extended=text(raw, "plus4"),
        country=text(raw, "country"),
        classification="1" if raw.get("business") is True else "2",
        found=text(raw, "found") or "valid",
    )
