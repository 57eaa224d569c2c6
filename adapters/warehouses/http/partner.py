"""Any warehouse or 3PL that implements our contract, version 2: one task for each fulfilment.

Tasks go there by HTTP, and its reports come back as webhooks (`callbacks.py`). It honours our
idempotency key, and finds its tasks by our reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from urllib.parse import quote

import msgspec

from actors.runtime.errors import NeedsPerson, Rejected
from actors.runtime.partner import Call
from adapters.kit.attributes import unpacked
from adapters.kit.fitting import fit, phrases, printable
from adapters.kit.http_client import Answer, HttpClient
from adapters.kit.json_partner import JsonPartner, status_words, titled
from adapters.warehouses.http import shapes
from adapters.warehouses.http.settings import WarehouseSettings
from schemas.messages.effects import (
    CancelAsked,
    CancelTask,
    CreateTask,
    Result,
    TaskCreated,
    Undone,
    Units,
)
from schemas.order import label_links
from schemas.order.canonical import DOUBT, Address, Order
from schemas.order.phones import corrected

MAX_TEXT = 1_000
"""Characters of a note or gift message: what a packing slip has room for."""
MAX_ATTRIBUTES = 100
"""Of a line, and of the order."""

CANCELLED, CANCELLING = "cancelled", "cancelling"
_DELIVERIES = frozenset({"parcel", "local_delivery", "pickup"})
_LABELS = {"us": "ours", "them": "yours", "none": "yours"}
"""Who buys the labels, as the contract says it; meaningless where no carrier takes the goods."""

_PROBED = "0"


class HttpWarehouse:
    """A warehouse behind `actors.runtime.partner.Partner`; `name` is the instance's.

    `own_url` is where it sends its reports and gets labels ("": no link is sent, and someone else
    must report what was packed). `keys` sign the links of labels; the last one is used.
    """

    can_look_up = True

    def __init__(
        self,
        client: HttpClient,
        settings: WarehouseSettings,
        *,
        name: str = "",
        own_url: str = "",
        keys: Mapping[str, bytes] | None = None,
    ) -> None:
        self.name = name or "warehouse"
        self._own_url = own_url.rstrip("/")
        self._keys = dict(keys or {})
        self._api = JsonPartner(
            client,
            name=self.name,
            title=titled("The warehouse", name),
            base_url=settings.base_url.rstrip("/") + "/v2",
            timeout_seconds=settings.calls.timeout_seconds,
            headers={"Authorization": f"Bearer {settings.token.reveal()}"},
            words=_words,
        )

    async def perform(self, call: Call) -> Result:
        """Create the task, or cancel it."""
        match call.effect:
            case CreateTask():
                return await self._create(call, call.effect)
            case CancelTask(task_id=task_id):
                return await self._cancel(call, task_id)
            case other:
                raise TypeError(f"{self._api.title} can't carry out {type(other).__name__}.")

    async def look_up(self, call: Call) -> Result | None:
        """Find the fulfilment's task by our reference, and how a cancellation of it stands."""
        tasks = await self._find(call)
        match call.effect:
            case CreateTask():
                alive = [task for task in tasks if task.status != CANCELLED]
                if len(alive) > 1:
                    ids = " and ".join(task.task_id for task in alive)
                    raise NeedsPerson(
                        f"{self._api.title} has several tasks for this fulfilment: {ids}. Cancel "
                        "all but one there and retry.",
                        outcome_known=False,
                    )
                found = alive or tasks
                return TaskCreated(task_id=found[0].task_id) if found else None
            case CancelTask(task_id=task_id):
                status = next((one.status for one in tasks if one.task_id == task_id), "")
                return _ended(task_id, status)
            case other:
                raise TypeError(f"{self._api.title} can't carry out {type(other).__name__}.")

    async def probe(self) -> str:
        """Look for a task that does not exist; return what that showed."""
        answer = await self._api.ask(None, "GET", f"/tasks?reference={_PROBED}")
        if answer.status >= 400:
            raise self._api.refused("to show its tasks", answer)
        self._api.decoded(shapes.tasks_decoder, answer, writes=False)
        return f"{self._api.title} shows its tasks."

    async def _create(self, call: Call, effect: CreateTask) -> Result:
        body = self._new_task(call, effect)
        answer = await self._api.ask(call, "POST", "/tasks", body=body, headers=_once(call))
        if answer.status >= 400:
            raise self._api.refused("the task", answer)
        made = self._api.decoded(shapes.task_decoder, answer, writes=True)
        return TaskCreated(task_id=made.task_id)

    async def _cancel(self, call: Call, task_id: str) -> Result:
        path = f"/tasks/{quote(task_id, safe='')}/cancel"
        answer = await self._api.ask(call, "POST", path, headers=_once(call))
        if answer.status == 409:
            raise Rejected(
                f"{self._api.title} can't cancel task {task_id} any more: the goods have left "
                f"({self._api.words(answer)})."
            )
        if answer.status == 404:
            if await self._find(call):
                raise NeedsPerson(
                    f"{self._api.title} has a task for this fulfilment, but not {task_id}. Cancel "
                    "the right one there.",
                    outcome_known=False,
                )
            return Undone(detail=f"{self._api.title} has no task {task_id}.")
        if answer.status >= 400:
            raise self._api.refused(f"to cancel task {task_id}", answer)
        task = self._api.decoded(shapes.task_decoder, answer, writes=True)
        ended = _ended(task_id, task.status)
        if ended is None:
            raise NeedsPerson(
                f"{self._api.title} took the cancellation of task {task_id}, but says it is "
                f"{printable(task.status)[:40]!r}. Ask there whether it will still be shipped.",
                outcome_known=False,
            )
        return ended

    async def _find(self, call: Call) -> list[shapes.Task]:
        path = f"/tasks?reference={quote(call.reference, safe='')}"
        answer = await self._api.ask(call, "GET", path)
        if answer.status >= 400:
            raise self._api.unanswered("which tasks it has for this fulfilment", answer)
        return self._api.decoded(shapes.tasks_decoder, answer, writes=False).tasks

    def _new_task(self, call: Call, effect: CreateTask) -> shapes.NewTask:
        order = call.stated
        if effect.delivery not in _DELIVERIES:
            raise Rejected(
                f"{self._api.title} picks and packs goods; a delivery of kind {effect.delivery!r} "
                "is not for it. Cancel this fulfilment and deliver it in another way."
            )
        told = unpacked(order.attributes)
        lines = [_line(order, told, units) for units in effect.units if units.quantity]
        if not lines:
            raise Rejected("The fulfilment holds nothing to pick.")
        collect = None
        if effect.collect_minor:
            collect = shapes.Collect(minor=effect.collect_minor, currency=effect.collect_currency)
        return shapes.NewTask(
            reference=call.reference,
            fulfilment=call.key,
            channel=call.channel,
            order_ref=call.ref,
            order_number=printable(order.number),
            place=effect.place,
            delivery=effect.delivery,
            labels=_LABELS[effect.labels],
            label_url=self._label_url(call) if effect.labels == "us" else "",
            ship_to=_ship_to(order, pickup=effect.delivery == "pickup"),
            lines=lines,
            callback_url=f"{self._own_url}/hooks/{self.name}" if self._own_url else "",
            note=printable(order.note)[:MAX_TEXT],
            gift_message=printable(order.gift_message)[:MAX_TEXT],
            shipping_method=printable(order.shipping_method),
            attributes=_within(
                {x: y for x, y in told.items() if not x.startswith((DOUBT, "line "))}
            ),
            amount_to_collect=collect,
            ship_by=order.ship_by or "",
            deliver_from=order.deliver_from or "",
            deliver_by=order.deliver_by or "",
            pickup_at=order.pickup_at or "",
        )

    def _label_url(self, call: Call) -> str:
        if not self._own_url or not self._keys:
            return ""
        key_id, key = list(self._keys.items())[-1]
        now = self._api.clock.now()
        token = label_links.label_token(call.order_id, call.key, key_id=key_id, key=key, now=now)
        return self._own_url + label_links.PATH + token


