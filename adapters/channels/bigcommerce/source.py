"""BigCommerce's webhooks: who sent them, which order they name, and what its statement means.

https://developer.bigcommerce.com/docs/integrations/webhooks. A webhook says that something changed
and tells nothing of it, so the order is fetched. BigCommerce signs nothing: it sends back the
headers that a webhook was created with, so a secret header shows who it is. It proves nothing of
the body, which need not be believed: it only makes us ask the shop.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime

from adapters.channels.bigcommerce.money import ROUNDING
from adapters.channels.bigcommerce.order import USUAL, input_of
from adapters.channels.bigcommerce.scopes import NOTE, REFETCH, SCOPES, kept, note_of, order_of
from adapters.channels.bigcommerce.settings import BigCommerceTranslation
from adapters.channels.bigcommerce.shapes import Bundle, Hook
from adapters.kit.inbound import (
    UNKNOWN,
    UNREADABLE,
    Receipt,
    SignatureRefused,
    delivery_of,
    digest_ref,
    header,
)
from adapters.kit.rounding import Rounding
from schemas.contracts import refusals
from schemas.contracts.refusals import Refused, refused
from schemas.contracts.strict_json import parse, shown
from schemas.contracts.validation import read_foreign
from schemas.messages.inputs import Input, RefetchOrder

SECRET_HEADER = "X-Orderwright-Secret"  # noqa: S105 — the header's name, no secret
"""The header that our webhooks are created with; channel sync sees to it."""
_STORES = "stores/"


class BigCommerce:
    """One store. `secrets` are what its webhooks bear: the one they are created with first, beside
    it the one before while it is rotated."""

    kind = "bigcommerce"

    def __init__(
        self,
        channel: str,
        *,
        store_hash: str,
        secrets: Sequence[str],
        rounding: Rounding = ROUNDING,
        translation: BigCommerceTranslation = USUAL,
    ) -> None:
        self._channel = channel
        self._producer = _STORES + store_hash
        self._secrets = tuple(secret.encode() for secret in secrets if secret)
        self._rounding = rounding
        self._translation = translation

    def receive(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> Receipt:
        """Check the secret, then find store, scope and order. Raises SignatureRefused."""
        self._authenticate(headers)
        try:
            hook = read_foreign(parse(raw), Hook)
        except Refused:
            return Receipt(
                channel=self._channel,
                kind=UNREADABLE,
                ref=digest_ref(raw),
                topic="",
                delivery_id=delivery_of(self._channel, "", "", raw),
            )
        drift = self._drift(hook)
        ref = order_of(hook.scope, hook)
        return Receipt(
            channel=self._channel,
            kind=_kind_of(hook.scope, ref),
            ref=ref or digest_ref(raw),
            topic=hook.scope[:100],
            delivery_id=delivery_of(self._channel, _delivery(hook), hook.scope, raw),
            notes=_notes(hook, drift),
            drift=drift,
        )

    def address(self, topic: str, raw: bytes) -> tuple[str, str]:
        """Say again what a kept delivery is, for its scope or its bytes may have got a meaning:
        no channel, which every webhook of the store may be of, and the kind."""
        try:
            hook = read_foreign(parse(raw), Hook)
        except Refused:
            return "", UNREADABLE
        return "", _kind_of(hook.scope, order_of(hook.scope, hook))

    def translate(self, kind: str, topic: str, raw: bytes) -> Input:
        """Make one of our inputs: of a webhook a refetch or a note, of what was fetched the order.
        Raises Refused. The arguments and the store's settings decide, nothing else."""
        tree = parse(raw)
        if kind == "update":
            return input_of(read_foreign(tree, Bundle), self._rounding, self._translation)
        if kind == UNREADABLE:
            raise refused(
                refusals.REF_MISSING,
                "The payload is not a BigCommerce webhook: it names no scope, or its data have "
                "another shape.",
            )
        hook = read_foreign(tree, Hook)
        if kind == NOTE:
            return note_of(topic, hook)
        ref = order_of(topic, hook)
        if kind != REFETCH or not ref:
            raise kept(topic)
        return RefetchOrder(ref=ref, source=self.kind, topic=topic)

    def _authenticate(self, headers: Mapping[str, str]) -> None:
        given = header(headers, SECRET_HEADER).encode("utf-8", "replace")
        if not given:
            raise SignatureRefused(f"The header {SECRET_HEADER} is missing.")
        # Every secret is compared, in constant time, so that the time tells nothing.
        found = False
        for secret in self._secrets:
            found |= hmac.compare_digest(secret, given)
        if not found:
            raise SignatureRefused(
                f"The header {SECRET_HEADER} is another than ours: the webhook was created with "
                "another secret, or somebody else sent it."
            )

    def _drift(self, hook: Hook) -> str:
        """Return a producer of a form that is not known here; a store's must be ours."""
        if hook.producer == self._producer:
            return ""
        if hook.producer.startswith(_STORES):
            raise SignatureRefused(
                f"The webhook is of {shown(hook.producer)}; this channel is {self._producer}."
            )
        return hook.producer[:20] or "none"


def _kind_of(scope: str, ref: str) -> str:
    meaning = SCOPES.get(scope)
    return meaning.kind if meaning is not None and ref else UNKNOWN


def _delivery(hook: Hook) -> str:
    """Name the event: `hash` alone is that of the payload, which two events of a minute may share.
    One that is taken for another would lose a change; one that comes twice costs a fetch."""
    return f"{hook.scope} {hook.created_at} {hook.hash}" if hook.hash else ""


def _notes(hook: Hook, drift: str) -> tuple[str, ...]:
    found = []
    if drift:
        found.append(f"BigCommerce's producer is {drift}; stores/ and its hash were expected.")
    meaning = SCOPES.get(hook.scope)
    if meaning is not None and meaning.reason == refusals.CHANNEL_DISCONNECTED:
        found.append(meaning.words)
    return tuple(found)
