"""UPS: whether an address of the United States or Puerto Rico can be delivered to (Address
Validation, street level, v2).

It is asked for the place alone; who lives there is not told. A verdict is kept for a day.
https://developer.ups.com/api/reference/addressvalidation
"""

from __future__ import annotations

import msgspec

from actors.runtime.errors import NeedsPerson
from actors.runtime.partner import Call
from adapters.addresses.ups import shapes
from adapters.addresses.ups.answers import verdict_of
from adapters.addresses.ups.question import asked_for
from adapters.addresses.ups.settings import UpsAddressSettings
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
"""Characters of UPS's own sentence that a message of ours repeats."""

_PATH = "/addressvalidation/v2/3"
"""Validated and classified; with few candidates, because several are as good as many."""
_ASKED = f"{_PATH}?regionalrequestindicator=False&maximumcandidatelistsize=5"
_PROBED = {
    "AddressLine": ["1 Main Street"],
    "PoliticalDivision2": "New York",
    "PoliticalDivision1": "NY",
    "CountryCode": "US",
}


class UpsAddresses:
    """An application at UPS behind `actors.runtime.partner.Partner` and
    `adapters.kit.deliverability.TellsDeliverability`; `name` is the instance's. No effect is asked
    of it."""

    can_look_up = False

    def __init__(self, client: HttpClient, settings: UpsAddressSettings, *, name: str = "") -> None:
        self.name = name or "ups_addresses"
        title = titled("UPS", name)
        base = settings.base_url.rstrip("/")
        credentials = ClientCredentials(
            token_url=f"{base}/security/v1/oauth/token",
            client_id=settings.client_id,
            client_secret=settings.client_secret.reveal(),
            basic=True,
        )
        self._tokens = TokenCache(client, credentials, title)
        self._sparingly = Sparingly(client.clock, settings.hourly, settings.calls, title)
        self._api = JsonPartner(
            client,
            name=self.name,
            title=title,
            base_url=f"{base}/api",
            timeout_seconds=settings.calls.timeout_seconds,
            sender=self._tokens,
            words=_words,
        )

    async def deliverability(self, at: Address) -> Deliverability:
        """Return what UPS says of an address of the United States or Puerto Rico; that the question
        was refused for one of another territory and of the armed forces. Raises PartnerError."""
        return await self._sparingly.verdict(at, self._ask)

    async def _ask(self, at: Address) -> Deliverability:
        asked = asked_for(at)
        if not asked:
            return Deliverability(why="refused")
        answer = await self._sent(asked)
        if answer.status >= 400:
            if not _faults(answer):
                raise NeedsPerson(
                    f"{self._api.title} answered HTTP {answer.status} without saying why. Check "
                    "its base_url."
                )
            return Deliverability(why="refused")
        found = self._api.decoded(shapes.answer_decoder, answer, writes=False).found
        return verdict_of(found, asked, who_lines(at))

    async def _sent(self, asked: dict[str, object]) -> Answer:
        body = {"XAVRequest": {"AddressKeyFormat": asked}}
        return await self._api.ask(None, "POST", _ASKED, writes=False, body=body)

    async def perform(self, call: Call) -> Result:
        """Carry out nothing. Raises TypeError: no effect is this service's."""
        raise TypeError(f"{self._api.title} can't carry out {type(call.effect).__name__}.")

    async def look_up(self, call: Call) -> Result | None:
        """Find nothing: no effect is this service's. Raises TypeError."""
        raise TypeError(f"{self._api.title} can't carry out {type(call.effect).__name__}.")

    async def close(self) -> None:
        """Stop fetching tokens."""
        await self._tokens.close()

    async def probe(self) -> str:
        """Ask for an address of New York; return what that showed. Raises PartnerError."""
        answer = await self._sent(dict(_PROBED))
        if answer.status >= 400:
            raise self._api.unanswered("whether an address can be delivered to", answer)
        return f"{self._api.title} takes our credentials and answers."


def _faults(answer: Answer) -> str:
    try:
        errors = shapes.refusal_decoder.decode(answer.body).response.errors
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
    return ", ".join(f"{one.message} ({one.code})" for one in errors)


def _words(answer: Answer) -> str:
    said = _faults(answer)
    return printable(said)[:MAX_WORDS] if said else status_words(answer)
