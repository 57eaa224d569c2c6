"""What each of Shopify's webhook topics means to an order, or why it means nothing on purpose.

A topic that carries the whole order is an input of its own. One that only says that something
happened becomes a note on the order's timeline, if it names the order. Everything else is kept
with a reason of its own. https://shopify.dev/docs/api/webhooks (2026-10)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

from adapters.channels.shopify.conditions import (
    gave_money_back,
    is_risky,
    is_scheduled,
    leaves_units_open,
    refunds_goods,
)
from adapters.channels.shopify.naming import (
    STILL,
    at,
    has_fulfilment_order,
    later_in,
    named_order,
    request_in,
    stop_in,
)
from adapters.kit.inbound import UNKNOWN
from adapters.kit.moments import moment_of
from schemas.contracts import refusals
from schemas.contracts.refusals import Refused, refused
from schemas.contracts.strict_json import shown
from schemas.messages.inputs import NoteReport
from schemas.messages.privacy import KIND as PRIVACY

NOTE = "note"
MAX_WORDS = 256
"""What `order.note_report.v1` takes."""

# Codes, amounts and tracking numbers; whatever else somebody typed may be personal, and stays out.
_PLAIN = re.compile(r"[A-Za-z0-9 _.:+/#-]{1,40}", re.ASCII)


def _always(_: object) -> bool:
    return True


def _never(_: object) -> bool:
    return False


class Meaning(Struct, frozen=True, kw_only=True):
    """What a topic is here. `words` are a sentence about it.

    `kind` is a key of `schemas.messages.inputs.KINDS`, `privacy` for what a customer asks by law,
    or `unknown` for what is kept as `reason`. Of a note, `details` are fields (dotted paths) whose
    codes are told too, and `hold` is asked for where `only_if` says so of the payload; where
    `decides` does, a person is, before hand-over and in the words `decision`. Where
    `refetch` says so the current order is fetched: only for what changes lines, address or money
    and does not carry them, and never for what every order has, for each fetch costs 50 to 80 of
    the hundred to thousand points a second that a shop allows. `at` is the field (a dotted path)
    with the moment of the change. `resolves`: where a fulfilment order's or a return's id stands
    for the order, Shopify is asked which order it is; else such a message of a fulfilment order
    says nothing and is not kept. `still` are the statuses that the fulfilment order must have then
    (none: any): the topic is not signed, so that an old message could be sent again as news.
    `routes`: it may change which goods are ours, where the shop's fulfilment orders decide that:
    the order is fetched then. `frees` are topics whose holds end with this one, as soon as no
    fulfilment order of the order has the status `gone`. `stops`: the shop asks not to send what the
    fulfilment order has left, and waits for an answer. `later`: it wants that sent not before its
    date, or says that the date has come (`due`). `requests`: it asks a service of ours to take the
    fulfilment order on, and waits for an answer.
    """

    kind: str
    words: str
    reason: str = refusals.TOPIC_NOT_OURS
    details: tuple[str, ...] = ()
    hold: Literal["", "before_hand_over", "once_begun"] = ""
    only_if: Callable[[object], bool] = _always
    decides: Callable[[object], bool] = _never
    decision: str = ""
    refetch: Callable[[object], bool] = _never
    at: str = ""
    resolves: bool = False
    still: tuple[str, ...] = ()
    frees: tuple[str, ...] = ()
    gone: str = ""
    routes: bool = False
    stops: bool = False
    later: bool = False
    due: bool = False
    requests: bool = False

    def is_asked(self, tree: object, *, routed: bool) -> bool:
        """Say whether it is worth a question of which order it is."""
        return (self.resolves and self.only_if(tree)) or (routed and self.routes)


def _whole(kind: str) -> Meaning:
    return Meaning(kind=kind, words="The whole order as it looks now.")


def _news(words: str, *details: str, refetch: Callable[[object], bool] = _never) -> Meaning:
    return Meaning(kind=NOTE, words=words, details=details, refetch=refetch)


def _not_ours(words: str) -> Meaning:
    return Meaning(kind=UNKNOWN, words=words)


def _privacy(words: str) -> Meaning:
    return Meaning(kind=PRIVACY, words=words, reason=refusals.PRIVACY_REQUEST)


_FULFILMENT_ORDER = "fulfillment_order.status"
_STOCK = "Stock is counted here and told to the storefront, never read from it."
_CATALOGUE = "An order carries what it needs of its articles."
_PLACES = "Places are configured here, not read from the storefront."
_BUYERS = "An order carries its own customer; accounts at the storefront are not kept here."
_RETURNS = ("status", "decline.reason")

_SCHEDULES = ("fulfillment_orders/order_routing_complete", "fulfillment_orders/rescheduled")
_SCHEDULED = Meaning(
    kind=NOTE,
    resolves=True,
    only_if=is_scheduled,
    still=("SCHEDULED",),
    words="The storefront scheduled the fulfilment for later.",
    details=("fulfillment_order.fulfill_at",),
    hold="before_hand_over",
    routes=True,
    later=True,
)

TOPICS: Mapping[str, Meaning] = MappingProxyType(
    {
        "orders/create": _whole("place"),
        "orders/paid": _whole("pay"),
        "orders/updated": _whole("update"),
        "orders/partially_fulfilled": _whole("update"),
        "orders/fulfilled": _whole("update"),
        "orders/cancelled": _whole("cancel"),
        "orders/delete": Meaning(
            kind=NOTE,
            words="The order was deleted at the storefront: cancel it, or ship all the same.",
            hold="before_hand_over",
        ),
        # It carries the change alone; orders/updated brings the order, perhaps after the label.
        "orders/edited": Meaning(
            kind=NOTE,
            words="The order was edited at the storefront after work had begun: compare it there.",
            hold="once_begun",
            refetch=_always,
            at="order_edit.committed_at",
        ),
        "orders/risk_assessment_changed": Meaning(
            kind=NOTE,
            words="The storefront's assessment of fraud changed.",
            details=("risk_level",),
            hold="before_hand_over",
            only_if=is_risky,
        ),
        "orders/shopify_protect_eligibility_changed": _news(
            "Shopify Protect's word on the order changed.", "status", "eligibility.status"
        ),
        "orders/link_requested": _not_ours("The buyer asks the shop for a new link to the order."),
        "order_transactions/create": _news(
            "A payment was tried or moved.", "kind", "status", "gateway", "amount", "currency",
            refetch=gave_money_back,
        ),
        # Money alone leaves the goods as they are. What was taken off the order is in its fetch.
        "refunds/create": Meaning(
            kind=NOTE,
            words="A refund was made at the storefront.",
            decides=leaves_units_open,
            decision="A refund at the storefront puts nothing back in stock, and Shopify still "
            "has its units to be fulfilled: cancel them there, or ship them all the same.",
            hold="once_begun",
            only_if=refunds_goods,
            refetch=_always,
            at="created_at",
        ),
        "disputes/create": Meaning(
            kind=NOTE,
            words="The buyer disputes the payment with the bank.",
            details=("type", "reason", "status", "amount", "currency"),
            hold="before_hand_over",
        ),
        "disputes/update": _news(
            "The dispute about the payment moved on.", "type", "reason", "status"
        ),
        # The order's own topics bring what it holds, and tell ours from somebody else's.
        "fulfillments/create": _news(
            "The storefront has a fulfilment.", "status", "tracking_company", "tracking_number"
        ),
        "fulfillments/update": _news(
            "A fulfilment at the storefront changed.",
            "status",
            "shipment_status",
            "tracking_company",
            "tracking_number",
        ),
        "fulfillment_events/create": _not_ours("Parcels are tracked with their carrier."),
        "fulfillment_events/delete": _not_ours("Parcels are tracked with their carrier."),
        # fulfillment_orders/placed_on_hold comes for the first of several, and asks for one hold.
        "fulfillment_holds/added": _news(
            "The storefront added a hold to the fulfilment.", "fulfillment_hold.reason"
        ),
        "fulfillment_holds/released": _news(
            "The storefront took a hold off the fulfilment.", "fulfillment_hold.reason"
        ),
        "fulfillment_orders/placed_on_hold": Meaning(
            kind=NOTE,
            resolves=True,
            still=("ON_HOLD",),
            words="The storefront put a hold on the fulfilment.",
            details=(_FULFILMENT_ORDER, "created_fulfillment_hold.reason"),
            hold="before_hand_over",
        ),
        "fulfillment_orders/hold_released": Meaning(
            kind=NOTE,
            resolves=True,
            frees=("fulfillment_orders/placed_on_hold",),
            gone="ON_HOLD",
            words="The storefront took all holds off the fulfilment.",
            details=(_FULFILMENT_ORDER,),
        ),
        **dict.fromkeys(_SCHEDULES, _SCHEDULED),
        "fulfillment_orders/moved": Meaning(
            kind=NOTE, routes=True, words="The fulfilment was moved to another place."
        ),
        "fulfillment_orders/scheduled_fulfillment_order_ready": Meaning(
            kind=NOTE,
            resolves=True,
            frees=_SCHEDULES,
            gone="SCHEDULED",
            words="The fulfilment is due at the storefront.",
            details=(_FULFILMENT_ORDER,),
            due=True,
        ),
        "fulfillment_orders/cancellation_request_submitted": Meaning(
            kind=NOTE,
            resolves=True,
            words="The storefront asks to cancel the fulfilment.",
            details=(_FULFILMENT_ORDER,),
            hold="before_hand_over",
            refetch=_always,
            stops=True,
        ),
        "fulfillment_orders/fulfillment_request_submitted": Meaning(
            kind=NOTE,
            resolves=True,
            words="The storefront asks for the fulfilment.",
            requests=True,
            refetch=_always,
        ),
        "fulfillment_orders/cancelled": Meaning(
            kind=NOTE,
            resolves=True,
            still=("CANCELLED", "CLOSED"),
            words="The storefront cancelled the fulfilment.",
            details=(_FULFILMENT_ORDER,),
            hold="before_hand_over",
            refetch=_always,
        ),
        **{
            f"fulfillment_orders/{name}": _news(words, _FULFILMENT_ORDER)
            for name, words in (
                ("cancellation_request_accepted", "A cancelled fulfilment was agreed to."),
                ("cancellation_request_rejected", "A cancelled fulfilment was not agreed to."),
                ("fulfillment_request_accepted", "The fulfilment was taken on."),
                ("fulfillment_request_rejected", "The fulfilment was refused."),
                ("fulfillment_service_failed_to_complete", "The fulfilment was given up."),
                ("line_items_prepared_for_local_delivery", "It is ready for local delivery."),
                ("line_items_prepared_for_pickup", "It is ready to be picked up."),
                ("manually_reported_progress_stopped", "Reported progress was taken back."),
                ("merged", "Fulfilments were merged at the storefront."),
                ("progress_reported", "Progress was reported at the storefront."),
                ("split", "The fulfilment was split at the storefront."),
            )
        },
        **{
            f"returns/{name}": Meaning(
                kind=NOTE,
                words=words,
                details=_RETURNS,
                refetch=_always if name in ("close", "process") else _never,
                resolves=True,
            )
            for name, words in (
                ("approve", "A return was approved."),
                ("cancel", "A return was cancelled."),
                ("close", "A return was closed."),
                ("decline", "A return was declined."),
                ("process", "A return was processed."),
                ("reopen", "A return was opened again."),
                ("request", "The buyer asks to return something."),
                ("update", "A return changed."),
            )
        },
        "app/uninstalled": Meaning(
            kind=UNKNOWN,
            reason=refusals.CHANNEL_DISCONNECTED,
            words="The app was uninstalled from the shop: no order comes from it any more and "
            "nothing can be told to it. Install it again, or take the channel out.",
        ),
        "customers/redact": _privacy("The shop asks to erase a customer's data."),
        "customers/data_request": _privacy("A customer asks the shop for the data kept of them."),
        "shop/redact": _privacy("The shop asks to erase all data of its customers."),
        **{
            f"customers/{name}": _not_ours(_BUYERS)
            for name in (
                "create", "delete", "disable", "enable", "merge", "purchasing_summary", "update",
            )
        },
        **{f"inventory_levels/{x}": _not_ours(_STOCK) for x in ("connect", "disconnect", "update")},
        **{f"inventory_items/{x}": _not_ours(_CATALOGUE) for x in ("create", "delete", "update")},
        **{f"products/{x}": _not_ours(_CATALOGUE) for x in ("create", "delete", "update")},
        **{
            f"locations/{x}": _not_ours(_PLACES)
            for x in ("activate", "create", "deactivate", "delete", "update")
        },
    }
)  # fmt: skip
"""Every topic of Shopify's that orders could meet. One that is missing here is `topic_unknown`."""

