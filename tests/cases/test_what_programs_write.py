"""Orders as customers type them and other programs write them, of every channel: taken, or held
before anything is spent."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from adapters.carriers.ups.shapes import shipped_decoder
from adapters.channels.bigcommerce.storefront import pruned
from adapters.channels.shopify.lines import sold_as
from adapters.channels.shopify.reading import read_order
from adapters.kit.http_client import Answer, decoded
from schemas.contracts.refusals import Refused
from schemas.order.canonical import Order
from tests import amazon_payloads, bigcommerce_payloads
from tests.cases import field
from tests.shopify_payloads import a_payload, an_item, money

# Any: payloads as JSON.
Json = dict[str, Any]


def of_shopify(**changes: object) -> Order:
    """The order that a webhook states."""
    return field.order_of(field.shopify(field.encoded(a_payload(**changes))))


def of_amazon(tree: Json) -> Order:
    """The order that was fetched."""
    return field.order_of(field.amazon(field.encoded(tree)))


def of_bigcommerce(tree: Json) -> Order:
    """The order that was fetched, without what is not read."""
    return field.order_of(field.bigcommerce(pruned(field.encoded(tree))))


def amazon_to(**changes: object) -> Json:
    """Amazon's order to this address."""
    tree = amazon_payloads.an_order()
    tree["recipient"]["deliveryAddress"] |= changes
    return tree


ADDRESSED: dict[str, Callable[[Json], Order]] = {
    "shopify": lambda at: of_shopify(
        shipping_address={
            **a_payload()["shipping_address"], "name": at["name"], "company": at["company"],
            "address1": at["street"], "phone": at["phone"], "zip": at["zip"], "city": at["city"],
        }
    ),
    "bigcommerce": lambda at: of_bigcommerce(
        bigcommerce_payloads.a_bundle(
            shipping_addresses=[
                bigcommerce_payloads.an_address(
                    first_name=at["name"], last_name=None, company=at["company"],
                    street_1=at["street"], phone=at["phone"], zip=at["zip"], city=at["city"],
                )
            ]
        )
    ),
    "amazon": lambda at: of_amazon(
        amazon_to(
            name=at["name"], companyName=at["company"], addressLine1=at["street"],
            phone=at["phone"], postalCode=at["zip"], city=at["city"],
        )
    ),
}  # fmt: skip


@pytest.mark.parametrize("channel", ADDRESSED)
def test_a_long_address_is_cut_and_not_refused(channel: str) -> None:
    """Whatever a form lets people type, the paid order is taken with what `order.v1` has room for;
    what no label can show holds it."""
    phone = "+1 512 555 0123, and if no one answers ask for Maria at the reception next to it"
    order = ADDRESSED[channel](
        {
            "name": "Ann " * 100, "company": "Acme " * 70, "street": "Long Lane " * 40,
            "phone": phone, "zip": "40003 or thereabouts, ask the neighbours", "city": "Town " * 60,
        }
    )  # fmt: skip
    there = order.ship_to
    assert there is not None
    assert there.phone == phone[:64].rstrip()
    assert (len(there.lines[0]), len(there.postal_code)) == (256, 32)
    assert len(there.company) == len(there.city) == 256
    assert 250 < len(there.name) <= 256


@pytest.mark.parametrize("channel", ADDRESSED)
def test_a_blank_name_is_the_company_s(channel: str) -> None:
    """A form that wants a name gets a space; the company receives the parcel then."""
    at = {"name": "  ", "company": "Acme", "street": "1 Main Street", "phone": " ", "zip": "40003",
          "city": "Lexington"}  # fmt: skip
    order = ADDRESSED[channel](at)
    assert order.ship_to is not None
    assert (order.ship_to.name, order.ship_to.phone) == ("Acme", "")


def nulled(tree: Json, names: frozenset[str]) -> Json:
    """A copy with these fields null, wherever they are, and a null in every list."""
    found = copy.deepcopy(tree)
    _null(found, names)
    return found


def _null(value: object, names: frozenset[str]) -> None:
    if isinstance(value, dict):
        for name, one in value.items():
            if name in names:
                value[name] = None
            else:
                _null(one, names)
    elif isinstance(value, list):
        for one in value:
            _null(one, names)
        value.append(None)


