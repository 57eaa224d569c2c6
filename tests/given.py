"""given – when – then for the functional core, and ready-made orders to tell stories with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from actors.kernel import ledger
from actors.kernel.setup import Place, Setup
from actors.order.family import FAMILY
from actors.order.normalise import NO_TABLES
from actors.order.policy import Policy
from actors.order.stream import (
    INITIAL,
    Context,
    Decision,
    State,
    decide,
    decode_state,
    encode_state,
    evolve,
    replay,
)
from actors.rules.compiled import NO_RULES
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.messages.codec import decode_event, encode
from schemas.messages.effects import tag_of
from schemas.order.canonical import Address, Customer, Line, Order, Totals
from schemas.order.claims import Claim, Claimed
from schemas.order.things import Key, kind_of
from schemas.order.world import World

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
REF = "820982911946154508"
REFERENCE = "1" + "0" * 19 + "O0000" + "0" * 10
CHANNEL = "acme-us"

MAIN = Place(name="WH1", warehouse="wms", carrier="ups")
SETUP = Setup(channel=CHANNEL, storefront="acme-us", erp="bc", mail="smtp", places=(MAIN,))
"""A seller with every role: one place, one warehouse, one carrier."""

F1, F2, F3, F4 = Key("F1"), Key("F2"), Key("F3"), Key("F4")
K1, K2, K3, K4 = Key("K1"), Key("K2"), Key("K3"), Key("K4")
L1, L2, L3 = Key("L1"), Key("L2"), Key("L3")
D1, M1, M2, O = Key("D1"), Key("M1"), Key("M2"), Key("O")  # noqa: E741 - the order's own key


def a_line(line_id: str, quantity: int, price: int = 500, **changes: object) -> Line:
    """Return a line whose SKU is `SKU-<id>`."""
    line = Line(
        line_id=line_id, sku=f"SKU-{line_id}", title=f"Thing {line_id}", quantity=quantity,
        unit_price_minor=price, total_minor=price * quantity,
    )  # fmt: skip
    return replace(line, **changes)


def an_order(**changes: object) -> Order:
    """Return a paid two-line order to Kentucky, with any field changed."""
    order = Order(
        ref=REF,
        number="#1042",
        placed_at="2026-11-27T11:59:00Z",
        updated_at="2026-11-27T11:59:00Z",
        currency="USD",
        payment="paid",
        lines=(
            Line(
                line_id="1", sku="SKU-1", title="Cup", quantity=2, unit_price_minor=500,
                total_minor=1000, weight_grams=300,
            ),
            Line(
                line_id="2", sku="SKU-2", title="Jar", quantity=1, unit_price_minor=750,
                total_minor=750,
            ),
        ),
        totals=Totals(
            subtotal_minor=1750, discount_minor=0, shipping_minor=500, tax_minor=0, total_minor=2250
        ),
        customer=Customer(name="Steve Shipper", email="steve@example.com"),
        ship_to=Address(
            name="Steve Shipper", lines=("123 Shipping Street",), city="Shippington",
            country="US", region="KY", postal_code="40003",
        ),
    )  # fmt: skip
    return replace(order, **changes)


def order_of(*lines: Line, **changes: object) -> Order:
    """Return an order of these lines whose totals add up."""
    goods = sum(line.total_minor for line in lines)
    totals = Totals(
        subtotal_minor=goods, discount_minor=0, shipping_minor=0, tax_minor=0, total_minor=goods
    )
    return an_order(lines=lines, totals=totals, **changes)


ELSEWHERE = Address(
    name="Steve Shipper", lines=("99 Pine Road",), city="Lexington", country="US", region="KY",
    postal_code="40502",
)  # fmt: skip


def later(minutes: int, order: Order | None = None, **changes: object) -> Order:
    """Return a statement that the channel makes so many minutes after noon."""
    at = f"2026-11-27T12:{minutes:02d}:00Z"
    return replace(order or an_order(), updated_at=at, **changes)


def has_another(claim: Claim | None, others: dict[str, Claimed]) -> Claimed | None:
    """Return which other order has what a decision claims, as a journal would tell it."""
    other = None if claim is None else others.get(claim.name)
    if claim is None or not claim.wants or other is None:
        return None
    return None if claim.person and other.stage == "cancelled" else other


class Story:
    """An order's story: feed inputs, look at the latest decision, check it holds together."""

    def __init__(
        self, *, policy: Policy | None = None, setup: Setup = SETUP, checked: bool = True
    ) -> None:
        self.policy = policy or Policy()
        self.setup = setup
        self.checked = checked
        self.mappings = NO_TABLES
        self.rules = NO_RULES
        self.world: World | None = None
        self.state: State = INITIAL
        self.now = NOON
        self.order: Order | None = None
        self.stated: Order | None = None
        self.events: list[e.OrderEvent] = []
        self.effects: dict[int, f.Effect] = {}
        self.lanes: dict[int, str] = {}
        self.timers: dict[tuple[Key, str], datetime] = {}
        self.last: Decision | None = None
        self.others: dict[str, Claimed] = {}

    def when(self, *inputs: i.Input) -> Story:
        """Feed inputs one after the other, a second apart."""
        for given in inputs:
            self.now += timedelta(seconds=1)
            context = Context(
                now=self.now,
                policy=self.policy,
                setup=self.setup,
                channel=CHANNEL,
                ref=REF,
                reference=REFERENCE,
                order=self.order,
                stated=self.stated,
                mappings=self.mappings,
                rules=self.rules,
                world=self.world,
            )
            decision = decide(self.state, given, context)
            if other := has_another(decision.claim, self.others):
                context = replace(context, claimed=other)
                decision = decide(self.state, given, context)
            if self.checked:
                again = decide(self.state, given, context)
                assert decision == again, "decide must be deterministic"
            self._take(decision)
        return self

    def done(self, kind: type[f.Effect], result: f.Result, key: str = "") -> Story:
        """A partner answers the open effect of this kind (of this thing, if there are several)."""
        return self.when(i.EffectDone(number=self.number(kind, key), result=result))

    def refused(self, kind: type[f.Effect], reason: str = "no", key: str = "") -> Story:
        """A partner refuses the open effect of this kind."""
        return self.when(i.EffectRefused(number=self.number(kind, key), reason=reason))

    def unknown(self, kind: type[f.Effect], key: str = "") -> Story:
        """No one knows how the open effect of this kind ended."""
        number = self.number(kind, key)
        return self.when(i.EffectGivenUp(number=number, reason="who knows", outcome_known=False))

    def number(self, kind: type[f.Effect], key: str = "") -> int:
        """Return the number of the open effect of this kind."""
        tag = tag_of(kind)
        numbers = [x.number for x in self.state.open if x.kind == tag and key in ("", x.key)]
        assert numbers, f"no {tag} {key} is open, only {self.open_kinds()}"
        return numbers[0]

    def effect(self, kind: type[f.Effect], key: str = "") -> f.Effect:
        """Return the open effect of this kind."""
        return self.effects[self.number(kind, key)]

    def open_kinds(self) -> list[str]:
        """Return the kinds of the open effects, with their things."""
        return [f"{intent.key} {intent.kind}" for intent in self.state.open]

    def act(self, verb: str, target: str = "", person: str = "ann") -> Story:
        """A person decides something."""
        return self.when(i.ActOnOrder(ref=REF, verb=verb, person=person, target=target))

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

    def then_stage(self, stage: str, key: str = "O") -> Story:
        """The order, or one of its things, stands here."""
        assert self.stage(key) == stage, self.state
        return self

    def stage(self, key: str = "O") -> str:
        """Return the stage of the order or one of its things, also of one that has ended."""
        gone = self.state.ended.get(Key(key))
        return gone.stage if gone is not None else stage_of(self.state, Key(key))

    def counts(self, line: int = 0) -> dict[str, int]:
        """Return the ledger of a line."""
        return dict(self.state.lines[line].counts)

    def _take(self, decision: Decision) -> None:
        self.last = decision
        if self.checked:
            check_rules(self.state, decision.events)
        self.events.extend(decision.events)
        for one in decision.effects:
            assert one.lane, one
            self.effects[one.number] = one.effect
            self.lanes[one.number] = one.lane
        for named in decision.clear_timers:
            self.timers.pop(named, None)
        self.timers.update({(key, name): at for key, name, at in decision.set_timers})
        self.state = decision.state
        if decision.body is not None:
            self.order = decision.body
        if decision.stated is not None:
            self.stated = decision.stated
        if self.checked:
            self.check()

    def check(self) -> None:
        """Replaying the events gives the stored state, and the books balance."""
        stored = encode_state(self.state)
        again = replay(decode_event(encode(event)) for event in self.events)
        assert encode_state(again) == stored, "replay must give the stored state, byte for byte"
        assert decode_state(stored) == self.state
        check_books(self.state)


