"""What a restoration makes doubtful, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from actors.order.decision import Decision, Intended
from actors.order.stream import INITIAL
from adapters.postgres.restorations import Restoration
from schemas.messages import effects as f
from schemas.messages.inputs import ActOnOrder, PlaceOrder
from schemas.order.canonical import Order
from schemas.order.things import Key
from service.wiring.restored import AHEAD, HELD, Doubt
from tests.orders import an_order

BEGAN = datetime(2026, 11, 20, 10, tzinfo=UTC)
SOON = BEGAN + timedelta(hours=1)
MAIL = f.SendMail(template="order_confirmed")
TASK = f.CreateTask(place="east", units=())
ACT = ActOnOrder(ref="1", verb="retry", person="p", reason="r")


def _doubt(ended_at: datetime | None = None) -> Doubt:
    found = Doubt.of(
        Restoration(
            how="a test", taken_at=None, restored_at=BEGAN, began_at=BEGAN, ended_at=ended_at,
            ended_by="",
        )
    )  # fmt: skip
    assert found is not None
    return found


def _order(placed: datetime) -> Order:
    return replace(an_order(), placed_at=placed.isoformat())


def _attempts(
    doubt: Doubt, effect: f.Effect, *, placed: datetime, now: datetime = SOON, told: bool = False
) -> int:
    one = Intended(number=1, key=Key("F1"), lane="x", effect=effect)
    order = _order(placed)
    decision = Decision(state=INITIAL, effects=(one,))
    command = ACT if told else PlaceOrder(order=order)
    return doubt.about(decision, command, order, now).effects[0].attempts


def test_nothing_is_doubtful_without_a_restoration_that_began() -> None:
    """A database that was never put back, or not started since, doubts nothing."""
    assert Doubt.of(None) is None
    noted = Restoration(
        how="", taken_at=None, restored_at=BEGAN, began_at=None, ended_at=None, ended_by=""
    )
    assert Doubt.of(noted) is None


def test_orders_placed_before_the_start_are_always_in_doubt() -> None:
    """What can be looked up of an older order is looked up, a year later as well; of an order that
    was placed after the start, with room for clocks, it is not."""
    before, after = BEGAN - timedelta(days=1), BEGAN + AHEAD + timedelta(seconds=1)
    assert _attempts(_doubt(), TASK, placed=before) == 1
    assert _attempts(_doubt(), TASK, placed=before, now=BEGAN + timedelta(days=365)) == 1
    assert _attempts(_doubt(), TASK, placed=BEGAN + AHEAD) == 1
    assert _attempts(_doubt(), TASK, placed=after) == 0


def test_mails_are_held_for_a_week_or_until_a_person_ends_it() -> None:
    """A mail of an older order is doubtful up to the end of the hold, and not after it."""
    before = BEGAN - timedelta(days=1)
    assert _attempts(_doubt(), MAIL, placed=before, now=BEGAN + HELD) == 1
    late = BEGAN + HELD + timedelta(seconds=1)
    assert _attempts(_doubt(), MAIL, placed=before, now=late) == 0
    ended = _doubt(ended_at=SOON)
    assert _attempts(ended, MAIL, placed=before, now=SOON + timedelta(seconds=1)) == 0
    assert _attempts(ended, TASK, placed=before, now=SOON + timedelta(seconds=1)) == 1


def test_a_person_has_a_mail_sent_but_no_task_made_blindly() -> None:
    """Whoever retries a mail has looked; what a person retries and can be looked up still is."""
    before = BEGAN - timedelta(days=1)
    assert _attempts(_doubt(), MAIL, placed=before, told=True) == 0
    assert _attempts(_doubt(), TASK, placed=before, told=True) == 1


def test_questions_and_our_own_stock_are_never_in_doubt() -> None:
    """What changes nothing at a partner is asked at once."""
    before = BEGAN - timedelta(days=1)
    for effect in (f.FetchOrder(), f.ReserveStock(place="east", units=())):
        assert _attempts(_doubt(), effect, placed=before) == 0


def test_an_order_whose_data_was_erased_is_in_doubt() -> None:
    """When it was placed is not known any more, so it counts as older."""
    one = Intended(number=1, key=Key("F1"), lane="x", effect=TASK)
    decided = _doubt().about(Decision(state=INITIAL, effects=(one,)), ACT, None, SOON)
    assert decided.effects[0].attempts == 1
