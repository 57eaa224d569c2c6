"""An HTTP client that sends nothing: it answers from what it was told, and keeps what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from actors.runtime.errors import PartnerError
from adapters.kit.http_client import Answer, HttpClient, Request

TOKEN = {"access_token": "token", "expires_in": 3600}


class Reached(Exception):
    """A request that writes was about to leave; nothing after it is of interest."""


class FrozenClock:
    """A frozen clock: two requests must not differ by when they were made. Each reading of its
    seconds is a minute later, so that client-side rate limits never apply."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def now(self) -> datetime:
        """Return the same moment each time."""
        return datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

    def monotonic(self) -> float:
        """Return a minute more each time."""
        self._seconds += 60.0
        return self._seconds


class Recorder(HttpClient):
    """Keeps every request but those for a token. Questions are answered from `answers`, by a part
    of the address, which may be set again for each call; what writes gets `written`, or raises
    Reached where that is None.

    It also stands in for the stream of events (`publish`), and for anything else that an adapter
    sends (`record`): both count as writing.
    """

    def __init__(
        self, answers: Mapping[str, object] | None = None, *, written: Answer | None = None
    ) -> None:  # no session: there is no network
        self.clock = FrozenClock()
        self.exchanges = None
        self.requests: list[Request] = []
        self.sent: list[object] = []
        self.answers: Mapping[str, object] = answers or {}
        self._written = written

    async def send(self, request: Request) -> Answer:
        """Answer a request. Raises Reached, PartnerError for a question without an answer, and what
        `before` raises."""
        if request.before is not None and request.writes:
            request.before()
        if not request.url.path.endswith("/token"):
            self.requests.append(request)
            self.sent.append(_told(request.body or b"{}"))
            if request.writes:
                return self._answered(request)
        for part, told in {**self.answers, "/token": TOKEN}.items():
            if part in request.url.path:
                return answer_of(200, told)
        raise PartnerError(f"Nothing is known of {request.url.path}.")

    def record(self, value: object) -> None:
        """Keep what is sent another way. Raises Reached."""
        self.sent.append(value)
        raise Reached

    async def publish(
        self, subject: str, body: bytes, *, message_id: str, content_type: str, trace: str
    ) -> None:
        """Keep an event for other services. Raises Reached."""
        self.record(msgspec.json.decode(body))

    def _answered(self, request: Request) -> Answer:
        if self._written is None:
            raise Reached
        return self._written


class NoIntake:
    """Stands in for the stream: nothing is fetched here."""

    async def publish(
        self,
        channel: str,
        kind: str,
        ref: str,
        raw: bytes,
        *,
        delivery_id: str,
        source: str,
        topic: str,
        trace: str = "",
    ) -> None:
        """Publish nothing."""


def _told(body: bytes) -> object:
    """Return a body as JSON, or as text where it is none."""
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body.decode("utf-8", "replace")


def answer_of(status: int, value: object = None) -> Answer:
    """Return an answer with a JSON body."""
    return Answer(status, {"Content-Type": "application/json"}, msgspec.json.encode(value))
