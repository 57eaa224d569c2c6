"""USPS: OAuth and Addresses v3, in the shapes of USPS's own description (3.2.3).

Every street with a house number is there, unless it was planted as something else: the control
plants buildings by house number, street and ZIP code. https://developers.usps.com/addressesv3
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from urllib.parse import parse_qs

from ops.simulators.partner import Call, World, json_reply
from ops.simulators.shapes import JsonObject, JsonValue, NotUnderstood, objects, parse_object, text
from ops.simulators.wire import Reply, Request

TOKEN_SECONDS = 28_799
MAX_PLANTED = 1_000
STATES = frozenset(
    "AA AE AL AK AP AS AZ AR CA CO CT DE DC FM FL GA GU HI ID IL IN IA KS KY LA ME MH MD MA MI MN "
    "MS MO MP MT NE NV NH NJ NM NY NC ND OH OK OR PW PA PR RI SC SD TN TX UT VT VI VA WA WV WI "
    "WY".split()
)
SUFFIXES = {
    "STREET": "ST", "AVENUE": "AVE", "ROAD": "RD", "DRIVE": "DR", "LANE": "LN", "COURT": "CT",
    "BOULEVARD": "BLVD", "PLACE": "PL", "HIGHWAY": "HWY", "PARKWAY": "PKWY", "NORTH": "N",
    "SOUTH": "S", "EAST": "E", "WEST": "W", "NORTHWEST": "NW", "SUITE": "STE", "APARTMENT": "APT",
}  # fmt: skip
NO_MATCH = "There is no match for the address requested."
MULTIPLE = "More than one address was found matching the requested address."
INVALID_STATE = "The state code in the request is missing or invalid."
BAD_PAIR = "The city and state are missing or together unverifiable."
INSUFFICIENT = "The address information in the request is insufficient to match."


@dataclass(slots=True, frozen=True)
class Building:
    """What was planted at one street and ZIP code. `units` are those that it has (none: a house of
    its own), `message` what a search for it is refused with ("": it is found)."""

    street: str
    city: str = ""
    state: str = ""
    zip_code: str = ""
    plus4: str = ""
    units: frozenset[str] = frozenset()
    route: str = "C012"
    confirmed: bool = True
    vacant: bool = False
    agency: bool = False
    business: bool = False
    message: str = ""


def standard(street: str) -> str:
    """A street in USPS's own letters and abbreviations."""
    words = re.findall(r"[0-9A-Z#-]+", street.upper())
    return " ".join(SUFFIXES.get(word, word) for word in words)


class Usps:
    """USPS with any number of applications."""

    name = "usps"

    def __init__(self, world: World) -> None:
        self._world = world
        self._planted: dict[tuple[str, str], Building] = {}
        self.asked = 0

    def recognise(self, request: Request) -> Call | None:
        match request.method, request.segments():
            case "POST", ["usps", "oauth2", "v3", "token"]:
                return Call("token", lambda plan: self._token(request))
            case "GET", ["usps", "addresses", "v3", "address"]:
                return Call("address", lambda plan: self._address(request))
            case "GET", ["usps", "addresses", "v3", "city-state"]:
                return Call("city-state", lambda plan: self._city(request))
        return None

    def failure(self, status: int, code: str, message: str) -> Reply:
        told: JsonValue = {"code": str(status), "message": message, "errors": []}
        return json_reply(status, {"apiVersion": "v3", "error": told})

    def refusal(self, operation: str) -> Reply:
        if operation == "token":
            return self._bad_client()
        return self.failure(404, "404", NO_MATCH)

    def throttled(self) -> Reply:
        return self.failure(429, "429", "Too many requests have been received.")

    def control(self, request: Request) -> Reply:
        """Answers /_sim/usps/addresses: POST plants buildings in place of those before, GET says
        how many addresses were asked for."""
        if request.method == "GET":
            return json_reply(200, {"asked": self.asked})
        planted = objects(parse_object(request.body), "addresses")
        if len(planted) > MAX_PLANTED:
            return json_reply(400, {"error": f"At most {MAX_PLANTED} addresses can be planted."})
        self._planted = {_key(one): _building(one) for one in planted}
        self.asked = 0
        return json_reply(200, {"planted": len(self._planted)})

    def _bad_client(self) -> Reply:
        words = "Client authentication failed: the client id or secret is not valid."
        return json_reply(401, {"error": "invalid_client", "error_description": words})

    def _token(self, request: Request) -> Reply:
        raw = request.body.decode("utf-8", "replace")
        form = {name: values[0] for name, values in parse_qs(raw).items()}
        if "json" in request.headers.get("content-type", ""):
            form = {name: str(value) for name, value in json.loads(raw or "{}").items()}
        if form.get("grant_type") != "client_credentials":
            return json_reply(400, {"error": "unsupported_grant_type"})
        pair = form.get("client_id", ""), form.get("client_secret", "")
        if not all(pair) or not self._world.credentials.admits_client(self.name, *pair):
            return self._bad_client()
        now = self._world.clock()
        answer: JsonObject = {
            "access_token": self._world.credentials.issue(self.name, now),
            "token_type": "Bearer",
            "issued_at": int(now * 1000),
            "expires_in": TOKEN_SECONDS,
            "status": "approved",
            "scope": form.get("scope", "addresses"),
            "client_id": pair[0],
        }
        return json_reply(200, answer)

    def _stranger(self, request: Request) -> Reply | None:
        if self._world.credentials.admits(self.name, request.headers.get("authorization", "")):
            return None
        return self.failure(401, "401", "Invalid access token")

    def _city(self, request: Request) -> Reply:
        if stranger := self._stranger(request):
            return stranger
        asked = request.params().get("ZIPCode", "")
        if re.fullmatch(r"\d{5}", asked) is None:
            return self.failure(400, "400", "OASValidation: ZIPCode must be five digits.")
        return json_reply(200, {"city": "WASHINGTON", "state": "DC", "ZIPCode": asked})

    def _address(self, request: Request) -> Reply:
        if stranger := self._stranger(request):
            return stranger
        self.asked += 1
        asked = request.params()
        if fault := _fault(asked):
            return self.failure(*fault)
        street = standard(asked["streetAddress"])
        zip_code = asked.get("ZIPCode", "")
        found = self._planted.get((street, zip_code)) or self._planted.get((street, ""))
        if found is None:
            if re.search(r"\d", street) is None:
                return self.failure(404, "404", INSUFFICIENT)
            found = Building(street)
        if found.message:
            return self.failure(404, "404", found.message)
        return json_reply(200, _answer(found, asked))


