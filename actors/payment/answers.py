"""What each input means for a payment, stage by stage."""

from __future__ import annotations

from actors.kernel.answers import REPORTS, Answers
from actors.payment.table import EVERY
from actors.payment.thing import AUTHORISED, CAPTURED, EXPIRED, VOIDED
from schemas.messages import inputs as i

ANSWERS = Answers(
    "payment",
    (
        (
            "handled",
            (AUTHORISED,),
            (i.TimerFired,),
            "a person is told before it expires, and its end is recorded",
        ),
        (
            "ignored",
            (CAPTURED, EXPIRED, VOIDED),
            (i.TimerFired,),
            "nothing of it can expire any more",
        ),
        (
            "ignored",
            EVERY,
            (i.EffectDone, i.EffectRefused, i.EffectGivenUp),
            "the channel is asked by its captures, which take the answers",
        ),
        (
            "handled",
            EVERY,
            (i.ActOnOrder,),
            "a person closes a task about it: goods go without the money, or it was voided by hand",
        ),
        (
            "ignored",
            EVERY,
            (i.PlaceOrder, i.ConfirmPayment, i.UpdateOrder, i.EditOrder),
            "the joint table compares it with what the channel says of the order's payment",
        ),
        (
            "ignored",
            EVERY,
            (i.CancelOrder,),
            "it is free again once the channel shows the order as cancelled",
        ),
        ("ignored", EVERY, REPORTS, "the joint table says what goods that leave cost"),
        (
            "ignored",
            EVERY,
            (i.NoteReport, i.RefetchOrder),
            "news of the order may hold it, and a held order captures nothing",
        ),
        ("ignored", EVERY, (i.HandleReturn,), "what is given back for a return is a refund"),
    ),
)
