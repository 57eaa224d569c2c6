"""The bodies of the warehouse contract, version 2 (`docs/warehouse-contract.md`)."""

from __future__ import annotations

import msgspec


class ShipTo(msgspec.Struct, kw_only=True):
    """Where to ship to; each text on one line."""

    name: str
    company: str
    lines: list[str]
    city: str
    region: str
    postal_code: str
    country: str
    phone: str


class TaskLine(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What to pick. `attributes` describe this line; `unit_codes` names codes of the single pieces
    that must be told when they are packed."""

    line_id: str
    sku: str
    title: str
    quantity: int
    bundle_sku: str = ""
    gift_message: str = ""
    unit_codes: str = ""
    attributes: dict[str, str] = {}


class Collect(msgspec.Struct, kw_only=True):
    """Cash on delivery."""

    minor: int
    currency: str


class NewTask(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A task: one fulfilment."""

    reference: str
    fulfilment: str
    channel: str
    order_ref: str
    order_number: str
    place: str
    delivery: str
    labels: str
    ship_to: ShipTo
    lines: list[TaskLine]
    label_url: str = ""
    callback_url: str = ""
    shipping_method: str = ""
    note: str = ""
    gift_message: str = ""
    attributes: dict[str, str] = {}
    amount_to_collect: Collect | None = None
    ship_by: str = ""
    deliver_from: str = ""
    deliver_by: str = ""
    pickup_at: str = ""


class Task(msgspec.Struct, frozen=True):
    """A task as the warehouse answers it."""

    task_id: str
    status: str = ""
    reference: str = ""


class Tasks(msgspec.Struct, frozen=True):
    """The answer to a search."""

    tasks: list[Task]


class _Error(msgspec.Struct, frozen=True):
    code: str = ""
    message: str = ""


class Refusal(msgspec.Struct, frozen=True):
    """An error, or a task that says why something is too late."""

    error: _Error = _Error()
    status: str = ""


task_decoder = msgspec.json.Decoder(Task)
tasks_decoder = msgspec.json.Decoder(Tasks)
refusal_decoder = msgspec.json.Decoder(Refusal)