THINGS = (
    "fulfilments", "parcels", "labels", "documents", "messages", "payments", "captures",
    "refunds", "returns",
)  # fmt: skip


def stage_of(state: State, key: Key) -> str:
    """Return where a thing stands; "" before it is there, "ended" for a tombstone."""
    if key == "O":
        return state.stage
    if key in state.ended:
        return "ended"
    found = (getattr(state, name).get(key) for name in THINGS)
    return next((str(one.stage) for one in found if one is not None), "")


def check_rules(state: State, events: Sequence[e.OrderEvent]) -> None:
    """Every event names the row of its machine's table that allows it in the stage it found."""
    for event in events:
        table, stage = FAMILY[kind_of(event.key)].table, stage_of(state, event.key)
        rules = {row.rule for row in table.rows if (row.stage, row.event) == (stage, type(event))}
        rules |= {one.rule for one in table.beside if one.event is type(event)}
        assert event.rule in rules or stage == "ended", (stage, event)
        state = evolve(state, event)


def check_books(state: State) -> None:
    """Every unit is in exactly one account, and the accounts say what the things say."""
    for at, line in enumerate(state.lines):
        assert ledger.is_balanced(line.counts), (at, line)
        allocated = sum(dict(x.left).get(at, 0) for x in state.fulfilments.values())
        assert allocated == line.counts.get("a", 0), (at, line, state.fulfilments)
        here = [
            dict(x.units).get(at, 0)
            for x in state.parcels.values()
            if x.stage in ("handed_over", "in_transit", "exception")
        ]
        assert sum(here) == line.counts.get("t", 0), (at, line, state.parcels)
        assert not (line.counts.get("o") and line.counts.get("x")), (at, line)


