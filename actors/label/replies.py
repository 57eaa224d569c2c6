"""What a carrier answers a label."""

from __future__ import annotations

from actors.fulfilment.collect import told_too_much
from actors.label.printing import leave_to_print
from actors.label.table import TABLE
from actors.order.decision import LabelImage
from actors.order.differs import changed_since, leave, old_label
from actors.order.reading import is_in_use
from actors.order.work import Work
from actors.parcel.table import ON_ITS_WAY
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages.base import Intent
from schemas.order.things import Key


def done(work: Work, intent: Intent, result: f.Result, settles: int) -> None:
    """The carrier sold the label, however late, or took it back."""
    key = intent.key
    thing = work.state.labels.get(key)
    if thing is None:
        return
    match result:
        case f.LabelBought() if TABLE.allows(thing.stage, e.LabelBought):
            rule = "buy" if thing.stage == "wanted" else "late-label"
            images = [one for one in result.labels if one.image_base64]
            work.documents += tuple(
                LabelImage(
                    key=key,
                    name=f"label-{one.tracking_number}",
                    content_type=f"image/{one.image_format.lower() or 'gif'}",
                    base64=one.image_base64,
                )
                for one in images
            )
            work.say(
                e.LabelBought(
                    rule=rule,
                    key=key,
                    settles=settles,
                    shipment_id=result.shipment_id,
                    carrier=result.carrier,
                    labels=tuple(
                        e.ParcelLabel(
                            one.parcel,
                            one.tracking_number,
                            f"label-{one.tracking_number}" if one.image_base64 else "",
                        )
                        for one in result.labels
                    ),
                    service=result.service,
                    charge_minor=result.charge_minor,
                    charge_currency=result.charge_currency,
                    reprint_at=result.reprint_at,
                )
            )
            sender = work.state.fulfilments.get(thing.fulfilment)
            stops = thing.stop or sender is None or sender.stop
            if result.reprint_at and not stops:
                leave_to_print(work, key, result)
            if rule == "late-label":
                leave(work, *told_too_much(work))
            gone = [k for k in thing.parcels if _is_on_its_way(work, k)]
            if thing.told != work.state.address and gone:
                leave(work, *changed_since(work, thing, gone))
                leave(work, *old_label(work.state, work.state.labels[key]))
        case f.Undone(detail=detail) if TABLE.allows(thing.stage, e.LabelVoided):
            gone = [k for k in thing.parcels if _is_on_its_way(work, k)]
            rule = "void" if thing.stage == "bought" else "late-void"
            work.say(e.LabelVoided(rule=rule, key=key, settles=settles, detail=detail))
            leave(
                work,
                *(
                    f"{k} left under {key}, which was voided meanwhile: ask the carrier whether it "
                    "delivers it, and what that costs"
                    for k in gone
                ),
            )


def _is_on_its_way(work: Work, key: Key) -> bool:
    parcel = work.state.parcels.get(key)
    return parcel is not None and parcel.stage in ON_ITS_WAY


def not_voided(work: Work, intent: Intent, settles: int) -> bool:
    """Drop the wish to void a label that is not voided, and under which a parcel has left
    meanwhile. Returns whether it was dropped."""
    thing = work.state.labels.get(intent.key)
    if thing is None or not thing.stop or not is_in_use(work.state, intent.key, thing):
        return False
    work.say(e.LabelStopDropped(rule="go-on", key=intent.key, settles=settles))
    return True


def not_bought(work: Work, intent: Intent, settles: int) -> bool:
    """Drop a label that is not wanted any more and turned out not to be bought. Returns whether it
    was dropped."""
    thing = work.state.labels.get(intent.key)
    if thing is None or thing.stage != "wanted" or not thing.stop:
        return False
    work.say(e.LabelDropped(rule="drop", key=intent.key, settles=settles))
    return True
