"""What every partner that speaks JSON over HTTP shares: address, credential, trace, words of its
refusals, and the record of each exchange. An adapter holds one of these for each instance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec
from yarl import URL

from actors.runtime.errors import NeedsPerson, PartnerError, Rejected
from actors.runtime.partner import Call
from adapters.kit.exchanges import (
    MAX_ERROR_CHARACTERS,
    Exchange,
    redacted,
    shown_url,
)
from adapters.kit.fitting import fit
from adapters.kit.http_client import (
    USER_AGENT,
    Answer,
    HttpClient,
    Request,
    Sender,
    decoded,
)

JSON_HEADERS: Mapping[str, str] = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    "User-Agent": USER_AGENT,
}

T = TypeVar("T")
_encode = msgspec.json.Encoder(decimal_format="number").encode
_anything = msgspec.json.Decoder(dict[str, object])


def status_words(answer: Answer) -> str:
    """Return what there is to say about an answer that carries no words of its own."""
    return f"HTTP {answer.status}"


def titled(kind: str, name: str) -> str:
    """Return what messages call an instance: its kind, and its name where that says more."""
    plain = kind.casefold().replace(" ", "")
    return kind if name.casefold().replace("_", "") in ("", plain) else f"{kind} ({name})"


class JsonPartner:
    """One instance of a partner. `name` is the instance's, `title` what messages call it (a capital
    first: sentences begin with it). `sender` is the client, or a token cache in front of it.

    `words` reads the partner's own sentence from a refusal, `seen` is called with every answer, and
    `wait_of` reads how long it asks us to wait where Retry-After does not say so.
    """

    def __init__(
        self,
        client: HttpClient,
        *,
        name: str,
        title: str,
        base_url: str,
        timeout_seconds: float,
        sender: Sender | None = None,
        headers: Mapping[str, str] | None = None,
        words: Callable[[Answer], str] = status_words,
        seen: Callable[[Answer], None] | None = None,
        wait_of: Callable[[Answer], float | None] | None = None,
    ) -> None:
        self.name = name
        self.title = title
        self.words = words
        self.clock = client.clock
        self._client = client
        self._sender = sender or client
        self._base = base_url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._headers = {**JSON_HEADERS, **(headers or {})}
        self._seen = seen
        self._wait_of = wait_of
        self._asked = ("", URL(self._base))

    async def ask(
        self,
        call: Call | None,
        method: str,
        path: str,
        *,
        writes: bool | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        seen: Callable[[Answer], None] | None = None,
    ) -> Answer:
        """Send one request and return its answer: 2xx, or a 4xx that the adapter words.

        `path` is percent-encoded and follows the base address. `writes` is what the method says
        unless it is given. `body` is encoded as JSON unless it is bytes. `call` is None for what is
        about no single order; `seen` replaces the instance's own. Raises the errors of
        `actors.runtime.errors`.
        """
        sent = {**self._headers, **(headers or {})}
        if call is not None and call.trace:
            sent["traceparent"] = call.trace
        request = Request(
            method=method,
            url=self._address(path),
            partner=self.title,
            timeout_seconds=self._timeout_seconds,
            writes=method != "GET" if writes is None else writes,
            headers=sent,
            body=body if body is None or isinstance(body, bytes) else _encode(body),
            before=None if call is None else call.check_ours,
        )
        seen = seen or self._seen
        if call is None or self._client.exchanges is None:
            return await self._sender.exchange(request, seen=seen, wait_of=self._wait_of)
        return await self._recorded(request, call, seen)

    def _address(self, path: str) -> URL:
        """Return the address of a path. Most requests go where the one before went."""
        before, url = self._asked
        if path != before:
            url = URL(self._base + path, encoded=True)
            self._asked = (path, url)
        return url

    async def _recorded(
        self, request: Request, call: Call, seen: Callable[[Answer], None] | None
    ) -> Answer:
        answers: list[Answer] = []

        def note(answer: Answer) -> None:
            answers.append(answer)
            if seen is not None:
                seen(answer)

        started, error = self.clock.monotonic(), "The call was cut off."
        try:
            answer = await self._sender.exchange(request, seen=note, wait_of=self._wait_of)
            error = ""
            return answer
        except PartnerError as caught:
            error = str(caught)
            raise
        finally:
            milliseconds = round(1_000 * (self.clock.monotonic() - started))
            self._record(request, call, answers[-1] if answers else None, error, milliseconds)

    def _record(
        self, request: Request, call: Call, answer: Answer | None, error: str, milliseconds: int
    ) -> None:
        exchanges = self._client.exchanges
        status = answer.status if answer is not None else 0
        if exchanges is None or not exchanges.wants(call.order_id, status):
            return
        exchanges.record(
            Exchange(
                order_id=call.order_id,
                key=call.key,
                effect=call.number,
                partner=self.name,
                method=request.method,
                url=shown_url(request.url),
                at=self.clock.now(),
                duration_ms=milliseconds,
                status=status,
                error=fit(error, MAX_ERROR_CHARACTERS),
                request=redacted(request.body),
                response=redacted(answer.body if answer is not None else None),
            )
        )

    def decoded(self, decoder: msgspec.json.Decoder[T], answer: Answer, *, writes: bool) -> T:
        """Return the answer's JSON; see `http_client.decoded`."""
        return decoded(decoder, answer, partner=self.title, writes=writes)

    def acknowledged(self, answer: Answer) -> None:
        """Take a 2xx after a write of which nothing is read. Raises Unknown where the body is
        neither empty nor JSON: something in between may have answered."""
        if answer.body.strip():
            self.decoded(_anything, answer, writes=True)

    def refused(self, what: str, answer: Answer) -> Rejected:
        """Return the error for a 4xx after a write, in the partner's own words."""
        return Rejected(f"{self.title} refused {what}: {self.words(answer)}.")

    def unanswered(self, what: str, answer: Answer) -> NeedsPerson:
        """Return the error for a look-up that was refused: it does not say what is there."""
        return NeedsPerson(
            f"{self.title} would not say {what}: {self.words(answer)}.", outcome_known=False
        )
