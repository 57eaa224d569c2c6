"""A mail server's adapter whose messages are recorded and not delivered."""

from __future__ import annotations

from collections.abc import Callable
from email import message_from_bytes

from adapters.kit.instance import Kit
from adapters.messages.smtp.partner import SmtpMail
from adapters.messages.smtp.settings import SmtpSettings


class RecordedMail(SmtpMail):
    """Passes each message on as its headers and `text`."""

    def __init__(self, settings: SmtpSettings, kit: Kit, record: Callable[[object], None]) -> None:
        super().__init__(kit.clock, settings, name=kit.name)
        self._record = record

    async def _deliver(
        self, recipient: str, message: bytes, check_ours: Callable[[], None]
    ) -> None:
        mail = message_from_bytes(message)
        text = mail.get_payload(decode=True)
        assert isinstance(text, bytes), "our messages have one part"
        self._record({**dict(mail.items()), "text": text.decode()})
