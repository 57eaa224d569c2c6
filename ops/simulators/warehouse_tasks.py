"""A task of the warehouse contract, version 2: how it is read, checked, kept and shown."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from ops.simulators.callbacks import News
from ops.simulators.shapes import JsonObject, JsonValue, dig, number, objects, text

MAX_LINES = 500
MAX_ATTRIBUTES = 100
MAX_TEXT = 1000
_REQUIRED = ("reference", "fulfilment", "channel", "order_ref", "order_number")
_REFERENCE = re.compile("[0-9A-Za-z]{1,35}")
_DELIVERIES = ("parcel", "local_delivery", "pickup")
_LABELS = ("ours", "yours")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


@dataclass(slots=True, frozen=True)
class Pieces:
    """So many pieces of a line. `sku` is set when it is not the one that was ordered. `coded`: each
    piece bears a code of its own, which is told when it is packed."""

    line_id: str
    quantity: int
    sku: str = ""
    coded: bool = False

    def as_json(self, parcel: str = "") -> JsonObject:
        shown: dict[str, JsonValue] = {"line_id": self.line_id, "quantity": self.quantity}
        if self.sku:
            shown["sku"] = self.sku
        if self.coded and parcel:
            codes = (f"AZ:{parcel}:{self.line_id}:{n}" for n in range(1, self.quantity + 1))
            shown["codes"] = list(codes)
        return shown


@dataclass(slots=True)
class Parcel:
    """One parcel and what is in it. A carrier is named when the warehouse bought the label."""

    id: str
    contents: Sequence[Pieces]
    carrier: str = ""
    tracking_number: str = ""
    handed_over: bool = False

    def as_json(self) -> dict[str, JsonValue]:
        pieces = sum(one.quantity for one in self.contents)
        shown: dict[str, JsonValue] = {
            "parcel_id": self.id,
            "weight_grams": 180 + 350 * pieces,
            "length_mm": 300,
            "width_mm": 200,
            "height_mm": min(80 + 20 * pieces, 600),
            "lines": [one.as_json(self.id) for one in self.contents],
        }
        if self.carrier:
            shown.update(carrier=self.carrier, tracking_number=self.tracking_number)
        return shown


@dataclass(slots=True)
class Task:
    """One task. `outbox` holds the reports that no one has taken yet."""

    id: str
    reference: str
    fulfilment: str
    channel: str
    order_ref: str
    order_number: str
    callback_url: str
    label_url: str
    labels: str
    delivery: str
    city: str
    country: str
    lines: Sequence[Pieces]
    status: str = "released"
    parcels: list[Parcel] = field(default_factory=list)
    sequence: int = 0
    outbox: deque[News] = field(default_factory=deque)
    sending: bool = False
    silent: bool = False
    fetched: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """What habits may call the task's order by, the most exact first."""
        return (
            self.reference,
            f"{self.order_number}/{self.fulfilment}",
            self.order_ref,
            self.order_number,
        )

    def labelled(self) -> bool:
        """Whether every parcel has its label."""
        return all(parcel.tracking_number for parcel in self.parcels)

    def label_with(self, labels: Sequence[JsonObject]) -> bool:
        """Puts fetched labels on the parcels they are for; whether every parcel has one then."""
        self.fetched = True
        named = {text(label, "parcel_id"): label for label in labels}
        spare = [label for label in labels if not text(label, "parcel_id")]
        for parcel in self.parcels:
            if parcel.tracking_number:
                continue
            label = named.get(parcel.id) or (spare.pop(0) if spare else {})
            parcel.carrier = text(label, "carrier")
            parcel.tracking_number = text(label, "tracking_number")
        return self.labelled()

    def shown(self) -> JsonObject:
        """As the contract answers it."""
        shown: dict[str, JsonValue] = {
            "task_id": self.id,
            "status": self.status,
            "reference": self.reference,
        }
        if self.parcels:
            shown["parcels"] = [
                {**one.as_json(), "status": "handed_over" if one.handed_over else "packed"}
                for one in self.parcels
            ]
        return shown


def read_task(sent: JsonObject, task_id: str) -> Task:
    """The task of a request that `task_fault` found nothing wrong with."""
    return Task(
        id=task_id,
        reference=text(sent, "reference").upper(),  # Some warehouses know no small letters.
        fulfilment=text(sent, "fulfilment"),
        channel=text(sent, "channel"),
        order_ref=text(sent, "order_ref"),
        order_number=text(sent, "order_number"),
        callback_url=text(sent, "callback_url"),
        label_url=text(sent, "label_url"),
        labels=text(sent, "labels"),
        delivery=text(sent, "delivery"),
        city=text(sent, "ship_to", "city"),
        country=text(sent, "ship_to", "country"),
        lines=[
            Pieces(
                text(line, "line_id"),
                int(number(line, "quantity")),
                coded=text(line, "unit_codes") != "",
            )
            for line in objects(sent, "lines")
        ],
    )


