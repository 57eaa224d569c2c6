"""Walks at random through an order's life: whatever comes, it never breaks and never stands still.

Each walk is told by its number alone, so that a failing one can be walked again.
"""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from actors.order.lifecycle import FINAL
from actors.order.policy import Policy
from schemas.messages import effects as f
from schemas.messages import inputs as i
from schemas.order.canonical import Order
from tests.fakes import RESULTS
from tests.given import PARCELS, Story, an_order

REF = "820982911946154508"
WALKS_EACH = 60
STEPS = 60
PAYMENTS = ("pending", "authorized", "paid", "partially_refunded", "refunded", "voided")
STATUSES = ("label_created", "in_transit", "delivered", "exception", "voided", "returned")
VERBS = ("retry", "skip", "release", "cancel", "nonsense")


class Walk:
    """One order, with the timers it has set."""

    def __init__(self, number: int) -> None:
        self.dice = random.Random(number)
        self.story = Story(policy=Policy(close_after_seconds=self.dice.choice((0.0, 3600.0))))
        self.timers: set[str] = set()
        self.statements = 0

    def step(self) -> None:
        """Let one thing happen that could."""
        self.story.when(self.dice.choice(self._possible()))
        last = self.story.last
        assert last is not None
        self.timers -= set(last.clear_timers)
        self.timers |= {name for name, _ in last.set_timers}

    def moves(self) -> bool:
        """Whether something or somebody named is going to move the order on."""
        state = self.story.state
        waits = {"expected", "placed", "reserved"}  # for the channel, the money, the warehouse
        return bool(
            state.open
            or state.stuck
            or state.holds
            or self.timers & {"track", "stock", "close"}
            or state.stage in waits
        )

    def _possible(self) -> list[i.Input]:
        dice, state = self.dice, self.story.state
        found: list[i.Input] = [
            i.PlaceOrder(order=self._statement()),
            i.UpdateOrder(order=self._statement()),
            i.UpdateOrder(order=self._statement(), fulfilled=dice.choice(("", "partly", "wholly"))),
            i.ConfirmPayment(ref=REF),
            i.ConfirmPayment(ref=REF, order=self._statement()),
            i.NoteReport(
                ref=REF,
                source="shopify",
                topic=dice.choice(("refunds/create", "orders/edited")),
                words="news",
                hold=dice.choice(("", "before_hand_over", "once_begun")),
                look=dice.random() < 0.5,
                at=dice.choice((None, f"2026-11-27T12:{self.statements // 60:02d}:30Z")),
            ),
            i.NoteReport(ref=REF, source="amazon", topic="PENDING", words="it waits", waits=True),
            i.RefetchOrder(ref=REF, source="amazon", topic="ORDER_CHANGE"),
            i.ReportPicked(ref=REF, task_id="t-1"),
            i.ReportPacked(ref=REF, task_id="t-1", parcels=PARCELS),
            i.ReportShortPicked(ref=REF, task_id="t-1", lines=()),
            i.ReportHandedOver(ref=REF, task_id="t-1"),
            i.ReportTaskCancelled(ref=REF, task_id="t-1"),
            i.ActOnOrder(ref=REF, verb=dice.choice(VERBS[:3]), person="ann"),
            *(i.TimerFired(name=name) for name in sorted(self.timers)),
        ]
        if dice.random() < 0.1:
            found.append(i.CancelOrder(ref=REF, whole=dice.random() < 0.5))
            found.append(i.ActOnOrder(ref=REF, verb=dice.choice(VERBS), person="ann"))
        for intent in state.open:
            done = i.EffectDone(number=intent.number, result=self._result(intent.number))
            known = dice.random() < 0.5
            found += [done, done, done]
            found.append(i.EffectRefused(number=intent.number, reason="no"))
            found.append(
                i.EffectGivenUp(number=intent.number, reason="who knows", outcome_known=known)
            )
        return found

    def _result(self, number: int) -> f.Result:
        kind = type(self.story.effects[number])
        if kind is f.TrackShipment:
            return f.Tracked(status=self.dice.choice(STATUSES))
        if kind is f.ReserveStock and self.dice.random() < 0.4:
            return f.StockShort(skus=("SKU-1",))
        return RESULTS[kind]

    def _statement(self) -> Order:
        self.statements += 1
        minute, second = divmod(self.statements, 60)
        order = an_order(
            payment=self.dice.choice(PAYMENTS),
            updated_at=f"2026-11-27T12:{minute:02d}:{second:02d}Z",
        )
        if self.dice.random() < 0.2:
            ships = self.dice.random() < 0.5
            order = replace(order, lines=(replace(order.lines[0], requires_shipping=ships),))
        return order


@pytest.mark.parametrize("first", range(0, 8 * WALKS_EACH, WALKS_EACH))
def test_whatever_comes_an_order_goes_on_or_names_whom_it_waits_for(first: int) -> None:
    """No input breaks an order in any stage; an open one keeps its due time and somebody or
    something that moves it; a final one keeps no timer."""
    for number in range(first, first + WALKS_EACH):
        walk = Walk(number)
        for _ in range(STEPS):
            walk.step()
            stage = walk.story.state.stage
            if stage in FINAL:
                assert not walk.timers, number
                assert not walk.story.state.holds, number
            elif stage != "new":
                assert "due" in walk.timers, number
                assert walk.moves(), (number, walk.story.state)
