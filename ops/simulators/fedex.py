"""FedEx: OAuth, ship, cancel and track, in the shapes of FedEx's own descriptions.

A repeated ship request buys a second label: `x-customer-transaction-id` is only echoed. A label's
image is given once; afterwards its reference finds the tracking numbers and nothing more.
https://developer.fedex.com/api/en-us/catalog.html
"""

from __future__ import annotations

from urllib.parse import parse_qs
from uuid import UUID

from ops.simulators import fedex_tracking as tracking
from ops.simulators.fedex_rules import Fault, count_of, ship_fault
from ops.simulators.fedex_shipments import (
    Shelf,
    Shipment,
    label_image,
    read_packages,
    shipped,
    to_collect,
    tracking_number,
)
from ops.simulators.parcel_journey import Journeys
from ops.simulators.partner import Call, World, json_reply
from ops.simulators.shapes import JsonObject, JsonValue, dig, number, objects, parse_object, text
from ops.simulators.wire import Reply, Request

TOKEN_SECONDS = 3600
MAX_TRACKED = 30
_DOCUMENTS = "document/v2/document/retrieve"
_INTERNAL = (
    "INTERNAL.SERVER.ERROR",
    (
        "We encountered an unexpected error and are working to resolve the issue. We apologize for"
        " any inconvenience. Please check back at a later time."
    ),
)
_WORDS: dict[int, Fault] = {
    401: (
        "NOT.AUTHORIZED.ERROR",
        "Access token expired. Please modify your request and try again.",
    ),
    404: (
        "NOT.FOUND.ERROR",
        (
            "The resource you requested is no longer available. Please modify your request and try"
            " again."
        ),
    ),
    429: ("TOO.MANY.REQUESTS", "We have received too many requests in a short duration."),
    500: _INTERNAL,
    503: (
        "SERVICE.UNAVAILABLE.ERROR",
        (
            "The service is currently unavailable and we are working to resolve the issue. We"
            " apologize for any inconvenience. Please check back at a later time."
        ),
    ),
}
_IMAGE_TYPES = {"PDF": "application/pdf", "PNG": "image/png"}


