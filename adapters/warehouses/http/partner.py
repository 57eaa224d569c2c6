"""Any warehouse that keeps our contract: tasks go there by HTTP, its news comes back as webhooks.

It honours our idempotency key, and tells its tasks by our reference.
"""

from __future__ import annotations

from urllib.parse import quote

import msgspec
from yarl import URL

from actors.runtime.errors import NeedsPerson, Rejected
from actors.runtime.ports import Call
from adapters.kit.fitting import fit, phrases, printable
from adapters.kit.http_client import USER_AGENT, Answer, HttpClient, decoded, traced
from schemas.messages.effects import (
    CancelWarehouseTask,
    CreateWarehouseTask,
    Result,
    TaskCreated,
    Undone,
)
from schemas.order.canonical import DOUBT, Address

PARTNER = "The warehouse"

MAX_TEXT = 1_000
"""Characters of a note or gift message: what a packing slip has room for."""

CANCELLED, HANDED_OVER = "cancelled", "handed_over"


class HttpWarehouseSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One warehouse. `place` is its name for the shelf the goods are on; `callback_url` is where it
    sends its news ("" sends none: then somebody else must tell us what was packed)."""

    base_url: str
    token: str
    place: str = ""
    callback_url: str = ""
    timeout_seconds: float = 15.0

    def __repr__(self) -> str:
        """Keep the token out of logs and tracebacks."""
        return f"HttpWarehouseSettings(base_url={self.base_url!r}, place={self.place!r})"


class _ShipTo(msgspec.Struct, kw_only=True):
    name: str
    company: str
    lines: list[str]
    city: str
    region: str
    postal_code: str
    country: str
    phone: str


class _Line(msgspec.Struct, kw_only=True, omit_defaults=True):
    line_id: str
    sku: str
    title: str
    quantity: int
    bundle_sku: str = ""


class _NewTask(msgspec.Struct, kw_only=True, omit_defaults=True):
    reference: str
    channel: str
    order_ref: str
    order_number: str
    place: str
    ship_to: _ShipTo
    lines: list[_Line]
    callback_url: str
    note: str = ""
    gift_message: str = ""
    shipping_method: str = ""
    attributes: dict[str, str] = {}


class _Task(msgspec.Struct, frozen=True):
    task_id: str
    status: str = ""
    reference: str = ""


class _Tasks(msgspec.Struct, frozen=True):
    tasks: list[_Task]


class _Error(msgspec.Struct, frozen=True):
    code: str = ""
    message: str = ""


class _Refusal(msgspec.Struct, frozen=True):
    error: _Error = _Error()
    status: str = ""


_encode = msgspec.json.Encoder().encode
_task = msgspec.json.Decoder(_Task)
_tasks = msgspec.json.Decoder(_Tasks)
_refusal = msgspec.json.Decoder(_Refusal)


class HttpWarehouse:
    """The warehouse behind `actors.runtime.ports.Partner`."""

    name = "warehouse"
    can_look_up = True

    def __init__(self, client: HttpClient, settings: HttpWarehouseSettings) -> None:
        self._client = client
        self._settings = settings
        self._base = settings.base_url.rstrip("/") + "/v1/tasks"
        self._url = URL(self._base, encoded=True)
        self._headers = {
            "Authorization": f"Bearer {settings.token}",
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": USER_AGENT,
        }

    async def perform(self, call: Call) -> Result:
        """Create the task, or cancel it."""
        match call.effect:
            case CreateWarehouseTask():
                return await self._create(call)
            case CancelWarehouseTask(task_id=task_id):
                return await self._cancel(call, task_id)
            case other:
                raise TypeError(f"{PARTNER} has nothing to do with {type(other).__name__}.")

    async def look_up(self, call: Call) -> Result | None:
        """Find the task by our reference.

        A cancelled task is not a task: whoever asks wants one that will be worked on.
        """
        tasks = await self._find(call)
        match call.effect:
            case CreateWarehouseTask():
                alive = [task for task in tasks if task.status != CANCELLED]
                if len(alive) > 1:
                    ids = " and ".join(task.task_id for task in alive)
                    raise NeedsPerson(
                        f"{PARTNER} has several tasks for this order: {ids}. Cancel all but one "
                        "there and retry."
                    )
                return TaskCreated(task_id=alive[0].task_id) if alive else None
            case CancelWarehouseTask(task_id=task_id):
                gone = any(task.task_id == task_id and task.status == CANCELLED for task in tasks)
                return Undone(detail=f"Task {task_id} is cancelled.") if gone else None
            case other:
                raise TypeError(f"{PARTNER} has nothing to do with {type(other).__name__}.")

    async def _create(self, call: Call) -> Result:
        body = _encode(self._new_task(call))
        answer = await self._ask("POST", self._url, call, writes=True, body=body)
        if answer.status >= 400:
            raise Rejected(f"{PARTNER} refused the order: {_words(answer)}.")
        return TaskCreated(task_id=decoded(_task, answer, partner=PARTNER, writes=True).task_id)

    async def _cancel(self, call: Call, task_id: str) -> Result:
        url = URL(f"{self._base}/{quote(task_id, safe='')}/cancel", encoded=True)
        answer = await self._ask("POST", url, call, writes=True, body=b"{}")
        if answer.status == 409:
            raise Rejected(
                f"{PARTNER} can't cancel task {task_id} any more: the goods were handed over to "
                "the carrier."
            )
        if answer.status == 404:
            if await self._find(call):
                raise NeedsPerson(
                    f"{PARTNER} has a task for this order, but not {task_id}. Cancel the right "
                    "one there.",
                    outcome_known=False,
                )
            return Undone(detail=f"{PARTNER} has no task {task_id}.")
        if answer.status >= 400:
            raise Rejected(f"{PARTNER} refused to cancel task {task_id}: {_words(answer)}.")
        task = decoded(_task, answer, partner=PARTNER, writes=True)
        if task.status != CANCELLED:
            raise NeedsPerson(
                f"{PARTNER} took the cancellation of task {task_id}, but says it is "
                f"{printable(task.status)[:40]!r}. Ask there whether it will still be shipped.",
                outcome_known=False,
            )
        return Undone(detail=f"Task {task_id} is cancelled.")

    async def _find(self, call: Call) -> list[_Task]:
        url = URL(f"{self._base}?reference={quote(call.correlation_id, safe='')}", encoded=True)
        answer = await self._ask("GET", url, call, writes=False)
        if answer.status >= 400:
            raise NeedsPerson(
                f"{PARTNER} would not say which tasks it has for this order: {_words(answer)}.",
                outcome_known=False,
            )
        return decoded(_tasks, answer, partner=PARTNER, writes=False).tasks

    def _new_task(self, call: Call) -> _NewTask:
        order = call.stated
        if order.ship_to is None:
            raise Rejected(
                "The order has no shipping address, so nothing can be shipped. Add the address in "
                "the sales channel."
            )
        lines = [
            _Line(
                line_id=line.line_id,
                sku=line.sku,
                title=printable(line.title),
                quantity=line.quantity,
                bundle_sku=printable(line.bundle_sku),
            )
            for line in order.lines
            if line.requires_shipping
        ]
        if not lines:
            raise Rejected("The order has no line that needs shipping.")
        return _NewTask(
            reference=call.correlation_id,
            channel=call.channel,
            order_ref=call.ref,
            order_number=printable(order.number),
            place=self._settings.place,
            ship_to=_ship_to(order.ship_to, order.customer.phone),
            lines=lines,
            callback_url=self._settings.callback_url,
            note=printable(order.note)[:MAX_TEXT],
            gift_message=printable(order.gift_message)[:MAX_TEXT],
            shipping_method=printable(order.shipping_method),
            attributes={
                printable(name): printable(text)[:MAX_TEXT]
                for name, text in order.attributes.items()
                if not name.startswith(DOUBT)
            },
        )

    async def _ask(
        self, method: str, url: URL, call: Call, *, writes: bool, body: bytes | None = None
    ) -> Answer:
        headers = traced(self._headers, call)
        if writes:
            headers = {**headers, "Idempotency-Key": call.idempotency_key}
        return await self._client.exchange(
            method,
            url,
            headers=headers,
            timeout_seconds=self._settings.timeout_seconds,
            partner=PARTNER,
            writes=writes,
            body=body,
        )


def _ship_to(address: Address, other_phone: str) -> _ShipTo:
    """Return the address for labels and packing slips: one line each, as it reads."""
    return _ShipTo(
        name=printable(address.name) or printable(address.company) or "Recipient",
        company=printable(address.company),
        lines=[printable(line) for line in address.lines],
        city=printable(address.city),
        region=printable(address.region),
        postal_code=printable(address.postal_code),
        country=address.country,
        phone=fit(printable(address.phone or other_phone), 64),
    )


def _words(answer: Answer) -> str:
    try:
        refusal = _refusal.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return f"HTTP {answer.status}"
    code = f" ({refusal.error.code})" if refusal.error.code else ""
    return phrases([refusal.error.message or refusal.status]) + code
