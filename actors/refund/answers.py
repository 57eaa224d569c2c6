"""What each input means for a refund, stage by stage."""

from __future__ import annotations

from actors.kernel.answers import REPORTS, Answers
from actors.refund.table import EVERY
from actors.refund.thing import REFUNDED, REFUSED, SKIPPED, WANTED
from schemas.messages import inputs as i

_ENDED = (REFUNDED, REFUSED, SKIPPED)

ANSWERS = Answers(
    "refund",
    (
        (
            "handled",
            (WANTED, REFUSED, SKIPPED),
            (i.EffectDone,),
            "the channel gave the money back, however late",
        ),
        (
            "ignored",
            (REFUNDED,),
            (i.EffectDone,),
            "the money is given back; the channel repeats itself",
        ),
        (
            "handled",
            (WANTED,),
            (i.EffectRefused, i.EffectGivenUp),
            "a person says how the customer gets the money",
        ),
        (
            "ignored",
            _ENDED,
            (i.EffectRefused, i.EffectGivenUp),
            "the channel is asked for nothing that could be declined",
        ),
        (
            "handled",
            (WANTED,),
            (i.ActOnOrder,),
            "a person has it tried again, or gives the money back by other means",
        ),
        (
            "handled",
            (REFUNDED,),
            (i.ActOnOrder,),
            "a person closes the task about money that was given back twice, or not",
        ),
        (
            "ignored",
            EVERY,
            (i.EditOrder,),
            "what a person gives back is another refund",
        ),
        ("refused", (REFUSED, SKIPPED), (i.ActOnOrder,), "it has ended, and another may follow it"),
        ("ignored", EVERY, (i.TimerFired,), "it has no timer; its order has the alarm"),
        (
            "ignored",
            EVERY,
            (i.PlaceOrder, i.ConfirmPayment, i.UpdateOrder),
            "its amount is fixed while it is asked for; the channel says what can be given back",
        ),
        (
            "ignored",
            EVERY,
            (i.CancelOrder,),
            "the joint table says what a cancelled order owes beyond it",
        ),
        ("ignored", EVERY, REPORTS, "the joint table says what goods that do not leave cost"),
        (
            "ignored",
            EVERY,
            (i.NoteReport, i.RefetchOrder),
            "what is news for the order is none for money that is being given back",
        ),
        (
            "ignored",
            EVERY,
            (i.HandleReturn,),
            "the joint table says what is given back for a return",
        ),
    ),
)
