"""Amazon: how many units of each SKU an account may sell by itself (Listings Items 2021-08-01).

Each listing is looked at first, and its quantity is merged into what else it says of fulfilment:
another operation would drop the handling time that stands beside it. Only what the seller fulfils
is told; goods in Amazon's own warehouses are counted by Amazon.
https://developer-docs.amazon.com/sp-api/docs/listings-items-api-v2021-08-01-reference
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Struct

from actors.runtime.errors import Rejected, Retryable
from adapters.channels.amazon.api import PARTNER, AmazonApi, Plan
from adapters.kit.fitting import phrases
from adapters.kit.http_client import Answer, lost
from adapters.kit.offering import Heard, Offered

GET_LISTING = Plan(5.0, 10)
PATCH_LISTING = Plan(5.0, 5)
OWN = "DEFAULT"
"""The channel of what the seller fulfils."""
MAX_WAIT_SECONDS = 60.0
"""So long at most one call waits for Amazon's limits; what is left is told later."""
LEAST_WAIT_SECONDS = 0.2

STALE = Heard(outcome="stale")

_Read = TypeVar("_Read")


class _Availability(Struct, frozen=True, rename="camel"):
    fulfillment_channel_code: str = ""
    quantity: int | None = None


class _ProductType(Struct, frozen=True, rename="camel"):
    marketplace_id: str
    product_type: str


class _Listing(Struct, frozen=True, rename="camel"):
    fulfillment_availability: list[_Availability] = []
    product_types: list[_ProductType] = []


class _Issue(Struct, frozen=True):
    message: str = ""
    severity: str = ""


class _Submission(Struct, frozen=True):
    status: str
    issues: list[_Issue] = []


_listing = msgspec.json.Decoder(_Listing)
_submission = msgspec.json.Decoder(_Submission)


class AmazonOffering:
    """One seller's listings, behind `adapters.kit.offering.StockTeller`. `sleep` waits, for a
    test to leave out."""

    def __init__(
        self,
        api: AmazonApi,
        *,
        seller_id: str,
        marketplace_ids: Sequence[str],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._api = api
        self._path = f"/listings/2021-08-01/items/{quote(seller_id, safe='')}"
        self._marketplaces = tuple(marketplace_ids)
        self._sleep = sleep

    async def tell(self, figures: Sequence[Offered]) -> list[Heard]:
        """Tell figures one by one, at the pace that Amazon allows. Raises PartnerError."""
        heard: list[Heard] = []
        left_seconds = MAX_WAIT_SECONDS
        for one in figures:
            while True:
                try:
                    heard.append(await self._tell(one))
                    break
                except Retryable as error:
                    wait = max(LEAST_WAIT_SECONDS, error.retry_after_seconds or 0.0)
                    if not error.throttled or wait > left_seconds:
                        if not error.throttled and not heard:
                            raise
                        return heard + [STALE] * (len(figures) - len(heard))
                    left_seconds -= wait
                    await self._sleep(wait)
        return heard

    async def _tell(self, one: Offered) -> Heard:
        path = f"{self._path}/{quote(one.sku, safe='')}"
        try:
            listing = await self._look(path)
        except Rejected as error:
            return Heard(outcome="refused", why=str(error))
        if listing is None or not listing.product_types:
            why = f"{PARTNER} has no listing with the SKU {one.sku}."
            return Heard(outcome="unknown", why=why)
        codes = [x.fulfillment_channel_code for x in listing.fulfillment_availability]
        if OWN not in codes:
            by = f"by {', '.join(codes)}" if codes else "in no way yet"
            why = f"{PARTNER} has {one.sku} fulfilled {by}, and not by the seller."
            return Heard(outcome="unknown", why=why)
        if any(
            x.fulfillment_channel_code == OWN and x.quantity == one.units
            for x in listing.fulfillment_availability
        ):
            return Heard(outcome="same")
        try:
            return await self._patch(path, listing.product_types[0], one.units)
        except Rejected as error:
            return Heard(outcome="refused", why=str(error))

    async def _look(self, path: str) -> _Listing | None:
        query = {
            "marketplaceIds": ",".join(self._marketplaces),
            "includedData": "fulfillmentAvailability,productTypes",
        }
        answer = await self._api.ask("getListingsItem", GET_LISTING, "GET", path, query=query)
        if answer.status == 404:
            return None
        return _read(_listing, answer, writes=False)

    async def _patch(self, path: str, where: _ProductType, units: int) -> Heard:
        value = [{"fulfillment_channel_code": OWN, "quantity": units}]
        patch = {"op": "merge", "path": "/attributes/fulfillment_availability", "value": value}
        answer = await self._api.ask(
            "patchListingsItem",
            PATCH_LISTING,
            "PATCH",
            path,
            query={"marketplaceIds": where.marketplace_id},
            body={"productType": where.product_type, "patches": [patch]},
            writes=True,
        )
        told = _read(_submission, answer, writes=True)
        if told.status == "ACCEPTED":
            return Heard(outcome="told")
        words = [x.message for x in told.issues if x.severity == "ERROR" and x.message]
        return Heard(
            outcome="refused", why=f"{PARTNER} says {phrases(words or ['it is not valid'])}."
        )


def _read(decoder: msgspec.json.Decoder[_Read], answer: Answer, *, writes: bool) -> _Read:
    try:
        return decoder.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise lost(PARTNER, "answered without the listing", writes=writes) from None