def test_a_null_is_what_is_left_out_in_every_channel() -> None:
    """Lists, texts and entries of lists: the order is the one without them."""
    bundle = bigcommerce_payloads.a_bundle()
    names = frozenset({"applied_discounts", "product_options", "configurable_fields", "coupons",
                       "taxes", "shipments", "form_fields"})  # fmt: skip
    assert of_bigcommerce(nulled(bundle, names)) == of_bigcommerce(bundle)
    order = amazon_payloads.an_order()
    order["recipient"]["deliveryAddress"]["addressLine2"] = ""
    order |= {"packages": [], "programs": [], "associatedOrders": []}
    names = frozenset({"addressLine2", "packages", "programs", "associatedOrders"})
    assert of_amazon(nulled(order, names)) == of_amazon(order)
    payload = a_payload(payment_gateway_names=["card"], refunds=[], fulfillments=[])
    payload["line_items"][0]["properties"] = [{"name": "Engraving", "value": "M."}]
    names = frozenset({"discount_codes", "refunds", "fulfillments", "address2"})
    told = field.order_of(field.shopify(field.encoded(nulled(payload, names))))
    assert told == field.order_of(field.shopify(field.encoded(payload)))


def test_an_answer_may_have_nulls_too() -> None:
    """A label that was sold is not lost because a partner wrote null for a list of its own."""
    sold = {
        "ShipmentResponse": {
            "ShipmentResults": {
                "ShipmentIdentificationNumber": "1Z1", "NegotiatedRateCharges": None,
                "ShipmentCharges": {"TotalCharges": None},
                "PackageResults": [{"TrackingNumber": "1Z1", "ShippingLabel": None}, None],
            }
        }
    }  # fmt: skip
    answer = Answer(status=200, headers={}, body=json.dumps(sold).encode())
    found = decoded(shipped_decoder, answer, partner="UPS", writes=True)
    (package,) = msgspec.to_builtins(found.shipment_response.shipment_results.package_results)
    assert package["TrackingNumber"] == "1Z1"


def test_amounts_may_be_numbers_in_every_channel() -> None:
    """Exact to the currency's places, as in a text; also of a currency without any."""
    order = amazon_payloads.an_order(
        orderItems=[amazon_payloads.an_item(1, "1980", 1, amazon_payloads.part("ITEM", "1980"))],
        proceeds={"grandTotal": amazon_payloads.money("1980")},
    )
    text = json.dumps(order).replace('"1980"', "1980.0").replace("EUR", "JPY")
    assert of_amazon(json.loads(text)).totals.total_minor == 1980
    dinar = {"currency": "KWD", "current_total_tax": "0", "current_total_tax_set": None,
             "current_shipping_price_set": None, "current_total_price_set": None,
             "presentment_currency": "KWD"}  # fmt: skip
    item = an_item(1, "1.25")
    item |= {"price": 1.255, "price_set": None}
    found = of_shopify(line_items=[item], current_total_price=1.255, total_price=1.255, **dinar)
    assert found.totals.total_minor == 1255


@pytest.mark.parametrize("title", ["Trinkgeld", "Pourboire", "Tip", "チップ"])
@pytest.mark.parametrize("gateway", [None, "shopify_payments"])
def test_a_tip_is_one_in_every_language(title: str, gateway: str | None) -> None:
    """Shopify marks the line; its title is in the shop's language. It is booked as a tip, whether
    or not the rest of the payload has the usual shape."""
    none = {"sku": None, "variant_id": None, "product_id": None, "requires_shipping": False}
    told = {"tip_payment_gateway": gateway}
    for more in ({}, {"discount_codes": None}):
        order = of_shopify(
            line_items=[an_item(1, "20.00"), an_item(2, "3.00", name=title, **none, **told)],
            current_total_price="23.00", current_total_price_set=money("23.00"),
            current_shipping_price_set=money("0.00"), current_total_tax="0.00",
            current_total_tax_set=money("0.00"), total_tip_received="3.00", **more,
        )  # fmt: skip
        assert [line.kind for line in order.lines] == ["goods", "tip"]
        assert field.total_of(field.booked(order)) == "23.00"


def test_a_tip_is_one_however_the_order_is_told() -> None:
    """Over GraphQL no line is marked: it is the line that costs what was tipped, and a service that
    costs anything else stays one."""
    none = {"sku": None, "variant_id": None, "product_id": None, "requires_shipping": False}
    for tips, kind in (("3.0", "tip"), ("0.0", "service"), ("2.50", "service"), ("?", "service")):
        lines = [an_item(1, "20.00"), an_item(2, "3.00", name="Trinkgeld", **none)]
        source = read_order(a_payload(line_items=lines, total_tip_received=tips))
        assert sold_as(source.line_items[1], tips) == kind
        assert sold_as(source.line_items[0], tips) == "goods"


