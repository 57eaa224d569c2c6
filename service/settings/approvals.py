"""Settings of approvals: who may approve orders, up to what they come to."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from adapters.kit.settings import InstanceName, LimitMinor
from schemas.order.canonical import CurrencyCode

Limits = Annotated[dict[CurrencyCode, LimitMinor], Meta(max_length=200)]
Person = Annotated[str, Meta(min_length=1, max_length=256)]


class Role(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """People who may approve orders up to the same limits."""

    people: Annotated[
        tuple[Person, ...],
        Meta(
            min_length=1,
            max_length=200,
            description="Their names, as the audit has them: users of the console and of the "
            "command line by their name, API keys as `API key NAME`.",
        ),
    ]
    limits: Annotated[
        Limits,
        Meta(
            description="What an order may come to, in minor units by currency; none of another "
            "currency."
        ),
    ]


class Approvals(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who approves what `approve` rules and limits of payment hold. Without roles whoever may
    decide reviews does."""

    roles: Annotated[
        dict[InstanceName, Role], Meta(max_length=20, description="Who may approve, by role.")
    ] = {}
    four_eyes_above: Annotated[
        Limits,
        Meta(
            description="What an order comes to, in minor units by currency, above which two people"
            " have to approve it; 0: any. No currency named: one is enough."
        ),
    ] = msgspec.field(default_factory=dict)
    self_approval: Annotated[
        bool,
        Meta(description="Whether who has changed an order here may approve it."),
    ] = False
