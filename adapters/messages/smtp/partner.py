"""Mail to customers over SMTP: once, never twice.

A mail server can't be asked what it took. So only what failed before the message was handed in is
tried again; an answer lost afterwards is Unknown, and `can_look_up` is False. With a refusal after
the message the server declines responsibility (RFC 5321 section 4.2.5). But some servers have sent
it all the same before they said 4xx: so such a message is handed in once more, and then never
(`Retryable.once`).
"""

from __future__ import annotations

from collections.abc import Callable

import aiosmtplib

from actors.runtime.errors import (
    PartnerError,
    Rejected,
    Retryable,
    Unauthorised,
    Unknown,
)
from actors.runtime.partner import Call
from actors.runtime.ports import Clock
from adapters.kit.exchanges import MAX_BODY_BYTES, MAX_ERROR_CHARACTERS, Exchange, Exchanges
from adapters.kit.fitting import fit, phrases
from adapters.kit.json_partner import titled
from adapters.messages.smtp.message import mail_address, mail_bytes
from adapters.messages.smtp.pool import CONNECTIONS, Kept, SmtpPool
from adapters.messages.smtp.session import HungUp, SessionError
from adapters.messages.smtp.settings import SmtpSettings
from adapters.messages.smtp.templates import TEMPLATES
from schemas.messages.effects import MailSent, Result, SendMail


class SmtpMail:
    """A mail server behind `actors.runtime.partner.Partner`; `name` is the instance's. Raises
    ValueError for a sender that is not an address."""

    can_look_up = False

    def __init__(
        self,
        clock: Clock,
        settings: SmtpSettings,
        *,
        name: str = "",
        connections: int = CONNECTIONS,
        exchanges: Exchanges | None = None,
    ) -> None:
        sender = mail_address(settings.from_address)
        if sender is None:
            raise ValueError(f"The sender {settings.from_address!r} is not a mail address.")
        self.name = name or "mail"
        self._clock = clock
        self._settings = settings
        self._sender = sender
        self._shop = settings.from_name or sender
        self._timeout_seconds = settings.calls.timeout_seconds
        self._title = titled("The mail server", name)
        self._pool = SmtpPool(settings, clock, self._title, connections=connections)
        self._exchanges = exchanges

    async def perform(self, call: Call) -> Result:
        """Write the message of the effect's template to the order's customer."""
        effect = call.effect
        if not isinstance(effect, SendMail):
            raise TypeError(f"{self._title} can't carry out {type(effect).__name__}.")
        template = TEMPLATES.get(effect.template)
        if template is None:
            raise Rejected(f"There is no mail template named {effect.template!r}.")
        if not call.stated.customer.email.strip():
            raise Rejected("The order has no e-mail address, so the customer can't be written to.")
        recipient = mail_address(call.stated.customer.email)
        if recipient is None:
            raise Rejected(
                "The order's e-mail address is not one that mail can be sent to. Correct it in the "
                "sales channel."
            )
        subject, text = template(call.stated, effect, self._shop)
        message_id = f"<{call.reference}@{self._settings.domain}>"
        message = mail_bytes(
            sender=self._sender,
            sender_name=self._shop,
            recipient=recipient,
            subject=subject,
            text=text,
            message_id=message_id,
            reference=call.reference,
            at=self._clock.now(),
        )
        await self._recorded(call, recipient, message)
        return MailSent(message_id=message_id)

    async def look_up(self, call: Call) -> Result | None:
        """Refuse: a mail server does not tell what it took."""
        raise Unknown(f"{self._title} can't be asked whether it took a message.")

    async def close(self) -> None:
        """Hang up."""
        await self._pool.close()

    async def probe(self) -> str:
        """Connect and log in; return what that showed."""
        async with self._pool.connection(fresh=True) as kept:
            kept.broken = False
        return f"{self._title} takes our login."

    async def _recorded(self, call: Call, recipient: str, message: bytes) -> None:
        """Deliver the message, and keep what was said."""
        started, said = self._clock.monotonic(), "The call was cut off."
        try:
            await self._deliver(recipient, message, call.check_ours)
            said = ""
        except PartnerError as error:
            said = str(error)
            raise
        finally:
            status = 0 if said else 250
            if self._exchanges is not None and self._exchanges.wants(call.order_id, status):
                self._exchanges.record(
                    Exchange(
                        order_id=call.order_id,
                        key=call.key,
                        effect=call.number,
                        partner=self.name,
                        method="DATA",
                        url=f"smtp://{self._settings.host}:{self._settings.port}",
                        at=self._clock.now(),
                        duration_ms=round(1_000 * (self._clock.monotonic() - started)),
                        status=status,
                        error=fit(said, MAX_ERROR_CHARACTERS),
                        request=message[:MAX_BODY_BYTES],
                    )
                )

    async def _deliver(
        self, recipient: str, message: bytes, check_ours: Callable[[], None]
    ) -> None:
        async with self._pool.connection() as kept:
            stale = not await self._begin(kept, recipient)
            if not stale:
                await self._hand_in(kept, message, check_ours)
        if stale:
            async with self._pool.connection(fresh=True) as kept:
                if not await self._begin(kept, recipient):
                    raise Retryable(f"{self._title} hung up before it took the message.")
                await self._hand_in(kept, message, check_ours)

    async def _begin(self, kept: Kept, recipient: str) -> bool:
        """Open the envelope; False when the connection turns out to be dead."""
        try:
            reply = await kept.session.ask(
                b"MAIL FROM:<" + self._sender.encode() + b">\r\n",
                b"RCPT TO:<" + recipient.encode() + b">\r\n",
                b"DATA\r\n",
                seconds=self._timeout_seconds,
            )
        except HungUp:
            return False
        except SessionError as error:
            raise Retryable(f"{self._title} failed before it took the message: {error}.") from error
        if not 200 <= reply.code < 400:
            raise self._refusal(reply)
        return True

    async def _hand_in(self, kept: Kept, message: bytes, check_ours: Callable[[], None]) -> None:
        """Send the message and its final dot. From here on silence does not mean a refusal."""
        if not kept.session.is_open:
            raise Retryable(f"{self._title} hung up before it took the message.")
        check_ours()
        try:
            reply = await kept.session.ask(message + b".\r\n", seconds=self._timeout_seconds)
        except SessionError as error:
            raise Unknown(
                f"{self._title} got the message but did not say whether it took it: {error}."
            ) from error
        if reply.code == 250:
            kept.broken = False
            kept.messages += 1
        elif 400 <= reply.code < 600:
            refusal = self._refusal(reply)
            if isinstance(refusal, Retryable):
                raise Retryable(str(refusal), throttled=refusal.throttled, once=True)
            raise refusal
        else:
            raise Unknown(
                f"{self._title} got the message and gave an answer that is not SMTP ({reply.code})."
            )

    def _refusal(self, reply: aiosmtplib.SMTPResponse) -> PartnerError:
        """Return the error for a 4xx or 5xx: nothing was taken."""
        said = f"{phrases([reply.message])} ({reply.code})"
        if reply.code in (530, 534, 535, 538):
            return Unauthorised(
                f"{self._title} wants another login: {said}. Renew it in the settings."
            )
        if reply.code < 500:
            slow = reply.code in (450, 452) and "too many" in reply.message.casefold()
            return Retryable(f"{self._title} can't take the message now: {said}.", throttled=slow)
        return Rejected(f"{self._title} refused the message: {said}.")
