"""Parcels as carriers want them: weighed, and with a label each."""

from __future__ import annotations

from collections.abc import Sequence

from actors.runtime.errors import NeedsPerson, Rejected
from schemas.messages.effects import BoughtLabel, PackedParcel
from schemas.order.canonical import Order


def weights_of(order: Order, parcels: Sequence[PackedParcel]) -> list[int]:
    """Return each parcel's grams: as weighed, else what its goods weigh. Raises Rejected for a
    parcel of which neither is known."""
    each = {line.line_id: line.weight_grams for line in order.lines}
    alone = sum(line.weight_grams * line.quantity for line in order.lines if line.requires_shipping)
    found = []
    for parcel in parcels:
        grams = parcel.weight_grams
        if not grams and parcel.units:
            weights = [each.get(one.line_id, 0) * one.quantity for one in parcel.units]
            grams = sum(weights)
        elif not grams and len(parcels) == 1:
            grams = alone
        if not grams:
            raise Rejected(
                f"Parcel {parcel.parcel} has no weight, and a label needs one. Have the warehouse "
                "weigh it, or add weights to the items."
            )
        found.append(grams)
    return found


def labelled(
    parcels: Sequence[PackedParcel], sold: Sequence[tuple[str, str, str]], *, title: str
) -> tuple[BoughtLabel, ...]:
    """Return the labels in the order of the parcels. `sold` has each package's tracking number,
    image (base64) and its format, in the order of the request. Raises NeedsPerson for another
    number of packages."""
    if len(sold) != len(parcels):
        numbers = ", ".join(number for number, _, _ in sold) or "none"
        raise NeedsPerson(
            f"{title} has sold {len(sold)} labels ({numbers}) for {len(parcels)} parcels. Compare "
            "them with the parcels, void what is too much there, and retry.",
            outcome_known=False,
        )
    return tuple(
        BoughtLabel(
            parcel=parcel.parcel, tracking_number=number, image_base64=image, image_format=kind
        )
        for parcel, (number, image, kind) in zip(parcels, sold, strict=True)
    )
