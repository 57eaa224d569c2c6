"""/openapi.json, /asyncapi.json and the published schemas, held against validators of others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from aiohttp import web
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from schemas.contracts import published
from schemas.contracts.published import INPUT_NAMES, all_schemas
from service.app import asyncapi
from service.app.front import PARTS, routes_of_all
from service.app.specs import Specs
from service.embedded.nats_config import NOT_OVER_NATS
from service.http import openapi
from tests.e2e.processes import ROOT

SERVICE = ROOT / "service"


def described() -> dict[str, Any]:
    """The OpenAPI document."""
    return Specs(routes_of_all()).openapi_document()


def references(value: object) -> Iterator[str]:
    """Yield every `$ref` of a document."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def missing(document: dict[str, Any]) -> list[str]:
    """Return the references of a document that lead to nothing in it."""
    wrong = []
    for one in set(references(document)):
        place: Any = document
        for part in one.removeprefix("#/").split("/"):
            place = place.get(part) if isinstance(place, dict) else None
        if place is None:
            wrong.append(one)
    return wrong


def names_told() -> set[str]:
    """The schemas whose names stand in sources that make a CloudEvent."""
    named: set[str] = set()
    for folder in ("adapters", "service"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text()
            if "import" in text and re.search(r"(?<!def )cloud_event\(", text):
                named |= set(re.findall(r"\b(?:ORDER|MESSAGE)_[A-Z_]+\b", text))
    return {getattr(published, one) for one in named if hasattr(published, one)}


def test_openapi_is_valid() -> None:
    """The validator of openapi-spec-validator has nothing to say about the document, defaults and
    examples included, and names of types are not those of our modules."""
    document = described()
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    assert missing(document) == []
    assert [one for one in document["components"]["schemas"] if "." in one] == []
    ids = [one["operationId"] for path in document["paths"].values() for one in path.values()]
    assert len(set(ids)) == len(ids)


def is_of_the_console(path: Path) -> bool:
    """Whether a module answers people with pages: programs have the API."""
    return path.parent.name == "console" or "from service.console.frame import" in path.read_text()


def test_every_route_is_described() -> None:
    """Each handler that the sources put into a route table is in the document, in words, with what
    it answers; nothing else is."""
    table = [*routes_of_all(), *Specs([]).routes()]
    routes = {(one.method, re.sub(r":[^{}]*(?:{[^{}]*})?(?=})", "", one.path)) for one in table}
    document = described()
    told = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method in operations
    }
    assert told == routes
    tables = [path.read_text() for path in SERVICE.rglob("*.py") if not is_of_the_console(path)]
    calls = sum(len(re.findall(r"\bweb\.(?:get|post|put|patch|delete)\(", text)) for text in tables)
    assert calls == len(told)
    for path in document["paths"].values():
        for operation in path.values():
            assert operation["summary"]
            assert operation["description"]
            assert any(status < "400" for status in operation["responses"])


def test_every_part_that_answers_is_described() -> None:
    """Each class with a route table is among those whose routes are described."""
    found = set()
    for path in SERVICE.rglob("*.py"):
        if is_of_the_console(path):
            continue
        text = path.read_text()
        for name, body in re.findall(
            r"^class (\w+)[^\n]*:\n(.*?)(?=^class |\Z)", text, re.M | re.S
        ):
            if re.search(r"def routes\(self\)", body):
                found.add(name)
    assert found == {part.__name__ for part in PARTS} | {"Specs"}


def test_a_route_without_a_description_is_refused() -> None:
    """The document can't be made, and the message names the route."""

    async def silent(request: web.Request) -> web.Response:
        return web.Response()

    with pytest.raises(openapi.Undescribed, match="GET /silent is not described"):
        openapi.document([web.get("/silent", silent)], "1")


def test_asyncapi_has_every_message_of_nats() -> None:
    """Each kind that others may publish and each event that is told has a channel, an operation and
    a payload whose schema is the published one."""
    document = asyncapi.document("1")
    assert missing(document) == []
    schemas = document["components"]["schemas"]
    for kind, name in INPUT_NAMES.items():
        taken = kind not in NOT_OVER_NATS
        assert (kind in document["channels"]) == taken
        assert (f"take-{kind}" in document["operations"]) == taken
        if taken:
            message = document["components"]["messages"][name]
            assert message["payload"] == {"$ref": f"#/components/schemas/{name}"}
            assert schemas[name]["required"] == all_schemas()[name]["required"]
            assert schemas[name]["additionalProperties"] is False
    told = {name for names in asyncapi.TOLD.values() for name in names}
    assert told == names_told()
    for name in told:
        data = document["components"]["messages"][name]["payload"]["properties"]["data"]
        assert data == {"$ref": f"#/components/schemas/{name}"}


@pytest.mark.parametrize("name", sorted(all_schemas()))
def test_each_schema_compiles_strictly(name: str) -> None:
    """A validator in another language takes each schema with its formats and finds no reference
    that leads nowhere."""
    schema = all_schemas()[name]
    assert jsonschema_rs.meta.is_valid(schema)
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    assert not validator.is_valid(None)
    assert missing(schema) == []


@pytest.mark.parametrize("name", sorted(all_schemas()))
def test_each_schema_is_valid_and_named(name: str) -> None:
    """Each is a valid 2020-12 schema with its own `$id`, a title and a description."""
    schema = all_schemas()[name]
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:orderwright:schemas:{name}"
    assert re.fullmatch(r"[a-z_]+(\.[a-z_]+)*\.v[0-9]+", name)
    assert schema["title"]
    assert schema["description"].endswith((".", ")"))
