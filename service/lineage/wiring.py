"""What lineage tries out: the real translations of sources, and the real requests to partners.

Nothing leaves the process: a recorder stands where the network begins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email import message_from_bytes

import msgspec
from yarl import URL

from actors.runtime.errors import PartnerError
from actors.runtime.ports import Call, Partner
from adapters.carriers.ups.partner import Ups, UpsSettings
from adapters.carriers.ups.shipment import Shipper
from adapters.channels.amazon import order as amazon_order
from adapters.channels.amazon.api import AmazonAccount, AmazonApi
from adapters.channels.amazon.shapes import API_VERSION, Fetched
from adapters.channels.amazon.source import Amazon
from adapters.channels.amazon.storefront import AmazonStorefront
from adapters.channels.bigcommerce.api import BigCommerceApi, BigCommerceStore
from adapters.channels.bigcommerce.order import unchecked_order as unchecked_bigcommerce
from adapters.channels.bigcommerce.shapes import Bundle
from adapters.channels.bigcommerce.source import BigCommerce
from adapters.channels.bigcommerce.storefront import BigCommerceStorefront
from adapters.channels.canonical.source import Canonical
from adapters.channels.canonical.storefront import CanonicalStorefront
from adapters.channels.shopify.fulfilment import ShopifyFulfilment, ShopifyFulfilmentSettings
from adapters.channels.shopify.order import unchecked_order
from adapters.channels.shopify.shapes import ShopifyOrder
from adapters.channels.shopify.source import Shopify
from adapters.erp.business_central.partner import BusinessCentral, BusinessCentralSettings
from adapters.kit.fetching import FETCHED
from adapters.kit.http_client import Answer, HttpClient
from adapters.kit.oauth import ClientCredentials
from adapters.messages.smtp.partner import MailSettings, SmtpMail
from adapters.messages.smtp.pool import SmtpServer
from adapters.warehouses.http.partner import HttpWarehouse, HttpWarehouseSettings
from schemas.contracts.refusals import Refused
from schemas.contracts.strict_json import parse
from schemas.contracts.validation import read_foreign
from schemas.messages.codec import decode_order, encode
from schemas.messages.effects import (
    BuyLabel,
    CreateWarehouseTask,
    Effect,
    Parcel,
    PostSalesOrder,
    PublishFulfilment,
    SendMail,
    tag_of,
)
from schemas.messages.inputs import PlaceOrder, UpdateOrder
from schemas.messages.privacy import Read
from schemas.order.canonical import Address, Order
from schemas.order.ids import CorrelationId, OrderId
from service.lineage.probing import ORDER

__all__ = ["CARRIED_BY", "SOURCES", "Requests", "canonical_of"]

CARRIED_BY: Mapping[str, Effect] = {
    "business_central": PostSalesOrder(),
    "warehouse": CreateWarehouseTask(),
    # Unweighed, so that the goods' own weights count, as they do when a warehouse has no scale.
    "ups": BuyLabel(parcels=(Parcel(parcel_id="1"),)),
    "mail": SendMail(template="order_confirmed"),
    "shopify_fulfilment": PublishFulfilment(tracking_number="1Z0001", carrier="UPS"),
    "amazon_storefront": PublishFulfilment(tracking_number="1Z0001", carrier="UPS"),
    "bigcommerce_storefront": PublishFulfilment(tracking_number="1Z0001", carrier="UPS"),
    "canonical_storefront": PublishFulfilment(tracking_number="1Z0001", carrier="UPS"),
}
"""Each partner, by the effect that carries the order to it."""

_NOWHERE = "https://partner.invalid"
_CORRELATION = CorrelationId("k1" + "0" * 33)
_CREDENTIALS = ClientCredentials(token_url=f"{_NOWHERE}/token", client_id="id", client_secret="")
_AMAZON = AmazonAccount(
    base_url=_NOWHERE,
    token_url=f"{_NOWHERE}/token",
    client_id="id",
    client_secret="",
    refresh_token="",
)
_OPEN = {"id": "1", "status": "OPEN", "supportedActions": [{"action": "CREATE_FULFILLMENT"}]}
_LINES = [{"id": line, "quantity": 1_000_000, "order_address_id": 31} for line in (70, 71, 72)]
_ANSWERS: Mapping[str, object] = {
    "/shipments": [],
    "/products": _LINES,
    "/v2/orders/": {"status_id": 11},
    "/token": {"access_token": "token", "expires_in": 3600},
    f"/orders/{API_VERSION}": {
        "order": {
            "orderId": "1",
            "createdTime": "",
            "lastUpdatedTime": "",
            "orderItems": [{"orderItemId": "70", "quantityOrdered": 1, "product": {}}],
        }
    },
    "/admin/api": {"data": {"order": {"id": "1", "fulfillmentOrders": {"nodes": [_OPEN]}}}},
}
"""What the recorder answers to questions, by a part of the address."""


class _Reached(Exception):
    """A request that writes was about to leave; nothing after it is of interest."""


class _Still:
    """A clock whose day stands: two requests must not differ by when they were made. Each look at
    its seconds is a minute later, so that no limit of calls is felt."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def now(self) -> datetime:
        """Return always the same."""
        return datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

    def monotonic(self) -> float:
        """Return a minute more each time."""
        self._seconds += 60.0
        return self._seconds