class Fedex:
    """FedEx with any number of accounts."""

    name = "fedex"

    def __init__(self, world: World, journeys: Journeys) -> None:
        self._world = world
        self._journeys = journeys
        self._shelf = Shelf()
        self._serial = 79_000_000_000 + world.run // 1000 * 7919 % 1_000_000_000
        self._answers = 0

    def recognise(self, request: Request) -> Call | None:
        match request.method, request.path.removeprefix("/fedex/"):
            case "POST", "oauth/token":
                return Call("token", lambda plan: self._token(request))
            case "POST", "ship/v1/shipments":
                return Call("ship", lambda plan: self._ship(request))
            case "PUT", "ship/v1/shipments/cancel":
                return Call("cancel", lambda plan: self._cancel(request))
            case "POST", "track/v1/trackingnumbers":
                return Call("track", lambda plan: self._track(request))
            case "POST", "track/v1/referencenumbers":
                return Call("find", lambda plan: self._find(request))
            case "POST", "track/v1/associatedshipments":
                return Call("track", lambda plan: self._associated(request))
            case "GET", path if path.startswith(f"{_DOCUMENTS}/SH,"):
                return Call("label", lambda plan: self._label(path.rpartition(",")[2]))
        return None

    def _meta(self) -> dict[str, JsonValue]:
        self._answers += 1
        return {"transactionId": str(UUID(int=self._world.run << 64 | self._answers))}

    def failure(self, status: int, code: str, message: str) -> Reply:
        code, message = _WORDS.get(status, (code, message))
        errors: list[JsonValue] = [{"code": code, "message": message}]
        return json_reply(status, {**self._meta(), "errors": errors})

    def _refused(self, fault: Fault) -> Reply:
        return self.failure(400, *fault)

    def refusal(self, operation: str) -> Reply:
        refusals = {
            "cancel": (
                "SHIPMENT.USER.UNAUTHORIZED",
                "Requested user is not authorized to perform the operation.",
            ),
            "track": ("TRACKING.TRACKINGNUMBER.EMPTY", "Please provide tracking number."),
            "find": (
                "TRACKING.REFERENCETYPE.INVALID",
                "Please provide a valid reference/associated type.",
            ),
        }
        if operation == "token":
            return self._bad_client()
        usual = ("SERVICETYPE.NOT.ALLOWED", "Please provide a valid service type.")
        return self._refused(refusals.get(operation, usual))

    def throttled(self) -> Reply:
        return self.failure(429, "", "")

    def _answer(self, request: Request, output: JsonObject) -> Reply:
        shown = self._meta()
        if echoed := request.headers.get("x-customer-transaction-id"):
            shown["customerTransactionId"] = echoed
        return json_reply(200, {**shown, "output": output})

    def _bad_client(self) -> Reply:
        words = (
            "The given client credentials were not valid. Please modify your request and try again."
        )
        errors: list[JsonValue] = [{"code": "NOT.AUTHORIZED.ERROR", "message": words}]
        return json_reply(401, {**self._meta(), "errors": errors})

    def _token(self, request: Request) -> Reply:
        form = parse_qs(request.body.decode("utf-8", "replace"))
        client, secret = (form.get(name, [""])[0] for name in ("client_id", "client_secret"))
        if form.get("grant_type") != ["client_credentials"] or not client or not secret:
            return self._refused(("BAD.REQUEST.ERROR", "Missing or duplicate parameters."))
        if not self._world.credentials.admits_client(self.name, client, secret):
            return self._bad_client()
        token = self._world.credentials.issue(self.name, self._world.clock())
        return json_reply(
            200,
            {
                "access_token": token,
                "token_type": "bearer",
                "expires_in": TOKEN_SECONDS,
                "scope": "CXS",
            },
        )

    def _stranger(self, request: Request) -> Reply | None:
        if self._world.credentials.admits(self.name, request.headers.get("authorization", "")):
            return None
        return self.failure(401, "", "")

    def _ship(self, request: Request) -> Reply:
        if stranger := self._stranger(request):
            return stranger
        sent = parse_object(request.body)
        if fault := ship_fault(sent):
            return self._refused(fault)
        wanted = objects(sent, "requestedShipment")[0]
        count = sum(count_of(item) for item in objects(wanted, "requestedPackageLineItems"))
        numbers = [tracking_number(self._serial + index) for index in range(1, count + 1)]
        self._serial += count
        recipient = dig(wanted, "recipients")
        shipment = Shipment(
            read_packages(wanted, numbers),
            text(sent, "accountNumber", "value"),
            text(wanted, "serviceType"),
            self._world.clock(),
            text(recipient, "address", "city"),
            text(recipient, "address", "countryCode"),
            text(recipient, "address", "postalCode"),
            text(wanted, "labelSpecification", "imageType"),
            to_collect(wanted),
            customs=_worth(dig(wanted, "customsClearanceDetail", "totalCustomsValue")),
        )
        self._world.ledger.record(
            "label", self.name, shipment.reference, shipment.number, shipment.detail()
        )
        self._shelf.keep(shipment)
        url = ""
        if text(sent, "labelResponseOptions") == "URL_ONLY":
            url = f"http://{request.headers.get('host', 'localhost')}/fedex/{_DOCUMENTS}"
        return self._answer(request, shipped(shipment, url))

    def _label(self, asked: str) -> Reply:
        """The image behind the address of a URL_ONLY answer; the address is its own permission."""
        if (shipment := self._shelf.by_number.get(asked)) is None:
            return self.failure(404, "", "")
        kind = _IMAGE_TYPES.get(shipment.image, "text/plain")
        return Reply(200, label_image(shipment.image, asked), kind)

    def _cancel(self, request: Request) -> Reply:
        """All packages of the shipment, whichever of its numbers is named."""
        if stranger := self._stranger(request):
            return stranger
        sent = parse_object(request.body)
        shipment = self._shelf.by_number.get(text(sent, "trackingNumber"))
        if shipment is None:
            return self.failure(404, "", "")
        if shipment.account != text(sent, "accountNumber", "value"):
            return self.refusal("cancel")
        if shipment.cancelled:
            return self._refused(
                ("CANCELSHIPMENT.TRACKINGNUMBER.DELETED", "The shipment was cancelled already.")
            )
        now = self._world.clock()
        if self._journeys.tendered(shipment.bought_at, now):
            return self._refused(
                (
                    "TRACKINGIDS.TRACKINGNUMBER.CLOSED",
                    "The shipment has been tendered to FedEx and cannot be cancelled.",
                )
            )
        shipment.cancelled = True
        packages = [package.number for package in shipment.packages]
        self._world.ledger.record(
            "label_void", self.name, shipment.reference, shipment.number, {"packages": packages}
        )
        output: JsonObject = {
            "cancelledShipment": True,
            "cancelledHistory": True,
            "message": "Shipment is successfully cancelled",
            "alerts": [],
        }
        return self._answer(request, output)

    def _complete(self, asked: str, *, detailed: bool) -> JsonObject:
        if (found := self._shelf.package(asked)) is None:
            return tracking.unknown(asked, "number")
        return tracking.complete(*found, self._journeys, self._world.clock(), detailed=detailed)

    def _track(self, request: Request) -> Reply:
        if stranger := self._stranger(request):
            return stranger
        sent = parse_object(request.body)
        asked = [
            text(one, "trackingNumberInfo", "trackingNumber")
            for one in objects(sent, "trackingInfo")
        ]
        if not asked or not all(asked):
            return self.refusal("track")
        if len(asked) > MAX_TRACKED:
            return self._refused(
                (
                    "TRACKING.TRACKINGNUMBERS.LIMITEXCEEDED",
                    "Please limit your inquiry to 30 tracking numbers or references.",
                )
            )
        detailed = dig(sent, "includeDetailedScans") is True
        results: list[JsonValue] = [self._complete(one, detailed=detailed) for one in asked]
        return self._answer(request, {"completeTrackResults": results})

    def _find(self, request: Request) -> Reply:
        if stranger := self._stranger(request):
            return stranger
        sent = parse_object(request.body)
        asked = next(iter(objects(sent, "referencesInformation")), {})
        now = self._world.clock()
        if fault := tracking.reference_fault(asked, now):
            return self._refused(fault)
        detailed = dig(sent, "includeDetailedScans") is True
        results = tracking.by_reference(asked, self._shelf, self._journeys, now, detailed=detailed)
        return self._answer(request, {"completeTrackResults": results})

    def _associated(self, request: Request) -> Reply:
        """Every package of the shipment whose master number is given."""
        if stranger := self._stranger(request):
            return stranger
        sent = parse_object(request.body)
        if text(sent, "associatedType") != "STANDARD_MPS":
            return self.refusal("find")
        asked = text(sent, "masterTrackingNumberInfo", "trackingNumberInfo", "trackingNumber")
        shipment = self._shelf.by_number.get(asked)
        if shipment is None or shipment.number != asked:
            return self._answer(
                request, {"completeTrackResults": [tracking.unknown(asked, "number")]}
            )
        detailed = dig(sent, "includeDetailedScans") is True
        results: list[JsonValue] = [
            self._complete(package.number, detailed=detailed) for package in shipment.packages
        ]
        return self._answer(request, {"completeTrackResults": results})


def _worth(money: JsonValue) -> str:
    currency = text(money, "currency")
    return f"{number(money, 'amount'):.2f} {currency}" if currency else ""
