"""FedEx: labels bought, found again and cancelled, parcels tracked (Ship API v1, Track API v1).

FedEx honours no idempotency key. Our reference of the label is a customer reference of its
packages, and the Track API finds them by it; a label's image is given only once, when it is sold.
https://developer.fedex.com/api/en-us/catalog.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from actors.runtime.errors import NeedsPerson, Rejected, Unknown
from actors.runtime.partner import Call
from adapters.carriers.fedex import answers as fedex
from adapters.carriers.fedex import shapes
from adapters.carriers.fedex.services import service_of
from adapters.carriers.fedex.settings import FedexSettings
from adapters.carriers.fedex.shipment import reference_for, rest_for, shipment_request
from adapters.kit.absence import Absence
from adapters.kit.fitting import printable
from adapters.kit.http_client import HttpClient
from adapters.kit.json_partner import JsonPartner, titled
from adapters.kit.oauth import ClientCredentials, TokenCache
from adapters.kit.settings import Origin
from schemas.messages.effects import (
    BuyLabel,
    LabelBought,
    Result,
    Tracked,
    TrackParcel,
    Undone,
    VoidLabel,
)
from schemas.order.regions import postal_country

MAX_PACKAGES = 40
"""FedEx takes no more in one shipment."""

SEARCHED_DAYS = 28
"""A search by reference spans at most 30 days of shipping."""

_UNKNOWN_NUMBER = "000000000000"


class Fedex:
    """An account behind `actors.runtime.partner.Partner`; `name` is the instance's.

    `origins` are the addresses that parcels leave from, by place; for other places they leave from
    the shipper's own.
    """

    can_look_up = True

    def __init__(
        self,
        client: HttpClient,
        settings: FedexSettings,
        *,
        name: str = "",
        origins: Mapping[str, Origin] | None = None,
    ) -> None:
        self.name = name or "fedex"
        self._settings = settings
        self._origins = {} if origins is None else origins
        title = titled("FedEx", name)
        base = settings.base_url.rstrip("/")
        credentials = ClientCredentials(
            token_url=f"{base}/oauth/token",
            client_id=settings.client_id,
            client_secret=settings.client_secret.reveal(),
        )
        self._tokens = TokenCache(client, credentials, title)
        self._absence = Absence(client.clock, settings.recovery_lag_seconds, title)
        self._api = JsonPartner(
            client,
            name=self.name,
            title=title,
            base_url=base,
            timeout_seconds=settings.calls.timeout_seconds,
            sender=self._tokens,
            headers={"x-locale": "en_US"},
            words=fedex.words,
        )

    async def perform(self, call: Call) -> Result:
        """Buy a shipment's labels, cancel them, or ask where a parcel is."""
        match call.effect:
            case BuyLabel():
                return await self._buy(call, call.effect)
            case VoidLabel(shipment_id=shipment_id):
                return await self._cancel(call, shipment_id)
            case TrackParcel(tracking_number=number):
                return await self._track(call, number)
            case other:
                raise TypeError(f"{self._api.title} can't carry out {type(other).__name__}.")

    async def look_up(self, call: Call) -> Result | None:
        """Find the labels by our reference; a cancellation shows in the tracking."""
        match call.effect:
            case BuyLabel():
                return await self._find(call, call.effect)
            case VoidLabel(shipment_id=shipment_id):
                state = await self._track(call, shipment_id)
                return _undone(shipment_id) if state.status == "voided" else None
            case TrackParcel():
                return None
            case other:
                raise TypeError(f"{self._api.title} can't carry out {type(other).__name__}.")

    async def close(self) -> None:
        """Stop fetching tokens."""
        await self._tokens.close()

    async def probe(self) -> str:
        """Ask for a parcel that does not exist; return what that showed."""
        await self._results(None, "/track/v1/trackingnumbers", _asked(_UNKNOWN_NUMBER))
        return f"{self._api.title} takes our credentials and answers."

    def _origin(self, effect: BuyLabel) -> Origin:
        return self._origins.get(effect.place, self._settings.shipper)

    def _service(self, call: Call, effect: BuyLabel) -> str:
        """Return the service of a decision, or the one that the settings name; "" for none."""
        order, home = call.stated, self._origin(effect).country
        if effect.service or order.ship_to is None:
            return effect.service
        away = postal_country(order.ship_to)
        return service_of(self._settings.offers(home), home, away, order.shipping_method)

    async def _buy(self, call: Call, effect: BuyLabel) -> Result:
        title = self._api.title
        if not 1 <= len(effect.parcels) <= MAX_PACKAGES:
            raise Rejected(
                f"{title} sells labels for 1 to {MAX_PACKAGES} parcels at once; the shipment has "
                f"{len(effect.parcels)}."
            )
        service = self._service(call, effect)
        if not service and call.stated.ship_to is not None:
            raise Rejected(
                f"No service of {title} is set for the shipping method "
                f"{call.stated.shipping_method[:60]!r} to this country. Name one in its "
                "`services`, or a default, and retry."
            )
        body = shipment_request(
            call.stated,
            effect,
            reference=call.reference,
            service=service,
            origin=self._origin(effect),
            settings=self._settings,
        )
        answer = await self._api.ask(
            call, "POST", "/ship/v1/shipments", body=body, headers=_traced(call)
        )
        if answer.status >= 400:
            raise self._api.refused("to sell a label", answer)
        shipped = self._api.decoded(shapes.shipped_decoder, answer, writes=True)
        self._refuse(shipped.errors, "to sell a label")
        bought = fedex.label_from(shipped, effect.parcels, service=service, title=title)
        if bought is None:
            raise Unknown(f"{title} answered without a shipment, so it may have sold one.")
        return bought

    def _refuse(self, errors: Sequence[shapes.Error], what: str) -> None:
        """Raise Rejected for errors inside an answer with status 200."""
        if errors:
            raise Rejected(f"{self._api.title} refused {what}: {fedex.said(errors)}.")

    async def _find(self, call: Call, effect: BuyLabel) -> LabelBought | None:
        """Search the packages of the last weeks by our reference; cancelled ones are none."""
        service, title = self._service(call, effect), self._api.title
        today = self._api.clock.now().date()
        wanted = {
            "type": "CUSTOMER_REFERENCE",
            "value": reference_for(call.reference, service),
            "accountNumber": self._settings.account_number,
            "shipDateBegin": (today - timedelta(days=SEARCHED_DAYS)).isoformat(),
            "shipDateEndDate": today.isoformat(),
        }
        body = {"referencesInformation": wanted, "includeDetailedScans": False}
        found = await self._results(call, "/track/v1/referencenumbers", body)
        for one in found:
            if one.error is not None and not fedex.is_unknown(one):
                raise NeedsPerson(
                    f"{title} would not say whether it has sold this label: "
                    f"{fedex.said([one.error])}. Look for the reference {wanted['value']} at "
                    "fedex.com.",
                    outcome_known=False,
                )
        rest = rest_for(call.reference, service)
        alive = [
            one
            for one in found
            if one.error is None
            and fedex.tracked(one).status != "voided"
            and one.department.upper() in ("", rest)  # else another's of the same beginning
        ]
        if not alive:
            self._absence.believe(call.idempotency_key, "this label")
            return None
        self._absence.found(call.idempotency_key)
        masters = sorted({one.master for one in alive if one.master})
        if len(masters) > 1:
            raise NeedsPerson(
                f"{title} has several shipments under this label's reference {wanted['value']}: "
                f"{' and '.join(masters)}. Cancel all but one at fedex.com and retry.",
                outcome_known=False,
            )
        return fedex.label_found(alive, effect.parcels, service=service, title=title)

    async def _results(self, call: Call | None, path: str, body: object) -> list[shapes.Result]:
        headers = _traced(call) if call is not None else None
        answer = await self._api.ask(call, "POST", path, writes=False, body=body, headers=headers)
        if answer.status == 404:
            return []
        if answer.status >= 400:
            raise self._api.unanswered("what it knows of the parcel", answer)
        found = self._api.decoded(shapes.found_decoder, answer, writes=False)
        self._refuse(found.errors, "to say what it knows of the parcel")
        return found.results()

    async def _cancel(self, call: Call, shipment_id: str) -> Result:
        """Cancel the whole shipment: FedEx cancels no single package."""
        body = {
            "accountNumber": {"value": self._settings.account_number},
            "trackingNumber": shipment_id,
            "deletionControl": "DELETE_ALL_PACKAGES",
        }
        what = f"to cancel the shipment {printable(shipment_id)[:40]}"
        answer = await self._api.ask(
            call, "PUT", "/ship/v1/shipments/cancel", body=body, headers=_traced(call)
        )
        if answer.status >= 400:
            state = await self._track(call, shipment_id)
            if state.status == "voided":
                return _undone(shipment_id)
            raise self._api.refused(what, answer)
        cancelled = self._api.decoded(shapes.cancelled_decoder, answer, writes=True)
        self._refuse(cancelled.errors, what)
        if not cancelled.output.cancelled_shipment:
            raise Rejected(
                f"{self._api.title} did not cancel the shipment {printable(shipment_id)[:40]}: "
                f"{printable(cancelled.output.message)[:200] or 'it gave no reason'}."
            )
        return _undone(shipment_id)

    async def _track(self, call: Call, tracking_number: str) -> Tracked:
        results = await self._results(call, "/track/v1/trackingnumbers", _asked(tracking_number))
        known = [one for one in results if one.error is None]
        ours = [one for one in known if one.number == tracking_number] or known
        if ours:
            return fedex.tracked(ours[0])
        wrong = [one.error for one in results if one.error and not fedex.is_unknown(one)]
        self._refuse(wrong, "to track the parcel")
        return Tracked(status="unknown", detail=fedex.NO_NEWS)


def _asked(tracking_number: str) -> dict[str, object]:
    return {
        "includeDetailedScans": False,
        "trackingInfo": [{"trackingNumberInfo": {"trackingNumber": tracking_number}}],
    }


def _traced(call: Call) -> dict[str, str]:
    """FedEx's support traces by it; it deduplicates nothing."""
    return {"x-customer-transaction-id": f"{call.order_id}-{call.number}"[:40]}


def _undone(shipment_id: str) -> Undone:
    return Undone(detail=f"Shipment {shipment_id} is cancelled.")