def _once(call: Call) -> dict[str, str]:
    return {"Idempotency-Key": call.idempotency_key}


def _ended(task_id: str, status: str) -> Result | None:
    if status == CANCELLED:
        return Undone(detail=f"Task {task_id} is cancelled.")
    return CancelAsked() if status == CANCELLING else None


def _within(attributes: dict[str, str]) -> dict[str, str]:
    """Return what the contract takes; of too many attributes the last one counts the others."""
    most = len(attributes) if len(attributes) <= MAX_ATTRIBUTES else MAX_ATTRIBUTES - 1
    first = islice(attributes.items(), most)
    made = {printable(name): printable(text)[:MAX_TEXT] for name, text in first}
    if most < len(attributes):
        made["more_attributes"] = f"{len(attributes) - most} more are in the sales channel"
    return made


def _line(order: Order, told: dict[str, str], units: Units) -> shapes.TaskLine:
    """Return what to pick. A line that the order has no more still has its SKU."""
    line = next((one for one in order.lines if one.line_id == units.line_id), None)
    sku = units.sku or (line.sku if line is not None else units.line_id)
    about = f"line {units.line_id}: "
    return shapes.TaskLine(
        line_id=units.line_id,
        sku=sku,
        title=printable(line.title if line is not None else sku),
        quantity=units.quantity,
        bundle_sku=printable(line.bundle_sku) if line is not None else "",
        gift_message=printable(line.gift_message)[:MAX_TEXT] if line is not None else "",
        unit_codes=line.unit_codes if line is not None else "",
        attributes=_within({x[len(about) :]: y for x, y in told.items() if x.startswith(about)}),
    )


def _ship_to(order: Order, *, pickup: bool) -> shapes.ShipTo:
    """Return the address for labels and packing slips: one line each, as it reads."""
    address: Address | None = order.ship_to or (order.bill_to if pickup else None)
    if address is None:
        raise Rejected(
            "The order has no shipping address, so nothing can be shipped. Add the address in the "
            "sales channel."
        )
    name = printable(address.name) or printable(address.company)
    return shapes.ShipTo(
        name=name or printable(order.customer.name) or "Recipient",
        company=printable(address.company),
        lines=[text for line in address.lines if (text := printable(line))] or [""],
        city=printable(address.city),
        region=printable(address.region),
        postal_code=printable(address.postal_code),
        country=address.country,
        phone=fit(printable(corrected(address.phone) or corrected(order.customer.phone)), 64),
    )


def _words(answer: Answer) -> str:
    try:
        refusal = shapes.refusal_decoder.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return status_words(answer)
    code = f" ({refusal.error.code})" if refusal.error.code else ""
    return phrases([refusal.error.message or refusal.status]) + code
