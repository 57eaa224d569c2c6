"""UPS: labels bought, recovered and voided, parcels tracked (Shipping v2409, Track v1).

UPS honours no idempotency key. Our correlation id is a reference number on the shipment, and Label
Recovery finds a label by it. https://github.com/UPS-API/api-documentation
"""

from __future__ import annotations

from collections import OrderedDict
from urllib.parse import quote

import msgspec
from yarl import URL

from actors.runtime.errors import NeedsPerson, Rejected, Retryable
from actors.runtime.ports import Call
from adapters.carriers.ups import answers as ups
from adapters.carriers.ups import shapes
from adapters.carriers.ups.shipment import (
    Shipper,
    Wanted,
    label_specification,
    shipment_request,
)
from adapters.kit.fitting import printable
from adapters.kit.http_client import USER_AGENT, Answer, HttpClient, decoded, traced
from adapters.kit.oauth import ClientCredentials, TokenCache
from schemas.messages.effects import (
    BuyLabel,
    LabelBought,
    Result,
    Tracked,
    TrackShipment,
    Undone,
    VoidLabel,
)

PARTNER = ups.PARTNER

MAX_DOUBTS = 10_000
"""Labels not found, but not yet for long enough; a forgotten one is only asked for again."""

_encode = msgspec.json.Encoder().encode


class UpsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One shipper account.

    `base_url` is `https://onlinetools.ups.com` (or wwwcie… for tests). `services` maps a shipping
    method's name, as the channel writes it in any case, to UPS's service code; others get
    `default_service`. `recovery_lag_seconds`: UPS asks to "wait until the shipment is processed",
    so a label is believed absent only when two searches so far apart have not found it.
    """

    base_url: str
    credentials: ClientCredentials
    shipper: Shipper
    services: dict[str, str] = {}
    default_service: str = "03"
    label_format: str = "ZPL"
    negotiated_rates: bool = False
    recovery_lag_seconds: float = 60.0
    timeout_seconds: float = 30.0


class Ups:
    """The carrier behind `actors.runtime.ports.Partner`."""

    name = "carrier"
    can_look_up = True

    def __init__(self, client: HttpClient, settings: UpsSettings) -> None:
        self._clock = client.clock
        self._settings = settings
        self._tokens = TokenCache(client, settings.credentials, PARTNER)
        self._base = settings.base_url.rstrip("/") + "/api"
        self._ship_url = URL(f"{self._base}/shipments/v2409/ship", encoded=True)
        self._recovery_url = URL(f"{self._base}/labels/v1/recovery", encoded=True)
        self._services = {name.casefold(): code for name, code in settings.services.items()}
        self._doubts: OrderedDict[str, float] = OrderedDict()

    async def perform(self, call: Call) -> Result:
        """Buy a label, void one, or ask where a parcel is."""
        match call.effect:
            case BuyLabel():
                return await self._buy(call, call.effect)
            case VoidLabel():
                return await self._void(call, call.effect)
            case TrackShipment(tracking_number=number):
                return await self._track(call, number)
            case other:
                raise TypeError(f"{PARTNER} has nothing to do with {type(other).__name__}.")

    async def look_up(self, call: Call) -> Result | None:
        """Find the label by our reference; a void shows in the tracking."""
        match call.effect:
            case BuyLabel():
                return await self._recover(call)
            case VoidLabel(tracking_number=number, shipment_id=shipment_id):
                try:
                    state = await self._track(call, number or shipment_id)
                except Rejected as error:
                    # A refused question is not an answer: whether it was voided stays unknown.
                    raise NeedsPerson(str(error), outcome_known=False) from error
                return _undone(shipment_id) if state.status == "voided" else None
            case TrackShipment():
                return None
            case other:
                raise TypeError(f"{PARTNER} has nothing to do with {type(other).__name__}.")

    async def close(self) -> None:
        """Stop fetching tokens."""
        await self._tokens.close()

    def _service(self, call: Call) -> str:
        method = printable(call.stated.shipping_method).casefold()
        return self._services.get(method, self._settings.default_service)

    async def _buy(self, call: Call, effect: BuyLabel) -> Result:
        settings = self._settings
        if not effect.parcels:
            raise Rejected("No parcel is known, so no label can be bought.")
        if settings.label_format == "GIF" and len(effect.parcels) > 1:
            raise Rejected(
                "Labels as pictures can't be kept for several parcels at once. Choose the label "
                "format ZPL in the settings."
            )
        service = self._service(call)
        request = shipment_request(
            call.stated,
            effect.parcels,
            reference=call.correlation_id,
            shipper=settings.shipper,
            wanted=Wanted(
                service=service,
                label_format=settings.label_format,
                negotiated_rates=settings.negotiated_rates,
            ),
        )
        answer = await self._ask("POST", self._ship_url, call, writes=True, body=_encode(request))
        if answer.status >= 400:
            raise ups.refused("to sell a label", answer)
        shipped = decoded(shapes.shipped_decoder, answer, partner=PARTNER, writes=True)
        return ups.label_from_shipment(shipped, service)

    async def _recover(self, call: Call) -> LabelBought | None:
        request = {
            "LabelRecoveryRequest": {
                "Request": {"TransactionReference": {"CustomerContext": call.correlation_id}},
                "LabelSpecification": label_specification(self._settings.label_format),
                "ReferenceValues": {
                    "ReferenceNumber": {"Value": call.correlation_id},
                    "ShipperNumber": self._settings.shipper.number,
                },
            }
        }
        body = _encode(request)
        answer = await self._ask("POST", self._recovery_url, call, writes=False, body=body)
        if answer.status >= 400:
            codes = ups.codes_of(answer)
            if ups.is_unknown_to_ups(answer):
                self._believe_absent(call)
                return None
            if codes & ups.PASSING_CODES:
                raise Retryable(f"{PARTNER} can't look labels up just now: {ups.words(answer)}.")
            several = bool(codes & ups.SEVERAL_CODES)
            raise self._needs_person(call, ups.words(answer), several=several)
        recovered = decoded(shapes.recovered_decoder, answer, partner=PARTNER, writes=False)
        candidates = recovered.candidates()
        if len(candidates) > 1:
            raise self._needs_person(call, " and ".join(candidates), several=True)
        self._doubts.pop(call.idempotency_key, None)
        return ups.label_from_recovery(recovered, self._service(call))

    def _believe_absent(self, call: Call) -> None:
        """Return when the label has been absent for long enough; raise Retryable before."""
        lag = self._settings.recovery_lag_seconds
        now = self._clock.monotonic()
        since = self._doubts.setdefault(call.idempotency_key, now)
        left = since + lag - now
        if left > 0:
            if len(self._doubts) > MAX_DOUBTS:
                self._doubts.popitem(last=False)
            raise Retryable(
                f"{PARTNER} does not show a label for this order yet; it is asked once more "
                "before another one is bought.",
                retry_after_seconds=left,
                sick=False,
            )
        del self._doubts[call.idempotency_key]

    def _needs_person(self, call: Call, found: str, *, several: bool) -> NeedsPerson:
        if several:
            return NeedsPerson(
                f"{PARTNER} has several shipments under our reference {call.correlation_id}: "
                f"{found}. Void all but one at ups.com and retry.",
            )
        return NeedsPerson(
            f"{PARTNER} would not say whether it has sold a label for this order: {found}. Look "
            f"for the reference {call.correlation_id} at ups.com.",
            outcome_known=False,
        )

    async def _void(self, call: Call, effect: VoidLabel) -> Result:
        number = quote(effect.shipment_id, safe="")
        url = URL(f"{self._base}/shipments/v2409/void/cancel/{number}", encoded=True)
        answer = await self._ask("DELETE", url, call, writes=True)
        if answer.status >= 400:
            if ups.codes_of(answer) & ups.VOIDED_CODES:
                return _undone(effect.shipment_id)
            raise ups.refused(f"to void the label {printable(effect.shipment_id)[:40]}", answer)
        voided = decoded(shapes.voided_decoder, answer, partner=PARTNER, writes=True)
        if not voided.succeeded():
            raise Rejected(
                f"{PARTNER} did not void the label {printable(effect.shipment_id)[:40]}: "
                f"{voided.says()}. After the first scan only a return helps."
            )
        return _undone(effect.shipment_id)

    async def _track(self, call: Call, tracking_number: str) -> Tracked:
        url = URL(f"{self._base}/track/v1/details/{quote(tracking_number, safe='')}", encoded=True)
        answer = await self._ask("GET", url, call, writes=False)
        if answer.status == 404:
            return Tracked(status="unknown", detail=f"{PARTNER} has no news of this parcel yet.")
        if answer.status >= 400:
            raise ups.refused("to track the parcel", answer)
        found = decoded(shapes.track_decoder, answer, partner=PARTNER, writes=False)
        return ups.tracked(found, tracking_number)

    async def _ask(
        self, method: str, url: URL, call: Call, *, writes: bool, body: bytes | None = None
    ) -> Answer:
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": USER_AGENT,
            # At most 32 characters. UPS's support traces by it; it deduplicates nothing.
            "transId": f"{call.order_id}-{call.number}"[:32],
            "transactionSrc": USER_AGENT,
        }
        return await self._tokens.exchange(
            method,
            url,
            headers=traced(headers, call),
            timeout_seconds=self._settings.timeout_seconds,
            writes=writes,
            body=body,
        )


def _undone(shipment_id: str) -> Undone:
    return Undone(detail=f"Label {shipment_id} is voided.")
