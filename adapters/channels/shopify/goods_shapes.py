"""What a shop is asked about an order's goods, and what it answers (Admin GraphQL 2026-10).

The sizes of pages keep each query below the 1,000 points that one may cost.
"""

from __future__ import annotations

import msgspec

from adapters.channels.shopify.graphql import PARTNER
from adapters.kit.http_client import lost

_ORDER_FIELDS = """
fragment OrderFields on FulfillmentOrderConnection {
  nodes {
    id
    status
    supportedActions { action }
    fulfillmentHolds { displayReason }
    assignedLocation { location { id } }
    lineItems(first: 50) { ...LineFields }
  }
  pageInfo { hasNextPage endCursor }
}
fragment LineFields on FulfillmentOrderLineItemConnection {
  nodes { id remainingQuantity lineItem { id quantity currentQuantity } }
  pageInfo { hasNextPage endCursor }
}
"""

GOODS_QUERY = f"""
query Goods($id: ID!) {{
  order(id: $id) {{
    id
    updatedAt
    cancelledAt
    fulfillments(first: 50) {{ id status trackingInfo(first: 3) {{ number }} }}
    fulfillmentOrders(first: 5) {{ ...OrderFields }}
  }}
}}
{_ORDER_FIELDS}
"""

MORE_ORDERS_QUERY = f"""
query MoreGoods($id: ID!, $after: String!) {{
  order(id: $id) {{
    id
    fulfillmentOrders(first: 5, after: $after) {{ ...OrderFields }}
  }}
}}
{_ORDER_FIELDS}
"""

MORE_LINES_QUERY = """
query MoreGoodsOfOne($id: ID!, $after: String!) {
  fulfillmentOrder(id: $id) {
    lineItems(first: 100, after: $after) {
      nodes { id remainingQuantity lineItem { id quantity currentQuantity } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""

FULFILMENTS_QUERY = """
query Fulfilments($id: ID!) {
  order(id: $id) {
    id
    updatedAt
    fulfillments(first: 200) { id status trackingInfo(first: 3) { number } }
  }
}
"""

CONTENTS_QUERY = """
query Contents($id: ID!, $after: String) {
  fulfillment(id: $id) {
    fulfillmentLineItems(first: 100, after: $after) {
      nodes { quantity lineItem { id } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""

DEAD = frozenset({"CANCELLED", "ERROR", "FAILURE"})
OPEN = frozenset({"OPEN", "IN_PROGRESS"})
LIVE = OPEN | {"ON_HOLD", "SCHEDULED"}
"""Statuses of fulfilment orders with pieces that are still to be sent."""


class PageInfo(msgspec.Struct, frozen=True, rename="camel"):
    """Whether and where a list goes on."""

    has_next_page: bool = False
    end_cursor: str | None = None

    def then(self, told: PageInfo) -> PageInfo:
        """Return where the page ends that begins here, as it says. Raises Retryable for one that
        goes on where it began, or nowhere: such a list would be read without end."""
        if told.has_next_page and told.end_cursor in (None, "", self.end_cursor):
            raise lost(PARTNER, "shows a list that leads nowhere", writes=False)
        return told


class _Tracking(msgspec.Struct, frozen=True):
    number: str | None = None


class Fulfilment(msgspec.Struct, frozen=True, rename="camel"):
    """A fulfilment that the shop has, by whomever."""

    id: str
    status: str = ""
    tracking_info: list[_Tracking] = []

    @property
    def stands(self) -> bool:
        """Whether it counts: it was not cancelled, and did not fail."""
        return self.status not in DEAD

    @property
    def numbers(self) -> frozenset[str]:
        """Its tracking numbers."""
        return frozenset(one.number for one in self.tracking_info if one.number)


class _LineItem(msgspec.Struct, frozen=True, rename="camel"):
    """`quantity` also counts units that were removed or refunded, `current_quantity` does not."""

    id: str
    quantity: int = 0
    current_quantity: int = 0


class OpenLine(msgspec.Struct, frozen=True, rename="camel"):
    """A line of a fulfilment order; `remaining_quantity` is not fulfilled yet."""

    id: str
    remaining_quantity: int
    line_item: _LineItem


class OpenLines(msgspec.Struct, frozen=True, rename="camel"):
    """A page of lines."""

    nodes: list[OpenLine]
    page_info: PageInfo


class _Action(msgspec.Struct, frozen=True):
    action: str = ""


class _Hold(msgspec.Struct, frozen=True, rename="camel"):
    display_reason: str = ""


class _Service(msgspec.Struct, frozen=True):
    handle: str = ""


class _Location(msgspec.Struct, frozen=True, rename="camel"):
    id: str = ""
    fulfillment_service: _Service | None = None


class Assigned(msgspec.Struct, frozen=True):
    """Where a fulfilment order is assigned to, None for a location that is gone."""

    location: _Location | None = None

    @property
    def service(self) -> str:
        """The handle of the fulfilment service whose location it is, folded; "" for none."""
        found = self.location.fulfillment_service if self.location is not None else None
        return found.handle.casefold() if found is not None else ""


class FulfilmentOrder(msgspec.Struct, frozen=True, rename="camel"):
    """Units that Shopify expects to leave from one location."""

    id: str
    line_items: OpenLines
    status: str = ""
    supported_actions: list[_Action] = []
    fulfillment_holds: list[_Hold] = []
    assigned_location: Assigned = Assigned()

    @property
    def is_open(self) -> bool:
        """Whether we may fulfil it now."""
        return self.status in OPEN and any(
            one.action == "CREATE_FULFILLMENT" for one in self.supported_actions
        )

    @property
    def is_movable(self) -> bool:
        """Whether we may assign what is open of it to another location."""
        return self.is_open and any(one.action == "MOVE" for one in self.supported_actions)

    @property
    def location(self) -> str:
        """The location's id, "" where there is none any more."""
        location = self.assigned_location.location
        return location.id if location else ""


class _Orders(msgspec.Struct, frozen=True, rename="camel"):
    nodes: list[FulfilmentOrder]
    page_info: PageInfo


class Told(msgspec.Struct, frozen=True, rename="camel"):
    """What is told of the order in one answer."""

    id: str
    updated_at: str = ""
    cancelled_at: str | None = None
    fulfillments: list[Fulfilment] = []
    fulfillment_orders: _Orders = _Orders([], PageInfo())


class FulfilledLine(msgspec.Struct, frozen=True, rename="camel"):
    """A line of a fulfilment."""

    line_item: _LineItem
    quantity: int | None = None


class _Contents(msgspec.Struct, frozen=True, rename="camel"):
    nodes: list[FulfilledLine]
    page_info: PageInfo


class _OneFulfilment(msgspec.Struct, frozen=True, rename="camel"):
    fulfillment_line_items: _Contents


class _OneOrder(msgspec.Struct, frozen=True, rename="camel"):
    line_items: OpenLines


class Data(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to any of the queries."""

    order: Told | None = None
    fulfillment_order: _OneOrder | None = None
    fulfillment: _OneFulfilment | None = None