def test_names_of_attributes_may_be_anything() -> None:
    """Numbers and lists, as forms of themes make them; a null among them is none."""
    told = [{"name": 7, "value": 1}, "Fragile", None, {"name": "size", "value": {"w": 1}}]
    order = of_shopify(note_attributes=told)
    assert order.attributes == {"7": "1", "": "Fragile", "size": '{"w":1}'}
    answers = [
        {"name": "Agreed", "value": True}, {"name": "Sizes", "value": [1, "L"]},
        {"name": "Floor", "value": {"no": 2}}, {"name": "None", "value": None},
    ]  # fmt: skip
    line = bigcommerce_payloads.a_product(1, "10.0000", 2, configurable_fields=answers)
    lines = [line, bigcommerce_payloads.a_product(2, "5.5000")]
    found = of_bigcommerce(bigcommerce_payloads.a_bundle(products=lines))
    assert {name: text for name, text in found.attributes.items() if name.startswith("line 1")} == {
        "line 1: Agreed": "true", "line 1: Sizes": "1, L", "line 1: Floor": '{"no":2}',
        "line 1: None": "",
    }  # fmt: skip


def test_a_part_that_matters_little_refuses_no_paid_order() -> None:
    """Weights that can't be, ids as texts, a billing country that is none, digits as numbers."""
    billed = {"name": "Ann", "address1": "1 Kaya Street", "country_code": "AN"}
    item = an_item(1, "26.00", grams=-1, variant_id="49000584985712", sku=4006390)
    there = a_payload()["shipping_address"] | {"zip": 40003, "phone": 5025550143}
    order = of_shopify(
        line_items=[item, an_item(2, "4.50", grams=200.4), an_item(3, "1.00", properties="Blue")],
        billing_address=billed, shipping_address=there, note=7, current_total_price="37.50",
        current_total_price_set=money("37.50"),
    )  # fmt: skip
    assert [(x.sku, x.weight_grams) for x in order.lines[:2]] == [("4006390", 0), ("SKU-2", 200)]
    assert (order.bill_to, order.note, order.attributes) == (None, "7", {"line 3: ": "Blue"})
    assert order.ship_to is not None
    assert (order.ship_to.postal_code, order.ship_to.phone) == ("40003", "5025550143")
    theirs = bigcommerce_payloads.an_order()
    theirs["billing_address"]["country_iso2"] = "AN"
    assert of_bigcommerce(bigcommerce_payloads.a_bundle(theirs)).bill_to is None


def test_a_refused_order_says_what_is_wrong_and_nothing_else() -> None:
    """A list that is right is not named beside what is wrong."""
    with pytest.raises(Refused) as refused:
        of_shopify(financial_status="unpaid")
    (sentence,) = refused.value.sentences
    assert "payment" in sentence


def test_a_replacement_costs_nothing_and_is_shipped() -> None:
    """Amazon tells no amount of it: its currency is the marketplace's. Without that association an
    order without amounts is refused, for its prices may only be withheld."""
    order = amazon_payloads.an_order(
        associatedOrders=[
            {"orderId": "902-1111111-1111111", "associationType": "REPLACEMENT_ORIGINAL_ID"}
        ],
        orderItems=[amazon_payloads.an_item(1, "0.00", 1)],
    )
    del order["proceeds"], order["orderItems"][0]["product"]["price"]
    order["recipient"]["deliveryAddress"]["phone"] = "+49 40 5550123"
    found = of_amazon(order)
    assert (found.currency, found.totals.total_minor, found.payment) == ("EUR", 0, "paid")
    assert found.parent_ref == "902-1111111-1111111"
    assert field.holds(field.placed(field.amazon(field.encoded(order)))) == set()
    with pytest.raises(Refused, match="currency"):
        of_amazon(order | {"associatedOrders": []})


def test_a_promotion_is_taken_off_what_it_is_on() -> None:
    """Wrapping for nothing leaves the goods at their price, for customs and for the books."""
    part = amazon_payloads.part
    order = amazon_payloads.an_order(
        orderItems=[
            amazon_payloads.an_item(
                1, "10.00", 1, part("ITEM", "10.00"), part("GIFT_WRAP", "3.99"),
                part("DISCOUNT", "-3.99", GIFT_WRAP="-3.99"),
            )
        ],
        proceeds={"grandTotal": amazon_payloads.money("10.00")},
    )  # fmt: skip
    found = of_amazon(order)
    assert [(line.sku, line.total_minor) for line in found.lines] == [("SKU-1", 1000)]
    assert (found.totals.discount_minor, found.totals.total_minor) == (0, 1000)


