"""The shapes of UPS's answers. Its arrays are sometimes single objects, so both are read."""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

from adapters.kit.fitting import phrases

_LONE_RETURNS = re.compile(r"&#x[dD];|\s")

T = TypeVar("T")


def several(found: list[T] | T) -> list[T]:
    """Return a list, of one where UPS left the array out."""
    return found if isinstance(found, list) else [found]


class Error(msgspec.Struct, frozen=True):
    """One thing that UPS says is wrong."""

    code: str = ""
    message: str = ""


class _Errors(msgspec.Struct, frozen=True):
    errors: list[Error] = []


class Refusal(msgspec.Struct, frozen=True):
    """UPS's error answer."""

    response: _Errors = _Errors()


class _Money(msgspec.Struct, frozen=True, rename="pascal"):
    currency_code: str = ""
    monetary_value: str = "0"


class _Charges(msgspec.Struct, frozen=True, rename="pascal"):
    total_charges: _Money = _Money()


class _Negotiated(msgspec.Struct, frozen=True, rename="pascal"):
    total_charge: _Money | None = None


class _Code(msgspec.Struct, frozen=True, rename="pascal"):
    code: str = ""
    description: str = ""


class Label(msgspec.Struct, frozen=True, rename="pascal"):
    """A label, as base 64; the two calls name its format differently."""

    graphic_image: str = ""
    image_format: _Code = _Code()
    label_image_format: _Code = _Code()


class Package(msgspec.Struct, frozen=True, rename="pascal"):
    """One parcel of a sold or recovered shipment."""

    tracking_number: str = ""
    shipping_label: Label = Label()
    label_image: Label = Label()


class _Results(msgspec.Struct, frozen=True, rename="pascal"):
    shipment_identification_number: str
    package_results: list[Package] | Package
    shipment_charges: _Charges = _Charges()
    negotiated_rate_charges: _Negotiated = _Negotiated()


class _ShipmentResponse(msgspec.Struct, frozen=True, rename="pascal"):
    shipment_results: _Results


class Shipped(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to a ship request."""

    shipment_response: _ShipmentResponse


class _Candidate(msgspec.Struct, frozen=True, rename="pascal"):
    tracking_number: str = ""


class _Recovery(msgspec.Struct, frozen=True, rename="pascal"):
    label_results: list[Package] | Package
    shipment_identification_number: str = ""
    tracking_candidate: list[_Candidate] | _Candidate = []


class Recovered(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to a label recovery."""

    label_recovery_response: _Recovery

    def candidates(self) -> list[str]:
        """Return the tracking numbers among which UPS wants a choice."""
        return [
            one.tracking_number for one in several(self.label_recovery_response.tracking_candidate)
        ]


class _Summary(msgspec.Struct, frozen=True, rename="pascal"):
    status: _Code = _Code()


class _VoidResponse(msgspec.Struct, frozen=True, rename="pascal"):
    summary_result: _Summary = _Summary()


class Voided(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to a void."""

    void_shipment_response: _VoidResponse

    def succeeded(self) -> bool:
        """Say whether it was voided; codes have come with stray carriage returns in them."""
        code = self.void_shipment_response.summary_result.status.code
        return _LONE_RETURNS.sub("", code) == "1"

    def says(self) -> str:
        """Return UPS's own words."""
        return phrases([self.void_shipment_response.summary_result.status.description])


class Status(msgspec.Struct, frozen=True, rename="camel"):
    """A tracking status; `type` is the official activity type."""

    type: str = ""
    code: str = ""
    status_code: str = ""
    description: str = ""


class Activity(msgspec.Struct, frozen=True, rename="camel"):
    """Something that happened to a parcel, at UPS's local time."""

    status: Status = Status()
    date: str = ""
    time: str = ""
    gmt_offset: str = ""


class TrackedPackage(msgspec.Struct, frozen=True, rename="camel"):
    """A parcel and its history, newest first."""

    tracking_number: str = ""
    current_status: Status = Status()
    activity: list[Activity] = []


class _TrackedShipment(msgspec.Struct, frozen=True):
    package: list[TrackedPackage] = []


class _TrackResponse(msgspec.Struct, frozen=True):
    shipment: list[_TrackedShipment] = []


class TrackAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """The answer of the tracking API."""

    track_response: _TrackResponse


shipped_decoder = msgspec.json.Decoder(Shipped)
recovered_decoder = msgspec.json.Decoder(Recovered)
voided_decoder = msgspec.json.Decoder(Voided)
track_decoder = msgspec.json.Decoder(TrackAnswer)
refusal_decoder = msgspec.json.Decoder(Refusal)
