"""Shopify: give money back to a customer.

`refundCreate` takes an idempotency key, and our reference is the refund's note, by which it is
found again. What a part of an order comes to, with its taxes, is Shopify's own calculation
(`suggestedRefund`). Units that have not left are refunded with the restock type CANCEL, which takes
them off what ships; those that have left with NO_RESTOCK, as a refund does not bring goods back.
https://shopify.dev/docs/api/admin-graphql/2026-10/mutations/refundCreate
"""

from __future__ import annotations

from actors.runtime.errors import NeedsPerson, Rejected, Retryable
from actors.runtime.partner import Call
from adapters.channels.shopify import refund_shapes as shapes
from adapters.channels.shopify.graphql import PARTNER, ShopifyGraphql, order_gid
from adapters.kit.fitting import phrases, printable
from adapters.kit.http_client import lost
from adapters.kit.rounding import EXACT, minor_of
from schemas.messages.effects import PaymentRefunded, RefundPayment, Result
from schemas.order.money import MoneyRefused, decimal_text

SUCCESS = "SUCCESS"
UNDER_WAY = frozenset({"AWAITING_RESPONSE", "PENDING", "UNKNOWN"})
"""Statuses of a transaction of which Shopify does not know the end yet."""

MAX_DECLINED = 10
"""Refunds of an order that its gateway did not pay and that are looked at; of more a person is
told."""

_COMPARE = (
    f"{PARTNER} shows a refund that its payment gateway did not pay, and other ones since: compare "
    "them there, pay by other means what the customer still gets, then go on without it here."
)

_Wish = dict[str, tuple[int, bool]]
"""Lines of the shop with how many units are refunded, and whether they have left."""


async def give_back(graphql: ShopifyGraphql, call: Call, effect: RefundPayment) -> Result:
    """Give money back, unless this refund was made before.

    Raises Rejected in the shop's words or when its gateway refuses, Retryable while an earlier call
    is under way, and Unknown when its end is not known.
    """
    order = await _order(graphql, call, shapes.REFUNDS_QUERY)
    before = _ours(order, call, effect)
    if before is not None:
        return before
    unpaid = await _unpaid(graphql, call, effect, order)
    wish, fewer = await _lines(graphql, call, effect, order, unpaid or {})
    if wish is None:
        return PaymentRefunded(amount_minor=0, by_others=True, excess_minor=_excess(order, effect))
    # Of a cancelled order, and where lines are not the shop's, there is nothing to calculate by.
    shipping = effect.shipping and not order.cancelled_at and bool(wish or not effect.lines)
    shipping = shipping and unpaid is None
    offer = await _suggested(graphql, call, wish, shipping=shipping)
    most = min(effect.most_minor, _minor(offer.maximum_refundable_set, effect.currency))
    asks = effect.amount_minor
    if not effect.exact and unpaid is None and (wish or shipping):
        asks = _minor(offer.amount_set, effect.currency)
    amount = min(asks, most)
    if amount <= 0:
        return PaymentRefunded(amount_minor=0, by_others=True, excess_minor=_excess(order, effect))
    wanted = _input(call, effect, offer, wish, amount)
    if shipping:
        wanted["shipping"] = {"fullRefund": True}
    given = {"input": wanted, "key": call.idempotency_key}
    data = await graphql.ask(call, shapes.REFUND_MUTATION, given, shapes.made, writes=True)
    made = data.refund_create
    if made is None or (made.refund is None and not made.user_errors):
        raise lost(PARTNER, "answered without a refund", writes=True)
    if made.refund is None:
        said = phrases([error.message for error in made.user_errors])
        raise Rejected(f"{PARTNER} refused to give the money back: {said}.")
    return _done(made.refund, effect, by_others=fewer or amount < asks, writes=True)


async def given_back(graphql: ShopifyGraphql, call: Call, effect: RefundPayment) -> Result | None:
    """Return what an earlier call gave back, None where it did not. Raises NeedsPerson when the
    shop does not answer the question."""
    try:
        order = await _order(graphql, call, shapes.REFUNDS_QUERY)
        return _ours(order, call, effect)
    except Rejected as error:
        raise NeedsPerson(str(error), outcome_known=False) from error


def _ours(order: shapes.Order, call: Call, effect: RefundPayment) -> PaymentRefunded | None:
    for one in order.refunds:
        if (one.note or "").strip() == call.reference:
            return _done(one, effect, by_others=False, writes=False)
    return None


