"""A clock that jumps and a partner that is told what to answer, for the runtime's tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from actors.runtime.partner import Call
from schemas.messages import effects as f
from schemas.order.things import Key

Answer = Callable[[Call], f.Result]

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


class JumpingClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        """The wall clock."""
        return NOON + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        """Seconds since the test began."""
        return self.seconds


RESULTS: dict[type[f.Effect], f.Result] = {
    f.ReserveStock: f.StockReserved(place="WH1"),
    f.ReleaseStock: f.Undone(),
    f.RestockReturn: f.StockReturned(place="WH1"),
    f.PostSalesOrder: f.SalesOrderPosted(erp_id="e-1", number="S-1"),
    f.AmendSalesOrder: f.SalesOrderAmended(digest="0" * 16),
    f.CancelSalesOrder: f.Undone(),
    f.CreateTask: f.TaskCreated(task_id="t-1"),
    f.CancelTask: f.Undone(),
    f.SendMail: f.MailSent(message_id="m-1"),
    f.BuyLabel: f.LabelBought(
        shipment_id="1Z12345E0205271688",
        carrier="UPS",
        labels=(f.BoughtLabel(parcel=Key("K1"), tracking_number="1Z12345E0205271688"),),
    ),
    f.VoidLabel: f.Undone(),
    f.TrackParcel: f.Tracked(status="delivered"),
    f.PublishFulfilment: f.FulfilmentPublished(outside_ids=("f-1",)),
    f.CancelAtChannel: f.ChannelCancelled(),
    f.TellStanding: f.StandingTold(),
    f.CapturePayment: f.PaymentCaptured(amount_minor=1),
    f.RefundPayment: f.PaymentRefunded(amount_minor=1),
    f.FetchOrder: f.OrderFetched(digest="0" * 64),
}


class ScriptedPartner:
    """Counts what it does in the real world. `raises` are errors for the next calls, each with
    whether the partner acts all the same; `unfindable` are errors for the next look-ups; `gate`
    holds calls up before their request leaves while it is clear, `rest` those of which one has left
    and another is to leave."""

    def __init__(self, name: str, *, can_look_up: bool = True) -> None:
        self.name = name
        self.can_look_up = can_look_up
        self.did: list[str] = []
        self.looked_up: list[str] = []
        self.calls: list[Call] = []
        self.raises: list[tuple[BaseException, bool]] = []
        self.unfindable: list[BaseException] = []
        self.answers = dict(RESULTS)
        self.gate = asyncio.Event()
        self.gate.set()
        self.rest = asyncio.Event()
        self.rest.set()

    @property
    def keys(self) -> list[str]:
        """The idempotency keys it was given."""
        return [call.idempotency_key for call in self.calls]

    async def perform(self, call: Call) -> f.Result:
        """Act, and answer or raise as scripted."""
        await self.gate.wait()
        call.check_ours()
        if not self.rest.is_set():
            await self.rest.wait()
            call.check_ours()
        self.calls.append(call)
        error, acts = self.raises.pop(0) if self.raises else (None, True)
        if acts:
            self.did.append(f"{f.tag_of(call.effect)} {call.reference}")
        if error is not None:
            raise error
        return self.answers[type(call.effect)]

    async def look_up(self, call: Call) -> f.Result | None:
        """Find what was done under our reference."""
        self.looked_up.append(call.idempotency_key)
        name = f"{f.tag_of(call.effect)} {call.reference}"
        if self.unfindable:
            raise self.unfindable.pop(0)
        return RESULTS[type(call.effect)] if name in self.did else None
