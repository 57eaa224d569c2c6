"""Joint rules about payments: what is authorised, captured, expired and freed, and what goods wait
for. Of a channel whose money we do not capture nothing here says anything."""

from __future__ import annotations

from datetime import timedelta

from actors.capture.thing import WANTED, Capture
from actors.order import joint_things
from actors.order.charging import CAPTURABLE, authorised, is_covered, is_missing, latest, target
from actors.order.decision import moment
from actors.order.evolve import BY_ITSELF
from actors.order.joint_row import Joint
from actors.order.reading import is_held, is_labelled_by_us, is_open
from actors.order.signs import Sign
from actors.order.state import State
from actors.order.table import ACCEPTED, PLACED
from actors.order.work import Work
from actors.payment.evolve import MONEY_GONE
from actors.payment.thing import AUTHORISED, EXPIRED, EXPIRES, UNPAID, VOID, VOIDED, Payment
from schemas.messages import events as e
from schemas.order.money import decimal_text
from schemas.order.things import CAPTURE, PAYMENT, Key

IS_RESERVED = "authorized"
PAID = frozenset({"paid", "partially_refunded", "refunded"})
"""Payments with which the channel says that nothing is left to capture."""


def stated(work: Work) -> e.OrderEvent | None:
    """What the channel has reserved is a payment, where we are to capture it."""
    state, setup, order = work.state, work.context.setup, work.order
    if setup.capture == "none" or state.payment != IS_RESERVED or state.stage != ACCEPTED:
        return None
    if state.cancel is not None or order is None or not setup.storefront:
        return None
    if state.payments:
        return None  # what was reserved once and is gone is a person's, until the channel is paid
    amount, beside, currency = authorised(order)
    if amount <= 0:
        return None
    until = ""
    if setup.authorised_days:
        until = (moment(order.placed_at) + timedelta(days=setup.authorised_days)).isoformat()
    return e.PaymentAuthorised(
        rule="authorise",
        key=work.next(PAYMENT),
        amount_minor=amount,
        currency=currency,
        beside_minor=beside,
        until=until,
        method=state.payment_method,
    )


def captured_there(work: Work) -> e.OrderEvent | None:
    """What the channel calls paid is captured. While we are asking for it ourselves, our own answer
    tells."""
    found = _standing(work.state, AUTHORISED, EXPIRED, VOIDED)
    if found is None or work.state.payment not in PAID:
        return None
    key, one = found
    if any(x.payment == key and _may_be_taken(work, k) for k, x in _wanted(work.state)):
        return None
    left = one.amount - one.captured
    return e.PaymentCaptured(rule="captured-there", key=key, amount_minor=left)


def voided(work: Work) -> e.OrderEvent | None:
    """What was not captured of an order that the channel shows as cancelled, or of which it says
    that the money is gone, is free again."""
    state = work.state
    found = _standing(state, AUTHORISED, EXPIRED)
    if found is None or any(_may_be_taken(work, k) for k, _ in _wanted(state)):
        return None
    shown = state.cancel is not None and state.cancel.told and work.context.setup.voids
    by_hand = state.cancel is not None and found[1].freed
    said = any(hold.hold_id.startswith(MONEY_GONE) for hold in state.holds)
    if said or shown or by_hand:
        return e.PaymentVoided(rule="void", key=found[0])
    return None


def void_task(work: Work) -> e.OrderEvent | None:
    """Where the channel does not free with a cancellation what was not captured, a person does."""
    state = work.state
    found = _standing(state, AUTHORISED)
    if found is None or state.cancel is None or state.stage not in (PLACED, ACCEPTED):
        return None
    key, one = found
    task_id = f"{VOID}{key}"
    if work.context.setup.voids or one.freed or any(x.task_id == task_id for x in state.tasks):
        return None
    if any(_may_be_taken(work, k) for k, _ in _wanted(state)):
        return None
    words = (
        f"the order is cancelled, and {_rest(one)} are still reserved: void {key} in the channel "
        "or at its gateway, so that the customer has the money back at once"
    )
    return e.TaskOpened(rule="task", key=key, task_id=task_id, words=words)


def want(work: Work) -> e.OrderEvent | None:
    """What is due by now is captured, one capture after another."""
    state, setup = work.state, work.context.setup
    found = _standing(state, AUTHORISED)
    if found is None or state.cancel is not None or state.stage != ACCEPTED or is_held(state):
        return None
    key, one = found
    if one.waived or state.payment not in CAPTURABLE:
        return None
    if any(x.payment == key for _, x in _wanted(state)):
        return None
    due = target(state, work.order, setup, one) - one.captured
    if due <= 0:
        return None
    return e.CaptureWanted(
        rule="want",
        key=work.next(CAPTURE),
        payment=key,
        amount_minor=due,
        currency=one.currency,
        before_minor=one.captured,
    )


def drop(work: Work) -> e.OrderEvent | None:
    """A capture that is not wanted any more, and that surely took nothing, ends."""
    state = work.state
    for key, thing in _wanted(state):
        ends = state.cancel is not None or state.payments[thing.payment].stage != AUTHORISED
        if ends and not _may_be_taken(work, key):
            return e.CaptureDropped(rule="drop", key=key)
    return None


