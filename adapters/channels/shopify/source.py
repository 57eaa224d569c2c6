"""Shopify's webhooks: who sent them, what they are about, and what they mean to us.

https://shopify.dev/docs/apps/build/webhooks. An event means "this is how the order looks now":
one that arrives cancelled is a cancel, whatever its topic says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from adapters.channels.shopify.amounts import current_quantity
from adapters.channels.shopify.bearing import names_one_event, require_borne_out
from adapters.channels.shopify.fulfilled import fulfilled_of, is_all_of, unasked_of
from adapters.channels.shopify.lines import goes_several_ways
from adapters.channels.shopify.naming import named_order
from adapters.channels.shopify.order import USUAL, canonical_order, order_ref
from adapters.channels.shopify.privacy import PRIVACY_TOPICS, privacy_request
from adapters.channels.shopify.reading import number_of, read_order
from adapters.channels.shopify.returned import step_in
from adapters.channels.shopify.settings import ShopifyTranslation
from adapters.channels.shopify.shapes import ShopifyOrder
from adapters.channels.shopify.topics import (
    KIND_OF_TOPIC,
    NOTE,
    TOPICS,
    kept,
    note_of,
    says_nothing,
)
from adapters.kit.inbound import (
    UNKNOWN,
    UNREADABLE,
    Receipt,
    SignatureRefused,
    delivery_of,
    digest_from_base64,
    digest_ref,
    header,
    shown_headers,
    signed_by_any,
)
from adapters.kit.moments import moment_of
from adapters.kit.rounding import EXACT, Rounding
from schemas.contracts import refusals
from schemas.contracts.refusals import Refused, refused
from schemas.contracts.strict_json import parse, shown
from schemas.messages.inputs import (
    CancelOrder,
    ConfirmPayment,
    Input,
    PlaceOrder,
    RefetchOrder,
    UpdateOrder,
)
from schemas.messages.privacy import KIND as PRIVACY
from schemas.messages.privacy import Read
from schemas.order.canonical import Order

# Quotes inside a JSON text are escaped, so this can't be forged by what a buyer writes.
_ORDER_GID = re.compile(
    rb'"admin_graphql_api_id"\s*:\s*"gid:\\?/\\?/shopify\\?/Order\\?/([0-9]{1,20})"'
)
REFETCH = "refetch"
_FETCHED = frozenset({"place", "pay", "update"})
_SHOWN = (
    "x-shopify-webhook-id",
    "x-shopify-event-id",
    "x-shopify-triggered-at",
    "x-shopify-api-version",
    "x-shopify-shop-domain",
)
"""What Shopify says of a delivery: by the first two it is found in the app's own log there."""


