"""BigCommerce: give money back to a customer.

A refund has no idempotency key: ours is found by our reference, which its items bear as their
reason. What units come to with their taxes is BigCommerce's own quote, which also names the
payments that the money can go back to.
https://developer.bigcommerce.com/docs/rest-management/orders/order-refunds
"""

from __future__ import annotations

import msgspec

from actors.runtime.errors import NeedsPerson, Rejected
from actors.runtime.partner import Call
from adapters.channels.bigcommerce.api import PARTNER, BigCommerceApi
from adapters.channels.bigcommerce.shapes import Product
from adapters.kit.fitting import phrases
from adapters.kit.http_client import decoded
from adapters.kit.rounding import EXACT, minor_of
from schemas.messages.effects import PaymentRefunded, RefundPayment, Result
from schemas.order.money import MoneyRefused, decimal_text

STORE_CREDIT = "storecredit"

Json = dict[str, object]


class _Paid(msgspec.Struct, frozen=True):
    amount: float
    is_declined: bool = False
    declined_message: str | None = None


class _Item(msgspec.Struct, frozen=True):
    reason: str | None = None
    item_type: str = ""
    item_id: int = 0


class _Refund(msgspec.Struct, frozen=True):
    id: int
    reason: str | None = None
    items: list[_Item] = []
    payments: list[_Paid] = []


class _Refunds(msgspec.Struct, frozen=True):
    data: list[_Refund] = []


class _Made(msgspec.Struct, frozen=True):
    data: _Refund


class _Option(msgspec.Struct, frozen=True):
    provider_id: str
    amount: float
    offline: bool = False


class _Quote(msgspec.Struct, frozen=True):
    total_refund_amount: float = 0
    refund_methods: list[list[_Option]] = []


class _Quoted(msgspec.Struct, frozen=True):
    data: _Quote


_refunds, _made = msgspec.json.Decoder(_Refunds), msgspec.json.Decoder(_Made)
_quoted = msgspec.json.Decoder(_Quoted)


async def give_back(
    api: BigCommerceApi, order: str, call: Call, effect: RefundPayment, products: list[Product]
) -> Result:
    """Give money back, unless this refund was made before. `order` is the order's id, `products`
    are its lines as they are now.

    Raises Rejected in the store's words, when its payment provider declines, or where the money can
    only be paid back by hand.
    """
    known = await _refunds_of(api, order, call)
    before = _ours(known, call, effect)
    if before is not None:
        return before
    items, fewer = _items(order, call, effect, products)
    if _was_declined(known, effect):  # the store counts these units as refunded: our amount counts
        amount = min(effect.amount_minor, effect.most_minor)
        items, fewer = [_whole(order, call, effect, amount)], False
    if not items:
        return PaymentRefunded(amount_minor=0, by_others=True)
    quote = await _quote(api, order, call, items)
    if _minor(quote.total_refund_amount, effect) > effect.most_minor:
        items, fewer = [_whole(order, call, effect, effect.most_minor)], True
        quote = await _quote(api, order, call, items)
    method = _method(quote)
    amount = sum(_minor(one.amount, effect) for one in method)
    if amount <= 0:
        return PaymentRefunded(amount_minor=0, by_others=True)
    if "amount" in items[0]:  # a refund has to come to what its payments do
        items = [_whole(order, call, effect, amount)]
    payments = [
        {"provider_id": one.provider_id, "amount": one.amount, "offline": False} for one in method
    ]
    body = {"items": items, "payments": payments}
    answer = await api.ask("POST", _path(order, "refunds"), call=call, body=body)
    if answer.status == 404:
        raise Rejected(f"{PARTNER} has no order {order}.")
    made = decoded(_made, answer, partner=PARTNER, writes=True).data
    return _done(made, effect, by_others=fewer or amount < _wanted(effect, amount))


async def given_back(
    api: BigCommerceApi, order: str, call: Call, effect: RefundPayment
) -> Result | None:
    """Return what an earlier call gave back, None where it did not. Raises NeedsPerson when the
    store does not answer the question."""
    try:
        return _ours(await _refunds_of(api, order, call), call, effect)
    except Rejected as error:
        raise NeedsPerson(str(error), outcome_known=False) from error


async def _refunds_of(api: BigCommerceApi, order: str, call: Call) -> list[_Refund]:
    answer = await api.ask("GET", _path(order, "refunds"), call=call)
    if answer.status == 404:
        raise Rejected(f"{PARTNER} has no order {order}.")
    return decoded(_refunds, answer, partner=PARTNER, writes=False).data


def _ours(known: list[_Refund], call: Call, effect: RefundPayment) -> PaymentRefunded | None:
    for one in known:
        reasons = {one.reason, *(item.reason for item in one.items)}
        if call.reference in reasons:
            return _done(one, effect, by_others=False)
    return None


