"""Lineage is found by trying, is whole, and says of every field that is lost why."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.channels.amazon.example import examples as amazon_examples
from adapters.channels.amazon.shapes import Fetched
from adapters.channels.bigcommerce.example import examples as bigcommerce_examples
from adapters.channels.bigcommerce.shapes import Bundle
from adapters.channels.canonical.example import examples as canonical_examples
from adapters.channels.shopify.example import examples as shopify_examples
from adapters.channels.shopify.shapes import ShopifyOrder
from adapters.kit.fetching import FETCHED
from adapters.kit.lineage import Example, named
from schemas.messages.inputs import UpdateOrder
from schemas.order.canonical import Order
from service.lineage.declared import REACHES_NO_ONE
from service.lineage.page import markdown
from service.lineage.probing import ORDER, Found, leaves, probe
from service.lineage.trying import canonical_of
from service.lineage.ways import HOLDS, NOT_READ, ONLY_CHECKED, Lineage, find_out, partners_of
from service.wiring.channels import readers_by_kind
from tests import amazon_payloads, bigcommerce_payloads
from tests.bigcommerce_payloads import Json

OWN_NAMES = ("shopify.", "bigcommerce.", "amazon.")
ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT.parent / "shared" / "specs" / "shopify" / "webhooks" / "orders.create.schema.json"


@pytest.fixture(scope="module")
def lineage() -> Lineage:
    """Everything tried out, once for all tests here."""
    return asyncio.run(find_out())


def fields_of(examples: tuple[Example, ...]) -> set[str]:
    """Return the names of all fields of the examples."""
    return {named(path, OWN_NAMES) for example in examples for path, _ in leaves(example.tree)}


def fields_in(shape: msgspec.inspect.Type) -> Iterator[str]:
    """Yield the names of all fields of a struct, those of structs in it after a dot."""
    if isinstance(shape, msgspec.inspect.UnionType):
        for one in shape.types:
            yield from fields_in(one)
    elif isinstance(shape, msgspec.inspect.StructType):
        for field in shape.fields:
            for inner in fields_in(field.type):
                yield f"{field.encode_name}{inner}" if inner[:1] == "[" else _dotted(field, inner)
    elif isinstance(shape, msgspec.inspect.ListType | msgspec.inspect.VarTupleType):
        yield from (f"[]{_after(inner)}" for inner in fields_in(shape.item_type))
    elif isinstance(shape, msgspec.inspect.DictType):
        yield "[*]"
    elif not isinstance(shape, msgspec.inspect.NoneType):
        yield ""


def _dotted(field: msgspec.inspect.Field, inner: str) -> str:
    return f"{field.encode_name}{_after(inner)}"


def _after(inner: str) -> str:
    return f".{inner}" if inner else ""


def test_every_lost_field_is_declared_with_its_reason(lineage: Lineage) -> None:
    """A field of the canonical order that reaches no partner must say why, and no other may."""
    partners = partners_of("canonical")  # the storefronts of others answer by what is theirs
    fields = lineage.sources["canonical"]
    nowhere = {name for name in fields if not lineage.anywhere(name, partners)}
    undeclared = nowhere - REACHES_NO_ONE.keys()
    assert not undeclared, f"reach no partner, and no one says why: {sorted(undeclared)}"
    rotten = REACHES_NO_ONE.keys() - nowhere
    assert not rotten, f"declared as reaching no one, but they do, or are gone: {sorted(rotten)}"
    assert all(len(reason) > 20 for reason in REACHES_NO_ONE.values())


def test_the_canonical_example_is_whole() -> None:
    """Every field that `order.v1` has is tried out, so that a new one can't be forgotten."""
    wanted = set(fields_in(msgspec.inspect.type_info(Order)))
    assert len(wanted) > 40
    found = {name for name in fields_of(canonical_examples()) if 'attributes["' not in name}
    assert found - {"schema"} == wanted


def test_the_shopify_example_has_all_that_we_read() -> None:
    """Every field that our shapes of Shopify's order name is tried out."""
    # What fulfilment orders say of a line is put beside it when it is fetched; no webhook says it.
    ours = {"line_items[].by_location", "line_items[].unasked", "line_items[].way"}
    wanted = set(fields_in(msgspec.inspect.type_info(ShopifyOrder))) - ours
    assert len(wanted) > 90
    missing = wanted - fields_of(shopify_examples())
    assert not missing, f"the example lacks {sorted(missing)}"


