"""What whoever plays a shop tells and does there, under `/_sim/shops/<shop>/…`.

`POST orders` takes `{"orders": [{"id", "updated_at", "order", "locations"}]}`; `GET orders/<id>`
shows one as it is; `POST orders/<id>/edit` (or pay, capture, till, cancel, fulfil, hold, release,
schedule, due, move, request, stop) is what a person does in the shop's admin. The answer has the
`webhooks` that tell of it, and with `"tell": false` they are left to the caller. `POST returns`
tells of a return, `POST failed` names a webhook that no one took, `DELETE subscriptions`
(`?topic=`) deletes some, `POST webhooks` says where the shop's own webhooks go, `POST token` which
access token is the only good one, `POST app` which `client_id` and `client_secret` get tokens, how
long they live (`seconds`), which `scopes` are granted (none: all) and in which `version` the shop
answers (empty: the one it is asked in); `inventory` is told and shown as
`shop_inventory` says; `GET tokens` counts and `DELETE tokens` ends those that
were given.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Final, cast

from ops.simulators.partner import json_reply
from ops.simulators.shapes import JsonObject, JsonValue, NotUnderstood, parse_object, text
from ops.simulators.shop_book import Book
from ops.simulators.shop_doings import REASONS, Doings, goods_news, move_news
from ops.simulators.shop_echo import Echo, News, as_json, read_wish
from ops.simulators.shop_edit import NotEditable
from ops.simulators.shop_goods import FULFILLABLE, MANUAL, FulfilmentOrder, Hold, Refusal, Tracking
from ops.simulators.shop_money import gid_of
from ops.simulators.shop_requests import accept, ask_to_cancel, submit
from ops.simulators.shop_rerouting import fall_due, hold, move, release, schedule
from ops.simulators.shop_statement import Json
from ops.simulators.wire import Reply, Request

_ORDER: Final = re.compile(r"orders/([0-9]+)(?:/([a-z]+))?")
_HELP: Final = (
    "Try orders, orders/<id>, orders/<id>/edit (pay, capture, till, cancel, fulfil, hold, release,"
    " schedule, due, move, request, stop), failed, subscriptions, webhooks, inventory, token,"
    " tokens, app."
)


class ShopControl:
    """One shop's controls."""

    def __init__(
        self, book: Book, doings: Doings, echo: Echo, next_number: Callable[[], int]
    ) -> None:
        self._book = book
        self._doings = doings
        self._echo = echo
        self._next_number = next_number

    def answer(self, request: Request, what: str) -> Reply:
        """The reply to what stands behind the shop's name in the path."""
        try:
            if match := _ORDER.fullmatch(what):
                return self._order(int(match[1]), match[2] or "", request)
            return self._shop(request, what)
        except (NotUnderstood, ValueError, TypeError, AttributeError, KeyError) as error:
            if isinstance(error, NotEditable):
                return json_reply(409, {"error": str(error)})
            return json_reply(400, {"error": str(error)})
        except Refusal as error:
            return json_reply(409, {"error": error.message})

    def _shop(self, request: Request, what: str) -> Reply:
        book, told = self._book, (request.method, what)
        tells: dict[str, Callable[[JsonObject], None]] = {
            "orders": book.tell,
            "returns": book.open_return,
            "failed": lambda said: book.failed(text(said, "topic")),
            "token": lambda said: book.access.only(text(said, "token")),
            "app": book.access.configure,
            "inventory": book.inventory.tell,
        }
        if request.method == "POST" and what in tells:
            tells[what](parse_object(request.body))
        elif told == ("DELETE", "tokens"):
            book.access.issued.clear()
        elif told == ("GET", "inventory"):
            return json_reply(200, book.inventory.shown())
        elif told == ("GET", "tokens"):
            return json_reply(200, {"tokens": len(book.access.issued)})
        elif told == ("POST", "webhooks"):
            self._echo.wish(read_wish(parse_object(request.body)))
        elif told == ("DELETE", "webhooks"):
            self._echo.wish(None)
        elif told == ("DELETE", "subscriptions"):
            book.unsubscribe(request.params().get("topic", ""))
        elif request.method != "GET" or what not in ("orders", "subscriptions", "webhooks"):
            return json_reply(404, {"error": _HELP})
        if what == "webhooks":
            return json_reply(200, self._echo.shown())
        orders: list[JsonValue] = list(book.orders)
        subscriptions: list[JsonValue] = list(book.subscriptions.values())
        return json_reply(200, {"orders": orders, "subscriptions": subscriptions})

    def _order(self, number: int, doing: str, request: Request) -> Reply:
        if request.method == "GET" and not doing:
            return json_reply(200, self._shown(number))
        if request.method != "POST":
            return json_reply(404, {"error": _HELP})
        told = parse_object(request.body) if request.body else {}
        changed, news = self._do(number, doing, told)
        if told.get("tell", True) is not False:
            self._echo.tell(news)
        more: JsonObject = {"changed": changed, "webhooks": as_json(news)}
        return json_reply(200, {**self._shown(number), **more})

    def _do(self, number: int, doing: str, told: JsonObject) -> tuple[list[str], list[News]]:
        match doing:
            case "edit":
                return self._doings.edit(number, cast(Json, told))
            case "pay" | "capture" | "till" | "refund":
                return self._money(number, doing, told)
            case "cancel":
                reason = text(told, "reason") or "customer"
                if reason not in REASONS:
                    raise NotUnderstood(f"`reason` is one of {', '.join(REASONS)}.")
                refund = told.get("refund") is True
                return ["cancelled"], self._doings.cancel(number, reason, refund=refund)[1]
            case "fulfil":
                return ["fulfilled"], self._fulfil(number, told)
            case "hold" | "release":
                return [doing], self._hold(number, told, put=doing == "hold")
            case "schedule":
                when = datetime.fromisoformat(text(told, "fulfill_at")).timestamp()
                return [doing], self._scheduled(number, when, told)
            case "due":
                return [doing], self._due(number)
            case "move":
                return [doing], self._moved(number, told)
            case "request" | "stop":
                taken = told.get("taken") is True
                return [doing], self._requested(number, stop_it=doing == "stop", taken=taken)
        raise NotUnderstood(_HELP)

    def _money(self, number: int, doing: str, told: JsonObject) -> tuple[list[str], list[News]]:
        """Take money of an order, or (`till`) let its gateway be another, its authorisation end."""
        if doing == "pay":
            return ["paid"], self._doings.pay(number)
        if doing == "capture":
            made, _, news = self._doings.capture(number, cast(Json, told))
            return [made.status.lower()], news
        if doing == "refund":
            amount, news = self._doings.refund(number, self._refund_wish(number, told))[1:]
            return [str(amount)], news
        till = self._book.tills.of(number, self._doings.known(number))
        for name in ("multi", "declines", "expired", "manual", "declines_last"):
            if name in told:
                setattr(till, name, told[name] is True)
        if "split" in told:
            self._book.tills.split(till, Decimal(str(told["split"])))
        return ["till"], []

    def _refund_wish(self, number: int, told: JsonObject) -> Json:
        """A RefundInput, or with an `amount` alone what goes back to the order's payments."""
        wish: Json = {**told}
        left = Decimal(str(wish.pop("amount", 0)))
        if "transactions" in wish or not left:
            return wish
        till = self._book.tills.of(number, self._doings.known(number))
        wish["transactions"] = found = []
        for one in till.payments():
            part = min(left, till.refundable_of(one))
            left -= part
            if part:
                paid = {"kind": "REFUND", "parentId": gid_of(one.number), "amount": str(part)}
                found.append(paid)
        return wish

    def _fulfil(self, number: int, told: JsonObject) -> list[News]:
        """Fulfil what is open at one location: somebody ships without us."""
        lines = told.get("lines")
        counts = lines if isinstance(lines, dict) else {}
        wanted: list[tuple[int, list[tuple[int, int]] | None]] = []
        location = 0
        for one in self._book.goods(number).orders:
            if one.status not in FULFILLABLE or one.service != MANUAL:
                continue
            if location and one.location != location:
                continue
            pieces = [
                (piece.number, min(piece.remaining, int(text(counts, piece.line))))
                for piece in one.pieces
                if piece.remaining and piece.line in counts
            ]
            if pieces or not counts:
                wanted.append((one.number, pieces or None))
                location = one.location
        numbers = told.get("numbers")
        tracking = Tracking(
            text(told, "company"),
            tuple(str(x) for x in numbers) if isinstance(numbers, list) else (),
        )
        return self._doings.fulfil(number, wanted, tracking)[1]

    def _moved(self, number: int, told: JsonObject) -> list[News]:
        """Assign everything that is open elsewhere to the location, or so many pieces of lines."""
        book, location, lines = self._book, int(text(told, "location")), told.get("lines")
        counts = lines if isinstance(lines, dict) else {}
        news = []
        for one in list(book.goods(number).orders):
            if one.status not in FULFILLABLE or one.location == location:
                continue
            pieces = [(x.number, int(text(counts, x.line))) for x in one.pieces if x.line in counts]
            if pieces or not counts:
                source = one.location
                moved = move(book.goods(number), one, location, pieces or None, book.clock())[0]
                news.append(move_news(one, moved, source))
        if not news:
            raise NotEditable("There is nothing to move.")
        return news

    def _requested(self, number: int, *, stop_it: bool, taken: bool) -> list[News]:
        """Ask the services to fulfil what is theirs (`taken`: they take it on at once), or not
        to."""
        news = []
        for one in self._book.goods(number).orders:
            if one.service == MANUAL or one.status not in FULFILLABLE:
                continue
            if stop_it:
                ask_to_cancel(one, self._book.clock())
                request = {"id": "gid://shopify/FulfillmentOrderMerchantRequest/1", "message": ""}
                told = goods_news(
                    "cancellation_request_submitted", one,
                    fulfillment_order_merchant_request=request,
                )  # fmt: skip
                told[1]["fulfillment_order"]["request_status"] = "cancellation_requested"
                news.append(told)
            else:
                submit(one, self._book.clock())
                if taken:
                    accept(one, self._book.clock())
                it = goods_news("x", one)[1]["fulfillment_order"]
                both = {"original_fulfillment_order": it, "submitted_fulfillment_order": it}
                news.append(("fulfillment_orders/fulfillment_request_submitted", both))
        if not news:
            raise NotEditable("No fulfilment service has anything of the order.")
        return news

    def _scheduled(self, number: int, when: float, told: JsonObject) -> list[News]:
        """Put everything off that is open, or so many pieces of lines, as a group of their own."""
        goods, lines, now = self._book.goods(number), told.get("lines"), self._book.clock()
        counts = lines if isinstance(lines, dict) else {}
        news = []
        for one in list(goods.orders):
            pieces = [(x.number, int(text(counts, x.line))) for x in one.pieces if x.line in counts]
            if counts and one.status in FULFILLABLE and pieces:
                one = goods.part_off(one, pieces, one.location, now, ["id"])  # noqa: PLW2901 - the part
            elif counts:
                continue
            if one.status in FULFILLABLE or one.status == "SCHEDULED":
                schedule(one, when, now)
                news.append(goods_news("rescheduled", one))
        return news

    def _due(self, number: int) -> list[News]:
        news = []
        for one in self._book.goods(number).orders:
            if one.status == "SCHEDULED":
                fall_due(one, self._book.clock())
                news.append(goods_news("scheduled_fulfillment_order_ready", one))
        return news

    def _hold(self, number: int, told: JsonObject, *, put: bool) -> list[News]:
        news = []
        for one in self._book.goods(number).orders:
            if put and one.status in FULFILLABLE:
                reason = text(told, "reason") or "OTHER"
                made = Hold(self._next_number(), reason, text(told, "notes"), "")
                hold(one, made, self._book.clock())
                news.append(goods_news("placed_on_hold", one))
            elif not put and one.status == "ON_HOLD":
                release(one, None, self._book.clock())
                news.append(goods_news("hold_released", one))
        if not news:
            raise NotEditable("There is nothing to hold or to release.")
        return news

    def _shown(self, number: int) -> dict[str, JsonValue]:
        goods = self._book.goods(number)
        known = self._book.orders.get(number)
        orders: list[JsonValue] = [_fulfilment_order(one) for one in goods.orders]
        fulfilments: list[JsonValue] = [
            {
                "id": one.number,
                "status": one.status,
                "company": one.tracking.company,
                "numbers": list(one.tracking.numbers),
                "lines": [
                    {
                        "line_item_id": part.line,
                        "quantity": part.quantity,
                        "fulfilment_order": part.fulfilment_order,
                    }
                    for part in one.parts
                ],
            }
            for one in goods.fulfilments
        ]
        return {
            "order": self._book.statement(number),
            "edits": known.edits if known else 0,
            "is_cancelled": goods.cancelled_at is not None,
            "fulfilment_orders": orders,
            "fulfilments": fulfilments,
        }


def _fulfilment_order(one: FulfilmentOrder) -> JsonObject:
    return {
        "id": one.number,
        "status": one.status,
        "location": one.location,
        "method": one.method,
        "service": one.service,
        "prepared": one.prepared,
        "request": one.request,
        "holds": [hold.reason for hold in one.holds],
        "lines": [
            {"line_item_id": x.line, "total": x.total, "remaining": x.remaining} for x in one.pieces
        ],
    }
