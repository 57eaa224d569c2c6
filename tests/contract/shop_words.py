"""What callers ask Shopify, and orders that a simulated shop knows."""

from __future__ import annotations

import functools
import gzip
import json

from graphql import (
    GraphQLSchema,
    build_client_schema,
    execute_sync,
    parse,
    specified_rules,
    validate,
)

from ops.simulators.storefront import build_order
from tests.contract.simulated import Answer, Client, Json, spec

SHOP_NAME = "acme-us.myshopify.com"
SIM = f"/_sim/shops/{SHOP_NAME}"
MAIN, SECOND = "gid://shopify/Location/1001", "gid://shopify/Location/1002"

FULFILMENT_ORDER = """
fragment FO on FulfillmentOrder { id orderId orderName status requestStatus fulfillAt
  supportedActions { action } fulfillmentHolds { id reason displayReason reasonNotes }
  assignedLocation { name location { id name } } deliveryMethod { methodType }
  destination { firstName city countryCode }
  lineItems(first: 20) { nodes { id totalQuantity remainingQuantity sku lineItem { id quantity } } }
  fulfillments(first: 5) { nodes { id } } }
"""
FULFILMENT = """
fragment F on Fulfillment { id name status displayStatus totalQuantity
  trackingInfo(first: 10) { number url company } location { id }
  fulfillmentLineItems(first: 20) { nodes { id quantity lineItem { id } } }
  fulfillmentOrders(first: 5) { nodes { id } } }
"""
ORDER = (
    """
query($id: ID!) { order(id: $id) { id name updatedAt cancelledAt cancelReason edited fulfillable
  displayFulfillmentStatus displayFinancialStatus tags paymentGatewayNames
  paymentTerms { paymentTermsName paymentTermsType dueInDays }
  currentTotalPriceSet { shopMoney { amount currencyCode } }
  totalOutstandingSet { shopMoney { amount } presentmentMoney { amount } }
  shippingAddress { name address1 city }
  lineItems(first: 20) { nodes { id sku quantity currentQuantity unfulfilledQuantity } }
  fulfillmentOrders(first: 10) { nodes { ...FO } } fulfillments(first: 10) { ...F } } }
"""
    + FULFILMENT_ORDER
    + FULFILMENT
)
FULFIL = (
    """
mutation($fulfillment: FulfillmentInput!) { fulfillmentCreate(fulfillment: $fulfillment) {
  fulfillment { ...F } userErrors { field message } } }
"""
    + FULFILMENT
)
TRACK = (
    """
mutation($id: ID!, $info: FulfillmentTrackingInput!) {
  fulfillmentTrackingInfoUpdate(fulfillmentId: $id, trackingInfoInput: $info) {
    fulfillment { ...F } userErrors { field message } } }
"""
    + FULFILMENT
)
UNFULFIL = (
    """
mutation($id: ID!) { fulfillmentCancel(id: $id) {
  fulfillment { ...F } userErrors { field message } } }
"""
    + FULFILMENT
)
CANCEL = """
mutation($id: ID!, $money: OrderCancelRefundMethodInput) {
  orderCancel(orderId: $id, reason: CUSTOMER, refundMethod: $money, restock: true,
    notifyCustomer: false, staffNote: "asked by mail") {
    job { id done } jobResult { done status } orderCancelUserErrors { field message code } } }
"""
MOVE = (
    """
mutation($id: ID!, $to: ID!, $lines: [FulfillmentOrderLineItemInput!]) {
  fulfillmentOrderMove(id: $id, newLocationId: $to, fulfillmentOrderLineItems: $lines) {
    movedFulfillmentOrder { ...FO } originalFulfillmentOrder { ...FO }
    userErrors { field message code } } }
"""
    + FULFILMENT_ORDER
)
SPLIT = (
    """
mutation($splits: [FulfillmentOrderSplitInput!]!) {
  fulfillmentOrderSplit(fulfillmentOrderSplits: $splits) {
    fulfillmentOrderSplits { fulfillmentOrder { ...FO } remainingFulfillmentOrder { ...FO } }
    userErrors { field message code } } }
"""
    + FULFILMENT_ORDER
)
HOLD = (
    """
mutation($id: ID!, $hold: FulfillmentOrderHoldInput!) {
  fulfillmentOrderHold(id: $id, fulfillmentHold: $hold) {
    fulfillmentHold { id reason } fulfillmentOrder { ...FO } userErrors { field message code } } }
"""
    + FULFILMENT_ORDER
)
RELEASE = (
    """
mutation($id: ID!, $holds: [ID!]) { fulfillmentOrderReleaseHold(id: $id, holdIds: $holds) {
  fulfillmentOrder { ...FO } userErrors { field message } } }
"""
    + FULFILMENT_ORDER
)
PREPARED = """
mutation($input: FulfillmentOrderLineItemsPreparedForPickupInput!) {
  fulfillmentOrderLineItemsPreparedForPickup(input: $input) {
    userErrors { field message code } } }
"""
TAKE, STOPPED, NOT_STOPPED = (
    f"""
mutation($id: ID!, $message: String) {{ fulfillmentOrder{name}(id: $id, message: $message) {{
  fulfillmentOrder {{ ...FO }} userErrors {{ field message }} }} }}
{FULFILMENT_ORDER}"""
    for name in (
        "AcceptFulfillmentRequest",
        "AcceptCancellationRequest",
        "RejectCancellationRequest",
    )
)
ALL = (
    ORDER, FULFIL, TRACK, UNFULFIL, CANCEL, MOVE, SPLIT, HOLD, RELEASE, PREPARED, TAKE, STOPPED,
    NOT_STOPPED,
)  # fmt: skip


@functools.cache
def schema() -> GraphQLSchema:
    """Shopify's own schema. It is not checked itself, because it has faults of its own."""
    packed = spec("shopify", "admin-graphql-2026-10.introspection.json.gz").read_bytes()
    loaded = json.loads(gzip.decompress(packed))
    return build_client_schema(loaded.get("data", loaded), assume_valid=True)


def mistakes(document: str) -> list[str]:
    """What Shopify's schema has against a document."""
    return [error.message for error in validate(schema(), parse(document), specified_rules)]


async def ask(sim: Client, document: str, **variables: object) -> Json:
    """The one root field's answer, which fits Shopify's own types."""
    answer: Answer = await sim.graphql(document, **variables)
    data: Json = answer.json["data"]
    checked = execute_sync(schema(), parse(document), dict(data), variable_values=dict(variables))
    assert checked.errors is None, checked.errors
    (found,) = data.values()
    return dict(found)


def order_of(number: int, lines: int = 3, **more: object) -> Json:
    """An order of so many lines, two pieces of each."""
    order = build_order(7, number, SHOP_NAME, (lines, lines))
    for line in order["line_items"]:
        line["quantity"] = line["current_quantity"] = line["fulfillable_quantity"] = 2
        line["discount_allocations"], line["tax_lines"] = [], []
    order |= {"discount_codes": [], "discount_applications": [], "tax_lines": []} | more
    return order


def ids(order: Json) -> list[str]:
    """Its lines' ids in digits."""
    return [one["admin_graphql_api_id"].rpartition("/")[2] for one in order["line_items"]]


async def put(sim: Client, order: Json, **locations: int) -> str:
    """Have the shop know an order; return its GID."""
    told = {"id": order["id"], "updated_at": order["updated_at"], "order": order}
    body = {"orders": [{**told, "locations": locations}]}
    answer = await sim.call("POST", f"{SIM}/orders", body)
    assert answer.status == 200, answer.text
    return str(order["admin_graphql_api_id"])