def packed(
    *parcels: i.ReportedParcel, key: Key = F1, complete: bool = True, sequence: int = 0
) -> i.ReportPacked:
    """Return that the warehouse packed a fulfilment (one parcel with all of it unless named)."""
    found = parcels or (i.ReportedParcel(parcel_id=f"{key}-1", weight_grams=600),)
    return i.ReportPacked(
        ref=REF, fulfilment=key, task_id=f"t-{key}", parcels=found, complete=complete,
        sequence=sequence,
    )  # fmt: skip


def a_parcel(parcel_id: str, number: str = "", **units: int) -> i.ReportedParcel:
    """Return a reported parcel that holds units by line: `a_parcel("1", l1=2)`."""
    held = tuple(f.Units(name[1:], f"SKU-{name[1:]}", count) for name, count in units.items())
    return i.ReportedParcel(
        parcel_id=parcel_id, units=held, tracking_number=number, carrier="DHL" if number else ""
    )


def handed_over(*parcels: i.ReportedParcel, key: Key = F1, sequence: int = 0) -> i.ReportHandedOver:
    """Return that the carrier has parcels (all that are packed unless named)."""
    return i.ReportHandedOver(
        ref=REF, fulfilment=key, task_id=f"t-{key}", parcels=parcels, sequence=sequence
    )


def sold(*parcels: Key, shipment: str = "1Z-S") -> f.LabelBought:
    """Return that the carrier sold labels for parcels; each number is `1Z-<key>`."""
    labels = tuple(f.BoughtLabel(parcel=key, tracking_number=f"1Z-{key}") for key in parcels)
    return f.LabelBought(shipment_id=shipment, carrier="UPS", labels=labels)


POSTED = f.SalesOrderPosted(erp_id="e-1", number="S-1")
SENT = f.MailSent(message_id="m-1")
RESERVED = f.StockReserved(place="WH1")


def given_placed(story: Story | None = None, **changes: object) -> Story:
    """A story in which a channel has placed an order."""
    return (story or Story()).when(i.PlaceOrder(order=an_order(**changes)))


def given_reserved(story: Story | None = None, **changes: object) -> Story:
    """… and its stock is reserved."""
    return given_placed(story, **changes).done(f.ReserveStock, RESERVED)


def given_released(story: Story | None = None, **changes: object) -> Story:
    """… and ERP, warehouse and customer know of it."""
    story = given_reserved(story, **changes)
    story.done(f.PostSalesOrder, POSTED).done(f.CreateTask, f.TaskCreated(task_id="t-F1"))
    return story.done(f.SendMail, SENT)


def given_packed(story: Story | None = None, **changes: object) -> Story:
    """… and the warehouse packed it into one parcel."""
    return given_released(story, **changes).when(packed())


def given_labelled(story: Story | None = None, **changes: object) -> Story:
    """… and the carrier sold the label."""
    return given_packed(story, **changes).done(f.BuyLabel, sold(K1))


def given_shipped(story: Story | None = None, **changes: object) -> Story:
    """… and the carrier scanned it."""
    story = given_labelled(story, **changes).when(i.TimerFired(name="track", key=K1))
    return story.done(f.TrackParcel, f.Tracked(status="in_transit"))


def published(story: Story, key: str = "F1", outside_id: str = "f-1") -> Story:
    """… and the storefront shows it."""
    return story.done(f.PublishFulfilment, f.FulfilmentPublished(outside_ids=(outside_id,)), key)


def given_closed(story: Story | None = None, **changes: object) -> Story:
    """… and it is delivered, and nothing is left to do."""
    story = published(given_shipped(story, **changes))
    story.when(i.TimerFired(name="track", key=K1))
    return story.done(f.TrackParcel, f.Tracked(status="delivered")).then_stage("closed")


def tags(events: Sequence[e.OrderEvent]) -> list[str]:
    """Return the versioned names of events."""
    return [tag_of(event) for event in events]
