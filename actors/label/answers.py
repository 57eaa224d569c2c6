"""What each input means for a label, stage by stage."""

from __future__ import annotations

from actors.kernel.answers import Answers
from actors.label.table import EVERY
from actors.label.thing import BOUGHT, DROPPED, KEPT, REFUSED, SKIPPED, VOIDED, WANTED
from schemas.messages import inputs as i

ANSWERS = Answers(
    "label",
    (
        (
            "handled",
            (WANTED, BOUGHT, REFUSED, SKIPPED, DROPPED, KEPT),
            (i.EffectDone,),
            "it was bought, however late, or taken back",
        ),
        (
            "ignored",
            (VOIDED,),
            (i.EffectDone,),
            "what became of it is known; the answer is a repeat",
        ),
        (
            "handled",
            (WANTED, BOUGHT),
            (i.EffectRefused, i.EffectGivenUp),
            "a person says how to go on, or it is dropped because no one wants it any more",
        ),
        (
            "ignored",
            (VOIDED, REFUSED, SKIPPED, DROPPED, KEPT),
            (i.EffectRefused, i.EffectGivenUp),
            "nothing is under way for it that could fail",
        ),
        (
            "handled",
            (WANTED, BOUGHT),
            (i.ActOnOrder,),
            "a person retries or skips its purchase or its return",
        ),
        (
            "refused",
            (VOIDED, REFUSED, SKIPPED, DROPPED, KEPT),
            (i.ActOnOrder,),
            "it has ended; nothing of it is left to decide",
        ),
        (
            "ignored",
            EVERY,
            (i.TimerFired,),
            "its fulfilment has the alarm while the carrier does not answer",
        ),
        (
            "ignored",
            EVERY,
            (i.ReportPacked, i.ReportHandedOver, i.ReportCollected),
            "the joint table says what parcels mean for their labels",
        ),
        (
            "ignored",
            EVERY,
            (i.ReportPicked, i.ReportShortPicked),
            "no label exists for what is not packed",
        ),
        (
            "ignored",
            EVERY,
            (i.ReportTaskCancelled,),
            "the joint table voids the labels of a fulfilment that is undone",
        ),
        (
            "ignored",
            EVERY,
            (i.PlaceOrder, i.ConfirmPayment, i.UpdateOrder, i.EditOrder),
            "the joint table voids a label for an address that the order does not have any more",
        ),
        ("ignored", EVERY, (i.CancelOrder,), "it is voided when its fulfilment is undone"),
        (
            "ignored",
            EVERY,
            (i.NoteReport, i.RefetchOrder),
            "news of the order keeps it from being bought by a hold, not by itself",
        ),
        (
            "ignored",
            EVERY,
            (i.HandleReturn,),
            "the label under which goods left is not voided by their return",
        ),
    ),
)
