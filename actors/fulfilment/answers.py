"""What each input means for a fulfilment, stage by stage."""

from __future__ import annotations

from actors.fulfilment.table import AT_WORK, EVERY, INSIDE
from actors.fulfilment.thing import (
    CANCELLED,
    DONE,
    HANDED_OVER,
    PACKED,
    PLANNED,
    RECALLED,
    RELEASED,
    RESERVED,
    SHORT,
)
from actors.kernel.answers import Answers
from schemas.messages import inputs as i

_BEFORE_PACKED = (PLANNED, SHORT, RESERVED, RELEASED, "picked")
_ENDED = (DONE, CANCELLED)

ANSWERS = Answers(
    "fulfilment",
    (
        ("handled", _BEFORE_PACKED, (i.ReportPicked,), "the goods are off the shelf"),
        ("handled", (PACKED,), (i.ReportPicked,), "no later report waits for it any longer"),
        (
            "ignored",
            (HANDED_OVER, DONE),
            (i.ReportPicked,),
            "it is farther than that already; reports may arrive out of order",
        ),
        (
            "ignored",
            (RECALLED, CANCELLED),
            (i.ReportPicked,),
            "picked goods of a cancelled task go back to the shelf without us",
        ),
        (
            "handled",
            (*_BEFORE_PACKED, PACKED),
            (i.ReportShortPicked,),
            "the policy or a person decides about what is missing",
        ),
        (
            "ignored",
            (HANDED_OVER, DONE),
            (i.ReportShortPicked,),
            "what left was counted when it left, which is later and the truth",
        ),
        (
            "ignored",
            (RECALLED, CANCELLED),
            (i.ReportShortPicked,),
            "nothing is expected of a cancelled task, so nothing is missing",
        ),
        ("handled", INSIDE, (i.ReportPacked,), "the parcels exist; labels may be bought"),
        (
            "handled",
            (HANDED_OVER, DONE),
            (i.ReportPacked,),
            "all of it has left; of what is packed beyond that a person is told",
        ),
        (
            "handled",
            (RECALLED, CANCELLED),
            (i.ReportPacked,),
            "it was packed before the cancellation; what leaves all the same is known by it",
        ),
        ("handled", EVERY, (i.ReportHandedOver,), "what has left is always written down"),
        (
            "handled",
            INSIDE,
            (i.ReportTaskCancelled,),
            "no one works on it any more, as we asked or by the warehouse itself",
        ),
        (
            "ignored",
            (RECALLED, CANCELLED),
            (i.ReportTaskCancelled,),
            "its task had ended already",
        ),
        (
            "refused",
            (HANDED_OVER, DONE),
            (i.ReportTaskCancelled,),
            "the warehouse reports its task as cancelled although all of it has left",
        ),
        (
            "handled",
            (*INSIDE, HANDED_OVER, RECALLED),
            (i.ReportCollected,),
            "the customer has it, so it is fulfilled",
        ),
        ("ignored", (DONE,), (i.ReportCollected,), "it is known that the customer has it"),
        (
            "handled",
            (CANCELLED,),
            (i.ReportCollected,),
            "the customer has it all the same, and a person is told",
        ),
        ("handled", EVERY, (i.EffectDone,), "a consequence is adopted in every stage"),
        (
            "handled",
            EVERY,
            (i.EffectRefused, i.EffectGivenUp),
            "a person must say how to go on, or a refused cancellation drops the wish",
        ),
        (
            "handled",
            (*INSIDE, RECALLED, HANDED_OVER),
            (i.TimerFired,),
            "an alarm, or the next look at the stock",
        ),
        ("ignored", _ENDED, (i.TimerFired,), "its thing has ended, so nothing is due"),
        (
            "handled",
            (*_BEFORE_PACKED, PACKED),
            (i.ActOnOrder,),
            "a person decides about a short pick, a hold or an effect of it",
        ),
        (
            "handled",
            (HANDED_OVER, RECALLED),
            (i.ActOnOrder,),
            "a person says how to go on with an effect of it",
        ),
        (
            "refused",
            _ENDED,
            (i.ActOnOrder,),
            "it has ended; nothing of it is left to decide",
        ),
        (
            "handled",
            (PACKED, HANDED_OVER, RECALLED, DONE),
            (i.PlaceOrder, i.ConfirmPayment, i.UpdateOrder),
            "what the channel shows as sent is matched with what we sent",
        ),
        (
            "ignored",
            (*_BEFORE_PACKED, CANCELLED),
            (i.PlaceOrder, i.ConfirmPayment, i.UpdateOrder),
            "the order reads it; what changes reaches a fulfilment by the joint table",
        ),
        (
            "handled",
            EVERY,
            (i.EditOrder,),
            "codes that a person enters are told the channel; the joint table follows other edits",
        ),
        (
            "ignored",
            EVERY,
            (i.CancelOrder,),
            "the order wishes it; a fulfilment is stopped by the joint table",
        ),
        (
            "ignored",
            EVERY,
            (i.NoteReport, i.RefetchOrder),
            "it is about the order at its channel, not about what leaves a place",
        ),
        ("ignored", EVERY, (i.HandleReturn,), "what comes back left with it, and that stays so"),
    ),
)

__all__ = ["ANSWERS", "AT_WORK"]
