"""given – when – then for the functional core, and ready-made orders to tell stories with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from actors.order.decide import decide
from actors.order.decision import Context, Decision
from actors.order.evolve import replay
from actors.order.normalise import NO_TABLES
from actors.order.policy import Policy
from actors.order.state import INITIAL, State, decode_state, encode_state
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.messages.codec import decode_event, encode
from schemas.messages.effects import tag_of
from schemas.order.canonical import Order
from tests.orders import an_order

__all__ = ["an_order"]

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
CORRELATION = "k1" + "0" * 33


class Story:
    """An order's story: feed inputs, look at the latest decision, check it holds together."""

    def __init__(self, *, policy: Policy | None = None) -> None:
        self.policy = policy or Policy()
        self.mappings = NO_TABLES
        self.state: State = INITIAL
        self.now = NOON
        self.order: Order | None = None
        self.events: list[e.OrderEvent] = []
        self.effects: dict[int, f.Effect] = {}
        self.last: Decision | None = None

    def when(self, *inputs: i.Input) -> Story:
        """Feed inputs one after the other, a second apart."""
        for given in inputs:
            self.now += timedelta(seconds=1)
            context = Context(
                now=self.now,
                policy=self.policy,
                channel="acme-us",
                ref="820982911946154508",
                correlation_id=CORRELATION,
                order=self.order,
                mappings=self.mappings,
            )
            decision = decide(self.state, given, context)
            assert decision == decide(self.state, given, context), "decide must be deterministic"
            self._take(decision)
        return self

    def done(self, kind: type[f.Effect], result: f.Result) -> Story:
        """A partner answers the open effect of this kind."""
        return self.when(i.EffectDone(number=self.number(kind), result=result))

    def number(self, kind: type[f.Effect]) -> int:
        """Return the number of the open effect of this kind."""
        tag = tag_of(kind)
        numbers = [intent.number for intent in self.state.open if intent.kind == tag]
        assert numbers, f"no {tag} is open, only {self.open_kinds()}"
        return numbers[0]

    def open_kinds(self) -> list[str]:
        """Return the kinds of the open effects."""
        return [intent.kind for intent in self.state.open]

    def then_events(self, *kinds: type[e.Event]) -> Story:
        """The latest decision said exactly these events."""
        assert self.last is not None
        assert [type(x) for x in self.last.events] == list(kinds), self.last.events
        return self

    def then_effects(self, *kinds: type[f.Effect]) -> Story:
        """The latest decision intends exactly these effects."""
        assert self.last is not None
        assert [type(x.effect) for x in self.last.effects] == list(kinds), self.last.effects
        return self

    def then_stage(self, stage: str) -> Story:
        """The order stands here."""
        assert self.state.stage == stage, self.state
        return self

    def _take(self, decision: Decision) -> None:
        self.last = decision
        self.events.extend(decision.events)
        self.effects.update({x.number: x.effect for x in decision.effects})
        self.state = decision.state
        if decision.body is not None:
            self.order = decision.body
        stored = encode_state(self.state)
        again = replay(decode_event(encode(event)) for event in self.events)
        assert encode_state(again) == stored, "replay must give the stored state, byte for byte"
        assert decode_state(stored) == self.state


LABEL = f.LabelBought(
    shipment_id="1Z12345E0205271688", tracking_number="1Z12345E0205271688", carrier="UPS"
)
PARCELS = (f.Parcel(parcel_id="1", weight_grams=600),)


def given_placed(**changes: object) -> Story:
    """A story in which a channel has placed an order."""
    return Story().when(i.PlaceOrder(order=an_order(**changes)))


def given_reserved(**changes: object) -> Story:
    """… and its stock is reserved."""
    return given_placed(**changes).done(f.ReserveStock, f.StockReserved(place="WH1"))


def given_released(**changes: object) -> Story:
    """… and ERP, warehouse and customer know of it."""
    story = given_reserved(**changes)
    story.done(f.PostSalesOrder, f.SalesOrderPosted(erp_id="e-1", number="S-1"))
    story.done(f.CreateWarehouseTask, f.TaskCreated(task_id="t-1"))
    return story.done(f.SendMail, f.MailSent(message_id="m-1"))


def given_packed() -> Story:
    """… and the warehouse packed it."""
    return given_released().when(
        i.ReportPacked(ref="820982911946154508", task_id="t-1", parcels=PARCELS)
    )


def given_labelled() -> Story:
    """… and the carrier sold the label."""
    return given_packed().done(f.BuyLabel, LABEL)


def given_shipped() -> Story:
    """… and the carrier scanned it."""
    story = given_labelled().when(i.TimerFired(name="track"))
    return story.done(f.TrackShipment, f.Tracked(status="in_transit"))


def tags(events: Sequence[e.OrderEvent]) -> list[str]:
    """Return the versioned names of events."""
    return [tag_of(event) for event in events]
