"""Orders from the field, as the right adapter reads them and as the machines decide about them."""

from __future__ import annotations

import json
from typing import Any

from actors.kernel.setup import Place, Setup
from adapters.carriers.ups.kind import KIND as UPS
from adapters.carriers.ups.services import service_of
from adapters.carriers.ups.settings import UpsSettings
from adapters.carriers.ups.shipment import Sender, Wanted, shipment_request
from adapters.channels.amazon.source import Amazon
from adapters.channels.shopify.settings import ShopifyTranslation
from adapters.channels.shopify.source import Shopify
from adapters.erp.business_central.kind import KIND as BUSINESS_CENTRAL
from adapters.erp.business_central.sales_order import Booking, SalesOrder, sales_order
from adapters.erp.business_central.settings import BusinessCentralSettings
from adapters.kit.fetching import FETCHED
from adapters.kit.kind import Limits, example_of
from schemas.messages import effects as f
from schemas.messages import inputs as i
from schemas.messages.effects import PackedParcel, Units
from schemas.messages.privacy import AskPrivacy
from schemas.order.canonical import Order
from schemas.order.regions import postal_country
from tests.bigcommerce_payloads import SHOP as BIGCOMMERCE
from tests.given import F1, K1, POSTED, RESERVED, Story, packed, sold

_UPS: UpsSettings = example_of(UPS)
_ERP: BusinessCentralSettings = example_of(BUSINESS_CENTRAL)
assert UPS.limits is not None
assert BUSINESS_CENTRAL.limits is not None
_CARRIES, _BOOKS = UPS.limits(_UPS), BUSINESS_CENTRAL.limits(_ERP)

SHOPIFY = Shopify(
    "acme-us", shop_domain="acme-us.myshopify.com", secrets=("secret",), api_version="2026-10",
    translation=ShopifyTranslation(payment_methods={"Cash on Delivery (COD)": "cod"}),
)  # fmt: skip
AMAZON = Amazon(
    "acme-de", secrets=("secret",), seller_id="A3TH9S8BH6GOGM", marketplace_ids=("A1PA6795UKMFR9",)
)


def seller(books: Limits = _BOOKS) -> Setup:
    """A seller with Business Central, a warehouse and UPS, who takes cash on delivery and terms."""
    assert _CARRIES.reach_from is not None
    place = Place(
        name="WH1", warehouse="wms", carrier="ups", refuses=_CARRIES.refuses,
        label_lines=_CARRIES.label_lines, reach=_CARRIES.reach_from(""),
    )  # fmt: skip
    return Setup(
        channel="acme-us", storefront="acme-us", erp="bc", mail="smtp", places=(place,),
        promised=frozenset({"cod", "net 30"}), collected=frozenset({"cod"}),
        longest_sku=books.longest_sku, unbooked=books.unbooked, hears=frozenset({"ready"}),
    )  # fmt: skip


def shopify(raw: bytes, *, updated: bool = False) -> i.Input:
    """What a webhook becomes."""
    kind, topic = ("update", "orders/updated") if updated else ("place", "orders/create")
    return _input(SHOPIFY.translate(kind, topic, raw))


def bigcommerce(raw: bytes) -> i.Input:
    """What a fetched order becomes."""
    return _input(BIGCOMMERCE.translate("update", FETCHED, raw))


def amazon(raw: bytes) -> i.Input:
    """What a fetched order becomes."""
    return _input(AMAZON.translate("update", FETCHED, encoded({"order": json.loads(raw)})))


def encoded(tree: object) -> bytes:
    """Return it as JSON."""
    return json.dumps(tree).encode()


def from_shop(topic: str, tree: object) -> i.Input:
    """What a webhook that carries no order becomes."""
    return _input(SHOPIFY.translate("note", topic, encoded(tree)))


def _input(found: i.Input | AskPrivacy) -> i.Input:
    assert not isinstance(found, AskPrivacy)
    return found


def order_of(found: i.Input) -> Order:
    """Return the order that an input states."""
    assert isinstance(found, i.PlaceOrder | i.UpdateOrder), found
    return found.order


def placed(*given: i.Input, setup: Setup | None = None) -> Story:
    """A story of what is stated of an order, one after the other."""
    return Story(setup=setup or seller()).when(*given)


def released(story: Story) -> Story:
    """… and its stock is reserved, and ERP and warehouse know of it."""
    story.done(f.ReserveStock, RESERVED).done(f.PostSalesOrder, POSTED)
    return story.done(f.CreateTask, f.TaskCreated(task_id="t-F1"))


def left(story: Story) -> Story:
    """… and one parcel with all of it has its label, was scanned and delivered, and the shop shows
    it."""
    released(story).when(packed()).done(f.BuyLabel, sold(K1))
    story.when(i.TimerFired(name="track", key=K1))
    story.done(f.TrackParcel, f.Tracked(status="in_transit"))
    shown = f.FulfilmentPublished(outside_ids=("gid://shopify/Fulfillment/1",))
    story.done(f.PublishFulfilment, shown, "F1")
    story.when(i.TimerFired(name="track", key=K1))
    story.done(f.TrackParcel, f.Tracked(status="delivered"))
    if any(one.kind == f.tag_of(f.SendMail) for one in story.state.open):
        story.done(f.SendMail, f.MailSent(message_id="m-1"))
    return story


def holds(story: Story) -> set[str]:
    """The ids of its holds."""
    return {one.hold_id for one in story.state.holds}


def spent(story: Story) -> set[str]:
    """Kinds of everything that partners were ever asked for."""
    return {f.tag_of(type(one)) for one in story.effects.values()}


def asked(story: Story, kind: type[f.Effect]) -> list[Any]:
    """Every effect of this kind that was ever asked for."""
    return [one for one in story.effects.values() if isinstance(one, kind)]


def all_of(order: Order) -> tuple[Units, ...]:
    """All units of an order."""
    return tuple(Units(x.line_id, x.sku, x.quantity) for x in order.lines)


_BOOKING = Booking(channel="shop", reference="x")


def booked(order: Order) -> SalesOrder:
    """The sales order that Business Central gets."""
    return sales_order(order, all_of(order), booking=_BOOKING, settings=_ERP)


def total_of(document: SalesOrder) -> str:
    """What its lines come to, without what Business Central adds."""
    sums = [
        line.quantity * (line.unitPrice or 0) - line.discountAmount
        for line in document.lines
        if line.lineType in ("Item", "Account")
    ]
    return str(sum(sums))


def shipment(order: Order, *, collect: int = 0) -> dict[str, Any]:
    """The shipment that UPS is asked for, of one parcel with all that travels."""
    units = tuple(Units(x.line_id, x.sku, x.quantity) for x in order.lines if x.requires_shipping)
    parcel = PackedParcel(parcel=K1, units=units, weight_grams=500)
    effect = f.BuyLabel(
        fulfilment=F1, place="WH1", parcels=(parcel,),
        collect_minor=collect, collect_currency=order.currency if collect else "",
    )  # fmt: skip
    assert order.ship_to is not None
    home, away = _UPS.shipper.country, postal_country(order.ship_to)
    service = service_of(_UPS.offers(home), home, away, order.shipping_method)
    sender = Sender(number="A1B2C3", shipper=_UPS.shipper, origin=_UPS.shipper)
    wanted = Wanted(service=service)
    body: dict[str, Any] = shipment_request(
        order, effect, reference="R", sender=sender, wanted=wanted
    )
    found: dict[str, Any] = body["ShipmentRequest"]["Shipment"]
    return found
