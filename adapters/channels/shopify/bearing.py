"""Whether a signed body bears out its topic. Shopify signs the body alone: whoever has seen one
signed delivery could send it again under another topic, or for another shop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from adapters.channels.shopify.topics import NOTE, TOPICS
from schemas.contracts import refusals
from schemas.contracts.refusals import refused
from schemas.contracts.strict_json import shown
from schemas.messages.privacy import KIND as PRIVACY

_SETTLED = frozenset({"paid", "partially_refunded", "refunded"})

_Json = Mapping[str, object]


def _has(*names: str) -> Callable[[_Json], bool]:
    return lambda tree: all(name in tree for name in names)


def _fulfilment_order(status: str) -> Callable[[_Json], bool]:
    """A status that the payload states is this one; its name here and there has one L or two."""

    def fits(tree: _Json) -> bool:
        found = tree.get("fulfillment_order")
        stated = found.get("status") if isinstance(found, dict) else None
        return isinstance(stated, str) and stated.replace("canceled", "cancelled") == status

    return fits


def _cancelled(tree: _Json) -> bool:
    return bool(tree.get("cancelled_at"))


def _settled(tree: _Json) -> bool:
    # A cancelled order is cancelled under any topic.
    stated = tree.get("financial_status")
    return bool(tree.get("cancelled_at")) or (isinstance(stated, str) and stated in _SETTLED)


def _only_an_id(tree: _Json) -> bool:
    return "id" in tree and set(tree) <= {"id", "admin_graphql_api_id"}


def _whole_shop(tree: _Json) -> bool:
    return not {"customer", "orders_to_redact", "orders_requested", "data_request"} & set(tree)


_BORNE_OUT: Mapping[str, tuple[Callable[[_Json], bool], str]] = MappingProxyType(
    {
        "orders/cancelled": (_cancelled, "the order's `cancelled_at` is set"),
        "orders/paid": (_settled, "the order's `financial_status` is `paid` or refunded"),
        "orders/delete": (_only_an_id, "the payload is an id and nothing else"),
        "orders/edited": (_has("order_edit"), "it has `order_edit`"),
        "orders/risk_assessment_changed": (_has("risk_level"), "it has `risk_level`"),
        "orders/shopify_protect_eligibility_changed": (_has("eligibility"), "it has `eligibility`"),
        "order_transactions/create": (_has("kind"), "it has `kind`"),
        "refunds/create": (_has("refund_line_items"), "it has `refund_line_items`"),
        **{
            f"disputes/{name}": (_has("type", "reason"), "it has `type` and `reason`")
            for name in ("create", "update")
        },
        **{
            f"fulfillment_holds/{name}": (_has("fulfillment_hold"), "it has `fulfillment_hold`")
            for name in ("added", "released")
        },
        "fulfillment_orders/placed_on_hold": (
            _fulfilment_order("on_hold"),
            "the fulfilment order's status is `on_hold`",
        ),
        **{
            f"fulfillment_orders/{name}": (_has("fulfillment_order"), "it has `fulfillment_order`")
            for name in (
                "hold_released",
                "order_routing_complete",
                "rescheduled",
                "scheduled_fulfillment_order_ready",
            )
        },
        "fulfillment_orders/cancelled": (
            _fulfilment_order("cancelled"),
            "the fulfilment order's status is `cancelled`",
        ),
        "fulfillment_orders/cancellation_request_submitted": (
            _has("fulfillment_order", "fulfillment_order_merchant_request"),
            "it has `fulfillment_order_merchant_request`",
        ),
        "customers/redact": (_has("customer", "orders_to_redact"), "it has `orders_to_redact`"),
        "customers/data_request": (
            _has("customer", "orders_requested"),
            "it has `orders_requested`",
        ),
        "shop/redact": (_whole_shop, "it names no customer and no order"),
    }
)
"""By topic, what its body must show, and the same in words. Topics that are missing here mean no
more than that an order changed, and the body or a fetch says how."""

_OF_A_SHOP = MappingProxyType(
    {
        "customers/redact": "shop_domain",
        "customers/data_request": "shop_domain",
        "shop/redact": "shop_domain",
        "app/uninstalled": "myshopify_domain",
    }
)
"""Topics whose body names its shop, and where."""

_RECURRING = ("fulfillment_orders/", "fulfillment_holds/", "returns/")


def names_one_event(topic: str) -> bool:
    """Say whether a delivery of the topic is known by what is signed, so that its replay under
    another id is the same delivery. A whole order needs no more than its `updated_at`; and a
    fulfilment order or a return may be twice in one state, with equal bytes."""
    meaning = TOPICS.get(topic)
    news = meaning is not None and meaning.kind in (NOTE, PRIVACY)
    return news and not topic.startswith(_RECURRING)


def require_borne_out(topic: str, tree: object, shop: str) -> None:
    """Raise Refused(topic_mismatch) for a body that its topic does not fit, or that names another
    shop."""
    body = tree if isinstance(tree, dict) else {}
    fits, wanted = _BORNE_OUT.get(topic, (None, ""))
    if fits is not None and not fits(body):
        raise refused(
            refusals.TOPIC_MISMATCH,
            f"The body does not bear out its topic {topic}, of which {wanted}. The topic is not "
            "signed: find out who sent this. Nothing was changed.",
        )
    named = _OF_A_SHOP.get(topic)
    if named is not None and str(body.get(named, "")).lower() != shop:
        raise refused(
            refusals.TOPIC_MISMATCH,
            f"The body of {topic} is of the shop {shown(str(body.get(named, '')))}; this channel "
            f"is {shop}. The headers are not signed: find out who sent this. Nothing was changed.",
        )