def _done(
    refund: shapes.Refund, effect: RefundPayment, *, by_others: bool, writes: bool
) -> PaymentRefunded:
    """Return what a refund gave back. Raises Retryable (Unknown after a call of ours) while its
    gateway is at it, and Rejected where it refused all of it."""
    paid = refund.transactions.nodes
    if any(one.status in UNDER_WAY for one in paid):
        if writes:
            raise lost(PARTNER, "has not finished the refund yet", writes=True)
        raise Retryable(f"{PARTNER} has not finished an earlier refund yet.", sick=False)
    made = [one for one in paid if one.status == SUCCESS]
    if paid and not made:
        raise Rejected(
            f"{PARTNER} made the refund, and its payment gateway refused to pay: give the money "
            "back by other means, then go on without it here."
        )
    every = sum(_minor(one.amount_set, effect.currency) for one in paid)
    amount = sum(_minor(one.amount_set, effect.currency) for one in made)
    return PaymentRefunded(
        amount_minor=amount,
        outside_id=refund.id,
        by_others=by_others,
        declined_minor=every - amount,
    )


async def _unpaid(
    graphql: ShopifyGraphql, call: Call, effect: RefundPayment, order: shapes.Order
) -> dict[str, int] | None:
    """Return which units of this refund the shop counts as refunded though its payment gateway
    refused to pay for them: our amount counts, as the shop calculates nothing for them any more.
    None where there are none. Raises Rejected where money was given back since, which may have
    been for them."""
    at = [place for place, one in enumerate(order.refunds) if _is_declined(one)]
    if not at or effect.exact or order.cancelled_at:
        return None
    since = len(at) < len(order.refunds) - at[0]
    if not effect.lines:
        return {} if effect.shipping and not since else None
    taken: dict[str, int] = {}
    for place in at[:MAX_DECLINED]:
        asked = {"id": order.refunds[place].id}
        told = await graphql.ask(call, shapes.UNITS_QUERY, asked, shapes.asked, writes=False)
        for one in told.refund.refund_line_items.nodes if told.refund is not None else ():
            taken[one.line_item.id] = taken.get(one.line_item.id, 0) + one.quantity
    found = {
        gid: min(quantity, taken[gid])
        for gid, (quantity, _) in _units(call, effect).items()
        if gid in taken
    }
    if found and (since or len(at) > MAX_DECLINED):
        raise Rejected(_COMPARE)
    return found or None


def _is_declined(one: shapes.Refund) -> bool:
    stand = {made.status for made in one.transactions.nodes}
    return bool(stand) and SUCCESS not in stand and not stand & UNDER_WAY


async def _lines(
    graphql: ShopifyGraphql,
    call: Call,
    effect: RefundPayment,
    order: shapes.Order,
    unpaid: dict[str, int],
) -> tuple[_Wish | None, bool]:
    """Return the shop's lines of a refund, none where it has an amount alone, None when somebody
    else has given all of it back; and whether others gave a part of it back. Of an order that is
    cancelled there no line can be refunded any more, but its money can; nor can `unpaid` ones."""
    units = _units(call, effect)
    units = {
        gid: (quantity - unpaid.get(gid, 0), left)
        for gid, (quantity, left) in units.items()
        if quantity > unpaid.get(gid, 0)
    }
    if not units or order.cancelled_at:
        return {}, False
    told = await _order(graphql, call, shapes.LINES_QUERY)
    known = {one.id: one for one in told.line_items.nodes}
    if not units.keys() <= known.keys():
        return {}, False
    found: _Wish = {}
    for gid, (quantity, left) in units.items():
        can = known[gid].refundable_quantity
        can = can if left else min(can, known[gid].unfulfilled_quantity)
        if min(quantity, can) > 0:
            found[gid] = (min(quantity, can), left)
    fewer = found != units
    if fewer and unpaid:
        raise Rejected(_COMPARE)
    return (None if fewer and not found and not effect.exact else found), fewer


def _units(call: Call, effect: RefundPayment) -> _Wish:
    """Return the units of a refund by the shop's own lines, none where it has other lines than
    these: a bundle's components, a fee."""
    order = call.order
    bundled = {x.line_id for x in order.lines if x.bundle_line_id} if order is not None else set()
    found: _Wish = {}
    for one in effect.lines:
        if not one.line_id.isdigit() or one.line_id in bundled:
            return {}
        found[f"gid://shopify/LineItem/{one.line_id}"] = (one.quantity, one.left)
    return found


