"""The shapes of FedEx's answers (Ship API v1, Track API v1)."""

from __future__ import annotations

from decimal import Decimal

import msgspec


class Error(msgspec.Struct, frozen=True):
    """One thing that FedEx says is wrong."""

    code: str = ""
    message: str = ""


class Refusal(msgspec.Struct, frozen=True):
    """FedEx's error answer; it has come with status 200, too."""

    errors: list[Error] = []


class _Document(msgspec.Struct, frozen=True, rename="camel"):
    content_type: str = ""
    doc_type: str = ""
    encoded_label: str = ""


class Piece(msgspec.Struct, frozen=True, rename="camel"):
    """One package of a sold shipment."""

    tracking_number: str = ""
    package_sequence_number: int = 0
    package_documents: list[_Document] = []

    @property
    def label(self) -> tuple[str, str]:
        """Return the label's image (base64) and FedEx's name of its format; empty for none."""
        for one in self.package_documents:
            if one.encoded_label and one.content_type in ("LABEL", ""):
                return one.encoded_label, one.doc_type
        return "", ""


class _Rate(msgspec.Struct, frozen=True, rename="camel"):
    total_net_charge: Decimal | None = None
    currency: str = ""


class _Rating(msgspec.Struct, frozen=True, rename="camel"):
    shipment_rate_details: list[_Rate] = []


class _Completed(msgspec.Struct, frozen=True, rename="camel"):
    shipment_rating: _Rating = _Rating()


class Shipment(msgspec.Struct, frozen=True, rename="camel"):
    """A sold shipment."""

    master_tracking_number: str = ""
    service_type: str = ""
    piece_responses: list[Piece] = []
    completed_shipment_detail: _Completed = _Completed()


class _Shipments(msgspec.Struct, frozen=True, rename="camel"):
    transaction_shipments: list[Shipment] = []


class Shipped(msgspec.Struct, frozen=True):
    """The answer to a ship request."""

    output: _Shipments = _Shipments()
    errors: list[Error] = []


class _Cancelled(msgspec.Struct, frozen=True, rename="camel"):
    cancelled_shipment: bool = False
    message: str = ""


class Cancelled(msgspec.Struct, frozen=True):
    """The answer to a cancellation."""

    output: _Cancelled = _Cancelled()
    errors: list[Error] = []


class _Reason(msgspec.Struct, frozen=True, rename="camel"):
    reason_description: str = ""


class Status(msgspec.Struct, frozen=True, rename="camel"):
    """Where a package is: FedEx's status code and words."""

    code: str = ""
    description: str = ""
    ancillary_details: list[_Reason] = []


class _Scan(msgspec.Struct, frozen=True):
    date: str = ""


class _Number(msgspec.Struct, frozen=True, rename="camel"):
    tracking_number: str = ""


class _Identifier(msgspec.Struct, frozen=True):
    type: str = ""
    value: list[str] | str = ""
    values: list[str] = []  # what real answers have, and the description does not

    @property
    def first(self) -> str:
        """Return its value, or the first of several."""
        found = self.values or self.value
        return found if isinstance(found, str) else next(iter(found), "")


class _More(msgspec.Struct, frozen=True, rename="camel"):
    package_identifiers: list[_Identifier] = []


class _Package(msgspec.Struct, frozen=True, rename="camel"):
    sequence_number: str = ""


class Result(msgspec.Struct, frozen=True, rename="camel"):
    """One package, or why there is none."""

    tracking_number_info: _Number = _Number()
    additional_tracking_info: _More = _More()
    package_details: _Package = _Package()
    latest_status_detail: Status = Status()
    scan_events: list[_Scan] = []
    error: Error | None = None

    @property
    def number(self) -> str:
        """Return the package's own number."""
        return self.tracking_number_info.tracking_number

    @property
    def master(self) -> str:
        """Return the number of its shipment, "" where it is alone or FedEx does not say."""
        for one in self.additional_tracking_info.package_identifiers:
            if one.type == "STANDARD_MPS":
                return one.first
        return ""

    @property
    def department(self) -> str:
        """Return its department number, "" where there is none or FedEx does not say."""
        for one in self.additional_tracking_info.package_identifiers:
            if one.type == "DEPARTMENT":
                return one.first
        return ""

    @property
    def sequence(self) -> int:
        """Return its place in the shipment, from 1; 0 where FedEx does not say."""
        text = self.package_details.sequence_number
        return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 0


class _Complete(msgspec.Struct, frozen=True, rename="camel"):
    tracking_number: str = ""
    track_results: list[Result] = []


class _Tracked(msgspec.Struct, frozen=True, rename="camel"):
    complete_track_results: list[_Complete] = []


class Found(msgspec.Struct, frozen=True):
    """The answer of the Track API."""

    output: _Tracked = _Tracked()
    errors: list[Error] = []

    def results(self) -> list[Result]:
        """Return every package in the answer."""
        return [one for each in self.output.complete_track_results for one in each.track_results]


refusal_decoder = msgspec.json.Decoder(Refusal)
shipped_decoder = msgspec.json.Decoder(Shipped)
cancelled_decoder = msgspec.json.Decoder(Cancelled)
found_decoder = msgspec.json.Decoder(Found)