@pytest.mark.parametrize(("total", "tax"), [("10.80", 80), ("10.00", 0)])
def test_tax_that_amazon_remits_is_the_order_s_where_the_total_says_so(
    total: str, tax: int
) -> None:
    """The total is what the seller receives, with a tax that Amazon withholds or without it; a tax
    that the seller remits is never left out."""
    part = amazon_payloads.part
    collected = {"model": "MARKETPLACE_FACILITATOR", "responsibleParty": ""}
    item = amazon_payloads.an_item(
        1, "10.00", 1, part("ITEM", "10.00"), part("TAX", "0.80", ITEM="0.80"),
        tax={"taxCollections": [collected]},
    )  # fmt: skip
    order = amazon_payloads.an_order(
        orderItems=[item], proceeds={"grandTotal": amazon_payloads.money(total)}
    )
    found = of_amazon(order)
    assert (found.totals.tax_minor, found.lines[0].tax_minor) == (tax, tax)
    assert found.totals.total_minor == 1000 + tax
    del item["tax"]
    if not tax:
        with pytest.raises(Refused, match=r"difference is -0\.80 EUR"):
            of_amazon(order)


def test_goods_without_sku_are_held_in_every_channel() -> None:
    """Their title says what they are, for a table or a person; nothing is refused or spent."""
    line = bigcommerce_payloads.a_product(1, "10.0000", 2, sku="", product_id=0, name="Oak  table")
    bundle = bigcommerce_payloads.a_bundle(
        products=[line, bigcommerce_payloads.a_product(2, "5.5000")]
    )
    order = amazon_to(phone="+49 40 5550123")
    order["orderItems"][0]["product"] |= {"sellerSku": " ", "title": "Oak table"}
    for found in (field.bigcommerce(field.encoded(bundle)), field.amazon(field.encoded(order))):
        story = field.placed(found)
        assert (field.holds(story), field.spent(story)) == ({"unmapped-sku"}, set())
        assert "unlisted:Oak table" in story.state.holds[0].reason


def test_a_business_names_its_vat_id() -> None:
    """The buyer's own, and no other party's, goes to the books."""
    registered = [
        {"entityType": "MERCHANT", "taxRegistrationType": "VAT", "taxRegistrationNumber": "DE1"},
        {"entityType": "BUYER", "taxRegistrationType": "VAT", "taxRegistrationNumber": "ATU2"},
    ]
    order = of_amazon(amazon_payloads.an_order(tax={"taxRegistrations": registered}))
    assert order.customer.vat_id == "ATU2"
    assert "VAT id: ATU2" in {x.description for x in field.booked(order).lines}


def test_what_was_sold_over_a_counter_of_bigcommerce_is_recorded_and_closed() -> None:
    """A till's order is done and has no address; one that is to be sent without is refused."""
    till = bigcommerce_payloads.an_order(status_id=10, external_source="POS")
    lines = [bigcommerce_payloads.a_product(1, "10.0000", 2, order_address_id=0),
             bigcommerce_payloads.a_product(2, "5.5000", order_address_id=0)]  # fmt: skip
    bundle = bigcommerce_payloads.a_bundle(till, products=lines, shipping_addresses=[])
    story = field.placed(field.bigcommerce(field.encoded(bundle)))
    assert (story.stage(), field.spent(story), field.holds(story)) == ("closed", set(), set())
    lines[1]["order_address_id"] = None
    assert {x.delivery for x in of_bigcommerce(bundle).lines} == {"elsewhere"}
    lines[1]["order_address_id"] = 0
    bundle["order"]["status_id"] = 11
    assert bigcommerce_payloads.reason_of(bundle) == "ship_to_missing"


def test_what_is_paid_with_credit_is_not_collected_again() -> None:
    """Cash on delivery of an order of which a part is paid with a gift certificate."""
    owed = bigcommerce_payloads.an_order(
        status_id=7, payment_method="Cash on Delivery", payment_status=None,
        store_credit_amount="2.0500", gift_certificate_amount="10.0000",
    )  # fmt: skip
    order = of_bigcommerce(bigcommerce_payloads.a_bundle(owed))
    told = (order.payment, order.totals.total_minor, order.amount_due_minor)
    assert told == ("pending", 3205, 2000)
    paid = bigcommerce_payloads.an_order(gift_certificate_amount="10.0000")
    assert of_bigcommerce(bigcommerce_payloads.a_bundle(paid)).amount_due_minor is None