def missing(work: Work) -> e.OrderEvent | None:
    """Goods that wait for money which can't be captured are a person's to decide."""
    state, order = work.state, work.order
    found = latest(state)
    if found is None or state.stage != ACCEPTED:
        return None
    key, one = found
    task_id = f"{UNPAID}{key}"
    if any(x.task_id == task_id for x in state.tasks):
        return None
    if is_held(state) or not is_missing(state, order, work.context.setup):
        return None
    why = {
        EXPIRED: "its authorisation has expired",
        VOIDED: "its authorisation was voided",
        AUTHORISED: "the channel says that there is nothing to capture"
        if state.cancel is None
        else "the order is being cancelled and its goods can't be stopped",
    }.get(one.stage, "the gateway frees what was not captured at once")
    words = (
        f"goods wait for {_rest(one)} of {key}, and {why}: have the customer pay again, or cancel "
        "the order; mark this as done to let the goods go without it"
    )
    return e.TaskOpened(rule="task", key=key, task_id=task_id, words=words)


def settled(work: Work) -> e.OrderEvent | None:
    """What a payment asked of a person and what is not needed any more asks no one."""
    state = work.state
    for task in state.tasks:
        one = state.payments.get(task.key)
        if one is None:
            continue
        over = (
            (task.task_id.startswith(EXPIRES) and one.stage != AUTHORISED)
            or (task.task_id.startswith(VOID) and one.stage != AUTHORISED)
            or (
                task.task_id.startswith(UNPAID)
                and not is_missing(state, work.order, work.context.setup)
            )
        )
        if over:
            return e.TaskClosed(
                rule="task-done",
                task_id=task.task_id,
                person=BY_ITSELF,
                reason="it is not needed any more",
            )
    return None


def by_hand(work: Work) -> e.OrderEvent | None:
    """What no warehouse takes goes to a person as soon as its money is there."""
    event = joint_things.by_hand(work)
    return event if event is None or _is_free(work, event.key) else None


def digital(work: Work) -> e.OrderEvent | None:
    """What does not travel is fulfilled as soon as its money is there."""
    event = joint_things.digital(work)
    return event if event is None or _is_free(work, event.key) else None


def _is_free(work: Work, key: Key) -> bool:
    state, setup = work.state, work.context.setup
    if not state.payments:
        return True
    thing = state.fulfilments[key]
    labelled = is_labelled_by_us(thing, setup)
    return labelled or is_covered(state, work.order, setup, key)


def ends(work: Work, key: Key) -> None:
    """The timer of an authorisation: a person is told in time, and its end is recorded."""
    one = work.state.payments.get(key)
    if one is None or one.stage != AUTHORISED or not one.until:
        return
    if work.context.now >= moment(one.until):
        work.say(e.PaymentExpired(rule="expire", key=key))
    elif not one.warned:
        words = (
            f"{_rest(one)} of {key} are reserved until {one.until} and not captured: release what "
            "keeps the order waiting, or capture the money in the channel, before it expires"
        )
        work.say(e.TaskOpened(rule="task", key=key, task_id=f"{EXPIRES}{key}", words=words))


def _rest(one: Payment) -> str:
    return f"{decimal_text(one.amount - one.captured, one.currency)} {one.currency}"


def _standing(state: State, *stages: str) -> tuple[Key, Payment] | None:
    found = latest(state)
    return found if found is not None and found[1].stage in stages else None


def _wanted(state: State) -> list[tuple[Key, Capture]]:
    return [(k, x) for k, x in state.captures.items() if x.stage == WANTED]


def _may_be_taken(work: Work, key: Key) -> bool:
    """Whether a capture is under way, or no one knows how it ended."""
    return is_open(work.state, key) or work.is_doubtful(key)


_DUE = ("stage", "payment", "payments", "captures", "fulfilments", "lines", "holds", "cancel")

ROWS: tuple[Joint, ...] = (
    Joint(
        "authorised",
        ("stage", "payment", "payments", "cancel"),
        stated,
        (e.PaymentAuthorised,),
        "what the channel has reserved is a payment, where we are to capture it",
        needs=(Sign.AUTHORISED, Sign.ORDER_ACCEPTED),
    ),
    Joint(
        "captured-there",
        ("payment", "payments", "captures", "open", "stuck"),
        captured_there,
        (e.PaymentCaptured,),
        "what the channel calls paid is captured",
        needs=(Sign.PAYMENTS,),
    ),
    Joint(
        "voided",
        ("holds", "payments", "captures", "cancel", "open", "stuck"),
        voided,
        (e.PaymentVoided,),
        "what was not captured of a cancelled order is free again",
        needs=(Sign.PAYMENTS,),
    ),
    Joint(
        "void-task",
        ("stage", "payments", "captures", "cancel", "tasks", "open", "stuck"),
        void_task,
        (e.TaskOpened,),
        "a person frees what the channel does not free by itself",
        needs=(Sign.PAYMENTS, Sign.CANCELS),
    ),
    Joint(
        "want-capture",
        _DUE,
        want,
        (e.CaptureWanted,),
        "what is due for goods that may leave next, or for the order, is captured",
        needs=(Sign.PAYMENTS, Sign.ORDER_ACCEPTED),
        lacks=Sign.CANCELS,
    ),
    Joint(
        "drop-capture",
        ("payments", "captures", "cancel", "open", "stuck"),
        drop,
        (e.CaptureDropped,),
        "a capture that is not wanted any more and took nothing ends",
        needs=(Sign.PAYMENTS,),
    ),
    Joint(
        "unpaid",
        (*_DUE, "tasks"),
        missing,
        (e.TaskOpened,),
        "goods that wait for money which is not captured by itself are a person's to decide",
        needs=(Sign.PAYMENTS, Sign.ORDER_ACCEPTED),
    ),
    Joint(
        "payment-settled",
        (*_DUE, "tasks"),
        settled,
        (e.TaskClosed,),
        "what a payment asked of a person and is not needed any more asks no one",
        needs=(Sign.PAYMENTS, Sign.TASKS),
    ),
)
"""The rules about payments, in the order of precedence."""
