"""The published JSON Schemas (2020-12), generated from the structs.

`python -m schemas.contracts.published --write` writes them to `schemas/contracts/json/`; a test
compares. A published schema never starts to refuse what it accepted: a new major version gets a new
name.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

import msgspec

from schemas.contracts.mappings import Mappings
from schemas.messages.callbacks import WarehouseCallback, WarehouseStock
from schemas.messages.effects import tag_of
from schemas.messages.events import OrderEvent
from schemas.messages.inputs import KINDS
from schemas.messages.published_events import (
    MessageFact,
    OrderCancelledHere,
    OrderFact,
    OrderFulfilled,
    OrderReady,
)
from schemas.order.canonical import Order

# Any: a JSON Schema is free-form JSON; readers look up the keywords that they know.
Schema = dict[str, Any]

ORDER = "order.v1"
WAREHOUSE_CALLBACK = "warehouse.callback.v2"
WAREHOUSE_STOCK = "warehouse.stock.v1"
ORDER_FULFILLED = "order.fulfilled.v2"
ORDER_CANCELLED_HERE = "order.cancelled_here.v1"
ORDER_READY = "order.ready_for_pickup.v1"
ORDER_FACT, MESSAGE_FACT = "order.fact.v1", "message.fact.v1"
MAPPINGS = "mappings.v1"
FOLDER = Path(__file__).with_name("json")
DIALECT = "https://json-schema.org/draft/2020-12/schema"
INPUT_NAMES: Mapping[str, str] = MappingProxyType(
    {kind: tag_of(shape) for kind, shape in KINDS.items()}
)
"""The schema's name for each `<kind>` token, such as `order.place.v1` for `place`."""


@cache
def all_schemas() -> Mapping[str, Schema]:
    """Return every published schema by its name. They are shared; do not modify them."""
    found = {ORDER: _schema(ORDER, Order)}
    for name, shape in zip(INPUT_NAMES.values(), KINDS.values(), strict=True):
        found[name] = _schema(name, shape, closed=True)
    found[WAREHOUSE_CALLBACK] = _schema(WAREHOUSE_CALLBACK, WarehouseCallback)
    found[WAREHOUSE_STOCK] = _schema(WAREHOUSE_STOCK, WarehouseStock)
    found[ORDER_FULFILLED] = _schema(ORDER_FULFILLED, OrderFulfilled)
    found[ORDER_CANCELLED_HERE] = _schema(ORDER_CANCELLED_HERE, OrderCancelledHere)
    found[ORDER_READY] = _schema(ORDER_READY, OrderReady)
    found[ORDER_FACT] = _schema(ORDER_FACT, OrderFact)
    found[MESSAGE_FACT] = _schema(MESSAGE_FACT, MessageFact)
    found[MAPPINGS] = _schema(MAPPINGS, Mappings, closed=True)
    for event in get_args(OrderEvent):
        found[tag_of(event)] = _schema(tag_of(event), event)
    return MappingProxyType(found)


def identifier(name: str) -> str:
    """Return the `$id` of a published schema."""
    return f"urn:orderwright:schemas:{name}"


def address_of(name: str, own_url: str) -> str:
    """Return where a published schema can be fetched from the service that is reached at `own_url`;
    its `$id` where no address is known ("")."""
    return f"{own_url.rstrip('/')}/schemas/{name}" if own_url else identifier(name)


def text_of(schema: Schema) -> str:
    """Return a schema as the text of its file."""
    encoded = msgspec.json.format(msgspec.json.encode(schema), indent=2)
    return encoded.decode() + "\n"


def _schema(name: str, shape: type[msgspec.Struct], *, closed: bool = False) -> Schema:
    """Return one self-contained schema. `closed` refuses unknown fields at every level.

    Inputs are closed, because a misspelt field would be dropped silently. Events stay open, because
    their readers must tolerate fields that later versions add.
    """
    _, parts = msgspec.json.schema_components([shape], ref_template="#/$defs/{name}")
    parts = {part: _polished(part, schema, closed=closed) for part, schema in parts.items()}
    root = parts.pop(shape.__name__)
    head = {"$schema": DIALECT, "$id": identifier(name)}
    if not parts:
        return {**head, **root}
    return {**head, **root, "$defs": dict(sorted(parts.items()))}


def _polished(part: str, schema: Schema, *, closed: bool) -> Schema:
    """Add readable titles, and state a tag as a constant."""
    schema = {**schema, "title": _words(part)}
    if "description" in schema:
        schema["description"] = " ".join(schema["description"].split())
    if schema.get("type") != "object":
        return schema
    properties = {}
    for name, one in schema.get("properties", {}).items():
        stated = {"title": name.replace("_", " "), **one}
        if len(one.get("enum", ())) == 1:
            stated = {"title": stated["title"], "const": one["enum"][0]}
        properties[name] = stated
    schema["properties"] = properties
    if closed:
        schema["additionalProperties"] = False
    return schema


def _words(name: str) -> str:
    spaced = "".join(
        f" {character.lower()}" if character.isupper() else character for character in name
    )
    return spaced.strip().capitalize()


def main(arguments: list[str]) -> int:
    """Write the files (`--write`), or return 1 if they differ from the structs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the files again")
    if parser.parse_args(arguments).write:
        write()
    return 1 if differences() else 0


def write() -> None:
    """Write all files, and remove those that are no longer published."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.json"):
        if path.stem not in all_schemas():
            path.unlink()
    for name, schema in all_schemas().items():
        (FOLDER / f"{name}.json").write_text(text_of(schema))


def differences() -> list[str]:
    """Return the names whose file is missing, left over or different."""
    files = {path.stem: path.read_text() for path in FOLDER.glob("*.json")}
    wanted = {name: text_of(schema) for name, schema in all_schemas().items()}
    return sorted(n for n in files.keys() | wanted.keys() if files.get(n) != wanted.get(n))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
