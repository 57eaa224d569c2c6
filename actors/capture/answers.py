"""What each input means for a capture, stage by stage."""

from __future__ import annotations

from actors.capture.table import EVERY
from actors.capture.thing import CAPTURED, DROPPED, REFUSED, SKIPPED, WANTED
from actors.kernel.answers import REPORTS, Answers
from schemas.messages import inputs as i

_ENDED = (CAPTURED, REFUSED, SKIPPED, DROPPED)

ANSWERS = Answers(
    "capture",
    (
        (
            "handled",
            (WANTED, REFUSED, SKIPPED, DROPPED),
            (i.EffectDone,),
            "the channel took the money, however late",
        ),
        (
            "ignored",
            (CAPTURED,),
            (i.EffectDone,),
            "the money is taken; the channel repeats itself",
        ),
        (
            "handled",
            (WANTED,),
            (i.EffectRefused, i.EffectGivenUp),
            "a person says how to go on without the money, or it is not wanted any more",
        ),
        (
            "ignored",
            _ENDED,
            (i.EffectRefused, i.EffectGivenUp),
            "the channel is asked for no money that could be declined",
        ),
        (
            "handled",
            (WANTED,),
            (i.ActOnOrder,),
            "a person has it tried again, or lets the goods go without the money",
        ),
        ("refused", _ENDED, (i.ActOnOrder,), "it has ended; what is due is another capture"),
        (
            "ignored",
            EVERY,
            (i.TimerFired,),
            "what waits for the money has the alarm, and its payment the timer",
        ),
        (
            "ignored",
            EVERY,
            (i.PlaceOrder, i.ConfirmPayment, i.UpdateOrder, i.EditOrder),
            "its amount is fixed while it is asked for; the next one follows the order",
        ),
        (
            "ignored",
            EVERY,
            (i.CancelOrder,),
            "the joint table drops one of a cancelled order that took nothing",
        ),
        ("ignored", EVERY, REPORTS, "its amount was due before the goods moved on"),
        (
            "ignored",
            EVERY,
            (i.NoteReport, i.RefetchOrder),
            "what is news for the order is none for money that is being taken",
        ),
        (
            "ignored",
            EVERY,
            (i.HandleReturn,),
            "money is captured for what left, whether it comes back or not",
        ),
    ),
)
