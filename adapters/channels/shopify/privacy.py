"""Shopify's three mandatory topics about personal data.

https://shopify.dev/docs/apps/build/compliance/privacy-law-compliance: `customers/redact` comes ten
days after the shop asked (or when the last order is old enough), `shop/redact` 48 hours after the
app was uninstalled; each is due within 30 days.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

from adapters.kit.inbound import digest_ref
from schemas.contracts import refusals
from schemas.contracts.refusals import refused
from schemas.contracts.strict_json import parse
from schemas.contracts.validation import read_foreign
from schemas.messages.privacy import EXPORT, MAX_REFS, REDACT, REDACT_SHOP, AskPrivacy, Subject

PRIVACY_TOPICS: Mapping[str, Literal["redact", "export", "redact_shop"]] = MappingProxyType(
    {"customers/redact": REDACT, "customers/data_request": EXPORT, "shop/redact": REDACT_SHOP}
)


class _Customer(Struct, frozen=True, kw_only=True):
    id: int | None = None
    email: str | None = None
    phone: str | None = None


class _Payload(Struct, frozen=True, kw_only=True):
    shop_domain: str
    customer: _Customer = _Customer()
    orders_to_redact: tuple[int, ...] = ()
    orders_requested: tuple[int, ...] = ()


def privacy_request(topic: str, raw: bytes) -> AskPrivacy:
    """Read what a privacy topic asks. Raises Refused when it names no one."""
    found = read_foreign(parse(raw), _Payload)
    asks = PRIVACY_TOPICS[topic]
    if asks == REDACT_SHOP:
        return AskPrivacy(ref=digest_ref(raw), asks=asks)
    customer = found.customer
    refs = tuple(dict.fromkeys(map(str, (*found.orders_to_redact, *found.orders_requested))))
    if len(refs) > MAX_REFS:
        raise refused(
            refusals.PRIVACY_REQUEST,
            f"The request names {len(refs):,} orders; at most {MAX_REFS:,} are taken. Do it in "
            "several with `orderwright privacy`.",
        )
    subject = Subject(
        reference="" if customer.id is None else str(customer.id),
        email=(customer.email or "")[:320],
        phone=(customer.phone or "")[:64],
        refs=refs,
    )
    if subject == Subject():
        raise refused(
            refusals.PRIVACY_REQUEST,
            "The request names neither a customer nor an order; ask the shop whom it is about, "
            "then do it with `orderwright privacy`.",
        )
    return AskPrivacy(ref=digest_ref(raw), asks=asks, subject=subject)
