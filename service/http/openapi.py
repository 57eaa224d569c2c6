"""`/openapi.json`: generated from the route table and what stands beside each handler."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web
from msgspec import Struct

from schemas.contracts.published import DIALECT
from service.http import problems
from service.http.described import Description, Taken, description_of

# Any: an OpenAPI document is free-form JSON.
Json = dict[str, Any]

_PART = re.compile(r"{(\w+)(?::((?:[^{}]|{[^{}]*})+))?}")
_TEXT: Json = {"schema": {"type": "string"}}
_REPEAT: Json = {"type": "string", "pattern": r"^[\x21-\x7e]{1,255}$"}
_REPEAT_WORDS = "A new one for each request, and the same one when it is repeated."

PATH_WORDS = {
    "id": "The id; of an order also a reference of ours, its number, or the channel's reference.",
    "verb": "What to do.",
    "step": "The step of the return.",
    "name": "The name.",
    "ref": "The channel's own reference of the order.",
    "token": "The signed end of the link.",
    "source": "The channel or warehouse that sends.",
    "channel": "The name of the channel.",
    "category": "The category of failures.",
    "sku": "The SKU.",
    "version": "The number of the version.",
    "trial": "The number of the trial.",
}
"""What the variable parts of paths mean."""


class ProblemDetails(Struct):
    """A refusal (RFC 9457): `detail` says in whole sentences what to do, `errors` each fault."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[str] = []


class Undescribed(ValueError):
    """A route says nothing of itself."""


def document(routes: Iterable[web.AbstractRouteDef], version: str) -> Json:
    """Return the OpenAPI 3.1 document of the routes. Raises Undescribed for one that has no
    description."""
    found = [_route(one) for one in routes]
    shapes = _Shapes(told for _, told in found)
    paths: dict[str, Json] = {}
    for route, told in sorted(found, key=lambda one: (one[0].path, one[0].method)):
        path = _PART.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, told, shapes)
    made = {
        "openapi": "3.1.0",
        "jsonSchemaDialect": DIALECT,
        "info": {
            "title": "Orderwright",
            "version": version,
            "description": "Orders in, people's decisions about them, and what became of them.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in sorted({_tag(route.path) for route, _ in found})],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(shapes.components.items())),
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key (`orderwright keys create`).",
                }
            },
        },
    }
    # As it is sent: a tuple, for one, is an array.
    plain: Json = msgspec.json.decode(msgspec.json.encode(made))
    return plain


class _Shapes:
    """The schemas of all shapes, made together: two of one name are then told apart everywhere."""

    def __init__(self, told: Iterable[Description]) -> None:
        shapes = [ProblemDetails, *(shape for one in told for shape in _typed(one))]
        schemas, components = msgspec.json.schema_components(
            shapes, ref_template="#/components/schemas/{name}", schema_hook=_anything
        )
        self.components = {name: _worded(one) for name, one in components.items()}
        pairs = zip(shapes, schemas, strict=True)
        self._schemas = {id(shape): schema for shape, schema in pairs}

    def schema(self, shape: Any) -> Json:
        """Return the schema of a shape that was told."""
        if isinstance(shape, Mapping):
            return dict(shape)
        if isinstance(shape, tuple):
            return {"anyOf": [self.schema(one) for one in shape]}
        return self._schemas[id(shape)]


def _typed(told: Description) -> Iterator[Any]:
    shapes = [one.shape for one in (told.answer, *told.also)]
    shapes += [*told.query.values(), *told.headers.values()]
    shapes += [told.takes.shape] if told.takes is not None else []
    for shape in shapes:
        for one in shape if isinstance(shape, tuple) else (shape,):
            if one is not None and not isinstance(one, Mapping):
                yield one


def _anything(shape: type) -> Json:
    if shape is not object:
        raise TypeError(f"{shape.__name__} has no JSON Schema; describe the answer otherwise.")
    return {"description": "Any JSON value."}


