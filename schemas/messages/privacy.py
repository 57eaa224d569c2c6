"""What a customer, by law, may ask of a shop: to be forgotten, or to see what is kept of him.

It is read beside the inputs of orders and never reaches one: see `service.privacy`.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from schemas.messages.inputs import Input
from schemas.order.canonical import Ref, ShortText

KIND = "privacy"
"""The `<kind>` token of a message that asks; `schemas.messages.inputs.KINDS` has those for
orders."""

REDACT: Final = "redact"
EXPORT: Final = "export"
REDACT_SHOP: Final = "redact_shop"

DUE_DAYS = 30
"""In which it must be done: GDPR, article 12(3), and every storefront's own terms."""

MAX_REFS = 10_000
"""Orders that one request may name: more than one person buys in a life."""


class Subject(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whom it is about, by whatever is known: the channel's own id of the customer, his addresses,
    and references of his orders. All of it is personal data and is sealed wherever it is kept."""

    reference: ShortText = ""
    email: Annotated[str, Meta(max_length=320)] = ""
    phone: Annotated[str, Meta(max_length=64)] = ""
    refs: Annotated[tuple[Ref, ...], Meta(max_length=MAX_REFS)] = ()


class AskPrivacy(Struct, frozen=True, kw_only=True):
    """A request as a channel sends it. `ref` only names its message in the stream, and no person.
    Of `redact_shop` the subject is empty: it is about everybody of the channel."""

    ref: Ref
    asks: Literal["redact", "export", "redact_shop"]
    subject: Subject = Subject()


Read = Input | AskPrivacy
"""What the bytes of a message may turn out to be."""
