"""UPS: OAuth, ship, void, label recovery and track, in the shapes of UPS's own descriptions.

A repeated ship request buys a second label, as the real one does; references know no small letters.
https://github.com/UPS-API/api-documentation
"""

from __future__ import annotations

import base64
import re
import time

from ops.simulators.parcel_journey import Journeys
from ops.simulators.partner import Call, World, json_reply
from ops.simulators.shapes import JsonObject, JsonValue, dig, objects, parse_object, text
from ops.simulators.ups_addresses import UpsAddresses
from ops.simulators.ups_rules import ship_fault, sold
from ops.simulators.ups_shipments import (
    LABEL_GIF,
    SUCCESS,
    Package,
    Shelf,
    Shipment,
    price,
    rated_json,
    references_of,
    shipped,
    to_collect,
    tracking_number,
)
from ops.simulators.ups_tracking import answered, tracked
from ops.simulators.wire import Reply, Request

TOKEN_SECONDS = 14_399
MAX_VOIDED_AT_ONCE = 20
MAX_TRACKED = 50
_NOT_VOIDABLE = ("190102", "No shipment found within the allowed void period")
_NO_LABEL = ("300022", "No label was found for the given data.")


class Ups:
    """UPS with any number of shipper accounts."""

    name = "carrier"

    def __init__(self, world: World, journeys: Journeys) -> None:
        self._world = world
        self._journeys = journeys
        self._shelf = Shelf()
        self.addresses = UpsAddresses()
        self.withheld: frozenset[str] = frozenset()
        self._serial = world.run // 1000 * 7919 % 10_000_000

    def recognise(self, request: Request) -> Call | None:
        parts = request.segments()[1:]
        match request.method, parts:
            case "POST", ["security", "v1", "oauth", "token"]:
                return Call("token", lambda plan: self._token(request))
            case "POST", ["api", "addressvalidation", "v2", "3"]:
                return Call("address", lambda plan: self._address(request))
            case "POST", ["api", "rating", _, "Shop"]:
                return Call("rate", lambda plan: self._rate(request))
            case "POST", ["api", "shipments", _, "ship"]:
                return Call("ship", lambda plan: self._ship(request))
            case "DELETE", ["api", "shipments", _, "void", "cancel", shipment_id]:
                return Call("void", lambda plan: self._void(shipment_id, request))
            case "POST", ["api", "labels", _, "recovery"]:
                return Call("recover", lambda plan: self._recover(request))
            case "GET", ["api", "track", "v1", "details", asked]:
                return Call("track", lambda plan: self._track(asked, "number", request))
            case "GET", ["api", "track", "v1", "reference", "details", asked]:
                return Call("track", lambda plan: self._track(asked, "reference", request))
            case "GET", ["api", "track", "v1", "shipment", "details", asked]:
                return Call("track", lambda plan: self._track(asked, "shipment", request))
        return None

    def failure(self, status: int, code: str, message: str) -> Reply:
        codes = {401: "250002", 403: "250003", 429: "10429", 500: "10500", 503: "10503"}
        errors: JsonValue = {
            "response": {"errors": [{"code": codes.get(status, code), "message": message}]}
        }
        return json_reply(status, errors)

    def refusal(self, operation: str) -> Reply:
        refusals = {
            "token": (401, "10401", "ClientId is Invalid"),
            "void": (400, *_NOT_VOIDABLE),
            "recover": (400, *_NO_LABEL),
            "track": (404, "TW0001", "Tracking Information Not Found"),
        }
        status, code, message = refusals.get(
            operation, (400, "120802", "Address Validation Error on ShipTo address")
        )
        return json_reply(status, {"response": {"errors": [{"code": code, "message": message}]}})

    def throttled(self) -> Reply:
        return self.failure(429, "10429", "Too Many Requests")

    def _token(self, request: Request) -> Reply:
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        if scheme != "Basic":
            return self.failure(401, "10401", "Invalid Authentication Information.")
        if b"grant_type=client_credentials" not in request.body:
            return self.failure(400, "10400", "Invalid/Missing grant_type.")
        try:
            client, _, secret = base64.b64decode(credentials).decode().partition(":")
        except ValueError:
            return self.failure(401, "10401", "Invalid Authentication Information.")
        if not self._world.credentials.admits_client(self.name, client, secret):
            return self.refusal("token")
        now = self._world.clock()
        return json_reply(
            200,
            {
                "token_type": "Bearer",
                "issued_at": str(int(now * 1000)),
                "client_id": client,
                "access_token": self._world.credentials.issue(self.name, now),
                "expires_in": str(TOKEN_SECONDS),
                "status": "approved",
            },
        )

    def _stranger(self, request: Request) -> Reply | None:
        if self._world.credentials.admits(self.name, request.headers.get("authorization", "")):
            return None
        return self.failure(401, "250002", "Invalid Authentication Information.")

    def _address(self, request: Request) -> Reply:
        if stranger := self._stranger(request):
            return stranger
        found = self.addresses.answer(request)
        return self.failure(400, *found) if isinstance(found, tuple) else json_reply(200, found)

    def _numbers(self, shipper: str, service: str, count: int) -> list[str]:
        first = self._serial + 1
        self._serial += count
        return [tracking_number(shipper, service, first + index) for index in range(count)]

    def _rate(self, request: Request) -> Reply:
        """Every service that the account may send such a shipment by, with a price."""
        if stranger := self._stranger(request):
            return stranger
        shipment = dig(parse_object(request.body), "RateRequest", "Shipment")
        codes = sold(shipment, self.withheld)
        if not codes:
            return self.failure(400, "111285", "No service is available for this shipment.")
        packages = objects(shipment, "Package")
        rated: list[JsonValue] = [rated_json(code, packages) for code in codes]
        answer: JsonValue = {"Response": {"ResponseStatus": SUCCESS}, "RatedShipment": rated}
        return json_reply(200, {"RateResponse": answer})

    def control(self, request: Request) -> Reply:
        """Answers /_sim/carrier/services: which services the account does not have."""
        if request.method != "POST":
            words = "POST a list named `withheld`: the codes that the account does not have."
            return json_reply(404, {"error": words})
        held = dig(parse_object(request.body), "withheld")
        self.withheld = frozenset(map(str, held) if isinstance(held, list) else ())
        return json_reply(200, {"status": "ok"})

    def _ship(self, request: Request) -> Reply:
        if stranger := self._stranger(request):
            return stranger
        sent = parse_object(request.body)
        if fault := ship_fault(sent, self.withheld):
            return self.failure(400, *fault)
        wanted = objects(sent, "ShipmentRequest", "Shipment")[0]
        packages = objects(wanted, "Package")
        shipper = text(wanted, "Shipper", "ShipperNumber").upper()
        service = text(wanted, "Service", "Code")
        numbers = self._numbers(shipper, service, len(packages))
        labelled = zip(numbers, packages, strict=True)
        shipment = Shipment(
            [Package(one, references_of(told)) for one, told in labelled],
            shipper,
            references_of(wanted),
            self._world.clock(),
            text(wanted, "ShipTo", "Address", "City"),
            text(wanted, "ShipTo", "Address", "CountryCode"),
            text(wanted, "ShipTo", "Address", "PostalCode"),
            service,
            price(packages),
            to_collect(wanted),
            customs=_worth(wanted),
        )
        self._write("label", shipment)
        self._shelf.keep(shipment)
        context = text(
            sent, "ShipmentRequest", "Request", "TransactionReference", "CustomerContext"
        )
        return json_reply(200, shipped(shipment, packages, context))

    def _write(self, kind: str, shipment: Shipment, detail: JsonObject | None = None) -> None:
        reference = next(iter(shipment.all_references), "")
        told = shipment.detail() if detail is None else detail
        self._world.ledger.record(kind, self.name, reference, shipment.number, told)

    def sell_elsewhere(self, city: str, country: str) -> str:
        """The number of a label that is not ours: UPS tracks it, and recovers or voids nothing."""
        (bought,) = self._numbers("3PL999", "03", 1)
        now = self._world.clock()
        self._shelf.keep(
            Shipment([Package(bought)], "3PL999", (), now, city, country, "", "03", ours=False)
        )
        return bought

    def _void(self, shipment_id: str, request: Request) -> Reply:
        """All of a shipment, or the packages that `trackingnumber` lists."""
        if stranger := self._stranger(request):
            return stranger
        shipment = self._shelf.own(shipment_id)
        if shipment is None or shipment.number != shipment_id:
            return self.failure(400, *_NOT_VOIDABLE)
        listed = re.findall("[0-9A-Z]+", request.params().get("trackingnumber", ""))
        if len(listed) > MAX_VOIDED_AT_ONCE:
            return self.failure(400, "190109", "At most 20 tracking numbers may be voided at once.")
        known = {package.number: package for package in shipment.packages}
        asked = listed or list(known)
        was_voided = shipment.voided
        fresh = [known[one] for one in asked if one in known and not known[one].voided]
        for package in fresh:
            package.voided = True
        told: JsonObject = {"packages": [package.number for package in fresh]}
        if shipment.voided and not was_voided:
            self._write("label_void", shipment, told)
        elif fresh:
            self._write("label_part_void", shipment, told)
        done: JsonValue = {"Code": "1", "Description": "Voided"}
        not_done: JsonValue = {"Code": "0", "Description": "Not Voided"}
        answer: JsonObject = {
            "Response": {"ResponseStatus": SUCCESS},
            "SummaryResult": {"Status": done if any(one in known for one in asked) else not_done},
            "PackageLevelResults": [
                {"TrackingNumber": one, "Status": done if one in known else not_done}
                for one in asked
            ],
        }
        return json_reply(200, {"VoidShipmentResponse": answer})

    def _recover(self, request: Request) -> Reply:
        if stranger := self._stranger(request):
            return stranger
        wanted = dig(parse_object(request.body), "LabelRecoveryRequest")
        tracking = text(wanted, "TrackingNumber")
        reference = text(wanted, "ReferenceValues", "ReferenceNumber", "Value")
        shipper = text(wanted, "ReferenceValues", "ShipperNumber")
        found: list[tuple[Shipment, list[Package]]] = []
        if tracking:
            shipment = self._shelf.own(tracking)
            packages = [] if shipment is None else shipment.packages
            alive = [one for one in packages if one.number == tracking and not one.voided]
            if shipment is not None and alive:
                found = [(shipment, alive)]
        elif reference and shipper:
            for shipment in self._shelf.of_reference(shipper, reference):
                if alive := shipment.labelled(reference):
                    found.append((shipment, alive))
        else:
            return self.failure(
                400, "300018", "Tracking number, or reference number and shipper number, is needed."
            )
        if not found:
            return self.failure(400, *_NO_LABEL)
        shipment, packages = found[0]
        image: JsonValue = {"LabelImageFormat": {"Code": "GIF"}, "GraphicImage": LABEL_GIF}
        answer: dict[str, JsonValue] = {
            "Response": {"ResponseStatus": SUCCESS},
            "ShipmentIdentificationNumber": shipment.number,
            "LabelResults": [
                {"TrackingNumber": package.number, "LabelImage": image} for package in packages
            ],
        }
        if len(found) > 1:
            answer["TrackingCandidate"] = [self._candidate(one) for one, _ in found]
        return json_reply(200, {"LabelRecoveryResponse": answer})

    @staticmethod
    def _candidate(shipment: Shipment) -> JsonObject:
        day = time.strftime("%Y%m%d", time.gmtime(shipment.bought_at))
        return {
            "TrackingNumber": shipment.number,
            "DestinationPostalCode": shipment.postal_code or "0",
            "DestinationCountryCode": shipment.country,
            "PickupDateRange": {"BeginDate": day, "EndDate": day},
        }

    def _track(self, asked: str, by: str, request: Request) -> Reply:
        """By a package's number, a package's whole shipment, or a shipper's reference."""
        if stranger := self._stranger(request):
            return stranger
        if "transid" not in request.headers or "transactionsrc" not in request.headers:
            return self.failure(
                400, "TV1002", "The headers transId and transactionSrc are required."
            )
        now = self._world.clock()
        shipments: list[Shipment] = []
        if by == "reference":
            shipper = request.params().get("shipperNum", "")
            shipments = self._shelf.of_reference(shipper, asked)
        elif (known := self._shelf.by_number.get(asked)) is not None:
            shipments = [known]
        found = [
            (asked, [tracked(shipment, package, self._journeys, now)])
            for shipment in shipments
            for package in shipment.packages
            if by != "number" or package.number == asked
        ]
        if not found:
            return self.failure(404, "TW0001", "Tracking Information Not Found")
        if by == "shipment":
            found = [(asked, [package for _, packages in found for package in packages])]
        return json_reply(200, answered(found[:MAX_TRACKED]))


def _worth(shipment: JsonObject) -> str:
    told = ("MonetaryValue", "CurrencyCode")
    return " ".join(text(shipment, "InvoiceLineTotal", one) for one in told).strip()
