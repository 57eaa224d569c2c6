"""What FedEx's answers mean: labels, refusals in its words, and where a parcel is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec

from adapters.carriers.fedex.shapes import Error, Result, Shipped, refusal_decoder
from adapters.kit.fitting import phrases
from adapters.kit.http_client import Answer
from adapters.kit.parcels import labelled
from schemas.messages.effects import LabelBought, PackedParcel, Tracked, TrackStatus
from schemas.order.money import MoneyRefused, minor_units

CARRIER = "FedEx"
"""What customers call it."""

NO_NEWS = f"{CARRIER} has no news of this parcel yet."

_FORMATS: Mapping[str, str] = MappingProxyType({"ZPLII": "ZPL", "EPL2": "EPL"})

_CODES: Mapping[str, TrackStatus] = MappingProxyType(
    {
        "OC": "label_created",
        "CA": "voided",
        "DL": "delivered",
        "RS": "returned",
        **dict.fromkeys(("DE", "SE", "CD"), "exception"),
        **dict.fromkeys(
            "AA AC AD AF AO AP AR AX CC CH CP DD DP DR DS DY EA ED EO EP FD HL HP IT IX LO OD OF OX"
            " PD PF PL PM PU PX SF SP TR".split(),
            "in_transit",
        ),
    }
)
"""FedEx's status codes; a delay is on its way all the same."""


def errors_of(answer: Answer) -> list[Error]:
    """Return what FedEx says is wrong; empty when it isn't FedEx's own shape."""
    try:
        return refusal_decoder.decode(answer.body).errors
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return []


def codes_of(errors: Sequence[Error]) -> str:
    """Return FedEx's codes for what is wrong."""
    return " ".join(error.code for error in errors)


def said(errors: Sequence[Error]) -> str:
    """Return FedEx's own words for what is wrong, with the codes its support asks for."""
    codes = ", ".join(error.code for error in errors if error.code)
    return phrases([error.message for error in errors]) + (f" ({codes})" if codes else "")


def words(answer: Answer) -> str:
    """Return FedEx's own words, or the status where it has none."""
    errors = errors_of(answer)
    return said(errors) if errors else f"HTTP {answer.status}"


def is_unknown(result: Result) -> bool:
    """Say whether a result only says that nothing was found."""
    return result.error is not None and "NOTFOUND" in result.error.code


def label_from(
    shipped: Shipped, parcels: Sequence[PackedParcel], *, service: str, title: str
) -> LabelBought | None:
    """Return the labels as bought, None where the answer has no shipment. An unreadable price loses
    the price, not the labels."""
    if not shipped.output.transaction_shipments:
        return None
    one = shipped.output.transaction_shipments[0]
    pieces = sorted(one.piece_responses, key=lambda piece: piece.package_sequence_number)
    sold = []
    for piece in pieces:
        image, kind = piece.label
        sold.append((piece.tracking_number, image, _FORMATS.get(kind, kind)))
    labels = labelled(parcels, sold, title=title)
    charge_minor, currency = 0, ""
    for rate in one.completed_shipment_detail.shipment_rating.shipment_rate_details[:1]:
        if rate.total_net_charge is not None:
            try:
                charge_minor = minor_units(str(rate.total_net_charge), rate.currency)
                currency = rate.currency
            except MoneyRefused:
                charge_minor, currency = 0, ""
    return LabelBought(
        shipment_id=one.master_tracking_number or labels[0].tracking_number,
        carrier=CARRIER,
        labels=labels,
        service=one.service_type or service,
        charge_minor=charge_minor,
        charge_currency=currency,
    )


def label_found(
    results: Sequence[Result], parcels: Sequence[PackedParcel], *, service: str, title: str
) -> LabelBought:
    """Return the labels that a search found: FedEx shows their numbers, and neither image nor price
    again."""
    ordered = sorted(results, key=lambda result: result.sequence)
    labels = labelled(parcels, [(one.number, "", "") for one in ordered], title=title)
    return LabelBought(
        shipment_id=ordered[0].master or ordered[0].number,
        carrier=CARRIER,
        labels=labels,
        service=service,
        reprint_at="fedex.com",
    )


def tracked(result: Result) -> Tracked:
    """Return where the parcel is, by FedEx's status codes."""
    status = result.latest_status_detail
    at = result.scan_events[0].date if result.scan_events else ""
    told = [status.description, *(one.reason_description for one in status.ancillary_details)]
    return Tracked(
        status=_CODES.get(status.code, "unknown"),
        at=at,
        detail=phrases(told) if any(told) else "",
    )
