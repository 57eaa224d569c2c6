"""What the ERP answers."""

from __future__ import annotations

from actors.documents.table import TABLE
from actors.order.work import Work
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages.base import Intent


def done(work: Work, intent: Intent, result: f.Result, settles: int) -> None:
    """The ERP has the order, however late, follows it, or has cancelled it."""
    key = intent.key
    thing = work.state.documents.get(key)
    if thing is None:
        return
    match result:
        case f.SalesOrderPosted(erp_id=erp_id, number=number) if TABLE.allows(
            thing.stage, e.Posted
        ):
            rule = "post" if thing.stage == "wanted" else "late-post"
            work.say(e.Posted(rule=rule, key=key, settles=settles, erp_id=erp_id, number=number))
        case f.SalesOrderAmended(digest=digest) if TABLE.allows(thing.stage, e.DocumentAmended):
            work.say(e.DocumentAmended(rule="amend", key=key, settles=settles, digest=digest))
        case f.Undone(detail=detail) if TABLE.allows(thing.stage, e.DocumentCancelled):
            rule = "cancel" if thing.stage == "posted" else "late-cancel"
            work.say(e.DocumentCancelled(rule=rule, key=key, settles=settles, detail=detail))
