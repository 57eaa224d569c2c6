"""UPS: OAuth, ship, void, label recovery and track, in the shapes of UPS's own descriptions.

A repeated ship request buys a second label, as the real one does. https://github.com/UPS-API/api-documentation
"""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from typing import Final

from ops.simulators.partner import Call, World, json_reply
from ops.simulators.shapes import JsonObject, JsonValue, dig, number, objects, parse_object, text
from ops.simulators.ups_rules import ship_fault
from ops.simulators.wire import Reply, Request

TOKEN_SECONDS = 14_399
# One transparent pixel: small, and a real GIF.
LABEL_GIF: Final = base64.b64encode(
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00"
    b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x01D\x00;"
).decode()
_SUCCESS: Final[JsonObject] = {"Code": "1", "Description": "Success"}


def tracking_number(shipper: str, service: str, serial: int) -> str:
    """A 1Z number with its check digit: letters count (code - 63) mod 10, each second twice."""
    body = f"{shipper}{service}{serial % 10_000_000:07d}"
    total = 0
    for index, sign in enumerate(body):
        value = int(sign) if sign.isdigit() else (ord(sign) - 63) % 10
        total += value * 2 if index % 2 else value
    return f"1Z{body}{-total % 10}"


@dataclass(slots=True)
class Shipment:
    """One shipment and its packages' numbers, the first of which is the shipment's own."""

    numbers: list[str]
    shipper: str
    references: tuple[str, ...]
    bought_at: float
    city: str
    country: str
    postal_code: str
    service: str
    voided: bool = False


def _references(shipment: JsonObject) -> tuple[str, ...]:
    found = [text(item, "Value") for item in objects(shipment, "ReferenceNumber")]
    for package in objects(shipment, "Package"):
        found += [text(item, "Value") for item in objects(package, "ReferenceNumber")]
    return tuple(dict.fromkeys(value for value in found if value))


