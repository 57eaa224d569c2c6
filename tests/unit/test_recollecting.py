"""After a restoration: what a channel shows of an order is ours, or somebody else's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from actors.kernel.setup import Place, Setup
from actors.order.policy import Policy
from actors.runtime.call_policy import CallPolicy
from actors.runtime.errors import Unknown
from actors.runtime.lanes import Lanes
from actors.runtime.mailbox import POISON, STOPPED, Envelope
from actors.runtime.partner import Call
from actors.runtime.ports import Loaded
from actors.runtime.references import References
from schemas.messages.effects import CreateTask, Result, TaskCreated, Units
from schemas.messages.inputs import CancelOrder, OutsideShipment, PlaceOrder
from schemas.order.ids import OrderId, order_id_for, verify_reference
from schemas.order.things import Key
from service.backup.recollecting import Recollecting
from service.wiring.order_stream import OrderStream
from service.wiring.restored import HELD, Doubt
from tests.fakes import NOON, JumpingClock
from tests.orders import an_order
from tests.waiting import eventually

KEYS = {"1": b"k" * 32}
SHOP, REF = "acme-us", "1001"
ORDER = order_id_for(SHOP, REF)


class Warehouse:
    """Knows a task, or not; or does not answer."""

    name, can_look_up = "east", True

    def __init__(self) -> None:
        self.knows: Result | Exception | None = None
        self.asked: list[Call] = []

    async def perform(self, call: Call) -> Result:
        raise AssertionError(f"{call} was made, and may only be looked up.")

    async def look_up(self, call: Call) -> Result | None:
        self.asked.append(call)
        if isinstance(self.knows, Exception):
            raise self.knows
        return self.knows


class Journal:
    """Knows no order."""

    async def append(self, append: Any) -> Any:
        raise AssertionError(append)

    async def load(self, order_id: OrderId) -> Loaded | None:
        return None

    async def history(self, order_id: OrderId, version: int) -> Any:
        raise AssertionError(order_id)


class Scene:
    """One shop, one place, and a restoration that began at noon."""

    def __init__(self) -> None:
        self.clock = JumpingClock()
        self.warehouse = Warehouse()
        self.posted: list[Envelope] = []
        self.ended: list[tuple[str, str]] = []
        setup = Setup(channel=SHOP, places=(Place(name="main", warehouse="east"),))
        stream = OrderStream(policy=Policy(), setups={SHOP: setup})
        stream.doubt = Doubt(began_at=NOON, held_until=NOON + HELD)
        lanes = Lanes({"east": (self.warehouse, CallPolicy())})
        self.recollecting = Recollecting(
            self, stream, lanes, References(KEYS, "1"), Journal(), self.clock
        )

    def post(self, order_id: OrderId, envelope: Envelope) -> None:
        """As the registry."""
        assert order_id == ORDER
        self.posted.append(envelope)

    def brings(self, command: Any) -> None:
        """Have an input come in."""
        envelope = Envelope(
            command, "1", lambda how, why: self.ended.append((how, why)), channel=SHOP, ref=REF
        )
        self.recollecting.post(ORDER, envelope)

    async def came(self) -> Any:
        """The command that reached its order."""
        await eventually(lambda: self.posted)
        (envelope,) = self.posted
        return envelope.command


@pytest.fixture
def scene() -> Scene:
    return Scene()


def _placed(days: float, *, fulfilled: bool = True) -> PlaceOrder:
    at = (NOON + timedelta(days=days)).isoformat()
    shown = OutsideShipment(outside_id="7", units=(Units(line_id="1", sku="MUG", quantity=1),))
    order = replace(an_order(), ref=REF, placed_at=at)
    return PlaceOrder(order=order, fulfilled=(shown,) if fulfilled else ())


async def test_what_the_warehouse_knows_was_ours(scene: Scene) -> None:
    """It is asked for the first fulfilment's own reference; the shipment is left out then."""
    scene.warehouse.knows = TaskCreated(task_id="WT-1")
    scene.brings(_placed(-1))
    assert (await scene.came()).fulfilled == ()
    (call,) = scene.warehouse.asked
    assert isinstance(call.effect, CreateTask)
    assert verify_reference(call.reference, KEYS) == (ORDER, Key("F1"))


async def test_what_no_partner_knows_was_somebody_elses(scene: Scene) -> None:
    """The shipment stays, and nothing is sent by us."""
    scene.brings(_placed(-1))
    assert len((await scene.came()).fulfilled) == 1
    assert len(scene.warehouse.asked) == 1


async def test_what_is_not_in_doubt_passes_at_once(scene: Scene) -> None:
    """An order without shipments, one placed later, and any after the hold cost no question."""
    scene.brings(_placed(-1, fulfilled=False))
    scene.brings(_placed(1))
    scene.clock.seconds = HELD.total_seconds() + 1
    scene.brings(_placed(-1))
    assert len(scene.posted) == 3
    assert scene.warehouse.asked == []


async def test_a_partner_that_does_not_answer_is_asked_again(scene: Scene) -> None:
    """The message comes again: neither answer is assumed."""
    scene.warehouse.knows = Unknown("It is away.")
    scene.brings(_placed(-1))
    await eventually(lambda: scene.ended)
    assert scene.ended[0][0] == STOPPED
    assert scene.posted == []


async def test_an_unknown_order_that_was_cancelled_is_a_persons_if_a_partner_knows_it(
    scene: Scene,
) -> None:
    """What the lost life began for it has to be stopped by somebody; else it is just cancelled."""
    scene.warehouse.knows = TaskCreated(task_id="WT-1")
    scene.brings(CancelOrder(ref=REF))
    await eventually(lambda: scene.ended)
    how, why = scene.ended[0]
    assert how == POISON
    assert "east knows it under our reference" in why
    assert scene.posted == []
    scene.warehouse.knows = None
    scene.brings(CancelOrder(ref=REF))
    assert await scene.came() == CancelOrder(ref=REF)
