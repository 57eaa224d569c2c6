"""What each input means for an ERP document, stage by stage."""

from __future__ import annotations

from actors.documents.table import EVERY
from actors.documents.thing import CANCELLED, KEPT, POSTED, REFUSED, SKIPPED, WANTED
from actors.kernel.answers import REPORTS, Answers
from schemas.messages import inputs as i

ANSWERS = Answers(
    "ERP document",
    (
        (
            "handled",
            EVERY,
            (i.EffectDone,),
            "the ERP has it, however late, follows the order, or has cancelled it",
        ),
        (
            "handled",
            (WANTED, POSTED),
            (i.EffectRefused, i.EffectGivenUp),
            "a person says how to go on with the ERP",
        ),
        (
            "ignored",
            (CANCELLED, REFUSED, SKIPPED, KEPT),
            (i.EffectRefused, i.EffectGivenUp),
            "the ERP is asked for nothing that could fail",
        ),
        (
            "handled",
            (WANTED, POSTED),
            (i.ActOnOrder,),
            "a person retries or skips what the ERP was asked",
        ),
        (
            "refused",
            (CANCELLED, REFUSED, SKIPPED, KEPT),
            (i.ActOnOrder,),
            "it has ended; nothing of it is left to decide",
        ),
        ("ignored", EVERY, (i.TimerFired,), "it waits with the order, which has the alarm"),
        (
            "ignored",
            EVERY,
            REPORTS,
            "a sales order says what is sold; shipments are documents of their own",
        ),
        (
            "ignored",
            EVERY,
            (i.PlaceOrder, i.ConfirmPayment, i.UpdateOrder, i.EditOrder),
            "the order's revision rises, and the document is amended to it",
        ),
        (
            "ignored",
            EVERY,
            (i.CancelOrder,),
            "it is cancelled when nothing of the order is left",
        ),
        (
            "ignored",
            EVERY,
            (i.NoteReport, i.RefetchOrder),
            "the ERP is told of changes, not of news",
        ),
        ("ignored", EVERY, (i.HandleReturn,), "what the ERP books of a return is entered there"),
    ),
)