async def _suggested(
    graphql: ShopifyGraphql, call: Call, wish: _Wish, *, shipping: bool
) -> shapes.Suggested:
    plain = not wish and not shipping
    variables = {"lines": _named(wish), "shipping": shipping, "full": plain}
    order = await _order(graphql, call, shapes.SUGGEST_QUERY, **variables)
    if order.suggested_refund is None:
        raise Rejected(f"{PARTNER} calculates no refund for this order: give it back there.")
    return order.suggested_refund


def _named(wish: _Wish) -> list[dict[str, object]]:
    return [
        {
            "lineItemId": gid,
            "quantity": quantity,
            "restockType": "NO_RESTOCK" if left else "CANCEL",
        }
        for gid, (quantity, left) in wish.items()
    ]


def _input(
    call: Call, effect: RefundPayment, offer: shapes.Suggested, wish: _Wish, amount: int
) -> dict[str, object]:
    lines = _named(wish)
    where = {one.line_item.id: one.location.id for one in offer.refund_line_items if one.location}
    for line in lines:
        if line["restockType"] == "CANCEL" and str(line["lineItemId"]) in where:
            line["locationId"] = where[str(line["lineItemId"])]
    found: dict[str, object] = {
        "orderId": order_gid(call.ref),
        "currency": effect.currency,
        "note": call.reference,
        "notify": effect.notify_customer,
        "refundLineItems": lines,
        "transactions": _transactions(call, effect, offer, amount),
    }
    return found


def _transactions(
    call: Call, effect: RefundPayment, offer: shapes.Suggested, amount: int
) -> list[dict[str, object]]:
    """Share the amount out over the payments that it can go back to, in the shop's order. Of what
    was paid by hand, such as a bank transfer, Shopify notes a refund as made and moves no money."""
    left = amount
    by_hand = False
    found: list[dict[str, object]] = []
    for one in offer.suggested_transactions:
        bag = one.maximum_refundable_set or one.amount_set
        part = min(left, _minor(bag, effect.currency)) if bag is not None else 0
        if part <= 0 or one.parent_transaction is None:
            continue
        if one.parent_transaction.manual_payment_gateway:
            by_hand = True
            continue
        left -= part
        found.append(
            {
                "orderId": order_gid(call.ref),
                "parentId": one.parent_transaction.id,
                "gateway": one.gateway or "",
                "kind": "REFUND",
                "amount": decimal_text(part, effect.currency),
            }
        )
    if left and by_hand:
        raise Rejected(
            f"{decimal_text(left, effect.currency)} {effect.currency} of this was paid by hand, so "
            f"{PARTNER} can't pay it back: pay the customer back and note it there, then go on "
            "without it here."
        )
    if left:
        raise Rejected(
            f"{PARTNER} shows no payment that {decimal_text(left, effect.currency)} "
            f"{effect.currency} could go back to: give it back by other means."
        )
    return found


async def _order(
    graphql: ShopifyGraphql, call: Call, query: str, **variables: object
) -> shapes.Order:
    given = {"id": order_gid(call.ref), **variables}
    data = await graphql.ask(call, query, given, shapes.asked, writes=False)
    if data.order is None:
        raise Rejected(f"{PARTNER} has no such order.")
    return data.order


def _excess(order: shapes.Order, effect: RefundPayment) -> int:
    """Return what was given back in all beyond what the customer had paid."""
    if order.total_received_set is None or order.total_refunded_set is None:
        return 0
    given = _minor(order.total_refunded_set, effect.currency)
    return max(0, given - _minor(order.total_received_set, effect.currency))


def _minor(bag: shapes.Bag, currency: str) -> int:
    """Return an amount as the customer pays it. Raises Rejected in another currency."""
    money = bag.presentment_money
    if money.currency_code != currency:
        raise Rejected(
            f"{PARTNER} states a payment in {printable(money.currency_code)[:10]}, and the order is"
            f" paid in {currency}: give it back there, then go on without it here."
        )
    try:
        return minor_of(money.amount, currency, EXACT)
    except MoneyRefused as error:
        raise Rejected(f"{PARTNER} states an amount that can't be read: {error}") from error
