"""What each input means for a message to the customer, stage by stage."""

from __future__ import annotations

from actors.kernel.answers import Answers
from actors.messages.table import EVERY
from actors.messages.thing import REFUSED, SENT, SKIPPED, WANTED
from schemas.messages import inputs as i

ANSWERS = Answers(
    "message",
    (
        (
            "handled",
            (WANTED, REFUSED, SKIPPED),
            (i.EffectDone,),
            "it was sent, however late that is known",
        ),
        ("ignored", (SENT,), (i.EffectDone,), "it is known that it was sent"),
        (
            "handled",
            (WANTED,),
            (i.EffectRefused, i.EffectGivenUp),
            "a person says whether to send it again",
        ),
        (
            "ignored",
            (SENT, REFUSED, SKIPPED),
            (i.EffectRefused, i.EffectGivenUp),
            "it is not being sent",
        ),
        ("handled", (WANTED,), (i.ActOnOrder,), "a person has it sent again, or goes without"),
        (
            "refused",
            (SENT, REFUSED, SKIPPED),
            (i.ActOnOrder,),
            "it has ended; nothing of it is left to decide",
        ),
        (
            "ignored",
            EVERY,
            (i.TimerFired,),
            "no one waits for a message so long that an alarm would help",
        ),
        (
            "ignored",
            EVERY,
            (
                i.ReportPicked,
                i.ReportShortPicked,
                i.ReportPacked,
                i.ReportHandedOver,
                i.ReportTaskCancelled,
                i.ReportCollected,
            ),
            "the storefront writes about shipments; our own templates are about the order",
        ),
        (
            "ignored",
            EVERY,
            (i.PlaceOrder, i.ConfirmPayment, i.UpdateOrder, i.EditOrder),
            "what was written stays written; the next message says what is true then",
        ),
        (
            "ignored",
            EVERY,
            (i.CancelOrder,),
            "the end of the order is a message of its own",
        ),
        (
            "ignored",
            EVERY,
            (i.NoteReport, i.RefetchOrder),
            "customers are not written about what a channel tells us",
        ),
        ("ignored", EVERY, (i.HandleReturn,), "the joint table says what is written of a return"),
    ),
)