KIND_OF_TOPIC: Mapping[str, str] = MappingProxyType(
    {topic: one.kind for topic, one in TOPICS.items() if one.kind not in (NOTE, PRIVACY, UNKNOWN)}
)
"""The topics that carry the whole order, and the kind of input each becomes."""


def says_nothing(topic: str, tree: object, *, routed: bool = False) -> bool:
    """Say whether a webhook of fulfilment orders has no consequence for the order, which it does
    not name: each order sends several, and none is worth a question to Shopify."""
    is_one, meaning = topic.startswith(("fulfillment_orders/", "fulfillment_holds/")), TOPICS[topic]
    is_asked = meaning.is_asked(tree, routed=routed)
    return is_one and not is_asked and has_fulfilment_order(tree)


def note_of(topic: str, tree: object, *, routed: bool = False) -> NoteReport:
    """Make the note a piece of news is; `routed`: the shop's fulfilment orders decide what is ours.
    Raises Refused(order_unnamed or topic_unknown)."""
    meaning = TOPICS.get(topic)
    if meaning is None or meaning.kind != NOTE:
        raise kept(topic)
    ref = named_order(topic, tree)
    if not ref:
        raise kept(topic)
    told = [f"{path.rpartition('.')[2].replace('_', ' ')} {found}" for path in meaning.details
            if isinstance(found := at(tree, path), str) and _PLAIN.fullmatch(found)]  # fmt: skip
    words = f"{meaning.words} ({', '.join(told)})" if told else meaning.words
    later = later_in(tree, due=meaning.due) if meaning.later or meaning.due else None
    # What is known by line and date waits by itself.
    hold = meaning.hold if meaning.only_if(tree) and not later else ""
    if meaning.decides(tree):
        words, hold = meaning.decision, "before_hand_over"
    return NoteReport(
        ref=ref,
        source="shopify",
        topic=topic,
        words=words[:MAX_WORDS],
        hold=hold,
        refetch=meaning.refetch(tree) or (routed and meaning.routes),
        at=moment_of(at(tree, meaning.at)) if meaning.at else None,
        frees=() if at(tree, STILL) else meaning.frees,
        later=later,
        stop=stop_in(tree) if meaning.stops else None,
        request=request_in(tree) if meaning.requests else "",
    )


def kept(topic: str) -> Refused:
    """Return why a payload becomes no input: it is kept, with a reason of its own."""
    meaning = TOPICS.get(topic)
    if meaning is None:
        told = f"The topic {shown(topic)} has no meaning here yet; the payload is kept."
        return refused(refusals.TOPIC_UNKNOWN, told)
    if meaning.kind == NOTE:
        return refused(
            refusals.ORDER_UNNAMED,
            f"{meaning.words} The payload of {topic} does not say which order it is about; look it "
            "up in Shopify by the id inside, and see to that order.",
        )
    if meaning.reason == refusals.TOPIC_NOT_OURS:
        return refused(
            meaning.reason,
            f"The topic {topic} does not concern orders: {meaning.words} End the subscription.",
        )
    return refused(meaning.reason, meaning.words)
