"""What each input means for a parcel, stage by stage."""

from __future__ import annotations

from actors.kernel.answers import Answers
from actors.parcel.table import ENDS, EVERY, ON_ITS_WAY
from actors.parcel.thing import PACKED, UNPACKED, UNTRACKED
from schemas.messages import inputs as i

_GONE = tuple(stage for stage in ENDS if stage != UNPACKED)

ANSWERS = Answers(
    "parcel",
    (
        ("handled", EVERY, (i.EffectDone,), "the carrier says where it is, however late"),
        (
            "handled",
            EVERY,
            (i.EffectRefused, i.EffectGivenUp),
            "a person says how to go on with a question to the carrier",
        ),
        (
            "handled",
            (PACKED, *ON_ITS_WAY),
            (i.TimerFired,),
            "time to ask the carrier, or an alarm",
        ),
        ("ignored", ENDS, (i.TimerFired,), "its way has ended, so nothing is due"),
        (
            "handled",
            (PACKED, UNPACKED),
            (i.ReportHandedOver,),
            "the carrier has it, also when it had been unpacked",
        ),
        (
            "handled",
            (UNTRACKED,),
            (i.ReportHandedOver, i.ReportPacked),
            "its number may come after it",
        ),
        (
            "ignored",
            tuple(one for one in (*ON_ITS_WAY, *_GONE) if one != UNTRACKED),
            (i.ReportHandedOver,),
            "it is known that it left; the report is a repeat",
        ),
        (
            "handled",
            (PACKED, UNPACKED, *ON_ITS_WAY),
            (i.ReportCollected,),
            "the customer has it",
        ),
        (
            "ignored",
            tuple(one for one in ENDS if one != UNPACKED),
            (i.ReportCollected,),
            "it has reached its end already",
        ),
        (
            "handled",
            (PACKED,),
            (i.ReportTaskCancelled,),
            "it is unpacked with its task",
        ),
        (
            "ignored",
            (*ON_ITS_WAY, *ENDS),
            (i.ReportTaskCancelled,),
            "what has left its warehouse stays as it is when the rest is cancelled",
        ),
        (
            "handled",
            (PACKED,),
            (i.ReportPacked,),
            "a repeat may bring its number; the warehouse's own id tells it from another parcel",
        ),
        (
            "ignored",
            tuple(one for one in EVERY if one not in (PACKED, UNTRACKED)),
            (i.ReportPacked,),
            "it is packed already; the warehouse's own id tells a repeat from another parcel",
        ),
        (
            "ignored",
            EVERY,
            (i.ReportPicked, i.ReportShortPicked),
            "picking comes before packing and is its fulfilment's",
        ),
        (
            "handled",
            EVERY,
            (i.ActOnOrder,),
            "a person decides about a question to the carrier, or a parcel that does not arrive",
        ),
        (
            "ignored",
            EVERY,
            (i.PlaceOrder, i.ConfirmPayment, i.UpdateOrder),
            "a parcel holds what it holds; what changes is its fulfilment's and its label's",
        ),
        ("handled", EVERY, (i.EditOrder,), "a person enters the codes of its pieces"),
        (
            "ignored",
            EVERY,
            (i.CancelOrder,),
            "its fulfilment is stopped, and with it what has not left",
        ),
        (
            "ignored",
            EVERY,
            (i.NoteReport, i.RefetchOrder),
            "news of the order says nothing about a parcel",
        ),
        ("ignored", EVERY, (i.HandleReturn,), "goods come back in a parcel of the customer's own"),
    ),
)
