"""What a principal may do with an item: a release does what its message does."""

from __future__ import annotations

from collections.abc import Callable

from schemas.messages.privacy import KIND as PRIVACY
from service.http.auth import Principal
from service.quarantine.service import Verdict

_SCOPE_OF_KIND = {
    PRIVACY: "privacy:act",
    "act": "orders:act",
    "edit": "orders:act",
    "return": "returns:act",
}
"""The scope that each message would have needed where its kind is asked for."""


def elsewhere(principal: Principal, who: str = "this API key") -> Callable[[Verdict], str]:
    """Return what says why a principal may not know of a verdict, "" when it may. `who` names it
    in the words."""

    def forbids(verdict: Verdict) -> str:
        if principal.serves(verdict.channel):
            return ""
        return f"Its bytes belong to a channel that {who} does not serve."

    return forbids


def forbids(principal: Principal, who: str = "this API key") -> Callable[[Verdict], str]:
    """Return what says why a principal may not release a verdict's message, "" when it may. It
    needs that channel, and the scope of that message."""
    not_its = elsewhere(principal, who)

    def why_not(verdict: Verdict) -> str:
        if why := not_its(verdict):
            return why
        scope = _SCOPE_OF_KIND.get(verdict.kind)
        if scope is None or principal.may(scope):
            return ""
        return f"Releasing it needs the scope {scope}."

    return why_not
