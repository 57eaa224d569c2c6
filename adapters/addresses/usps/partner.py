"""USPS: whether an address of the United States can be delivered to (Addresses API v3).

It is asked for the place alone; who lives there is not told. A verdict is kept for a day.
https://developers.usps.com/addressesv3
"""

from __future__ import annotations

from urllib.parse import urlencode

import msgspec

from actors.runtime.errors import NeedsPerson
from actors.runtime.partner import Call
from adapters.addresses.usps import shapes
from adapters.addresses.usps.answers import none_found, verdict_of
from adapters.addresses.usps.question import asked_for
from adapters.addresses.usps.settings import UspsSettings
from adapters.kit.deliverability import Sparingly
from adapters.kit.fitting import printable
from adapters.kit.http_client import Answer, HttpClient
from adapters.kit.json_partner import JsonPartner, status_words, titled
from adapters.kit.oauth import ClientCredentials, TokenCache
from adapters.kit.street_words import who_lines
from schemas.messages.effects import Result
from schemas.order.canonical import Address
from schemas.order.world import Deliverability

MAX_WORDS = 200
"""Characters of USPS's own sentence that a message of ours repeats."""

_PROBED = "/addresses/v3/city-state?ZIPCode=20500"


class Usps:
    """An application at USPS behind `actors.runtime.partner.Partner` and
    `adapters.kit.deliverability.TellsDeliverability`; `name` is the instance's. No effect is asked
    of it."""

    can_look_up = False

    def __init__(self, client: HttpClient, settings: UspsSettings, *, name: str = "") -> None:
        self.name = name or "usps"
        title = titled("USPS", name)
        base = settings.base_url.rstrip("/")
        credentials = ClientCredentials(
            token_url=f"{base}/oauth2/v3/token",
            client_id=settings.client_id,
            client_secret=settings.client_secret.reveal(),
            scope="addresses",
        )
        self._tokens = TokenCache(client, credentials, title)
        self._sparingly = Sparingly(client.clock, settings.hourly, settings.calls, title)
        self._api = JsonPartner(
            client,
            name=self.name,
            title=title,
            base_url=base,
            timeout_seconds=settings.calls.timeout_seconds,
            sender=self._tokens,
            words=_words,
        )

    async def deliverability(self, at: Address) -> Deliverability:
        """Return what USPS says of an address of the United States or a territory of theirs. Raises
        PartnerError."""
        return await self._sparingly.verdict(at, self._ask)

    async def _ask(self, at: Address) -> Deliverability:
        asked = asked_for(at)
        if not asked:
            return Deliverability(why="refused")
        answer = await self._api.ask(None, "GET", f"/addresses/v3/address?{urlencode(asked)}")
        if answer.status == 404:
            return none_found(self._refusal(answer))
        if answer.status >= 400:
            return Deliverability(why="refused")
        found = self._api.decoded(shapes.found_decoder, answer, writes=False)
        return verdict_of(found, asked, who_lines(at))

    def _refusal(self, answer: Answer) -> str:
        """Return USPS's own sentence. Raises NeedsPerson where the answer is not USPS's: a wrong
        path answers 404, too, and says nothing about an address."""
        found = _message(answer)
        if not found:
            raise NeedsPerson(
                f"{self._api.title} answered HTTP 404 without saying why. Check its base_url."
            )
        return found

    async def perform(self, call: Call) -> Result:
        """Carry out nothing. Raises TypeError: no effect is USPS's."""
        raise TypeError(f"{self._api.title} can't carry out {type(call.effect).__name__}.")

    async def look_up(self, call: Call) -> Result | None:
        """Find nothing: no effect is USPS's. Raises TypeError."""
        raise TypeError(f"{self._api.title} can't carry out {type(call.effect).__name__}.")

    async def close(self) -> None:
        """Stop fetching tokens."""
        await self._tokens.close()

    async def probe(self) -> str:
        """Ask for the city of a ZIP code; return what that showed. Raises PartnerError."""
        answer = await self._api.ask(None, "GET", _PROBED)
        if answer.status >= 400:
            raise self._api.unanswered("which city a ZIP code is of", answer)
        return f"{self._api.title} takes our credentials and answers."


def _message(answer: Answer) -> str:
    try:
        return shapes.refusal_decoder.decode(answer.body).error.message
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""


def _words(answer: Answer) -> str:
    said = _message(answer)
    return printable(said)[:MAX_WORDS] if said else status_words(answer)
