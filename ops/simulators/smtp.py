"""A small SMTP server (RFC 5321, no TLS): writes down that mail came, keeps nothing of it.

Each message has a reference of its own, its header X-Orderwright-Reference; the ledger shows a
reference that came twice, and which message was declined (4xx) although it was sent.
"""

from __future__ import annotations

import asyncio
import base64
import re
from typing import cast

from ops.simulators.faults import Fate, Plan
from ops.simulators.partner import World
from ops.simulators.shapes import JsonObject, JsonValue
from ops.simulators.wire import HOLD_SECONDS

_TOTAL = re.compile(rb"\nTotal: ([0-9][0-9.]{0,20} [A-Z]{3})\r?\n")
"""What a mail says that an order comes to: money, of which no person is told."""
MAX_LINE_BYTES = 8192
MAX_MESSAGE_BYTES = 10 * 1024 * 1024
MAX_CONNECTIONS = 512


def read_headers(raw: bytes) -> dict[str, str]:
    """A message's headers, names in lower case; folded lines are joined, encoded words stay so."""
    # The standard library's parser understands far more, and costs a millisecond a message.
    head = raw.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
    headers: dict[str, str] = {}
    for line in head.replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n"):
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return headers


def _totals(raw: bytes, headers: dict[str, str]) -> list[JsonValue]:
    body = raw.partition(b"\r\n\r\n")[2]
    if headers.get("content-transfer-encoding", "").lower() == "base64":
        body = base64.b64decode(body)
    return [one.decode() for one in _TOTAL.findall(body)]