def test_the_amazon_example_has_all_that_we_read_and_all_that_amazon_sends() -> None:
    """Every field of our shapes and of the vendor's own description is tried out."""
    tried = fields_of(amazon_examples())
    wanted = set(fields_in(msgspec.inspect.type_info(Fetched)))
    assert len(wanted) > 60
    # Of the constraints only the names are read; an order's own proceeds have no finer parts.
    missing = {one for one in wanted - tried if not one.endswith("[*]")}
    missing -= {one for one in missing if one.startswith("order.proceeds.breakdowns[].detailed")}
    assert not missing, f"the example lacks {sorted(missing)}"
    described = set(
        _described(amazon_payloads.description("orders_2026-01-01.json")["definitions"], "Order")
    )
    assert len(described) > 150
    missing = {f"order.{name}" for name in described} - tried
    assert not missing, f"the example lacks {sorted(missing)}"


def _described(known: dict[str, Any], name: str) -> Iterator[str]:
    """Yield the names of all fields of a definition of OpenAPI 2, as `named` writes them."""
    told = known[name]
    if told.get("type") == "array":
        yield from (f"[]{_after(one)}" for one in _inner(known, told["items"]))
    elif "properties" not in told:
        yield ""
    for field, inner in told.get("properties", {}).items():
        for one in _inner(known, inner):
            yield f"{field}{one}" if one[:1] == "[" else f"{field}{_after(one)}"


def _inner(known: dict[str, Any], told: dict[str, Any]) -> Iterator[str]:
    if "$ref" in told:
        yield from _described(known, told["$ref"].rpartition("/")[2])
    elif told.get("type") == "array":
        yield from (f"[]{_after(one)}" for one in _inner(known, told["items"]))
    else:
        yield ""


def test_the_shopify_example_has_all_that_shopify_sends() -> None:
    """Every property of the vendor's description is in it, but for what is told of fulfilments."""
    if not SPEC.is_file():
        pytest.skip("Shopify's descriptions are not beside this checkout (shared/specs).")
    described = set(json.loads(SPEC.read_text())["properties"])
    example = shopify_examples()[0].tree
    assert isinstance(example, dict)
    assert described <= example.keys(), sorted(described - example.keys())


def test_the_amazon_example_is_an_order() -> None:
    """The usual example passes every check of the edge."""
    (example, *_) = amazon_examples()
    kind, order = canonical_of("amazon", example.tree)
    assert (kind, canonical_of("canonical", order)) == (ORDER, (ORDER, order))
    reader = readers_by_kind({})["amazon"]
    found = reader.translate("update", FETCHED, msgspec.json.encode(example.tree))
    assert isinstance(found, UpdateOrder)


def test_the_bigcommerce_example_has_all_that_we_read() -> None:
    """Every field that our shapes of BigCommerce's order name is tried out."""
    wanted = {
        name.removesuffix("[]")
        for name in fields_in(msgspec.inspect.type_info(Bundle))
        # A link stands in for fees that were not asked for, and is not read.
        if not name.endswith("[*]")
    } - {"order.fees"}
    assert len(wanted) > 100
    missing = wanted - fields_of(bigcommerce_examples())
    assert not missing, f"the example lacks {sorted(missing)}"


@pytest.mark.parametrize(
    ("part", "schemas"),
    [
        ("order", ("order_RespOnly", "order_Shared")),
        ("products", ("orderProducts",)),
        ("shipping_addresses", ("orderShippingAddress", "shippingAddress_Base")),
        ("coupons", ("orderCoupons_Base",)),
        ("taxes", ("orderTaxes_Base",)),
        ("shipments", ("orderShipment",)),
    ],
)
def test_the_bigcommerce_example_has_all_that_bigcommerce_sends(
    part: str, schemas: tuple[str, ...]
) -> None:
    """Every property of the vendor's description is in it."""
    document = bigcommerce_payloads.description("orders.v2.oas2.yml")["components"]["schemas"]
    described: set[str] = set()
    for name in schemas:
        for one in (document[name], *document[name].get("allOf", ())):
            described |= set(one.get("properties", {}))
    trees: list[Json] = [_tree(example) for example in bigcommerce_examples()]
    told = next(one[part] for one in trees if one[part])
    example = told[0] if isinstance(told, list) else told
    assert described <= example.keys(), sorted(described - example.keys())


