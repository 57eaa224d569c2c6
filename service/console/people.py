"""Who is signed in, and what each role may."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

from adapters.postgres.keys import SCOPES
from adapters.postgres.users import ANY_CHANNEL, User

PERSONAL = "personal:read"
"""May see whose order it is. No API key has it: there it belongs to what the key reads."""

WAREHOUSE = "warehouse:act"
"""May print packing slips, which have addresses, and report what was picked and packed by hand. No
API key has it: a warehouse's own system reports by its contract."""

AUDIT = "audit:read"
"""May read who did what. No API key has it: the audit is for people."""

_VIEWER = frozenset({"orders:read"})
_WAREHOUSE = _VIEWER | {"labels:read", WAREHOUSE}
_FINANCE = _VIEWER | {"recon:read", "recon:act"}
_AGENT = _WAREHOUSE | {"orders:act", PERSONAL}
_OPERATOR = _AGENT | {
    "orders:write",
    "alerts:act",
    "quarantine:read",
    "quarantine:act",
    "mappings:read",
    "mappings:write",
    "rules:read",
}

SCOPES_OF: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "viewer": _VIEWER,
        "auditor": _VIEWER | {AUDIT},
        "finance": _FINANCE,
        "warehouse": _WAREHOUSE,
        "agent": _AGENT,
        "operator": _OPERATOR,
        "admin": SCOPES | {PERSONAL, WAREHOUSE, AUDIT},
    }
)
"""What each role may, in the scopes of API keys."""

IN_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "viewer": "looks at orders and incidents; sees no personal data",
        "auditor": "also reads the audit; sees no personal data, and decides nothing",
        "finance": "looks like a viewer, compares the books, accepts and corrects differences",
        "warehouse": "looks at orders, gets labels and packing slips, reports what was packed",
        "agent": "also decides about orders, and sees whose order it is",
        "operator": "also works on the quarantine and on mappings, and sees and tries rules",
        "admin": "everything",
    }
)


class Person(Struct, frozen=True, kw_only=True):
    """Who is signed in: a principal like an API key."""

    name: str
    role: str
    channels: frozenset[str]

    @property
    def id(self) -> str:
        """The name under which repeats of a request are recognised; no API key has one like it."""
        return f"user:{self.name}"

    @property
    def audited_as(self) -> str:
        """The name under which decisions are kept."""
        return f"{self.name} (console)"

    def may(self, scope: str) -> bool:
        """Whether the person's role has the scope."""
        return scope in SCOPES_OF[self.role]

    def serves(self, channel: str) -> bool:
        """Whether the person may see and decide about orders of the channel."""
        return ANY_CHANNEL in self.channels or channel in self.channels


def person_of(user: User) -> Person:
    """Return the person that a user is."""
    return Person(name=user.name, role=user.role, channels=user.channels)
