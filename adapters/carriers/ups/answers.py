"""What UPS's answers mean: labels, refusals in its words, and where a parcel is."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as NotBase64

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
from adapters.kit.http_client import Answer, lost
from schemas.messages.effects import LabelBought, Tracked
from schemas.order.money import MoneyRefused, minor_units

PARTNER = "UPS"

# From UPS's developer guides (Appendix: Void, Label Recovery).
NOT_FOUND_CODES = frozenset({"300007", "9801031"})
VOIDED_CODES = frozenset({"190117", "300033"})
SEVERAL_CODES = frozenset({"300001", "300035"})
PASSING_CODES = frozenset({"190001", "300000"})
UNSURE_CODES = frozenset({"20001"})
_PRINTER_LANGUAGES = frozenset({"ZPL", "EPL", "SPL"})


_TYPES = {
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

_STATUS_CODES = {"007": "voided", "034": "returned", "067": "returned"}
"""Status codes that mean more than their activity type tells."""


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


def refused(what: str, answer: Answer) -> PartnerError:
    """Return the error for a 4xx: most are for the sender to fix, a few pass by themselves."""
    codes = codes_of(answer)
    if codes & PASSING_CODES:
        return Retryable(f"{PARTNER} can't do that just now: {words(answer)}.")
    if codes & UNSURE_CODES:
        return Unknown(f"{PARTNER} failed in the middle of {what}: {words(answer)}.")
    return Rejected(f"{PARTNER} refused {what}: {words(answer)}.")


def is_unknown_to_ups(answer: Answer) -> bool:
    """Say whether a recovery was refused because no label stands under our reference.

    The words count as well: the REST service has renumbered codes before (300007 is 9801031 now).
    """
    if codes_of(answer) & (NOT_FOUND_CODES | VOIDED_CODES):
        return True
    said = words(answer).casefold()
    return "could not be found" in said or "no label was found" in said


def label_from_shipment(shipped: Shipped, service: str) -> LabelBought:
    """Return the label as bought. An unreadable price loses the price, not the label."""
    results = shipped.shipment_response.shipment_results
    packages = several(results.package_results)
    if not packages:
        raise lost(PARTNER, "sold a shipment without parcels", writes=True)
    money = results.negotiated_rate_charges.total_charge or results.shipment_charges.total_charges
    try:
        charge_minor = minor_units(money.monetary_value, money.currency_code)
        currency = money.currency_code
    except MoneyRefused:
        charge_minor, currency = 0, ""
    return _label(
        results.shipment_identification_number,
        packages,
        [package.shipping_label for package in packages],
        service=service,
        charge_minor=charge_minor,
        currency=currency,
    )


def label_from_recovery(recovered: Recovered, service: str) -> LabelBought:
    """Return the label as recovered: UPS tells its price only when it sells."""
    found = recovered.label_recovery_response
    packages = several(found.label_results)
    if not packages:
        raise lost(PARTNER, "recovered a shipment without parcels", writes=False)
    number = found.shipment_identification_number or packages[0].tracking_number
    return _label(number, packages, [package.label_image for package in packages], service=service)


def _label(
    shipment_id: str,
    packages: list[Package],
    labels: list[Label],
    *,
    service: str,
    charge_minor: int = 0,
    currency: str = "",
) -> LabelBought:
    label_format = (labels[0].image_format.code or labels[0].label_image_format.code).upper()
    return LabelBought(
        shipment_id=shipment_id,
        tracking_number=packages[0].tracking_number or shipment_id,
        carrier=PARTNER,
        service=service,
        charge_minor=charge_minor,
        charge_currency=currency,
        label_base64=_joined([label.graphic_image for label in labels], label_format),
        label_format=label_format,
    )


def _joined(images: list[str], label_format: str) -> str:
    """Join labels in printers' languages, where one may follow another; else keep the first."""
    if len(images) == 1 or label_format not in _PRINTER_LANGUAGES:
        return images[0]
    try:
        return b64encode(b"\n".join(b64decode(image) for image in images)).decode()
    except (NotBase64, ValueError):
        return images[0]


def tracked(answer: TrackAnswer, tracking_number: str) -> Tracked:
    """Return where the parcel is, by UPS's official type codes."""
    packages = [
        package for shipment in answer.track_response.shipment for package in shipment.package
    ]
    ours = [one for one in packages if one.tracking_number == tracking_number] or packages
    if not ours:
        return Tracked(status="unknown", detail=f"{PARTNER} has no news of this parcel yet.")
    package = ours[0]
    last = package.activity[0] if package.activity else Activity(status=package.current_status)
    status = _STATUS_CODES.get(last.status.status_code) or _TYPES.get(last.status.type, "unknown")
    at = " ".join(part for part in (last.date, last.time, last.gmt_offset) if part)
    said = last.status.description
    return Tracked(status=status, at=at, detail=phrases([said]) if said else "")
