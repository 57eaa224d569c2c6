"""The console's forms that decide about an order: the same decisions as over the API."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from aiohttp import web

from actors.order.correcting import AddressCheck
from adapters.postgres.views import OrderView, Views
from schemas.contracts.edits import edit_of
from schemas.contracts.refusals import Refused
from schemas.messages.inputs import ActOnOrder
from schemas.order.canonical import Address
from service.console.frame import Frame, asked_once, once, redirect
from service.console.people import PERSONAL, Person
from service.http import problems
from service.http.problems import Problem
from service.orders.addresses import check_of
from service.orders.choices import WORDS
from service.orders.deciding import VERBS, NotNow, refuse_action
from service.orders.reading import Finder
from service.orders.sending import Decisions

ACT = "orders:act"
FOLDER = "orders/templates"

_MAX_REASON, _MAX_TARGET = 5_000, 256  # of the decision's own fields
_ADDRESS = ("name", "company", "city", "region", "postal_code", "country", "phone")


class ActingPages:
    """`/orders/{id}/do/{verb}` and `/orders/{id}/address`."""

    def __init__(self, frame: Frame, views: Views, finder: Finder, decisions: Decisions) -> None:
        self._frame = frame
        self._views = views
        self._finder = finder
        self._decisions = decisions

    def routes(self) -> list[web.RouteDef]:
        """The paths of the forms."""
        verb, address, frame = "/orders/{id}/do/{verb}", "/orders/{id}/address", self._frame
        return [
            frame.get(verb, ACT, self.ask),
            frame.post(verb, ACT, self.act),
            frame.get(address, PERSONAL, self.ask_address),
            frame.post(address, PERSONAL, self.edit_address),
        ]

    async def ask(self, request: web.Request, person: Person) -> web.Response:
        """Show what a decision leads to, and ask for its reason."""
        view, verb = await self._found(request, person)
        target = request.query.get("target", "")[:_MAX_TARGET]
        return self._ask(request, person, view, verb, target)

    async def act(self, request: web.Request, person: Person) -> web.Response:
        """Send a decision."""
        view, verb = await self._found(request, person)
        form = await self._frame.form(request)
        target = form.get("target", "")[:_MAX_TARGET]
        reason = form.get("reason", "").strip()[:_MAX_REASON]
        if not reason:
            return self._ask(request, person, view, verb, target, fault="Say why.")
        act = ActOnOrder(
            ref=view.row.ref, verb=verb, person=person.audited_as, reason=reason, target=target
        )
        try:
            await self._decisions.act(view, act, delivery_id=_delivery(person, form))
        except NotNow as error:
            raise Problem(409, "not-now", "Not possible now", str(error)) from error
        return redirect(f"/orders/{view.row.order_id}?sent={verb}")

    async def ask_address(self, request: web.Request, person: Person) -> web.Response:
        """Show the shipping address to be corrected."""
        view = await self._may_edit(request, person)
        order = await self._views.order(view.row.order_id)
        if order is None or order.ship_to is None:
            raise problems.not_found("The order has no shipping address.")
        given = msgspec.to_builtins(order.ship_to)
        values = {name: str(given.get(name, "")) for name in _ADDRESS}
        values["lines"] = "\n".join(order.ship_to.lines)
        check = await check_of(self._views, view)
        if check is not None and check.written == order.ship_to:
            check = None  # it was taken over
        return self._address(request, person, view, values, check=check)

    async def edit_address(self, request: web.Request, person: Person) -> web.Response:
        """Send the corrected address."""
        view = await self._may_edit(request, person)
        form = await self._frame.form(request)
        order = await self._views.order(view.row.order_id)
        kept = order.ship_to if order is not None else None
        reason = form.get("reason", "").strip()[:_MAX_REASON]
        if not reason:
            return self._address(request, person, view, form, fault="Say why.")
        told = {"reason": reason, "ship_to": _stated(form, kept)}
        try:
            edit = edit_of(msgspec.json.encode(told), view.row.ref, person.audited_as)
            await self._decisions.edit(view, edit, delivery_id=_delivery(person, form))
        except Refused as error:
            return self._address(request, person, view, form, fault=" ".join(error.sentences))
        except NotNow as error:
            raise Problem(409, "not-now", "Not possible now", str(error)) from error
        return redirect(f"/orders/{view.row.order_id}?sent=edit")

    async def _found(self, request: web.Request, person: Person) -> tuple[OrderView, str]:
        verb = request.match_info["verb"]
        if verb not in VERBS:
            raise problems.not_found("An order can't be told this.")
        return await self._finder.find(request, person), verb

    async def _may_edit(self, request: web.Request, person: Person) -> OrderView:
        if not person.may(ACT):
            raise Problem(403, "role", "Not for your role", "Your role may not edit orders.")
        return await self._finder.find(request, person)

    def _ask(
        self,
        request: web.Request,
        person: Person,
        view: OrderView,
        verb: str,
        target: str,
        *,
        fault: str = "",
    ) -> web.Response:
        impossible = ""
        try:
            refuse_action(view, verb, target)
        except NotNow as error:
            impossible = str(error)
        values: dict[str, object] = {
            "view": view,
            "verb": verb,
            "words": WORDS[verb],
            "target": target,
            "impossible": impossible,
            "fault": fault,
            "once": once(),
        }
        return self._frame.page(request, person, f"{FOLDER}/act.html", values)

    def _address(
        self,
        request: web.Request,
        person: Person,
        view: OrderView,
        given: Mapping[str, str],
        *,
        fault: str = "",
        check: AddressCheck | None = None,
    ) -> web.Response:
        values: dict[str, object] = {
            "view": view,
            "check": check,
            "given": {name: given.get(name, "") for name in (*_ADDRESS, "lines", "reason")},
            "fault": fault,
            "once": once(),
        }
        return self._frame.page(request, person, f"{FOLDER}/address.html", values)


def _stated(form: Mapping[str, str], kept: Address | None) -> dict[str, object]:
    """Return the address that a form states; what it does not ask for stays."""
    lines = [one.strip() for one in form.get("lines", "").splitlines() if one.strip()]
    told: dict[str, object] = {name: form.get(name, "").strip() for name in _ADDRESS}
    return {**told, "lines": lines, "pickup_point": bool(kept and kept.pickup_point)}


def _delivery(person: Person, form: Mapping[str, str]) -> str:
    return f"console:{asked_once(person, form)}"