@pytest.mark.parametrize(
    "example", shopify_examples()[:1] + bigcommerce_examples()[:3] + canonical_examples()
)
def test_the_examples_are_orders(example: Example) -> None:
    """The usual example of each source passes every check of the edge."""
    tree = _tree(example)
    source = "canonical" if "schema" in tree else "bigcommerce" if "order" in tree else "shopify"
    kind, order = canonical_of(source, example.tree)
    assert kind == ORDER
    again = canonical_of("canonical", order)
    assert again == (ORDER, order)
    if source == "shopify":
        reader = readers_by_kind({})["shopify"]
        reader.translate("place", "orders/create", msgspec.json.encode(example.tree))
    if source == "bigcommerce":
        reader = readers_by_kind({})["bigcommerce"]
        reader.translate("update", "order/fetched", msgspec.json.encode(example.tree))


def _tree(example: Example) -> dict[str, Any]:  # Any: JSON of any shape
    assert isinstance(example.tree, dict)
    return example.tree


def test_a_field_is_followed_through_both_steps(lineage: Lineage) -> None:
    """The ways that a clerk would name by heart are found."""
    ways = {way.field: way for way in lineage.ways("shopify", "business_central")}
    sku = ways["line_items[].sku"]
    assert sku.becomes == ("lines[].sku",)
    assert [arrival.path for arrival in sku.arrives] == ["salesOrderLines[].lineObjectNumber"]
    assert ways["line_items[].product_id"].when == "if the fields that go before it are missing"
    zip_code = ways["shipping_address.zip"]
    assert [arrival.path for arrival in zip_code.arrives] == ["shipToPostCode"]
    note = ways["note"]
    assert note.becomes == ("note",)
    assert [arrival.path for arrival in note.arrives] == ["salesOrderLines[].description"]
    seen = ways["presentment_currency"]
    assert seen.becomes == ("lines[].presentment_total_minor", "presentment")
    assert "salesOrderLines[].description" in [arrival.path for arrival in seen.arrives]
    assert ways["customer_locale"].lost == REACHES_NO_ONE["customer.locale"]
    assert ways["token"].lost == NOT_READ
    assert ways["current_total_price_set.shop_money.currency_code"].lost == ONLY_CHECKED
    assert ways["line_items[].grams"].lost == "not sent here; goes to fedex, ups"
    assert ways["cancelled_at"].becomes == ("order.cancel.v1",)


def test_a_field_that_keeps_an_order_back_says_so(lineage: Lineage) -> None:
    """BigCommerce's status goes to no partner: it decides whether the order does."""
    ways = {way.field: way for way in lineage.ways("bigcommerce", "bigcommerce")}
    assert ways["order.status_id"].lost == HOLDS
    quantity = ways["products[].quantity"]
    assert [arrival.path for arrival in quantity.arrives] == ["items[].quantity"]


def test_every_way_arrives_or_says_why_not(lineage: Lineage) -> None:
    """No field of any source vanishes at any partner without a word."""
    for source, fields in lineage.sources.items():
        for partner in partners_of(source):
            ways = lineage.ways(source, partner)
            assert len(ways) == len(fields)
            for way in ways:
                assert bool(way.arrives) != bool(way.lost), way
                assert "no one said why" not in way.lost, way


def test_the_page_is_what_was_found(lineage: Lineage) -> None:
    """docs/lineage.md is as the code is."""
    page = (ROOT / "docs" / "lineage.md").read_text()
    assert page == markdown(lineage), "make it again: python -m service.lineage"


async def test_probing_sees_what_depends_on_a_field() -> None:
    """Values, decisions, stand-ins and mere checks are told apart, whatever translates."""

    async def translate(tree: object) -> tuple[str, object]:
        assert isinstance(tree, dict)
        lines = [{"id": one} for one in tree["items"]] if tree["wanted"] else []
        return ORDER, {"title": tree.get("name") or tree["nick"], "lines": lines}

    tree = {"name": "Cup", "nick": "Mug", "items": ["a1"], "wanted": True, "colour": "red"}
    bare = {key: value for key, value in tree.items() if key != "name"}
    examples = (Example(when="", tree=tree), Example(when="without a name", tree=bare))
    assert await probe(examples, translate) == {
        "name": Found(paths=("title",)),
        "nick": Found(paths=("title",), when="without a name"),
        "items[]": Found(paths=("lines[].id",)),
        "wanted": Found(paths=("lines[]",)),
        "colour": Found(),
    }