def _was_declined(known: list[_Refund], effect: RefundPayment) -> bool:
    """Whether a refund of the same products stands in the store for which its payment provider did
    not pay. Raises Rejected where money was given back since, which may have been for them."""
    if effect.exact or effect.shipping:
        return False
    wanted = {one.line_id for one in effect.lines}
    known = sorted(known, key=lambda one: one.id)
    declined = [bool(one.payments) and all(x.is_declined for x in one.payments) for one in known]
    at = [
        place
        for place, one in enumerate(known)
        if declined[place]
        and any(x.item_type == "PRODUCT" and str(x.item_id) in wanted for x in one.items)
    ]
    if at and not all(declined[at[0] :]):
        raise Rejected(
            f"{PARTNER} shows a refund that its payment provider did not pay, and other ones since:"
            " compare them there, pay by other means what the customer still gets, then go on "
            "without it here."
        )
    return bool(at)


def _done(refund: _Refund, effect: RefundPayment, *, by_others: bool) -> PaymentRefunded:
    """Return what a refund gave back. Raises Rejected where every payment was declined."""
    made = [one for one in refund.payments if not one.is_declined]
    if refund.payments and not made:
        said = phrases([one.declined_message or "declined" for one in refund.payments])
        raise Rejected(
            f"{PARTNER} made the refund, and its payment provider did not pay ({said}): give the "
            "money back by other means, then go on without it here."
        )
    every = sum(_minor(one.amount, effect) for one in refund.payments)
    amount = sum(_minor(one.amount, effect) for one in made)
    return PaymentRefunded(
        amount_minor=amount,
        outside_id=str(refund.id),
        by_others=by_others,
        declined_minor=every - amount,
    )


def _items(
    order: str, call: Call, effect: RefundPayment, products: list[Product]
) -> tuple[list[Json], bool]:
    """Return what is refunded, and whether others gave a part of it back. Shipping, an amount of a
    person's, and lines that are not the store's are an amount of the order, without a calculation
    of its tax."""
    known = {str(one.id): one for one in products}
    plain = effect.exact or effect.shipping or not effect.lines
    if plain or not {one.line_id for one in effect.lines} <= known.keys():
        return [_whole(order, call, effect, min(effect.amount_minor, effect.most_minor))], False
    items: list[Json] = []
    fewer = False
    for line in effect.lines:
        one = known[line.line_id]
        can = one.quantity - int(one.quantity_refunded or 0)
        quantity = min(line.quantity, can)
        fewer = fewer or quantity < line.quantity
        if quantity > 0:
            items.append(
                {
                    "item_type": "PRODUCT",
                    "item_id": one.id,
                    "quantity": quantity,
                    "reason": call.reference,
                }
            )
    return items, fewer


def _whole(order: str, call: Call, effect: RefundPayment, amount: int) -> Json:
    return {
        "item_type": "ORDER",
        "item_id": int(order),
        "amount": float(decimal_text(amount, effect.currency)),
        "reason": call.reference,
    }


def _wanted(effect: RefundPayment, quoted: int) -> int:
    """Return what should have gone back: ours where it is an amount, else what the store quoted."""
    plain = effect.exact or effect.shipping or not effect.lines
    return min(effect.amount_minor, effect.most_minor) if plain else quoted


async def _quote(api: BigCommerceApi, order: str, call: Call, items: list[Json]) -> _Quote:
    path = _path(order, "refund_quotes")
    answer = await api.ask("POST", path, call=call, body={"items": items})
    if answer.status == 404:
        raise Rejected(f"{PARTNER} has no order {order}.")
    return decoded(_quoted, answer, partner=PARTNER, writes=False).data


def _method(quote: _Quote) -> list[_Option]:
    """Return the payments that the money goes back to by itself: those that the customer paid with,
    and not to store credit alone. Raises Rejected where there are none."""
    online = [one for one in quote.refund_methods if not any(x.offline for x in one)]
    for method in online:
        if any(x.provider_id != STORE_CREDIT for x in method):
            return method
    if not quote.refund_methods and quote.total_refund_amount <= 0:
        return []
    raise Rejected(
        f"{PARTNER} can't pay this back by itself, only by hand or as store credit: give the money "
        "back there, then go on without it here."
    )


def _path(order: str, what: str) -> str:
    return f"/v3/orders/{order}/payment_actions/{what}"


def _minor(amount: float, effect: RefundPayment) -> int:
    try:
        return minor_of(f"{amount:.4f}", effect.currency, EXACT)
    except MoneyRefused as error:
        raise Rejected(f"{PARTNER} states an amount that can't be read: {error}") from error
