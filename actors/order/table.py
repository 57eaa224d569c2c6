"""The life of the order itself as one table. Everything between accepted and its end is told by its
fulfilments; `actors.order.words` says it in words."""

from __future__ import annotations

from actors.kernel.tables import ELEVATED, Beside, Row, Table, Wait, go, stay
from schemas.messages import events as e

NEW, EXPECTED, PLACED, ACCEPTED = "new", "expected", "placed", "accepted"
CLOSED, CANCELLED, DUPLICATE = "closed", "cancelled", "duplicate"

ENDS = (CLOSED, CANCELLED, DUPLICATE)
FINAL = frozenset(ENDS)
UNBORN = frozenset({NEW, EXPECTED})
BORN = (PLACED, ACCEPTED, CLOSED, CANCELLED, DUPLICATE)
UNTOUCHED = (PLACED, DUPLICATE)
"""Stages in which nothing has been done for the order."""
FOLLOWING = (PLACED, ACCEPTED, DUPLICATE)
"""Stages in which an order follows all that its channel states."""
OPEN = (EXPECTED, PLACED, ACCEPTED)
KNOWN = (EXPECTED, *BORN)

TABLE = Table(
    "order",
    (
        *go("place", (NEW, EXPECTED), e.Placed, PLACED, "a channel stated the order"),
        Row(
            "place-after-all",
            CANCELLED,
            e.Placed,
            PLACED,
            "given up, and it arrived after all",
        ),
        *go("pay-first", (NEW, EXPECTED), e.PaymentConfirmed, EXPECTED, "the payment came first"),
        *go(
            "cancel-first",
            (NEW, EXPECTED),
            e.CancelRequested,
            EXPECTED,
            "the cancellation came first",
        ),
        Row("note-first", NEW, e.ReportNoted, EXPECTED, "news of it came first"),
        Row("refetch-first", NEW, e.RefetchAsked, EXPECTED, "somebody named it"),
        Row("nothing-there", EXPECTED, e.Cancelled, CANCELLED, "cancelled or given up first"),
        *stay("pay", FOLLOWING, e.PaymentConfirmed, "the channel says it is paid"),
        Row("accept", PLACED, e.Accepted, ACCEPTED, "the money is there, or it is promised"),
        Row("duplicate", PLACED, e.Duplicate, DUPLICATE, "it came through another channel first"),
        Row("take-over", DUPLICATE, e.TakenOver, PLACED, "the other one is cancelled"),
        *stay(
            "twin-cancelled",
            (DUPLICATE,),
            e.TwinCancelled,
            "the other one is cancelled, and its goods go nowhere",
        ),
        *stay("accept-more", (ACCEPTED,), e.Accepted, "a person accepts what was added"),
        *go("close", (PLACED, ACCEPTED), e.Closed, CLOSED, "nothing is left to do"),
        *go("cancelled", (PLACED, ACCEPTED), e.Cancelled, CANCELLED, "nothing of it went out"),
        *go("reopen", (CLOSED, CANCELLED), e.Reopened, ACCEPTED, "it has something to do again"),
        *stay("cancel", FOLLOWING, e.CancelRequested, "what has not left is undone"),
        *stay("too-late", (ACCEPTED, CLOSED), e.CancelRefused, "everything has left"),
        *stay("change", (*FOLLOWING, CLOSED), e.Changed, "the order says something else"),
        *stay("normalise", (PLACED,), e.Normalised, "the mappings changed"),
        *stay(
            "rules",
            FOLLOWING,
            e.RulesDecided,
            "the seller's rules were asked about it",
        ),
        *stay("drop", (PLACED, ACCEPTED), e.UnitsDropped, "no partner works on these units"),
        *stay("cover", (ACCEPTED,), e.ExcessCounted, "what left too much counts for what is open"),
        *stay("not-ours", (ACCEPTED,), e.LeftToOthers, "somebody else fulfils these units"),
        *stay(
            "elsewhere",
            (*FOLLOWING, CLOSED),
            e.ShippedElsewhere,
            "the channel shows it as fulfilled",
        ),
        *stay(
            "not-elsewhere",
            (*FOLLOWING, CLOSED),
            e.NotElsewhere,
            "the channel does not show it as fulfilled any more",
        ),
        *stay(
            "schedule",
            (*OPEN, DUPLICATE),
            e.UnitsScheduled,
            "the channel wants some of it sent later",
        ),
        *stay(
            "stop-asked",
            (PLACED, ACCEPTED, CLOSED, CANCELLED),
            e.StopAsked,
            "the channel asks not to send some of it",
        ),
        *stay("stop-decided", BORN, e.StopDecided, "it is known whether that is stopped"),
        *stay("stop-answered", BORN, e.StopAnswered, "the channel knows whether it is stopped"),
        *stay("request", KNOWN, e.RequestNoted, "the channel asks to take goods on"),
        *stay("request-answered", KNOWN, e.RequestAnswered, "the channel knows whether they are"),
        *stay(
            "channel-told",
            (PLACED, ACCEPTED, CANCELLED),
            e.ChannelTold,
            "the channel shows it cancelled",
        ),
        *stay("note", BORN, e.UpdateNoted, "nothing changes in what is to be done"),
        *stay("report", KNOWN, e.ReportNoted, "the channel told what happened there"),
        *stay("refetch", KNOWN, e.RefetchAsked, "it changed at the channel"),
        *stay("fetched", KNOWN, e.Fetched, "the channel returned it"),
    ),
    beside=(
        *ELEVATED,
        Beside("skip", e.Skipped, "a person went on without it"),
        Beside("hold", e.Held, "a person must decide"),
        Beside("free", e.HoldReleased, "it was decided"),
        Beside("task", e.TaskOpened, "only a person can do it"),
        Beside("task-done", e.TaskClosed, "a person did it, or it is not needed any more"),
        Beside("alarm", e.Overdue, "it waited longer than it may"),
        Beside("refuse", e.ActionRefused, "it can't be done as the order stands"),
    ),
    ends=ENDS,
)

WAITS: dict[str, Wait] = {
    EXPECTED: Wait("the channel to send the order itself", "place_due_seconds"),
    PLACED: Wait("the customer's payment", "payment_due_seconds"),
    ACCEPTED: Wait("the last partners to answer", "close_due_seconds"),
}