class MailSession(asyncio.Protocol):
    """One client's session."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._in_data = False
        self._recipients: list[str] = []
        self._sender = ""
        self._busy = False
        self._known = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports behave like asyncio's without being subclasses of them.
        self._transport = cast(asyncio.Transport, transport)
        if not self._server.admit(self):
            self.abort()
            return
        self._say("220 simulated.invalid ESMTP")

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.forget(self)
        self._transport = None

    def abort(self) -> None:
        """Hang up at once."""
        if self._transport is not None:
            self._transport.abort()

    def _say(self, *lines: str) -> None:
        if self._transport is not None:
            self._transport.write(("\r\n".join(lines) + "\r\n").encode("ascii", "replace"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > MAX_MESSAGE_BYTES:
            self._say("552 5.3.4 Message too big")
            self.abort()
            return
        self._work()

    def _work(self) -> None:
        while not self._busy and self._transport is not None:
            if self._in_data:
                end = self._buffer.find(b"\r\n.\r\n")
                if end < 0:
                    return
                message = bytes(self._buffer[: end + 2]).replace(b"\r\n..", b"\r\n.")
                del self._buffer[: end + 5]
                self._in_data = False
                self._message(message)
                continue
            end = self._buffer.find(b"\r\n")
            if end < 0:
                if len(self._buffer) > MAX_LINE_BYTES:
                    self.abort()
                return
            line = self._buffer[:end].decode("utf-8", "replace")
            del self._buffer[: end + 2]
            self._command(line)

    def _command(self, line: str) -> None:
        verb = line[:4].upper()
        if verb == "EHLO":
            self._say(
                "250-simulated.invalid", f"250-SIZE {MAX_MESSAGE_BYTES}", "250-8BITMIME",
                "250-SMTPUTF8", "250-AUTH PLAIN", "250 PIPELINING",
            )  # fmt: skip
        elif verb == "HELO":
            self._say("250 simulated.invalid")
        elif line.upper().startswith("MAIL FROM:"):
            self._begin(line[10:])
        elif line.upper().startswith("RCPT TO:"):
            self._recipients.append(line[8:])
            self._say("250 2.1.5 Ok")
        elif verb == "DATA":
            if not self._recipients:
                self._say("503 5.5.1 No valid recipients")
                return
            self._in_data = True
            self._say("354 End data with <CR><LF>.<CR><LF>")
        elif verb == "AUTH":
            self._log_in(line)
        elif verb in ("RSET", "NOOP"):
            self._sender, self._recipients = "", []
            self._say("250 2.0.0 Ok")
        elif verb == "QUIT":
            self._say("221 2.0.0 Bye")
            if self._transport is not None:
                self._transport.close()
        else:
            self._say("502 5.5.2 Command not recognized")

    def _begin(self, sender: str) -> None:
        if not self._known and self._server.needs_login():
            self._say("530 5.7.0 Authentication required")
            return
        self._sender, self._recipients = sender, []
        self._say("250 2.1.0 Ok")

    def _log_in(self, line: str) -> None:
        self._known = self._server.admits(line)
        if self._known:
            self._say("235 2.7.0 Authentication successful")
        else:
            self._say("535 5.7.8 Authentication credentials invalid")

    def _message(self, raw: bytes) -> None:
        plan = self._server.world.faults.plan("mail", "message")
        self._busy = True
        loop = asyncio.get_running_loop()
        if plan.fate is Fate.DOWN:
            self.abort()
            return
        answer = self._server.judge(plan, raw, len(self._recipients))
        if answer is None:
            loop.call_later(HOLD_SECONDS, self.abort)
        else:
            loop.call_later(plan.delay_seconds, self._answered, answer)

    def _answered(self, answer: str) -> None:
        self._busy = False
        self._say(answer)
        self._work()


class MailServer:
    """The listening socket and its sessions (512 at the most)."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._sessions: set[MailSession] = set()
        self._listener: asyncio.Server | None = None
        self._serial = 0

    def admit(self, session: MailSession) -> bool:
        """Whether this session may stay."""
        if len(self._sessions) >= MAX_CONNECTIONS:
            return False
        self._sessions.add(session)
        return True

    def forget(self, session: MailSession) -> None:
        """The session is over."""
        self._sessions.discard(session)

    def needs_login(self) -> bool:
        """Whether an account is configured, so that others may not send."""
        return "mail" in self.world.credentials.configured()

    def admits(self, line: str) -> bool:
        """Whether the credentials of an AUTH PLAIN command are accepted."""
        try:
            _, user, password = base64.b64decode(line.rpartition(" ")[2]).decode().split("\0")
        except ValueError:
            return False
        return self.world.credentials.admits_client("mail", user, password)

    def judge(self, plan: Plan, raw: bytes, recipients: int) -> str | None:
        """The answer after DATA; None for never. Writes the mail down if it was taken."""
        match plan.fate:
            case Fate.UNAVAILABLE:
                return "421 4.3.2 Service not available"
            case Fate.UNAUTHORIZED:
                return "530 5.7.0 Authentication required"
            case Fate.RATE_LIMITED:
                return "450 4.7.1 Too many messages, slow down"
            case Fate.ERROR:
                return "451 4.3.0 Local error in processing"
            case Fate.REFUSED:
                return "550 5.1.1 Mailbox unavailable"
            case Fate.RUBBISH_PAGE:
                return "<html>Bad gateway</html>"
            case Fate.RUBBISH_TORN:
                self._take(raw, recipients)
                return "2"
            case Fate.ACT_NO_ANSWER:
                self._take(raw, recipients)
                return None
            case Fate.ERROR_AFTER_ACTING:
                self._take(raw, recipients, declined=True)
                return "451 4.3.0 Local error in processing"
        return f"250 2.0.0 Ok: queued as {self._take(raw, recipients)}"

    def _take(self, raw: bytes, recipients: int, *, declined: bool = False) -> str:
        headers = read_headers(raw)
        reference = headers.get("x-orderwright-reference", "")
        self._serial += 1
        queue_id = f"SIM{self._serial:09d}"
        message_id = headers.get("message-id", "") or queue_id
        # Of the recipient only the domain is kept: people's addresses don't belong in a ledger.
        domain = headers.get("to", "").rpartition("@")[2].strip("<> ")
        detail: JsonObject = {
            "domain": domain,
            "recipients": recipients,
            "bytes": len(raw),
            "subject": headers.get("subject", ""),
            "totals": _totals(raw, headers),
            "declined": declined,
        }
        self.world.ledger.record("mail", "mail", reference, f"{message_id} to {domain}", detail)
        return queue_id

    async def start(self, host: str, port: int) -> int:
        """Listens; returns the port, which the system chose if 0 was asked for."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: MailSession(self), host, port)
        bound: int = self._listener.sockets[0].getsockname()[1]
        return bound

    def stop(self) -> None:
        """Stops listening and hangs up on everybody."""
        if self._listener is not None:
            self._listener.close()
        for session in list(self._sessions):
            session.abort()
