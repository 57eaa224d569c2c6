"""What a person's edit of an order must keep beyond its shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from schemas.contracts import doubts, refusals, strict_json
from schemas.contracts.refusals import refused
from schemas.contracts.strict_json import shown
from schemas.contracts.validation import read_input
from schemas.messages.effects import tag_of
from schemas.messages.inputs import EditOrder, LineEdit, ParcelCodes, RefundAsk
from schemas.order.canonical import Customer
from schemas.order.iso_codes import COUNTRIES

_OURS = ("type", "ref", "person")
"""Fields that whoever takes an edit fills in."""


def edit_of(raw: bytes, ref: str, person: str) -> EditOrder:
    """Read the changes that a person asks for (`EditOrder` without type, ref and person). Raises
    Refused."""
    told = strict_json.parse(raw)
    if not isinstance(told, Mapping):
        raise refused(refusals.SCHEMA_MISMATCH, "The edit is not a JSON object; send one.")
    for name in _OURS:
        if name in told:
            raise refused(
                refusals.SCHEMA_MISMATCH,
                f"The edit has {name}, which is known from the request; leave it out.",
            )
    tree = {**told, "type": tag_of(EditOrder), "ref": ref, "person": person[:256]}
    found = read_input("edit", tree)
    assert isinstance(found, EditOrder)
    refuse_edit(found)
    return found


def refuse_edit(edit: EditOrder) -> None:
    """Raise Refused for an edit that changes nothing, names a line twice, or states an address,
    telephone number or e-mail address that can hardly be one: who sends it can correct it now."""
    stated = (edit.ship_to, edit.email, edit.phone, edit.shipping_method, edit.note)
    changes = bool(edit.lines) or any(one is not None for one in stated)
    if edit.refund is not None:
        _refuse_refund(edit.refund, changes=changes or bool(edit.codes))
        return
    if edit.codes:
        _refuse_codes(edit.codes, changes=changes)
        return
    if not changes:
        raise refused(refusals.SCHEMA_MISMATCH, "The edit changes nothing; say what to change.")
    _refuse_repeated(edit.lines)
    if edit.ship_to is not None and edit.ship_to.country not in COUNTRIES:
        raise refused(
            refusals.COUNTRY_UNKNOWN,
            f"The country of the shipping address is {edit.ship_to.country}, which ISO 3166-1 does"
            " not know; send the two-letter code, such as US.",
        )
    doubts.refuse_doubts_of(
        edit.ship_to, None, Customer(email=edit.email or "", phone=edit.phone or "")
    )


def _refuse_refund(refund: RefundAsk, *, changes: bool) -> None:
    if changes:
        raise refused(
            refusals.SCHEMA_MISMATCH,
            "The edit gives money back and changes something else; send two edits.",
        )
    _refuse_repeated(refund.lines)


def _refuse_repeated(lines: Sequence[LineEdit]) -> None:
    for line_id, times in Counter(one.line_id for one in lines).most_common(1):
        if times > 1:
            raise refused(
                refusals.LINE_REPEATED,
                f"The edit names the line {shown(line_id)} twice; name each line once.",
            )


def _refuse_codes(codes: Sequence[ParcelCodes], *, changes: bool) -> None:
    if changes:
        raise refused(
            refusals.SCHEMA_MISMATCH,
            "The edit has codes and changes something else; send two edits.",
        )
    named = Counter((one.parcel, one.line_id) for one in codes)
    (parcel, line_id), times = named.most_common(1)[0]
    if times > 1:
        raise refused(
            refusals.LINE_REPEATED,
            f"The edit names the line {shown(line_id)} of {parcel} twice; name each line once.",
        )