class Shopify:
    """One shop. `secrets` are the app's, the old one beside the new one while they are rotated
    (Shopify may sign with the old one for an hour)."""

    kind = "shopify"

    def __init__(
        self,
        channel: str,
        *,
        shop_domain: str,
        secrets: Sequence[str],
        api_version: str,
        rounding: Rounding = EXACT,
        translation: ShopifyTranslation = USUAL,
        routed: bool = False,
    ) -> None:
        self._channel = channel
        self._shop = shop_domain.lower()
        self._keys = tuple(secret.encode() for secret in secrets if secret)
        self._version = api_version
        self._rounding = rounding
        self._translation = translation
        self._routed = routed
        named = (one.lower().encode() for one in translation.fulfillment_services)
        self._services = tuple(b'"%s"' % one for one in named)

    def receive(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> Receipt:
        """Check signature and shop, then find topic and order. Raises SignatureRefused."""
        self._authenticate(headers, raw)
        topic = header(headers, "X-Shopify-Topic")
        kind, ref = self._addressed(topic, raw)
        ignored = kind == UNKNOWN and _says_nothing(topic, raw, routed=self._routed)
        return Receipt(
            channel=self._channel,
            kind=kind,
            ref=ref or digest_ref(raw),
            topic=topic[:100],
            delivery_id=delivery_of(self._channel, _given_id(headers, topic), topic, raw),
            notes=self._notes(headers, topic),
            drift=self._drift(headers),
            headers=shown_headers(headers, _SHOWN),
            ignored=ignored,
        )

    def address(self, topic: str, raw: bytes) -> tuple[str, str]:
        """Say again what a kept delivery is, for its topic or its bytes may have got a meaning:
        no channel, which the payload doesn't name, and the kind."""
        return "", self._addressed(topic, raw)[0]

    def translate(self, kind: str, topic: str, raw: bytes) -> Read:
        """Make one of our inputs, or a request about personal data; see docs/contracts.md for what
        goes where. Raises Refused.

        The arguments and the shop's settings decide, nothing else.
        """
        tree = parse(raw)
        require_borne_out(topic, tree, self._shop)
        if kind == UNREADABLE:
            raise refused(
                refusals.REF_MISSING,
                "The payload has no admin_graphql_api_id of an order, so it is not known which "
                "order it is about; send the webhook again from Shopify.",
            )
        if kind == NOTE:
            return step_in(topic, tree) or note_of(topic, tree, routed=self._routed)
        if kind == REFETCH and topic in KIND_OF_TOPIC:
            return RefetchOrder(ref=order_ref(read_order(tree)), source=self.kind, topic=topic)
        if kind == PRIVACY and topic in PRIVACY_TOPICS:
            return privacy_request(topic, raw)
        if kind not in KIND_OF_TOPIC.values():
            raise kept(topic)
        order = read_order(tree)
        ref = order_ref(order)
        if kind == "cancel" or order.cancelled_at:
            reason = (order.cancel_reason or "")[:256]
            return CancelOrder(ref=ref, reason=reason, whole=True, at=moment_of(order.updated_at))
        if order.line_items and not any(map(current_quantity, order.line_items)):
            words = "Every line was removed or refunded."
            return CancelOrder(ref=ref, reason=words, whole=True, at=moment_of(order.updated_at))
        if goes_several_ways(order, self._translation):
            return RefetchOrder(ref=ref, source=self.kind, topic=topic)
        stated = canonical_order(order, self._rounding, self._translation)
        return _input(kind, ref, stated, order)

    def _addressed(self, topic: str, raw: bytes) -> tuple[str, str]:
        """Return the kind of input a payload becomes, and the order's id; "" where it names none.
        Where the shop's fulfilment orders decide, an order is fetched with them: also one of which
        a fulfilment service of ours sends goods, since no webhook says whether it is asked to."""
        kind, ref = _addressed(topic, raw)
        if kind not in _FETCHED:
            return kind, ref
        fetched = self._routed or (self._services and self._is_of_service(raw))
        return (REFETCH if fetched else kind), ref

    def _is_of_service(self, raw: bytes) -> bool:
        folded = raw.lower()
        return any(one in folded for one in self._services)

    def _notes(self, headers: Mapping[str, str], topic: str) -> tuple[str, ...]:
        found = []
        if version := self._drift(headers):
            found.append(f"Shopify sent API version {version}; {self._version} was expected.")
        meaning = TOPICS.get(topic)
        if meaning is not None and meaning.reason == refusals.CHANNEL_DISCONNECTED:
            found.append(meaning.words)
        return tuple(found)

    def _drift(self, headers: Mapping[str, str]) -> str:
        version = header(headers, "X-Shopify-Api-Version")[:20]
        return version if version != self._version else ""

    def _authenticate(self, headers: Mapping[str, str], raw: bytes) -> None:
        given = header(headers, "X-Shopify-Hmac-Sha256")
        if not given:
            raise SignatureRefused("The header X-Shopify-Hmac-SHA256 is missing.")
        if not signed_by_any(self._keys, raw, (digest_from_base64(given),)):
            raise SignatureRefused(
                "The header X-Shopify-Hmac-SHA256 does not fit the body: "
                "it was signed with another secret, or altered on its way."
            )
        shop = header(headers, "X-Shopify-Shop-Domain")
        if shop.lower() != self._shop:
            raise SignatureRefused(
                f"The webhook is of the shop {shown(shop)}; this channel is {self._shop}."
            )


def _given_id(headers: Mapping[str, str], topic: str) -> str:
    # The id in the header is not signed: a replay of signed bytes could carry a new one.
    return "" if names_one_event(topic) else header(headers, "X-Shopify-Webhook-Id")


def _addressed(topic: str, raw: bytes) -> tuple[str, str]:
    """Return the kind of input a payload becomes, and the order's id; "" where it names none."""
    meaning = TOPICS.get(topic)
    if meaning is None:
        return UNKNOWN, _ref_in(raw)
    if meaning.kind in (UNKNOWN, PRIVACY):
        return meaning.kind, ""
    if meaning.kind != NOTE:
        ref = _ref_in(raw, of_order=True)
        return (meaning.kind if ref else UNREADABLE), ref
    try:
        ref = named_order(topic, parse(raw))
    except Refused:
        return UNREADABLE, ""
    return (NOTE if ref else UNKNOWN), ref


def _says_nothing(topic: str, raw: bytes, *, routed: bool) -> bool:
    meaning = TOPICS.get(topic)
    if meaning is None or meaning.kind != NOTE:
        return False
    return says_nothing(topic, parse(raw), routed=routed)


def _ref_in(raw: bytes, *, of_order: bool = False) -> str:
    """Find the order's id without parsing; the whole reading comes behind the stream. Where the
    topic says that it is an order, its number will do, as some apps pass it on."""
    found = _ORDER_GID.search(raw)
    if found is not None:
        return found.group(1).decode()
    try:
        tree = parse(raw)
    except Refused:
        return ""
    gid = tree.get("admin_graphql_api_id") if isinstance(tree, dict) else None
    if of_order and not gid and isinstance(tree, dict) and "financial_status" in tree:
        return number_of(tree)
    digits = gid.removeprefix("gid://shopify/Order/") if isinstance(gid, str) else ""
    return digits if digits.isascii() and digits.isdigit() and len(digits) <= 20 else ""


def _input(
    kind: str,
    ref: str,
    order: Order,
    source: ShopifyOrder,
) -> Input:
    fulfilled, unasked = fulfilled_of(source), unasked_of(source)
    is_all = is_all_of(source)
    if kind == "pay":
        paid = order.totals.total_minor
        return ConfirmPayment(
            ref=ref,
            paid_minor=paid,
            order=order,
            fulfilled=fulfilled,
            fulfilled_is_all=is_all,
            unasked=unasked,
        )
    if kind == "update":
        return UpdateOrder(
            order=order, fulfilled=fulfilled, fulfilled_is_all=is_all, unasked=unasked
        )
    return PlaceOrder(order=order, fulfilled=fulfilled, fulfilled_is_all=is_all, unasked=unasked)
