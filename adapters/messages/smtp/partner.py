"""Mail to customers over SMTP: once, never twice.

No one can ask a mail server what it took. So only what failed before the message was handed in is
tried again; an answer lost afterwards is Unknown, and `can_look_up` is False. A refusal after the
message is no doubt: with it the server declines responsibility (RFC 5321 section 4.2.5).
"""

from __future__ import annotations

import aiosmtplib
import msgspec

from actors.runtime.errors import PartnerError, Rejected, Retryable, Unauthorised, Unknown
from actors.runtime.ports import Call, Clock
from adapters.kit.fitting import phrases
from adapters.messages.smtp.message import mail_address, mail_bytes
from adapters.messages.smtp.pool import Kept, SmtpPool, SmtpServer
from adapters.messages.smtp.templates import TEMPLATES
from schemas.messages.effects import MailSent, Result, SendMail

PARTNER = "The mail server"


class MailSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Who writes. `sender` is a plain address, whose domain also names our messages."""

    server: SmtpServer
    sender: str
    shop_name: str


class SmtpMail:
    """The post behind `actors.runtime.ports.Partner`."""

    name = "mail"
    can_look_up = False

    def __init__(self, clock: Clock, settings: MailSettings) -> None:
        sender = mail_address(settings.sender)
        if sender is None:
            raise ValueError(f"The sender {settings.sender!r} is not a mail address.")
        self._clock = clock
        self._settings = settings
        self._sender = sender
        self._domain = sender.rpartition("@")[2]
        self._timeout_seconds = settings.server.timeout_seconds
        self._pool = SmtpPool(settings.server, clock)

    async def perform(self, call: Call) -> Result:
        """Write the mail of the effect's template to the order's customer."""
        effect = call.effect
        if not isinstance(effect, SendMail):
            raise TypeError(f"{PARTNER} has nothing to do with {type(effect).__name__}.")
        template = TEMPLATES.get(effect.template)
        if template is None:
            raise Rejected(f"There is no mail template named {effect.template!r}.")
        if not call.stated.customer.email.strip():
            raise Rejected("The order has no e-mail address, so the customer can't be written to.")
        recipient = mail_address(call.stated.customer.email)
        if recipient is None:
            raise Rejected(
                "The order's e-mail address is none that mail can be sent to. Correct it in the "
                "sales channel."
            )
        subject, text = template(call.stated, self._settings.shop_name)
        message_id = f"<{call.idempotency_key}@{self._domain}>"
        message = mail_bytes(
            sender=self._sender,
            sender_name=self._settings.shop_name,
            recipient=recipient,
            subject=subject,
            text=text,
            message_id=message_id,
            reference=f"{call.correlation_id}.{effect.template}",
            at=self._clock.now(),
        )
        await self._deliver(recipient, message)
        return MailSent(message_id=message_id)

    async def look_up(self, call: Call) -> Result | None:
        """Refuse: a mail server does not tell what it took."""
        raise Unknown(f"{PARTNER} can't be asked whether it took a mail.")

    async def close(self) -> None:
        """Hang up."""
        await self._pool.close()

    async def _deliver(self, recipient: str, message: bytes) -> None:
        async with self._pool.connection() as kept:
            stale = not await self._begin(kept, recipient)
            if not stale:
                await self._hand_in(kept, message)
        if stale:
            async with self._pool.connection(fresh=True) as kept:
                if not await self._begin(kept, recipient):
                    raise Retryable(f"{PARTNER} hung up before it took the message.")
                await self._hand_in(kept, message)

    async def _begin(self, kept: Kept, recipient: str) -> bool:
        """Open the envelope; False when the connection turns out to be dead."""
        smtp = kept.smtp
        commands = (
            (b"MAIL FROM:<" + self._sender.encode() + b">",),
            (b"RCPT TO:<" + recipient.encode() + b">",),
            (b"DATA",),
        )
        try:
            for command in commands:
                reply = await smtp.execute_command(*command, timeout=self._timeout_seconds)
                if not 200 <= reply.code < 400:
                    raise _refusal(reply)
        except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPConnectError):
            return False
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Retryable(f"{PARTNER} failed before it took the message: {error}.") from error
        return True

    async def _hand_in(self, kept: Kept, message: bytes) -> None:
        """Send the message and its final dot. From here on silence is not a refusal."""
        protocol = kept.smtp.protocol
        try:
            if protocol is None:
                raise Retryable(f"{PARTNER} hung up before it took the message.")
            protocol.write(message + b".\r\n")
            reply = await protocol.read_response(timeout=self._timeout_seconds)
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Unknown(
                f"{PARTNER} got the message but did not say whether it took it: {error}."
            ) from error
        if reply.code == 250:
            kept.broken = False
            kept.messages += 1
        elif 400 <= reply.code < 600:
            raise _refusal(reply)
        else:
            raise Unknown(f"{PARTNER} got the message and answered with rubbish ({reply.code}).")


def _refusal(reply: aiosmtplib.SMTPResponse) -> PartnerError:
    """Return the error for a 4xx or 5xx: nothing was taken."""
    said = f"{phrases([reply.message])} ({reply.code})"
    if reply.code in (530, 534, 535, 538):
        return Unauthorised(f"{PARTNER} wants another login: {said}. Renew it in the settings.")
    if reply.code < 500:
        slow = reply.code in (450, 452) and "too many" in reply.message.casefold()
        return Retryable(f"{PARTNER} can't take the message now: {said}.", throttled=slow)
    return Rejected(f"{PARTNER} refused the message: {said}.")
