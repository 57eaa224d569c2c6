"""UPS's own descriptions as judges, and its refusals as it writes them."""

from __future__ import annotations

import functools

import yaml
from aiohttp import web
from openapi_schema_validator import OAS30Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from tests.contract.simulated import Json, spec


@functools.cache
def described(name: str) -> Json:
    """One of UPS's descriptions; they hold tabs, which YAML forbids."""
    text = spec("ups", name).read_text(encoding="utf-8").replace("\t", "  ")
    found: Json = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return found


def complaints(name: str, schema: str, value: object, *, except_for: tuple[str, ...] = ()) -> str:
    """What UPS's own description has against the value."""
    document = described(name)
    resource = Resource.from_contents(document, default_specification=DRAFT4)
    validator = OAS30Validator(
        {"$ref": f"urn:ups#/components/schemas/{schema}"},
        registry=Registry().with_resource("urn:ups", resource),
    )
    found = [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
        for error in validator.iter_errors(value)
        if not any(part in error.message for part in except_for)
    ]
    return "\n".join(found)


def error_answer(code: str, message: str, status: int = 400) -> web.Response:
    """A refusal as UPS writes it."""
    body = {"response": {"errors": [{"code": code, "message": message}]}}
    return web.json_response(body, status=status)
