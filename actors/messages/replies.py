"""What a mail server answers."""

from __future__ import annotations

from actors.messages.table import TABLE
from actors.order.work import Work
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages.base import Intent


def done(work: Work, intent: Intent, result: f.Result, settles: int) -> None:
    """The message was sent, however late that is known."""
    thing = work.state.messages.get(intent.key)
    if thing is None or not isinstance(result, f.MailSent):
        return
    if TABLE.allows(thing.stage, e.MessageSent):
        rule = "send" if thing.stage == "wanted" else "late-send"
        work.say(
            e.MessageSent(
                rule=rule,
                key=intent.key,
                settles=settles,
                template=thing.template,
                message_id=result.message_id,
            )
        )