class Ups:
    """UPS with any number of shipper accounts, and any client id and secret."""

    name = "carrier"

    def __init__(self, world: World, deliver_after_seconds: float) -> None:
        self._world = world
        self._deliver_after_seconds = deliver_after_seconds
        self._shipments: dict[str, Shipment] = {}
        self._by_number: dict[str, Shipment] = {}
        self._by_reference: dict[tuple[str, str], list[Shipment]] = {}
        self._serial = world.run // 1000 * 7919 % 10_000_000

    def recognise(self, request: Request) -> Call | None:
        parts = request.segments()[1:]
        method = request.method
        if parts == ["security", "v1", "oauth", "token"] and method == "POST":
            return Call("token", lambda plan: self._token(request))
        match parts:
            case ["api", "shipments", _, "ship"] if method == "POST":
                return Call("ship", lambda plan: self._ship(request))
            case ["api", "shipments", _, "void", "cancel", shipment_id] if method == "DELETE":
                return Call("void", lambda plan: self._void(shipment_id, request))
            case ["api", "labels", _, "recovery"] if method == "POST":
                return Call("recover", lambda plan: self._recover(request))
            case ["api", "track", "v1", "details", number_] if method == "GET":
                return Call("track", lambda plan: self._track(number_, request))
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
            "void": (400, "190102", "No shipment found within the allowed void period"),
            "recover": (400, "300022", "No label was found for the given data."),
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
            client = base64.b64decode(credentials).decode().partition(":")[0]
        except ValueError:
            return self.failure(401, "10401", "Invalid Authentication Information.")
        now = self._world.clock()
        return json_reply(
            200,
            {
                "token_type": "Bearer",
                "issued_at": str(int(now * 1000)),
                "client_id": client,
                "access_token": f"simulated-carrier-token-{int(now)}",
                "expires_in": str(TOKEN_SECONDS),
                "status": "approved",
            },
        )

    def _stranger(self, request: Request) -> Reply | None:
        if request.headers.get("authorization", "").startswith("Bearer "):
            return None
        return self.failure(401, "250002", "Invalid Authentication Information.")

    def _ship(self, request: Request) -> Reply:
        if stranger := self._stranger(request):
            return stranger
        sent = parse_object(request.body)
        if fault := ship_fault(sent):
            return self.failure(400, *fault)
        wanted = objects(sent, "ShipmentRequest", "Shipment")[0]
        packages = objects(wanted, "Package")
        shipper, service = text(wanted, "Shipper", "ShipperNumber"), text(wanted, "Service", "Code")
        numbers = []
        for _ in packages:
            self._serial += 1
            numbers.append(tracking_number(shipper.upper(), service, self._serial))
        shipment = Shipment(
            numbers,
            shipper,
            _references(wanted),
            self._world.clock(),
            text(wanted, "ShipTo", "Address", "City"),
            text(wanted, "ShipTo", "Address", "CountryCode"),
            text(wanted, "ShipTo", "Address", "PostalCode"),
            service,
        )
        reference = shipment.references[0] if shipment.references else ""
        self._world.ledger.record("label", self.name, reference, numbers[0])
        self._shipments[numbers[0]] = shipment
        for tracking in numbers:
            self._by_number[tracking] = shipment
        for value in shipment.references:
            self._by_reference.setdefault((shipper.upper(), value), []).append(shipment)
        context = text(
            sent, "ShipmentRequest", "Request", "TransactionReference", "CustomerContext"
        )
        return json_reply(200, self._shipped(shipment, packages, context))

    @staticmethod
    def _shipped(shipment: Shipment, packages: list[JsonObject], context: str) -> JsonObject:
        weight = sum(number(package, "PackageWeight", "Weight") for package in packages)
        unit = text(packages[0], "PackageWeight", "UnitOfMeasurement", "Code") or "LBS"
        charge = {
            "CurrencyCode": "USD",
            "MonetaryValue": f"{7.5 * len(packages) + weight * 0.85:.2f}",
        }
        free = {"CurrencyCode": "USD", "MonetaryValue": "0.00"}
        response: dict[str, JsonValue] = {"ResponseStatus": _SUCCESS}
        if context:
            response["TransactionReference"] = {"CustomerContext": context}
        label: JsonObject = {
            "ImageFormat": {"Code": "GIF", "Description": "GIF"},
            "GraphicImage": LABEL_GIF,
        }
        return {
            "ShipmentResponse": {
                "Response": response,
                "ShipmentResults": {
                    "ShipmentCharges": {
                        "TransportationCharges": charge,
                        "ServiceOptionsCharges": free,
                        "TotalCharges": charge,
                    },
                    "BillingWeight": {
                        "UnitOfMeasurement": {"Code": unit},
                        "Weight": f"{weight:08.2f}",
                    },
                    "ShipmentIdentificationNumber": shipment.numbers[0],
                    "PackageResults": [
                        {
                            "TrackingNumber": tracking,
                            "ServiceOptionsCharges": free,
                            "ShippingLabel": label,
                        }
                        for tracking in shipment.numbers
                    ],
                },
            }
        }

    def sell_elsewhere(self, city: str, country: str) -> str:
        """The number of a label that is not ours: UPS tracks it, and recovers or voids nothing."""
        self._serial += 1
        tracking = tracking_number("3PL999", "03", self._serial)
        now = self._world.clock()
        self._by_number[tracking] = Shipment([tracking], "3PL999", (), now, city, country, "", "03")
        return tracking

    def _void(self, shipment_id: str, request: Request) -> Reply:
        if stranger := self._stranger(request):
            return stranger
        shipment = self._shipments.get(shipment_id)
        if shipment is None:
            return self.failure(400, "190102", "No shipment found within the allowed void period")
        if not shipment.voided:
            shipment.voided = True
            reference = shipment.references[0] if shipment.references else ""
            self._world.ledger.record("label_void", self.name, reference, shipment_id)
        voided: JsonValue = {"Code": "1", "Description": "Voided"}
        return json_reply(
            200,
            {
                "VoidShipmentResponse": {
                    "Response": {"ResponseStatus": _SUCCESS},
                    "SummaryResult": {"Status": voided},
                    "PackageLevelResults": [
                        {"TrackingNumber": tracking, "Status": voided}
                        for tracking in shipment.numbers
                    ],
                }
            },
        )

    def _recover(self, request: Request) -> Reply:
        if stranger := self._stranger(request):
            return stranger
        wanted = dig(parse_object(request.body), "LabelRecoveryRequest")
        tracking = text(wanted, "TrackingNumber")
        reference = text(wanted, "ReferenceValues", "ReferenceNumber", "Value")
        shipper = text(wanted, "ReferenceValues", "ShipperNumber").upper()
        if tracking:
            known = self._by_number.get(tracking)
            found = [known] if known is not None and known.numbers[0] in self._shipments else []
        elif reference and shipper:
            found = self._by_reference.get((shipper, reference), [])
        else:
            return self.failure(
                400, "300018", "Tracking number, or reference number and shipper number, is needed."
            )
        found = [shipment for shipment in found if not shipment.voided]
        if not found:
            return self.failure(400, "300022", "No label was found for the given data.")
        first = found[0]
        answer: dict[str, JsonValue] = {
            "Response": {"ResponseStatus": _SUCCESS},
            "ShipmentIdentificationNumber": first.numbers[0],
            "LabelResults": [
                {
                    "TrackingNumber": number_,
                    "LabelImage": {
                        "LabelImageFormat": {"Code": "GIF"},
                        "GraphicImage": LABEL_GIF,
                    },
                }
                for number_ in first.numbers
                if not tracking or number_ == tracking
            ],
        }
        if len(found) > 1:
            answer["TrackingCandidate"] = [self._candidate(shipment) for shipment in found]
        return json_reply(200, {"LabelRecoveryResponse": answer})

    @staticmethod
    def _candidate(shipment: Shipment) -> JsonObject:
        day = time.strftime("%Y%m%d", time.gmtime(shipment.bought_at))
        return {
            "TrackingNumber": shipment.numbers[0],
            "DestinationPostalCode": shipment.postal_code or "0",
            "DestinationCountryCode": shipment.country,
            "PickupDateRange": {"BeginDate": day, "EndDate": day},
        }

    def _track(self, tracking: str, request: Request) -> Reply:
        if stranger := self._stranger(request):
            return stranger
        if "transid" not in request.headers or "transactionsrc" not in request.headers:
            return self.failure(
                400, "TV1002", "The headers transId and transactionSrc are required."
            )
        shipment = self._by_number.get(tracking)
        if shipment is None:
            return self.failure(404, "TW0001", "Tracking Information Not Found")
        activity = self._activity(shipment)
        newest = activity[0]
        status = dig(newest, "status")
        package: dict[str, JsonValue] = {
            "trackingNumber": tracking,
            "activity": activity,
            "currentStatus": {
                "type": text(status, "type"),
                "code": text(status, "statusCode"),
                "description": text(status, "description"),
                "statusCode": text(status, "statusCode"),
            },
            "packageCount": len(shipment.numbers),
            "referenceNumber": [
                {"type": "SHIPMENT", "number": value} for value in shipment.references
            ],
            "service": {"code": shipment.service},
        }
        if text(status, "type") == "D":
            package["deliveryDate"] = [{"type": "DEL", "date": text(newest, "date")}]
            package["deliveryTime"] = {"type": "DEL", "endTime": text(newest, "time")}
        return json_reply(
            200,
            {"trackResponse": {"shipment": [{"inquiryNumber": tracking, "package": [package]}]}},
        )

    def _activity(self, shipment: Shipment) -> list[JsonObject]:
        """What has happened to the parcel, newest first."""
        age = self._world.clock() - shipment.bought_at
        after = self._deliver_after_seconds
        happened = [
            (
                0.0,
                "M",
                "MP",
                "003",
                "Shipper created a label, UPS has not received the package yet. ",
            )
        ]
        if shipment.voided:
            happened.append((0.0, "MV", "VP", "007", "Shipment information voided"))
        else:
            if age >= after * 0.25:
                happened.append((after * 0.25, "I", "OR", "038", "Picked Up"))
            if age >= after * 0.5:
                happened.append((after * 0.5, "I", "DP", "005", "Departed from Facility"))
            if age >= after:
                happened.append((after, "D", "FS", "011", "DELIVERED"))
        activity: list[JsonObject] = []
        for seconds, kind, code, status_code, description in reversed(happened):
            moment = time.gmtime(shipment.bought_at + seconds)
            address: dict[str, JsonValue] = {"countryCode": shipment.country}
            if kind == "D":
                address["city"] = shipment.city.upper()
            activity.append(
                {
                    "location": {"address": address},
                    "status": {
                        "type": kind,
                        "description": description,
                        "code": code,
                        "statusCode": status_code,
                    },
                    "date": time.strftime("%Y%m%d", moment),
                    "time": time.strftime("%H%M%S", moment),
                    "gmtDate": time.strftime("%Y%m%d", moment),
                    "gmtTime": time.strftime("%H%M%S", moment),
                    "gmtOffset": "+00:00",
                }
            )
        return activity
