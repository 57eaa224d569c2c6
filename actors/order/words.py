"""What a reader is told about an order: how far it is, whom it waits for, whether one must look."""

from __future__ import annotations

from msgspec import Struct

from actors.capture.table import WAITS as CAPTURE_WAITS
from actors.fulfilment.table import AT_WORK, AWAY
from actors.fulfilment.table import WAITS as FULFILMENT_WAITS
from actors.fulfilment.thing import Fulfilment
from actors.kernel import ledger
from actors.kernel.failing import who_acts
from actors.order.claiming import is_to_be_asked, words_of
from actors.order.evolve import FETCH, UNMAPPED
from actors.order.reading import parcels_of, shipped
from actors.order.state import Hold, State, Stuck
from actors.order.table import ACCEPTED, EXPECTED, FINAL, NEW, PLACED
from actors.order.table import WAITS as ORDER_WAITS
from actors.parcel.table import ENDS
from actors.parcel.table import WAITS as PARCEL_WAITS
from actors.parcel.thing import Parcel
from schemas.messages.base import Intent
from schemas.messages.words.effects import effect_words
from schemas.order.things import DOCUMENT, kind_of

MAX_WORDS = 300
"""Characters of what an order waits for: a list shows one line."""

STEPS = (
    "planned", "short", "reserved", "released", "picked", "packed", "handed_over", "done"
)  # fmt: skip
"""Stages of a fulfilment, the least far first; an order is as far as its least."""

WORDS = {
    "planned": "accepted",
    "short": "backordered",
    "reserved": "reserved",
    "released": "released",
    "picked": "picked",
    "packed": "packed",
    "handed_over": "shipped",
    "done": "delivered",
}


class OrderSummary(Struct, frozen=True, kw_only=True):
    """What lists show of an order. `progress` says how far the least of its goods are; `final`
    that nothing will happen by itself any more; `attention` that a person must look; `in_house`
    that a place picks and packs goods of it now."""

    channel: str
    ref: str
    number: str
    reference: str
    stage: str
    progress: str
    waiting_for: str
    currency: str
    total_minor: int
    final: bool
    attention: bool
    in_house: bool
    fulfilments: int
    parcels: int


def row_of(state: State) -> OrderSummary:
    """Return what lists show of an order."""
    return OrderSummary(
        channel=state.channel,
        ref=state.ref,
        number=state.number,
        reference=state.reference,
        stage=stage_of(state),
        progress=progress(state),
        waiting_for=waiting_for(state),
        currency=state.currency,
        total_minor=state.total_minor,
        final=state.stage in FINAL and not state.open,
        attention=bool(state.stuck or _holds(state) or state.tasks or state.overdue),
        in_house=_is_in_house(state),
        fulfilments=state.numbers.get("F", 0),
        parcels=state.numbers.get("K", 0),
    )


def _is_in_house(state: State) -> bool:
    if state.stage != ACCEPTED:
        return False
    # Also while it is cancelled: whoever packs it has to see that it is not wanted any more.
    return any(
        one.stage in AT_WORK and one.delivery not in AWAY for one in state.fulfilments.values()
    )


def stage_of(state: State) -> str:
    """Return the order's stage as people name it: `open` once something is planned, `completed`
    when all of it has arrived, `cancelling` while it is undone."""
    if state.stage not in (PLACED, ACCEPTED):
        return state.stage
    if state.cancel is not None:
        return "cancelling"
    if state.stage == PLACED or not (state.fulfilments or state.ended):
        return state.stage
    return "completed" if _is_complete(state) else "open"


def _is_complete(state: State) -> bool:
    sums = state.sums
    if sums.get("o") or sums.get("a") or sums.get("t"):
        return False
    return shipped(state) > 0


def progress(state: State) -> str:
    """Return how far the least of an order's goods are."""
    if state.stage in FINAL or state.stage in (NEW, EXPECTED, PLACED):
        return state.stage
    if state.cancel is not None:
        return "cancelling"
    live = [x for x in state.fulfilments.values() if x.stage in STEPS]
    if any(x.stop for x in live) or state.sums.get("o"):
        return "accepted"
    if live:
        least = live[0]
        if len(live) > 1:
            least = min(live, key=lambda one: STEPS.index(one.stage))
        if least.stage == "handed_over" and _is_complete(state):
            return "delivered"
        return WORDS[least.stage]
    return "delivered" if _is_complete(state) else "accepted"


def waiting_for(state: State) -> str:
    """Say in words whom the order waits for; "" for a final one that no one has to look at. Of one
    that came through another channel before, which order is worked on."""
    if state.stuck:  # also of one at its end: somebody must still look, and wants to know why
        return _of_stuck(state.stuck[0])[:MAX_WORDS]
    if state.twin is not None and not state.tasks:
        whom = "its channel to cancel it, too" if is_to_be_asked(state) else "no one"
        return words_of(state.twin, whom)[:MAX_WORDS]
    held = _held(state)
    if held:
        return held[:MAX_WORDS]
    if state.tasks:
        return f"a person: {state.tasks[0].words}"[:MAX_WORDS]
    if state.holds:
        return "the channel to say how the order is now"
    if state.stage in FINAL:
        return _answer_of(state.open[0])[:MAX_WORDS] if state.open else ""
    if state.stage == NEW:
        return "its first input"
    if state.stage == EXPECTED and state.waits:
        return f"the channel: {state.waits}"[:MAX_WORDS]
    if state.stage != ACCEPTED:
        return ORDER_WAITS[state.stage].whom
    return _goods(state)[:MAX_WORDS]


