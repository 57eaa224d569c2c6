"""What each input means for the order itself, stage by stage."""

from __future__ import annotations

from actors.kernel.answers import REPORTS, Answers
from actors.order.table import ACCEPTED, CANCELLED, CLOSED, DUPLICATE, EXPECTED, NEW, PLACED
from schemas.messages import inputs as i

_EVERY = (NEW, EXPECTED, PLACED, ACCEPTED, CLOSED, CANCELLED, DUPLICATE)
_KNOWN = (EXPECTED, PLACED, ACCEPTED, CLOSED, CANCELLED, DUPLICATE)
ANSWERS = Answers(
    "order",
    (
        (
            "handled",
            _EVERY,
            (i.PlaceOrder, i.UpdateOrder, i.ConfirmPayment),
            "it is placed, changed or paid, or the statement is noted; its time tells a stale one",
        ),
        (
            "handled",
            (NEW, EXPECTED, PLACED, ACCEPTED),
            (i.CancelOrder,),
            "what has not left is undone",
        ),
        (
            "handled",
            (DUPLICATE,),
            (i.CancelOrder,),
            "it is recorded, so that no one takes it over",
        ),
        ("refused", (CLOSED,), (i.CancelOrder,), "everything has left; a return is needed"),
        ("ignored", (CANCELLED,), (i.CancelOrder,), "it is cancelled already"),
        ("handled", _EVERY, (i.NoteReport,), "news is kept for people, and may hold the order"),
        (
            "handled",
            (NEW, EXPECTED, PLACED, ACCEPTED, CLOSED, DUPLICATE),
            (i.RefetchOrder,),
            "the current order is fetched",
        ),
        (
            "handled",
            (CANCELLED,),
            (i.RefetchOrder,),
            "one that was given up before it came is fetched; nothing else would change it",
        ),
        (
            "ignored",
            (NEW, EXPECTED),
            REPORTS,
            "no warehouse was told of an order that has not come",
        ),
        (
            "handled",
            (PLACED, ACCEPTED, CLOSED, CANCELLED, DUPLICATE),
            REPORTS,
            "its fulfilment takes it; one that the order does not have is a person's",
        ),
        (
            "ignored",
            (NEW,),
            (i.EffectDone, i.EffectRefused, i.EffectGivenUp),
            "nothing was asked of anyone for an order that no one has heard of",
        ),
        (
            "handled",
            _KNOWN,
            (i.EffectDone, i.EffectRefused, i.EffectGivenUp),
            "an effect's thing takes its end, by its number",
        ),
        ("ignored", (NEW,), (i.TimerFired,), "it has no timer before its first input"),
        (
            "handled",
            (EXPECTED, PLACED, ACCEPTED),
            (i.TimerFired,),
            "an alarm, a look at the mappings, or the closing of a delivered order",
        ),
        (
            "handled",
            (DUPLICATE,),
            (i.TimerFired,),
            "the order that is worked on instead was cancelled, and a person is asked in the end",
        ),
        (
            "handled",
            (CLOSED, CANCELLED),
            (i.TimerFired,),
            "an alarm about goods that come back; nothing else is due at its end",
        ),
        ("ignored", (NEW,), (i.ActOnOrder, i.EditOrder), "no one can decide about nothing"),
        (
            "handled",
            _KNOWN,
            (i.ActOnOrder,),
            "a person decides, or is told why it can't be done",
        ),
        (
            "handled",
            (PLACED, ACCEPTED),
            (i.EditOrder,),
            "a person changes the order, or gives money back",
        ),
        (
            "handled",
            (CLOSED, CANCELLED),
            (i.EditOrder,),
            "a person gives money back; nothing else of it can be changed any more",
        ),
        (
            "refused",
            (EXPECTED, DUPLICATE),
            (i.EditOrder,),
            "there is nothing to change yet, or not any more",
        ),
        (
            "handled",
            (PLACED, ACCEPTED, CLOSED, CANCELLED, DUPLICATE),
            (i.HandleReturn,),
            "what left comes back, or a person is told why it can't; also at its end",
        ),
        (
            "ignored",
            (NEW, EXPECTED),
            (i.HandleReturn,),
            "nothing of it has left from here that could come back",
        ),
    ),
)