def task_detail(sent: JsonObject) -> JsonObject:
    """What the ledger keeps of a task: no name, street or telephone number."""
    kept: dict[str, JsonValue] = {
        name: sent[name]
        for name in (
            "fulfilment", "channel", "order_ref", "order_number", "place", "delivery", "labels",
            "amount_to_collect", "shipping_method", "ship_by", "deliver_from", "deliver_by",
            "pickup_at",
        )
        if sent.get(name)
    }  # fmt: skip
    kept["lines"] = [
        {"line_id": text(line, "line_id"), "sku": text(line, "sku"), "quantity": line["quantity"]}
        for line in objects(sent, "lines")
    ]
    kept["country"] = text(sent, "ship_to", "country")
    kept["postal_code"] = text(sent, "ship_to", "postal_code")
    return kept


def _is_count(value: JsonValue) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _attributes_fault(holder: JsonObject, where: str) -> str:
    found = holder.get("attributes")
    if found is None:
        return ""
    if not isinstance(found, dict) or len(found) > MAX_ATTRIBUTES:
        return f"`{where}attributes` must be an object of at most {MAX_ATTRIBUTES} texts."
    if any(not isinstance(value, str) or len(value) > MAX_TEXT for value in found.values()):
        return f"`{where}attributes` must hold texts of at most {MAX_TEXT} characters."
    return ""


def _lines_fault(sent: JsonObject) -> str:
    lines = objects(sent, "lines")
    if not 0 < len(lines) <= MAX_LINES:
        return f"`lines` must have 1 to {MAX_LINES} entries."
    seen: set[str] = set()
    for index, line in enumerate(lines):
        where = f"lines[{index}]"
        line_id = text(line, "line_id")
        if not line_id or not text(line, "sku") or not text(line, "title"):
            return f"`{where}` needs `line_id`, `sku` and `title`."
        if line_id in seen:
            return f"`{where}.line_id` repeats {line_id}."
        seen.add(line_id)
        if not _is_count(dig(line, "quantity")):
            return f"`{where}.quantity` must be a whole number of at least 1."
        if len(text(line, "gift_message")) > MAX_TEXT:
            return f"`{where}.gift_message` must have at most {MAX_TEXT} characters."
        if wrong := _attributes_fault(line, f"{where}."):
            return wrong
    return ""


def _times_fault(sent: JsonObject) -> str:
    ship_by = text(sent, "ship_by")
    if ship_by and not _TIME.fullmatch(ship_by):
        return "`ship_by` must be an RFC 3339 time."
    for name in ("deliver_from", "deliver_by", "pickup_at"):
        told = text(sent, name)
        if told and not (_TIME.fullmatch(told) or _DAY.fullmatch(told)):
            return f"`{name}` must be a day, or an RFC 3339 time."
    return ""


def _optional_fault(sent: JsonObject) -> str:
    for name in ("callback_url", "label_url"):
        url = text(sent, name)
        if url and not url.startswith(("http://", "https://")):
            return f"`{name}` must be an http or https address."
    for name in ("note", "gift_message"):
        if len(text(sent, name)) > MAX_TEXT:
            return f"`{name}` must have at most {MAX_TEXT} characters."
    if wrong := _times_fault(sent):
        return wrong
    due = sent.get("amount_to_collect")
    if due is not None and not (
        _is_count(dig(due, "minor")) and re.fullmatch("[A-Z]{3}", text(due, "currency"))
    ):
        return "`amount_to_collect` needs `minor`, a whole number of at least 1, and `currency`."
    return _attributes_fault(sent, "")


def task_fault(sent: JsonObject) -> str:
    """The first thing in a request that breaks the contract, as a sentence, or an empty text."""
    for name in _REQUIRED:
        if not text(sent, name):
            return f"`{name}` is missing or empty."
    if not _REFERENCE.fullmatch(text(sent, "reference")):
        return "`reference` must have 1 to 35 letters and digits."
    if text(sent, "delivery") not in _DELIVERIES:
        return f"`delivery` must be one of {', '.join(_DELIVERIES)}."
    if text(sent, "labels") not in _LABELS:
        return f"`labels` must be one of {', '.join(_LABELS)}."
    ship_to = dig(sent, "ship_to")
    if not text(ship_to, "name") or not re.fullmatch("[A-Z]{2}", text(ship_to, "country")):
        return "`ship_to` needs at least `name` and `country` (two capital letters)."
    return _lines_fault(sent) or _optional_fault(sent)
