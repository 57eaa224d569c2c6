"""UPS: labels bought, recovered and voided, parcels tracked (Shipping v2409, Track v1).

UPS honours no idempotency key. Our reference of the label is a reference number of the shipment or
its packages, and Label Recovery finds the labels by it.
https://github.com/UPS-API/api-documentation
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from actors.runtime.errors import NeedsPerson, Rejected, Retryable
from actors.runtime.partner import Call
from adapters.carriers.ups import answers as ups
from adapters.carriers.ups import shapes
from adapters.carriers.ups.offered import PATH, questions, rate_request, rated_decoder
from adapters.carriers.ups.services import service_of
from adapters.carriers.ups.settings import UpsSettings
from adapters.carriers.ups.shipment import (
    Sender,
    Wanted,
    label_specification,
    shipment_request,
)
from adapters.kit.absence import Absence
from adapters.kit.fitting import printable
from adapters.kit.http_client import USER_AGENT, HttpClient
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

MAX_PACKAGES = 200
"""UPS takes no more in one shipment."""


class Ups:
    """A shipper account behind `actors.runtime.partner.Partner`; `name` is the instance's.

    `origins` are the addresses that parcels leave from, by place; for other places they leave from
    the shipper's own.
    """

    can_look_up = True

    def __init__(
        self,
        client: HttpClient,
        settings: UpsSettings,
        *,
        name: str = "",
        origins: Mapping[str, Origin] | None = None,
    ) -> None:
        self.name = name or "ups"
        self._settings = settings
        self._origins = {} if origins is None else origins
        title = titled("UPS", name)
        self._absence = Absence(client.clock, settings.recovery_lag_seconds, title)
        base = settings.base_url.rstrip("/")
        credentials = ClientCredentials(
            token_url=f"{base}/security/v1/oauth/token",
            client_id=settings.client_id,
            client_secret=settings.client_secret.reveal(),
            basic=True,
        )
        self._tokens = TokenCache(client, credentials, title)
        self._api = JsonPartner(
            client,
            name=self.name,
            title=title,
            base_url=f"{base}/api",
            timeout_seconds=settings.calls.timeout_seconds,
            sender=self._tokens,
            headers={"transactionSrc": USER_AGENT},
            words=ups.words,
        )

    async def perform(self, call: Call) -> Result:
        """Buy a shipment's labels, void them, or ask where a parcel is."""
        match call.effect:
            case BuyLabel():
                return await self._buy(call, call.effect)
            case VoidLabel(shipment_id=shipment_id):
                return await self._void(call, shipment_id)
            case TrackParcel(tracking_number=number):
                return await self._track(call, number)
            case other:
                raise TypeError(f"{self._api.title} can't carry out {type(other).__name__}.")

    async def look_up(self, call: Call) -> Result | None:
        """Find the labels by our reference; a void shows in the tracking of each number."""
        match call.effect:
            case BuyLabel():
                return await self._recover(call, call.effect)
            case VoidLabel():
                return await self._voided(call, call.effect)
            case TrackParcel():
                return None
            case other:
                raise TypeError(f"{self._api.title} can't carry out {type(other).__name__}.")

    async def close(self) -> None:
        """Stop fetching tokens."""
        await self._tokens.close()

    async def probe(self) -> str:
        """Ask for a parcel that does not exist; return what that showed."""
        path = "/track/v1/details/1Z0000000000000000"
        answer = await self._api.ask(None, "GET", path, headers={"transId": "probe"})
        if answer.status >= 400 and not ups.errors_of(answer):
            raise ups.refused("to track a parcel", answer, self._api.title)
        await self._refuse_not_offered()
        return f"{self._api.title} takes our credentials and offers every service that is set."

    async def _refuse_not_offered(self) -> None:
        """Raise Rejected where the settings name a service that UPS does not offer the account."""
        settings = self._settings
        for home in {
            one.country: one for one in (settings.shipper, *self._origins.values())
        }.values():
            sender = Sender(number=settings.account_number, shipper=settings.shipper, origin=home)
            for codes, places in questions(settings.offers(home.country), home):
                offered: set[str] = set()
                for to in places:
                    offered |= await self._offered(sender, to)
                if missing := sorted(codes - offered):
                    raise Rejected(
                        f"{self._api.title} does not offer this account the service "
                        f"{', '.join(missing)} from {home.country} to "
                        f"{' or '.join(one.country for one in places)}; it offers "
                        f"{', '.join(sorted(offered)) or 'none'}. Correct `services` or the "
                        "defaults: a label of another service is refused when the parcel is packed."
                    )

    async def _offered(self, sender: Sender, to: Origin) -> frozenset[str]:
        answer = await self._api.ask(
            None,
            "POST",
            PATH,
            writes=False,
            body=rate_request(sender, to),
            headers={"transId": "probe"},
        )
        if answer.status >= 400:
            raise ups.refused(f"to say what it offers to {to.country}", answer, self._api.title)
        return self._api.decoded(rated_decoder, answer, writes=False).codes()

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
        settings, title = self._settings, self._api.title
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
            sender=Sender(
                number=settings.account_number,
                shipper=settings.shipper,
                origin=self._origin(effect),
            ),
            wanted=Wanted(
                service=service,
                label_format=settings.label_format,
                negotiated_rates=settings.negotiated_rates,
            ),
        )
        path = "/shipments/v2409/ship"
        answer = await self._api.ask(call, "POST", path, body=body, headers=_traced(call))
        if answer.status >= 400:
            raise ups.refused("to sell a label", answer, title)
        shipped = self._api.decoded(shapes.shipped_decoder, answer, writes=True)
        return ups.label_from_shipment(shipped, effect.parcels, service=service, title=title)

    async def _recover(self, call: Call, effect: BuyLabel) -> LabelBought | None:
        body = {
            "LabelRecoveryRequest": {
                "Request": {"TransactionReference": {"CustomerContext": call.reference}},
                "LabelSpecification": label_specification(self._settings.label_format),
                "ReferenceValues": {
                    "ReferenceNumber": {"Value": call.reference},
                    "ShipperNumber": self._settings.account_number,
                },
            }
        }
        answer = await self._api.ask(
            call, "POST", "/labels/v1/recovery", writes=False, body=body, headers=_traced(call)
        )
        if answer.status >= 400:
            codes = ups.codes_of(answer)
            if ups.is_unknown_to_ups(answer):
                self._absence.believe(call.idempotency_key, "this label")
                return None
            if codes & ups.PASSING_CODES:
                raise Retryable(
                    f"{self._api.title} can't look labels up just now: {ups.words(answer)}."
                )
            several = bool(codes & ups.SEVERAL_CODES)
            raise self._needs_person(call, ups.words(answer), several=several)
        recovered = self._api.decoded(shapes.recovered_decoder, answer, writes=False)
        candidates = recovered.candidates()
        if len(candidates) > 1:
            raise self._needs_person(call, " and ".join(candidates), several=True)
        self._absence.found(call.idempotency_key)
        return ups.label_from_recovery(
            recovered,
            effect.parcels,
            service=self._service(call, effect),
            title=self._api.title,
        )

    def _needs_person(self, call: Call, found: str, *, several: bool) -> NeedsPerson:
        title = self._api.title
        if several:
            return NeedsPerson(
                f"{title} has several shipments under this label's reference {call.reference}: "
                f"{found}. Void all but one at ups.com and retry.",
                outcome_known=False,
            )
        return NeedsPerson(
            f"{title} would not say whether it has sold this label: {found}. Look for the "
            f"reference {call.reference} at ups.com.",
            outcome_known=False,
        )

    async def _void(self, call: Call, shipment_id: str) -> Result:
        """Void the whole shipment: its labels were bought as one."""
        path = f"/shipments/v2409/void/cancel/{quote(shipment_id, safe='')}"
        answer = await self._api.ask(call, "DELETE", path, headers=_traced(call))
        shown = printable(shipment_id)[:40]
        if answer.status >= 400:
            if ups.codes_of(answer) & ups.VOIDED_CODES:
                return _undone(shipment_id)
            raise ups.refused(f"to void the shipment {shown}", answer, self._api.title)
        voided = self._api.decoded(shapes.voided_decoder, answer, writes=True)
        if not voided.succeeded():
            raise Rejected(
                f"{self._api.title} did not void the shipment {shown}: {voided.says()}. After the "
                "first scan only a return helps."
            )
        return _undone(shipment_id)

    async def _voided(self, call: Call, effect: VoidLabel) -> Undone | None:
        for number in effect.tracking_numbers or (effect.shipment_id,):
            try:
                state = await self._track(call, number)
            except Rejected as error:
                # A refused question answers nothing: whether it was voided stays unknown.
                raise NeedsPerson(str(error), outcome_known=False) from error
            if state.status != "voided":
                return None
        return _undone(effect.shipment_id)

    async def _track(self, call: Call, tracking_number: str) -> Tracked:
        path = f"/track/v1/details/{quote(tracking_number, safe='')}"
        answer = await self._api.ask(call, "GET", path, headers=_traced(call))
        if answer.status == 404:
            return Tracked(status="unknown", detail=ups.NO_NEWS)
        if answer.status >= 400:
            raise ups.refused("to track the parcel", answer, self._api.title)
        found = self._api.decoded(shapes.track_decoder, answer, writes=False)
        return ups.tracked(found, tracking_number)


def _traced(call: Call) -> dict[str, str]:
    """At most 32 characters. UPS's support traces by it; it deduplicates nothing."""
    return {"transId": f"{call.order_id}-{call.number}"[:32]}


def _undone(shipment_id: str) -> Undone:
    return Undone(detail=f"Shipment {shipment_id} is voided.")
