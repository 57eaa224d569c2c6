"""Holds by what the channel said, or by what it said that is not known: what begins them and what
ends them."""

from __future__ import annotations

from msgspec.structs import replace

from actors.order.acceptance import accept, promised_by
from actors.order.decision import moment
from actors.order.evolve import BY_ITSELF
from actors.order.reading import MONEY_IS_GONE, MONEY_IS_THERE, UNPAID, UNPROMISED
from actors.order.state import Hold
from actors.order.table import ACCEPTED, DUPLICATE, OPEN, TABLE
from actors.order.work import Work
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.order.canonical import Order

MAX_HOLDS = 16
"""How many holds one order may carry; one more (`news-beyond`) stands for all that follow."""
MAX_NOTED_VERSION = 5_000
"""From this version on an order's timeline takes no more notes, and what it is held for is not
followed from one piece of news to the next: a flood must not grow it."""
SAID_TWICE, UNREAD = "said-twice", "unread-statement"
"""Of holds until it is known which of two statements for one second was the last, and of one that
was not understood."""
NEWS_BEYOND, OUTSIDE_BEYOND = "news-beyond", "outside-beyond"
STOPS_BEYOND, REQUESTS_BEYOND = "stops-beyond", "requests-beyond"
"""Holds of an order that has more of something than is kept: a person looks at the channel."""

_SINCE = "the channel has stated the order since; what differs follows by itself"


def for_unread(work: Work, command: i.NoteReport) -> None:
    """Hold the order until the channel's word is known again that was not understood. Nothing is
    held for one that is known to be older than what was understood last."""
    stated = work.state.source_updated_at
    if command.at and stated and moment(stated) > moment(command.at):
        return
    until_stated(work, UNREAD, command.words, command.at or "", MAX_HOLDS)


def until_stated(work: Work, name: str, words: str, since: str, most: int) -> None:
    """Hold the order until the channel states it from `since` on ("": that is not known). There is
    one such hold of a name, for the newest of what it is for: what came between ends nothing. Once
    the timeline is full a person ends it, whatever is stated."""
    state = work.state
    if state.version >= MAX_NOTED_VERSION:
        since = ""
    before = next((x for x in state.holds if x.hold_id.startswith(f"{name}-")), None)
    if before is None and len(state.holds) >= most:
        news_beyond(work)
        return
    asked = state.last_effect if name == UNREAD else 0
    if before is not None:
        if not since or not before.since:
            since = ""
        elif moment(before.since) >= moment(since):
            return
        if (since, asked) == (before.since, before.asked):
            return
    hold_id = f"{name}-{state.version + 1}"
    work.say(e.Held(rule="hold", hold_id=hold_id, reason=words, compare_from=since, asked=asked))
    if before is not None:
        _free(work, before, "it waits for something newer now")


def free_compared(work: Work, order: Order, fetched: int = 0) -> None:
    """News said that something changed, and not what, or was not understood. This statement is as
    new, or was asked for since (`fetched`), so it is known."""
    for hold in work.state.holds:
        unread = hold.hold_id.startswith(f"{UNREAD}-")
        if (hold.since and moment(order.updated_at) >= moment(hold.since)) or (
            unread and fetched > hold.asked
        ):
            _free(work, hold, _SINCE)


def for_doubt(work: Work) -> None:
    """Hold the order of which two statements for one second differ."""
    once(
        work,
        SAID_TWICE,
        "the channel stated the order twice for the same second, and differently",
    )


def free_doubt(work: Work) -> None:
    """A later statement says how the order is, whichever of those before it was the last."""
    for hold in work.state.holds:
        if hold.hold_id.startswith(f"{SAID_TWICE}-"):
            _free(work, hold, _SINCE)


def without_money(work: Work, order: Order) -> None:
    """An order was accepted for its money, and the channel says it went back: nothing leaves the
    house until a person has looked."""
    state = work.state
    if order.payment not in MONEY_IS_GONE or state.payment not in MONEY_IS_THERE:
        return
    if state.sums.get("o") or state.sums.get("a"):
        once(
            work,
            UNPAID,
            f"the channel says the payment is {order.payment}: cancel, or ship all the same",
        )


def follow_promise(work: Work, order: Order) -> None:
    """An order that was accepted because its payment was promised follows the promise: where the
    channel now names a method that promises nothing, nothing leaves the house until it is paid or
    promised again, or a person decides."""
    state, setup = work.state, work.context.setup
    if state.stage != ACCEPTED or state.payment in MONEY_IS_GONE:
        return
    held = [x for x in state.holds if x.hold_id.startswith(f"{UNPROMISED}-")]
    if not held and work.before.payment_method == state.payment_method:
        return
    if accept(replace(state, holds=()), setup).basis:
        for hold in held:
            _free(work, hold, "it is paid or promised by now")
    elif not held and _was_promised(work) and (state.sums.get("o") or state.sums.get("a")):
        named = order.payment_method or "none"
        once(
            work,
            UNPROMISED,
            f"it was accepted because its payment was promised by {work.before.payment_method}, "
            f"and the channel now names another method ({named}): wait for the payment, cancel, or "
            "release this to ship all the same",
        )


def _was_promised(work: Work) -> bool:
    return promised_by(work.before.payment_method, work.context.setup.promised)


def once(work: Work, name: str, reason: str) -> None:
    """Hold the order for something of this name, unless it is held for it already."""
    state = work.state
    if (
        state.stage not in (*OPEN, DUPLICATE)
        or state.cancel is not None
        or any(hold.hold_id.startswith(f"{name}-") for hold in state.holds)
    ):
        return
    if len(state.holds) >= MAX_HOLDS:
        beyond(work, NEWS_BEYOND, _TOO_MUCH)
        return
    work.say(e.Held(rule="hold", hold_id=f"{name}-{state.version + 1}", reason=reason))


def news_beyond(work: Work) -> None:
    """Hold the order for news that no hold of its own is kept for."""
    beyond(work, NEWS_BEYOND, _TOO_MUCH)


def beyond(work: Work, hold_id: str, reason: str) -> None:
    """Hold an order of which more was said than is kept: a person looks."""
    state = work.state
    if TABLE.allows(state.stage, e.Held) and not any(x.hold_id == hold_id for x in state.holds):
        work.say(e.Held(rule="hold", hold_id=hold_id, reason=reason))


_TOO_MUCH = (
    "the channel said more of it than holds or notes of their own are kept for: compare the order "
    "with the channel, then release this"
)


def _free(work: Work, hold: Hold, reason: str) -> None:
    work.say(e.HoldReleased(rule="free", hold_id=hold.hold_id, person=BY_ITSELF, reason=reason))