def _worded(schema: Json) -> Json:
    if "description" in schema:
        return {**schema, "description": " ".join(schema["description"].split())}
    return schema


def _route(route: web.AbstractRouteDef) -> tuple[web.RouteDef, Description]:
    assert isinstance(route, web.RouteDef)
    told = description_of(route.handler)
    if told is None:
        raise Undescribed(f"{route.method} {route.path} is not described.")
    return route, told


def _tag(path: str) -> str:
    parts = path.strip("/").removeprefix("api/v1/").split("/")
    return parts[0] if path.startswith("/api/") else "service"


def _operation(route: web.RouteDef, told: Description, shapes: _Shapes) -> Json:
    words = " ".join((route.handler.__doc__ or "").split())
    summary = re.split(r"(?<=[.;:]) ", words, maxsplit=1)[0].rstrip(";:.")
    owner, _, name = route.handler.__qualname__.rpartition(".")
    operation: Json = {
        "operationId": f"{owner.removesuffix('Api').lower()}.{name}",
        "tags": [_tag(route.path)],
        "summary": summary,
        "description": words + (f" It needs the scope `{told.scope}`." if told.scope else ""),
        "security": [{"key": []}] if told.scope else [],
    }
    parameters = [*_of_path(route.path), *_of_request(told, shapes)]
    if parameters:
        operation["parameters"] = parameters
    if told.takes is not None:
        operation["requestBody"] = _body(told.takes, shapes)
    operation["responses"] = dict(sorted(_responses(route, told, shapes)))
    return operation


def _of_path(path: str) -> Iterator[Json]:
    for name, pattern in _PART.findall(path):
        schema: Json = {"type": "string", "minLength": 1}
        if pattern:
            schema["pattern"] = f"^{pattern}$"
        words = PATH_WORDS[name]
        yield _parameter(name, "path", schema, must=True, words=words)


def _of_request(told: Description, shapes: _Shapes) -> Iterator[Json]:
    for place, parameters in (("query", told.query), ("header", told.headers)):
        for name, shape in parameters.items():
            yield _parameter(name, place, shapes.schema(shape), must=name in told.must)
    if told.repeats:
        yield _parameter("Idempotency-Key", "header", _REPEAT, must=True, words=_REPEAT_WORDS)


def _parameter(name: str, place: str, schema: Json, *, must: bool, words: str = "") -> Json:
    found = {"name": name, "in": place, "required": must, "schema": schema}
    return {**found, "description": words} if words else found


def _body(takes: Taken, shapes: _Shapes) -> Json:
    content = {media: {"schema": shapes.schema(takes.shape)} for media in takes.media}
    return {"required": not takes.optional, "content": content}


def _responses(
    route: web.RouteDef, told: Description, shapes: _Shapes
) -> Iterator[tuple[str, Json]]:
    answers = (told.answer, *told.also)
    found: dict[int, Json] = {}
    for answer in answers:
        entry = found.setdefault(answer.status, {"description": HTTPStatus(answer.status).phrase})
        if answer.shape is not None:
            content = entry.setdefault("content", {})
            content[answer.media] = {"schema": shapes.schema(answer.shape)}
        headers: Json = {"ETag": _TEXT} if told.tagged else {}
        if answer.status == HTTPStatus.ACCEPTED:
            headers["Location"] = {**_TEXT, "required": True}
        if headers:
            entry["headers"] = headers
    refuses = set(told.refuses)
    if _PART.search(route.path):
        refuses.add(HTTPStatus.NOT_FOUND)
    for status in refuses - found.keys():
        found[status] = _refusal(status, shapes)
    for status, entry in found.items():
        yield str(int(status)), entry


def _refusal(status: int, shapes: _Shapes) -> Json:
    found: Json = {
        "description": HTTPStatus(status).phrase,
        "content": {problems.CONTENT_TYPE: {"schema": shapes.schema(ProblemDetails)}},
    }
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        found["headers"] = {"Retry-After": _TEXT}
    return found
