"""What each input means for a return, stage by stage."""

from __future__ import annotations

from actors.kernel.answers import REPORTS, Answers
from actors.returns.table import AWAITED, ENDS, EVERY
from actors.returns.thing import CLOSED, INSPECTED, RECEIVED
from schemas.messages import inputs as i

_BEFORE = (*AWAITED, RECEIVED, *(one for one in ENDS if one != CLOSED))

ANSWERS = Answers(
    "return",
    (
        (
            "handled",
            EVERY,
            (i.HandleReturn,),
            "it moves on, or is told why it can't; goods may come however late",
        ),
        (
            "handled",
            (INSPECTED, CLOSED),
            (i.EffectDone,),
            "the stock has what can be sold again, however late that is known",
        ),
        (
            "ignored",
            _BEFORE,
            (i.EffectDone, i.EffectRefused, i.EffectGivenUp),
            "the stock is asked for nothing before goods are inspected",
        ),
        (
            "handled",
            (INSPECTED,),
            (i.EffectRefused, i.EffectGivenUp),
            "a person says how the units get into the stock",
        ),
        (
            "ignored",
            (CLOSED,),
            (i.EffectRefused, i.EffectGivenUp),
            "the stock is asked for nothing more of a closed return",
        ),
        (
            "handled",
            (INSPECTED,),
            (i.ActOnOrder,),
            "a person has the stock asked again, or enters the units himself",
        ),
        (
            "ignored",
            (*_BEFORE, CLOSED),
            (i.ActOnOrder,),
            "its own commands decide it; a task about it is the order's",
        ),
        ("ignored", EVERY, (i.EditOrder,), "an edit changes what is sent, not what comes back"),
        (
            "handled",
            (*AWAITED, RECEIVED, INSPECTED),
            (i.TimerFired,),
            "an alarm when it waits for too long",
        ),
        ("ignored", ENDS, (i.TimerFired,), "it has come to its end, and no alarm is due"),
        (
            "ignored",
            EVERY,
            (i.PlaceOrder, i.ConfirmPayment, i.UpdateOrder),
            "the joint table reads there what the channel gave back",
        ),
        ("ignored", EVERY, (i.CancelOrder,), "what left before a cancellation still comes back"),
        ("ignored", EVERY, REPORTS, "a report of goods on their way out says nothing of it"),
        (
            "ignored",
            EVERY,
            (i.NoteReport, i.RefetchOrder),
            "a channel's returns are told as returns, with their own ids",
        ),
    ),
)
