"""Answers and requests held against the official descriptions of the carriers."""

from __future__ import annotations

import functools
import json

import yaml
from openapi_schema_validator import OAS30Validator

from tests.contract.simulated import Json, spec


@functools.cache
def _ups(name: str) -> Json:
    loaded: Json = yaml.load(spec("ups", name).read_bytes(), Loader=yaml.CSafeLoader)
    return loaded


def check_ups(file: str, schema: str, value: object) -> None:
    """Fails with everything that breaks UPS's own description."""
    check(_ups(file), {"$ref": f"#/components/schemas/{schema}"}, value)


@functools.cache
def _fedex(name: str) -> Json:
    loaded: Json = json.loads(spec("fedex", name).read_bytes())
    return loaded


def check_fedex(file: str, schema: str, value: object) -> None:
    """Fails with everything that breaks FedEx's own description."""
    check(_fedex(file), {"$ref": f"#/components/schemas/{schema}"}, value)


def check(description: Json, schema: Json, value: object) -> None:
    """Fails with everything that breaks a schema of an OpenAPI description."""
    described = {**schema, "components": description["components"]}
    errors = [
        f"{'/'.join(map(str, error.path))}: {error.message}"
        for error in OAS30Validator(described).iter_errors(value)
    ]
    assert not errors, errors