class _Recorder(HttpClient):
    """Keeps what adapters send, and sends nothing."""

    def __init__(self) -> None:  # without a session: there is no network
        self.clock = _Still()
        self.sent: list[object] = []

    async def request(
        self,
        method: str,
        url: URL,
        *,
        headers: Mapping[str, str],
        timeout_seconds: float,
        partner: str,
        writes: bool,
        body: bytes | None = None,
    ) -> Answer:
        """Keep the body; answer questions, and end the call at what would write."""
        if not url.path.startswith("/token"):
            self.sent.append(msgspec.json.decode(body or b"{}"))
        if writes:
            raise _Reached
        for part, told in _ANSWERS.items():
            if part in url.path:
                return Answer(200, {"Content-Type": "application/json"}, msgspec.json.encode(told))
        raise PartnerError(f"Nothing is known of {url.path}.")


class _RecordedMail(SmtpMail):
    def __init__(self, sent: list[object], settings: MailSettings) -> None:
        super().__init__(_Still(), settings)
        self._sent = sent

    async def _deliver(self, recipient: str, message: bytes) -> None:
        mail = message_from_bytes(message)
        text = mail.get_payload(decode=True)
        assert isinstance(text, bytes), "our mails have one part"
        self._sent.append({**dict(mail.items()), "text": text.decode()})
        raise _Reached


class _RecordedEvents:
    def __init__(self, sent: list[object]) -> None:
        self._sent = sent

    async def publish(
        self, subject: str, body: bytes, *, message_id: str, content_type: str, trace: str
    ) -> None:
        """Keep the fact."""
        self._sent.append(msgspec.json.decode(body))
        raise _Reached


class Requests:
    """The requests that our adapters make of an order. Make it inside a running loop."""

    def __init__(self) -> None:
        self._recorder = _Recorder()
        self._partners = _partners(self._recorder)

    async def body(self, partner: str, tree: object) -> object:
        """Return what a partner of `CARRIED_BY` is sent for a canonical order, both as JSON holds
        them.

        A mail is its headers and `text`. Raises PartnerError for what can't be sent to it, and
        Refused for what is no order.
        """
        order = _order(msgspec.json.encode(tree))
        self._recorder.sent.clear()
        try:
            ref = amazon_ref(order.ref) if partner == "amazon_storefront" else order.ref
            await self._partners[partner].perform(_call(CARRIED_BY[partner], order, ref))
        except _Reached:
            return _without_queries(self._recorder.sent)
        raise PartnerError(f"Nothing was sent to {partner}.")


def _without_queries(sent: list[object]) -> object:
    """Return the bodies as one; GraphQL's queries are text of ours and hold no data."""
    whole: dict[str, object] = {}
    for body in sent:
        if isinstance(body, dict):
            whole.update(body.get("variables", body))
    return whole


def amazon_ref(ref: str) -> str:
    """Return a reference as Amazon writes them, another one for another reference: the example's
    own is a number, as Shopify writes them."""
    digits = ref.zfill(14)
    return f"902-{digits[:7]}-{digits[7:14]}"


