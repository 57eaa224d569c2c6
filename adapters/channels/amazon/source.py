"""Amazon's notifications and fetched orders: who sent them, what they are about, what they mean.

Amazon posts to no address: it writes ORDER_CHANGE into a queue of the seller's, and a forwarder of
the seller's posts it here, signed. A notification means "fetch this order again", nothing more;
only a buyer's wish to cancel is news in itself, for which a person must look, and of an order that
is pending there is nothing to fetch.
https://developer-docs.amazon.com/sp-api/docs/set-up-notifications-with-amazon-sqs
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from adapters.channels.amazon.notifications import Notice, kept, notice_of
from adapters.channels.amazon.order import PENDING_WORDS, SOURCE, USUAL, input_of
from adapters.channels.amazon.shapes import ORDER_CHANGE, PAYLOAD_VERSION, Fetched
from adapters.kit.fetching import FETCHED
from adapters.kit.inbound import (
    UNKNOWN,
    UNREADABLE,
    Receipt,
    SignatureRefused,
    delivery_of,
    digest_ref,
)
from adapters.kit.rounding import EXACT, Rounding
from adapters.kit.standard_webhooks import authenticate, key_of
from adapters.kit.translation import Translation
from schemas.contracts import refusals
from schemas.contracts.refusals import Refused, refused
from schemas.contracts.strict_json import parse, shown
from schemas.contracts.validation import read_foreign
from schemas.messages.inputs import Input, NoteReport, RefetchOrder

REFETCH, NOTE = "refetch", "note"
CANCEL_ASKED = (
    "The buyer asks to cancel. Cancel the order at Amazon, or release the hold to ship it all the "
    "same."
)


class Amazon:
    """One seller account. `secrets` are what the forwarder signs with, the old one beside the new
    one while they are rotated. `seller_id` ("": any) and `marketplace_ids` (none: every) say whose
    orders these are. Raises ValueError for a secret that is not base64 after `whsec_`.
    """

    kind = SOURCE

    def __init__(
        self,
        channel: str,
        *,
        secrets: Sequence[str],
        seller_id: str = "",
        marketplace_ids: Sequence[str] = (),
        rounding: Rounding = EXACT,
        translation: Translation = USUAL,
    ) -> None:
        self._channel = channel
        self._keys = tuple(key_of(one, "A forwarder's") for one in secrets if one)
        self._seller = seller_id
        self._marketplaces = frozenset(marketplace_ids)
        self._rounding = rounding
        self._translation = translation

    def receive(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> Receipt:
        """Check signature, age and seller, then find the order. Raises SignatureRefused.

        A repeat has the same NotificationId, however often the queue hands it out. An order that
        Amazon ships itself, or of another marketplace, is ignored: no subscription leaves it out.
        """
        return self.read(raw, authenticate(headers, raw, now, self._keys))

    def read(self, raw: bytes, message_id: str) -> Receipt:
        """Find the order of a message whose sender is known. Raises SignatureRefused for another
        seller's."""
        try:
            notice = notice_of(parse(raw))
        except Refused:
            return Receipt(
                channel=self._channel,
                kind=UNREADABLE,
                ref=digest_ref(raw),
                topic="",
                delivery_id=delivery_of(self._channel, message_id, "", raw),
            )
        if self._seller and notice.seller_id and notice.seller_id != self._seller:
            raise SignatureRefused(
                f"The notification is of the seller {shown(notice.seller_id)}; this channel is "
                f"{self._seller}."
            )
        kind = _kind_of(notice)
        notes, drift = [], ""
        if notice.type == ORDER_CHANGE and notice.version != PAYLOAD_VERSION:
            drift = notice.version or "none"
            notes.append(f"Amazon sent {ORDER_CHANGE} {drift}; {PAYLOAD_VERSION} was expected.")
        why = self._ignored(notice) if notice.order_id else ""
        if why:
            notes.append(why)
        return Receipt(
            channel=self._channel,
            kind=kind,
            ref=notice.order_id or digest_ref(raw),
            topic=notice.topic,
            delivery_id=delivery_of(
                self._channel, notice.notification_id or message_id, notice.topic, raw
            ),
            notes=tuple(notes),
            drift=drift,
            ignored=bool(why),
        )

    def address(self, topic: str, raw: bytes) -> tuple[str, str]:
        """Say again what kept bytes are: no channel, which they don't name, and the kind."""
        if topic == FETCHED:
            return "", "update"
        try:
            return "", _kind_of(notice_of(parse(raw)))
        except Refused:
            return "", UNREADABLE

    def translate(self, kind: str, topic: str, raw: bytes) -> Input:
        """Make one of our inputs of a notification or of a fetched order. Raises Refused.

        The arguments and the channel's settings decide, nothing else.
        """
        tree = parse(raw)
        if kind == "update" and topic == FETCHED:
            order = read_foreign(tree, Fetched).order
            return input_of(order, self._rounding, self._translation)
        notice = notice_of(tree)
        if notice.type != ORDER_CHANGE:
            raise kept(notice)
        if not notice.order_id:
            raise refused(
                refusals.REF_MISSING,
                "The notification names no AmazonOrderId of the form 3-7-7, so it is not known "
                "which order it is about.",
            )
        if notice.by_amazon:
            raise refused(
                refusals.TOPIC_NOT_OURS,
                "Amazon ships this order from its own warehouse (FBA); it is not for us to ship.",
            )
        ref, topic = notice.order_id, notice.topic
        if kind == NOTE and notice.pending and not notice.cancel_asked:
            return NoteReport(ref=ref, source=SOURCE, topic=topic, words=PENDING_WORDS, waits=True)
        if kind == NOTE and notice.cancel_asked:
            return NoteReport(
                ref=ref, source=SOURCE, topic=topic, words=CANCEL_ASKED, hold="before_hand_over"
            )
        if kind != REFETCH:
            raise refused(
                refusals.KIND_MISMATCH,
                f"A notification only says which order to fetch, but came in as {shown(kind)}; "
                f"send it as {REFETCH}.",
            )
        return RefetchOrder(ref=ref, source=SOURCE, topic=topic, shipped=notice.shipped)

    def _ignored(self, notice: Notice) -> str:
        """Return why an order is not for this channel, "" when it is."""
        if notice.by_amazon:
            return "Orders that Amazon ships from its own warehouse (FBA) are left to it."
        where = notice.marketplace_id
        if where and self._marketplaces and where not in self._marketplaces:
            return f"Orders of the marketplace {shown(where[:40])} are left out by marketplace_ids."
        return ""


def _kind_of(notice: Notice) -> str:
    if notice.type != ORDER_CHANGE:
        return UNKNOWN
    if not notice.order_id:
        return UNREADABLE
    return NOTE if notice.cancel_asked or notice.pending else REFETCH