_PAYMENT = f"{UNMAPPED}payment"
_CORRECTED = (
    *(f"{UNMAPPED}{kind}" for kind in ("account", "address", "labels", "service")),
    _PAYMENT,
)
"""Holds that no table frees."""


def _holds(state: State) -> tuple[Hold, ...]:
    """Return the holds that wait for a person: one until the channel has stated the order again
    ends by itself, while it is asked for it."""
    if not state.holds or state.twin is not None:
        return ()
    asked = state.refetch or any(one.kind == FETCH for one in state.open)
    return tuple(hold for hold in state.holds if not (hold.since and asked))


def _held(state: State) -> str:
    if not state.holds:
        return ""
    missing = [hold.reason for hold in state.holds if hold.hold_id.startswith(UNMAPPED)]
    if missing:
        beyond = all(x.hold_id.startswith(_CORRECTED) for x in state.holds)
        whom = "a person to correct it" if beyond else "a mapping"
        if all(x.hold_id == _PAYMENT for x in state.holds):
            whom = "a person to agree"
        return f"{whom}: {'; '.join(missing)}"
    waiting = _holds(state)
    if waiting:
        one = waiting[0]
        return f"a person to release the hold {one.hold_id}: {one.reason}"
    return ""


def _of_stuck(one: Stuck) -> str:
    """Say who must act, on what, and why."""
    what, known = effect_words(one.kind, one.key), one.outcome_known
    who = who_acts(one.kind, one.reason, known=known)
    if one.refused:
        how = "was refused"
    else:
        how = "was not done" if known else "may have been done, or not"
    return f"a person ({who}) to retry or skip: {what} {how}: {one.reason}"


def _goods(state: State) -> str:
    live = [(k, x) for k, x in state.fulfilments.items() if x.stage not in ("done", "cancelled")]
    if live:
        key, thing = live[0] if len(live) == 1 else min(live, key=lambda one: _rank(one[1]))
        return of_fulfilment(state, key, thing)
    if state.sums.get("o"):
        if state.later:
            first = min((one.at for one in state.later if one.at), default="")
            return f"its day, {first}" if first else "the channel to ask for its goods"
        return "the payment of what was added"
    if state.open:
        return _answer_of(state.open[0])
    return ORDER_WAITS[ACCEPTED].whom


def _answer_of(one: Intent) -> str:
    """Say who is asked for what."""
    what = effect_words(one.kind, one.key)
    return f"the answer of {one.lane} ({what[:1].lower()}{what[1:]})"


def _rank(thing: Fulfilment) -> int:
    if thing.stop:
        return -1
    return STEPS.index(thing.stage) if thing.stage in STEPS else -1


def _of_packed(state: State, key: str, thing: Fulfilment, mine: list[Parcel]) -> str:
    labels = [x for x in state.labels.values() if x.fulfilment == key]
    if any(x.stage == "wanted" for x in labels):
        return "the carrier to sell the label"
    if thing.last:
        return "the warehouse to tell what it packed before its last report"
    if thing.more:
        return "the warehouse to pack the rest"
    if thing.left and all(x.stage != "packed" for x in mine):
        return "the warehouse to send the rest"
    if thing.ready:
        return "the customer to collect it"
    if not any(x.number for x in mine):
        return "the warehouse to hand it over"
    return ""


def of_fulfilment(state: State, key: str, thing: Fulfilment) -> str:
    """Say in words whom a fulfilment waits for."""
    if thing.untold:
        return "the warehouse to tell what the parcels hold that have left"
    if thing.stop:
        return f"partners to undo {key}" + (", which the warehouse cancels" if thing.asked else "")
    if thing.stage == "short":
        skus = dict.fromkeys(state.lines[at].sku for at, _ in thing.left)
        return f"stock of {', '.join(skus)}"
    if thing.person and (thing.stage in ("released", "picked") or thing.more):
        return f"a person to pack {key}"
    if thing.stage in ("planned", "reserved", "packed") and any(
        x.stage == "wanted" for x in state.captures.values()
    ):
        return CAPTURE_WAITS["wanted"].whom
    mine = [x for k, x in parcels_of(state, key)]  # type: ignore[arg-type]  # a key is a text
    if thing.stage == "handed_over":
        for one in mine:
            if one.stage not in ENDS:
                return PARCEL_WAITS[one.stage].whom
        return FULFILMENT_WAITS["handed_over"].whom
    if thing.stage == "packed" and (told := _of_packed(state, key, thing, mine)):
        return told
    if thing.is_lapsed:
        return "the stock, which is reserved again when the order goes on"
    if thing.stage == "reserved" and _waits_for_erp(state, key):
        return "the ERP to take the sales order first"
    return FULFILMENT_WAITS[thing.stage].whom


def _waits_for_erp(state: State, key: str) -> bool:
    """Whether the place is asked for nothing while the ERP is asked to take the order."""
    asked = [one.key for one in state.open]
    return key not in asked and any(kind_of(one) == DOCUMENT for one in asked)


def is_balanced(state: State) -> bool:
    """Whether the ledger of every line balances."""
    return all(ledger.is_balanced(line.counts) for line in state.lines)
