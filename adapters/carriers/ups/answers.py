"""What UPS's answers mean: labels, refusals in its words, and where a parcel is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from actors.runtime.errors import PartnerError, Rejected, Retryable, Unknown
from adapters.carriers.ups.shapes import (
    Activity,
    Error,
    Label,
    Package,
    Recovered,
    Shipped,
    TrackAnswer,
    refusal_decoder,
    several,
)
from adapters.kit.fitting import phrases
from adapters.kit.http_client import Answer
from adapters.kit.parcels import labelled
from schemas.messages.effects import (
    BoughtLabel,
    LabelBought,
    PackedParcel,
    Tracked,
    TrackStatus,
)
from schemas.order.money import MoneyRefused, minor_units

CARRIER = "UPS"
"""What customers call it."""

# From UPS's developer guides (Appendix: Void, Label Recovery).
NOT_FOUND_CODES = frozenset({"300007", "9801031"})
VOIDED_CODES = frozenset({"190117", "300033"})
SEVERAL_CODES = frozenset({"300001", "300035"})
PASSING_CODES = frozenset({"190001", "300000"})
UNSURE_CODES = frozenset({"20001"})

_TYPES: dict[str, TrackStatus] = {
    "M": "label_created",
    "MV": "voided",
    "P": "in_transit",
    "I": "in_transit",
    "O": "in_transit",
    "W": "in_transit",
    "D": "delivered",
    "X": "exception",
    "RS": "returned",
}
"""UPS's activity types; the others say nothing that moves an order on."""

_STATUS_CODES: dict[str, TrackStatus] = {
    "007": "voided",
    **dict.fromkeys(("034", "067", "081"), "returned"),
    **dict.fromkeys(("033", "035", "036", "059", "064", "069", "118", "119"), "exception"),
    **dict.fromkeys(("068", "147", "149"), "lost"),
}  # fmt: skip
"""Status codes that mean more than their activity type tells. What is on its way back has an
exception until it is back; lost is what UPS has given up, or no longer has."""


NO_NEWS = f"{CARRIER} has no news of this parcel yet."


def errors_of(answer: Answer) -> list[Error]:
    """Return what UPS says is wrong; empty when it isn't UPS's own shape."""
    try:
        return refusal_decoder.decode(answer.body).response.errors
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return []


def codes_of(answer: Answer) -> frozenset[str]:
    """Return UPS's codes for what is wrong."""
    return frozenset(error.code for error in errors_of(answer))


def words(answer: Answer) -> str:
    """Return UPS's own words for what is wrong, with the codes its support asks for."""
    errors = errors_of(answer)
    if not errors:
        return f"HTTP {answer.status}"
    codes = ", ".join(error.code for error in errors if error.code)
    return phrases([error.message for error in errors]) + (f" ({codes})" if codes else "")


def refused(what: str, answer: Answer, title: str) -> PartnerError:
    """Return the error for a 4xx: most are for the sender to correct, a few pass by themselves."""
    codes = codes_of(answer)
    if codes & PASSING_CODES:
        return Retryable(f"{title} can't do that just now: {words(answer)}.")
    if codes & UNSURE_CODES:
        return Unknown(f"{title} failed in the middle of {what}: {words(answer)}.")
    return Rejected(f"{title} refused {what}: {words(answer)}.")


def is_unknown_to_ups(answer: Answer) -> bool:
    """Say whether a recovery was refused because no label stands under our reference.

    The words count as well: the REST service has renumbered codes before (300007 is 9801031 now).
    """
    if codes_of(answer) & (NOT_FOUND_CODES | VOIDED_CODES):
        return True
    said = words(answer).casefold()
    return "could not be found" in said or "no label was found" in said


def label_from_shipment(
    shipped: Shipped, parcels: Sequence[PackedParcel], *, service: str, title: str
) -> LabelBought:
    """Return the labels as bought. An unreadable price loses the price, not the labels."""
    results = shipped.shipment_response.shipment_results
    money = results.negotiated_rate_charges.total_charge or results.shipment_charges.total_charges
    try:
        charge_minor = minor_units(money.monetary_value, money.currency_code)
        currency = money.currency_code
    except MoneyRefused:
        charge_minor, currency = 0, ""
    return LabelBought(
        shipment_id=results.shipment_identification_number,
        carrier=CARRIER,
        labels=_labels(results.package_results, parcels, title, lambda one: one.shipping_label),
        service=service,
        charge_minor=charge_minor,
        charge_currency=currency,
    )


def label_from_recovery(
    recovered: Recovered, parcels: Sequence[PackedParcel], *, service: str, title: str
) -> LabelBought:
    """Return the labels as recovered: UPS tells their price only when it sells."""
    found = recovered.label_recovery_response
    labels = _labels(found.label_results, parcels, title, lambda one: one.label_image)
    return LabelBought(
        shipment_id=found.shipment_identification_number or labels[0].tracking_number,
        carrier=CARRIER,
        labels=labels,
        service=service,
    )


def _labels(
    found: list[Package] | Package,
    parcels: Sequence[PackedParcel],
    title: str,
    image_of: Callable[[Package], Label],
) -> tuple[BoughtLabel, ...]:
    """Return a label for each parcel: UPS answers in the order of the request."""
    sold = []
    for package in several(found):
        image = image_of(package)
        code = (image.image_format.code or image.label_image_format.code).upper()
        sold.append((package.tracking_number, image.graphic_image, code))
    return labelled(parcels, sold, title=title)


def tracked(answer: TrackAnswer, tracking_number: str) -> Tracked:
    """Return where the parcel is, by UPS's official type codes."""
    packages = [
        package for shipment in answer.track_response.shipment for package in shipment.package
    ]
    ours = [one for one in packages if one.tracking_number == tracking_number] or packages
    if not ours:
        return Tracked(status="unknown", detail=NO_NEWS)
    package = ours[0]
    last = package.activity[0] if package.activity else Activity(status=package.current_status)
    status = _STATUS_CODES.get(last.status.status_code) or _TYPES.get(last.status.type, "unknown")
    at = " ".join(part for part in (last.date, last.time, last.gmt_offset) if part)
    said = last.status.description
    return Tracked(status=status, at=at, detail=phrases([said]) if said else "")
