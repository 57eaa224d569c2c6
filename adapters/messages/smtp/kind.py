"""The kind `smtp`: mail to customers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from adapters.kit.instance import Kit
from adapters.kit.kind import Kind
from adapters.kit.lineage import Carried
from adapters.messages.smtp.settings import SmtpSettings
from schemas.messages.effects import SendMail
from schemas.order.canonical import Order

if TYPE_CHECKING:
    from adapters.messages.smtp.partner import SmtpMail
    from adapters.messages.smtp.recorded import RecordedMail


def _partner(settings: SmtpSettings, kit: Kit) -> SmtpMail:
    from adapters.messages.smtp.partner import SmtpMail

    return SmtpMail(
        kit.clock,
        settings,
        name=kit.name,
        connections=settings.calls.concurrency,
        exchanges=kit.client.exchanges,
    )


async def _probe(settings: SmtpSettings, kit: Kit) -> str:
    return await _partner(settings, kit).probe()


def _recording(settings: SmtpSettings, kit: Kit, record: Callable[[object], None]) -> RecordedMail:
    from adapters.messages.smtp.recorded import RecordedMail

    return RecordedMail(settings, kit, record)


def _effect(order: Order) -> SendMail:
    return SendMail(template="order_confirmed")


KIND = Kind(
    name="smtp",
    title="A mail server (SMTP)",
    words="Each message is handed in once; whether a lost answer meant yes can't be asked.",
    roles=("messages",),
    settings=SmtpSettings,
    example={
        "host": "mail.invalid",
        "security": "none",
        "from_address": "shop@example.com",
        "from_name": "Shop",
        "domain": "example.com",
    },
    partner=_partner,
    probe=_probe,
    carried=Carried(effect=_effect, recording=_recording),
)
