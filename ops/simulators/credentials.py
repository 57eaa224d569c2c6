"""Which credentials the partners accept: any at all, until some are configured.

A client id, secret or token that begins with `wrong` is refused even then, so that a test of wrong
credentials needs no setting up.
"""

from __future__ import annotations

import hmac
from collections import deque
from dataclasses import dataclass, field

from ops.simulators.shapes import JsonObject, text

MAX_CONFIGURED = 100
MAX_ISSUED = 1000
_ALWAYS_REFUSED = "wrong"


class BadCredential(ValueError):
    """What was to be configured makes no sense; the message says why."""


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


@dataclass(slots=True)
class _Account:
    client_id: str
    client_secret: str
    token: str
    issued: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_ISSUED))


class Credentials:
    """One account per partner at the most. Tokens issued before it was configured are refused."""

    def __init__(self) -> None:
        self._accounts: dict[str, _Account] = {}
        self._serial = 0

    def configure(self, raw: JsonObject) -> None:
        """Sets one partner's client id and secret, or its token. Raises BadCredential."""
        partner, token = text(raw, "partner"), text(raw, "token")
        client_id, client_secret = text(raw, "client_id"), text(raw, "client_secret")
        if not partner or not (token or (client_id and client_secret)):
            raise BadCredential(
                "Give `partner` and either `token` or `client_id` and `client_secret`."
            )
        if partner not in self._accounts and len(self._accounts) >= MAX_CONFIGURED:
            raise BadCredential(f"{MAX_CONFIGURED} partners have credentials already.")
        self._accounts[partner] = _Account(client_id, client_secret, token)

    def clear(self) -> None:
        """Every partner accepts any credential again."""
        self._accounts.clear()

    def configured(self) -> list[str]:
        """The partners that accept only what was configured."""
        return sorted(self._accounts)

    def admits_client(self, partner: str, client_id: str, client_secret: str) -> bool:
        """Whether a token may be issued for these."""
        if client_id.startswith(_ALWAYS_REFUSED) or client_secret.startswith(_ALWAYS_REFUSED):
            return False
        account = self._accounts.get(partner)
        return account is None or (
            bool(account.client_id)
            and _same(account.client_id, client_id)
            and _same(account.client_secret, client_secret)
        )

    def issue(self, partner: str, now: float) -> str:
        """A new access token."""
        self._serial += 1
        token = f"simulated-{partner}-token-{int(now)}-{self._serial}"
        if (account := self._accounts.get(partner)) is not None:
            account.issued.append(token)
        return token

    def admits(self, partner: str, authorization: str) -> bool:
        """Whether the value of an Authorization header holds a bearer token that is accepted."""
        scheme, _, token = authorization.partition(" ")
        if scheme != "Bearer" or not token or token.startswith(_ALWAYS_REFUSED):
            return False
        account = self._accounts.get(partner)
        if account is None:
            return True
        return token in account.issued or (bool(account.token) and _same(account.token, token))