def _fault(asked: dict[str, str]) -> tuple[int, str, str] | None:
    """Why a request is refused, by the description's parameters."""
    if not asked.get("streetAddress"):
        return 400, "400", "OASValidation: streetAddress is required."
    if "state" not in asked:
        return 400, "400", "OASValidation: state is required."
    if asked["state"] not in STATES:
        return 404, "404", INVALID_STATE
    for name, pattern in (("ZIPCode", r"\d{5}"), ("ZIPPlus4", r"\d{4}")):
        if name in asked and re.fullmatch(pattern, asked[name]) is None:
            return 400, "400", f"OASValidation: {name} does not match its pattern."
    if not asked.get("city") and not asked.get("ZIPCode"):
        return 404, "404", BAD_PAIR
    return None


def _answer(found: Building, asked: dict[str, str]) -> JsonObject:
    unit = standard(asked.get("secondaryAddress", ""))
    confirmed, corrections = "Y" if found.confirmed else "N", list[JsonValue]()
    if found.confirmed and found.units:
        if not unit:
            confirmed = "D"
            words = "Default address: The address you entered was found but more information is "
            words += "needed (such as an apartment, suite, or box number."
            corrections.append({"code": "32", "text": words})
        elif unit.split()[-1] not in found.units:
            confirmed = "S"
    address: JsonObject = {
        "streetAddress": found.street,
        "streetAddressAbbreviation": found.street,
        "secondaryAddress": unit,
        "city": (found.city or asked.get("city", "") or "WASHINGTON").upper(),
        "state": found.state or asked["state"],
        "ZIPCode": found.zip_code or asked.get("ZIPCode", "") or "20500",
        "ZIPPlus4": found.plus4 or "0005",
        "urbanization": asked.get("urbanization", ""),
    }
    info: JsonObject = {
        "deliveryPoint": "00",
        "carrierRoute": found.route,
        "DPVConfirmation": confirmed,
        "DPVCMRA": "Y" if found.agency else "N",
        "business": "Y" if found.business else "N",
        "centralDeliveryPoint": "N",
        "vacant": "Y" if found.vacant else "N",
    }
    matches: list[JsonValue] = []
    if confirmed == "Y":
        matches.append({"code": "31", "text": "Single Response - exact match"})
    return {
        "firm": asked.get("firm", ""),
        "address": address,
        "additionalInfo": info,
        "corrections": corrections,
        "matches": matches,
        "warnings": [],
    }


def _key(raw: JsonObject) -> tuple[str, str]:
    asked = text(raw, "asked") or text(raw, "street")
    return standard(asked), text(raw, "asked_zip") or text(raw, "zip")


def _building(raw: JsonObject) -> Building:
    if not text(raw, "street"):
        raise NotUnderstood("Each of `addresses` needs a `street`.")
    units = raw.get("units")
    return Building(
        street=standard(text(raw, "street")),
        city=text(raw, "city"),
        state=text(raw, "state"),
        zip_code=text(raw, "zip"),
        plus4=text(raw, "plus4"),
        units=frozenset(map(str, units if isinstance(units, list) else ())),
        route=text(raw, "route") or "C012",
        confirmed=raw.get("confirmed") is not False,
        vacant=raw.get("vacant") is True,
        agency=raw.get("agency") is True,
        business=raw.get("business") is True,
        message=text(raw, "message"),
    )
