"""The simulators' own controls, under /_sim: faults, ledger, health."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ops.simulators.credentials import BadCredential
from ops.simulators.faults import BadKnob
from ops.simulators.judge import judge
from ops.simulators.ledger import KINDS, MAX_ORDERS_PAGE, MAX_PAGE
from ops.simulators.parcel_journey import Journeys, UnknownOutcome
from ops.simulators.partner import World, json_reply
from ops.simulators.shapes import JsonObject, NotUnderstood, dig, objects, parse_object, text
from ops.simulators.wire import Reply, Request


class Control:
    """Answers /_sim/…; no knob ever touches it."""

    def __init__(
        self,
        world: World,
        journeys: Journeys,
        health: Callable[[], JsonObject],
        tell_again: Callable[[], int],
    ) -> None:
        self._tell_again = tell_again
        self._journeys = journeys
        self._ledger = world.ledger
        self._faults = world.faults
        self._credentials = world.credentials
        self._health = health

    def answer(self, request: Request) -> Reply:
        match request.method, request.path.rstrip("/"):
            case "GET", "/_sim/health":
                return json_reply(200, self._health())
            case "GET", "/_sim/faults":
                return json_reply(200, {"faults": self._faults.shown()})
            case "DELETE", "/_sim/faults":
                self._faults.clear()
                return json_reply(200, {"faults": []})
            case "POST", "/_sim/faults":
                try:
                    self._faults.set(parse_object(request.body))
                except (BadKnob, NotUnderstood) as error:
                    return json_reply(400, {"error": str(error)})
                return json_reply(200, {"faults": self._faults.shown()})
            case "GET", "/_sim/ledger/summary":
                return json_reply(200, self._ledger.summary())
            case "GET", "/_sim/ledger":
                return self._page(request)
            case "GET", "/_sim/ledger/orders":
                return self._orders(request)
            case "DELETE", "/_sim/ledger":
                self._ledger.clear()
                return json_reply(200, self._ledger.summary())
        return self._rest(request)

    def _rest(self, request: Request) -> Reply:
        path = request.path.rstrip("/")
        if path == "/_sim/credentials":
            return self._accounts(request)
        if request.method == "POST" and path == "/_sim/judge":
            return self._judge(request)
        if request.method == "POST" and path == "/_sim/callbacks/again":
            return json_reply(200, {"sent": self._tell_again()})
        if request.method == "POST" and path == "/_sim/parcels":
            return self._outcome(request)
        return json_reply(404, {"error": f"There is nothing at {request.method} {request.path}."})

    def _judge(self, request: Request) -> Reply:
        """`refs` of a shop's report, `references` by the shop's identifier, `attention`."""
        sent = parse_object(request.body)
        known = dig(sent, "references")
        references = {} if not isinstance(known, dict) else {k: str(v) for k, v in known.items()}
        waiting = dig(sent, "attention")
        attention = frozenset(map(str, waiting)) if isinstance(waiting, list) else frozenset[str]()
        verdict = judge(objects(sent, "refs"), self._ledger.everything(), references, attention)
        return json_reply(200, verdict.as_json())

    def _accounts(self, request: Request) -> Reply:
        if request.method == "DELETE":
            self._credentials.clear()
        elif request.method == "POST":
            try:
                self._credentials.configure(parse_object(request.body))
            except (BadCredential, NotUnderstood) as error:
                return json_reply(400, {"error": str(error)})
        return json_reply(200, {"configured": list(self._credentials.configured())})

    def _outcome(self, request: Request) -> Reply:
        try:
            told = parse_object(request.body)
            self._journeys.choose(text(told, "tracking_number"), text(told, "outcome"))
        except (UnknownOutcome, NotUnderstood) as error:
            return json_reply(400, {"error": str(error)})
        return json_reply(200, told)

    def _page(self, request: Request) -> Reply:
        params = request.params()
        kind = params.get("kind", "")
        if kind and kind not in KINDS:
            return json_reply(400, {"error": f"`kind` must be one of {', '.join(KINDS)}."})
        if (paging := _paging(params, 1000)) is None:
            return json_reply(
                400, {"error": f"`after` and `limit` (at most {MAX_PAGE}) must be whole numbers."}
            )
        return json_reply(200, self._ledger.page(kind, *paging))

    def _orders(self, request: Request) -> Reply:
        params = request.params()
        if (paging := _paging(params, 100)) is None:
            words = f"`after` and `limit` (at most {MAX_ORDERS_PAGE}) must be whole numbers."
            return json_reply(400, {"error": words})
        return json_reply(200, self._ledger.orders(params.get("prefix", ""), *paging))


def _paging(params: Mapping[str, str], usual: int) -> tuple[int, int] | None:
    """`after` and `limit` of a request, or None when one is not a whole number."""
    after, limit = params.get("after") or "0", params.get("limit") or str(usual)
    return (int(after), int(limit)) if after.isdecimal() and limit.isdecimal() else None
