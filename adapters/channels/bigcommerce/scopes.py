"""What each scope of BigCommerce's webhooks means to an order, or why it means nothing on purpose.

Webhooks are light: they name an order, which is then fetched. News that this would not show becomes
a note as well. https://developer.bigcommerce.com/docs/integrations/webhooks/events
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

from adapters.channels.bigcommerce.shapes import Hook
from adapters.kit.inbound import UNKNOWN
from schemas.contracts import refusals
from schemas.contracts.refusals import Refused, refused
from schemas.contracts.strict_json import shown
from schemas.messages.inputs import NoteReport

REFETCH, NOTE = "refetch", "note"


class Scope(Struct, frozen=True, kw_only=True):
    """What a scope is here: the order is fetched again, something is noted on it, or (`unknown`) it
    is kept as `reason`. `words` are a sentence about it; `refetch` has a noted order fetched, too.
    """

    kind: str
    words: str = ""
    reason: str = refusals.TOPIC_NOT_OURS
    hold: Literal["", "once_begun"] = ""
    refetch: bool = False


_REFETCH = Scope(kind=REFETCH)

SCOPES: Mapping[str, Scope] = MappingProxyType(
    {
        "store/order/created": _REFETCH,
        "store/order/updated": _REFETCH,
        "store/order/statusUpdated": _REFETCH,
        "store/order/archived": _REFETCH,
        "store/order/transaction/created": _REFETCH,
        "store/order/refund/created": Scope(
            kind=NOTE,
            words="A refund was made in the shop.",
            hold="once_begun",
            refetch=True,
        ),
        "store/order/message/created": Scope(
            kind=NOTE, words="A message about the order was written in the shop: read it there."
        ),
        "store/shipment/created": _REFETCH,
        "store/shipment/updated": _REFETCH,
        "store/shipment/deleted": Scope(
            kind=NOTE, words="A shipment of the order was deleted in the shop.", refetch=True
        ),
        "store/app/uninstalled": Scope(
            kind=UNKNOWN,
            reason=refusals.CHANNEL_DISCONNECTED,
            words="The app was uninstalled from the shop: no order comes from it any more and "
            "nothing can be told to it. Install it again, or take the channel out.",
        ),
    }
)
"""The scopes with a meaning: these are what is subscribed."""

_CATALOGUE = "An order carries what it needs of its articles."
_STOCK = "Stock is counted here and told to the storefront, never read from it."
_BUYERS = "An order carries its own customer; accounts at the storefront are not kept here."

NOT_OURS: tuple[tuple[str, str], ...] = (
    ("store/order/metafield/", "Other apps keep notes of their own there."),
    ("store/product/inventory/", _STOCK),
    ("store/sku/inventory/", _STOCK),
    ("store/inventory/", _STOCK),
    ("store/product/", _CATALOGUE),
    ("store/sku/", _CATALOGUE),
    ("store/brand/", _CATALOGUE),
    ("store/category/", _CATALOGUE),
    ("store/modifier/", _CATALOGUE),
    ("store/option/", _CATALOGUE),
    ("store/priceList/", _CATALOGUE),
    ("store/cart/", "A cart is not an order yet."),
    ("store/customer/", _BUYERS),
    ("store/subscriber/", _BUYERS),
    ("store/channel/", "Channels are configured here, not read from the storefront."),
    ("store/information/", "The shop's own data are asked for when an order is."),
    ("store/redirects/", "Pages of the shop are not orders."),
    ("store/metafield/", "Other apps keep notes of their own there."),
    ("store/store/metafield/", "Other apps keep notes of their own there."),
)
"""How scopes begin that do not concern orders, and why; the first that fits counts. One that is
neither here nor above is `topic_unknown`."""


def order_of(scope: str, hook: Hook) -> str:
    """Return the digits of the order that a webhook names; "" when it names none."""
    data = hook.data
    if scope.startswith("store/shipment/"):
        named = data.orderId
    elif scope == "store/order/transaction/created":
        named = data.order_id
    elif scope.startswith("store/order/"):
        named = data.id
    else:
        named = None
    return number_in(named)


def number_in(named: int | str | None) -> str:
    """Return an id of BigCommerce's as digits; "" for what is none."""
    digits = str(named)
    is_id = digits.isascii() and digits.isdigit() and len(digits) <= 20 and int(digits) > 0
    return str(int(digits)) if is_id else ""


def note_of(scope: str, hook: Hook) -> NoteReport:
    """Make the note a webhook is. Raises Refused."""
    meaning, ref = SCOPES.get(scope), order_of(scope, hook)
    if meaning is None or meaning.kind != NOTE or not ref:
        raise kept(scope)
    return NoteReport(
        ref=ref,
        source="bigcommerce",
        topic=scope,
        words=meaning.words,
        hold=meaning.hold,
        refetch=meaning.refetch,
        at=_moment(hook.created_at),
    )


def _moment(seconds: int) -> str | None:
    """Return when a webhook says that something happened; None where it doesn't."""
    if not 0 < seconds < 2**32:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def kept(scope: str) -> Refused:
    """Return why a webhook becomes no input: it is kept, with a reason of its own."""
    meaning = SCOPES.get(scope)
    if meaning is not None and meaning.kind != UNKNOWN:
        return refused(
            refusals.ORDER_UNNAMED,
            f"The webhook {scope} does not say which order it is about; look it up in the shop, "
            "and import that order.",
        )
    if meaning is not None:
        return refused(meaning.reason, meaning.words)
    for begins, words in NOT_OURS:
        if scope.startswith(begins):
            told = f"The scope {shown(scope)} does not concern orders: {words} Delete the webhook."
            return refused(refusals.TOPIC_NOT_OURS, told)
    told = f"The scope {shown(scope)} has no meaning here yet; the payload is kept."
    return refused(refusals.TOPIC_UNKNOWN, told)