def _call(effect: Effect, order: Order, ref: str) -> Call:
    return Call(
        order_id=OrderId("order"),
        channel="channel",
        ref=ref,
        correlation_id=_CORRELATION,
        number=1,
        effect=effect,
        order=order,
        idempotency_key=f"{_CORRELATION}-1",
        attempt=1,
    )


def _partners(recorder: _Recorder) -> dict[str, Partner]:
    home = Address(
        name="Shipper",
        lines=("1 Dock Road",),
        city="Louisville",
        region="KY",
        postal_code="40202",
        country="US",
    )
    return {
        "business_central": BusinessCentral(
            recorder,
            BusinessCentralSettings(
                api_url=f"{_NOWHERE}/api/v2.0",
                company_id="company",
                customer_number="10000",
                shipping_account="40100",
                duty_account="40200",
                credentials=_CREDENTIALS,
            ),
        ),
        "warehouse": HttpWarehouse(
            recorder, HttpWarehouseSettings(base_url=_NOWHERE, token="", place="main")
        ),
        "ups": Ups(
            recorder,
            UpsSettings(
                base_url=_NOWHERE,
                credentials=_CREDENTIALS,
                shipper=Shipper(number="A1B2C3", name="Shop", phone="5025550100", address=home),
                services={"express": "02"},
            ),
        ),
        "mail": _RecordedMail(
            recorder.sent,
            MailSettings(
                server=SmtpServer(host="mail.invalid"),
                sender="shop@example.com",
                shop_name="Shop",
            ),
        ),
        "shopify_fulfilment": ShopifyFulfilment(
            recorder, ShopifyFulfilmentSettings(base_url=_NOWHERE, access_token="")
        ),
        "amazon_storefront": AmazonStorefront(
            AmazonApi(recorder, _AMAZON), _Still(), marketplace_id="A1PA6795UKMFR9"
        ),
        "bigcommerce_storefront": BigCommerceStorefront(
            BigCommerceApi(
                recorder,
                BigCommerceStore(store_hash="probe", access_token="", base_url=_NOWHERE),
            )
        ),
        "canonical_storefront": CanonicalStorefront(
            "channel", _RecordedEvents(recorder.sent), _Still()
        ),
    }


def _shopify(raw: bytes) -> Read:
    reader = Shopify("", shop_domain="", secrets=(), api_version="")
    try:
        return reader.translate("place", "orders/create", raw)
    except Refused:
        # One field changed alone breaks the totals; where it goes can be seen all the same.
        return PlaceOrder(order=unchecked_order(read_foreign(parse(raw), ShopifyOrder)))


def _amazon(raw: bytes) -> Read:
    reader = Amazon("", secrets=())
    try:
        found = reader.translate("update", FETCHED, raw)
    except Refused:
        return PlaceOrder(
            order=amazon_order.unchecked_order(read_foreign(parse(raw), Fetched).order)
        )
    return PlaceOrder(order=found.order) if isinstance(found, UpdateOrder) else found


def _bigcommerce(raw: bytes) -> Read:
    try:
        found = BigCommerce("", store_hash="", secrets=()).translate("update", "", raw)
    except Refused:
        found = UpdateOrder(order=unchecked_bigcommerce(read_foreign(parse(raw), Bundle)))
    return found


def _canonical(raw: bytes) -> Read:
    try:
        return Canonical().translate("place", "", raw)
    except Refused:
        return PlaceOrder(order=_order(raw))


def _order(raw: bytes) -> Order:
    try:
        return decode_order(raw)
    except msgspec.ValidationError as error:
        raise Refused("schema_mismatch", (str(error),)) from error


SOURCES: Mapping[str, Callable[[bytes], Read]] = {
    "shopify": _shopify,
    "amazon": _amazon,
    "bigcommerce": _bigcommerce,
    "canonical": _canonical,
}
"""What reads each source's order, going on where only a check refuses it."""


def canonical_of(source: str, tree: object) -> tuple[str, object]:
    """Return the kind of input that a source's message becomes, and the canonical order in it.

    Raises Refused for what can't be translated at all.
    """
    found = SOURCES[source](msgspec.json.encode(tree))
    if isinstance(found, PlaceOrder | UpdateOrder):
        return ORDER, msgspec.json.decode(encode(found.order))
    return tag_of(found), msgspec.to_builtins(found)
