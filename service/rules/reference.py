"""The second opinion: cel-expr-python, the CEL engine of its authors, over a descriptor that is
built from the same structs as our facts.

It is an optional extra (`orderwright[rules]`), needed only to lint and to test: `cel_there` says
whether it is installed. What runs in the service is our own checked and generated code.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from typing import Any

import msgspec
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from actors.rules.facts import Type, facts

PACKAGE = "orderwright.rules"
_F = descriptor_pb2.FieldDescriptorProto
_SCALARS = {"bool": _F.TYPE_BOOL, "int": _F.TYPE_INT64, "text": _F.TYPE_STRING}


def cel_there() -> bool:
    """Whether the library is installed."""
    return find_spec("cel_expr_python") is not None


class Reference:
    """Checks and evaluates a condition as the library does. `tables` is what lookups find."""

    def __init__(self, tables: Mapping[str, Mapping[str, str]] | None = None) -> None:
        from cel_expr_python import cel

        self._tables = tables or {}
        types = {"bool": cel.Type.BOOL, "int": cel.Type.INT, "text": cel.Type.STRING}
        variables = {
            name: cel.Type(f"{PACKAGE}.{one.name}") if one.kind == "struct" else types[one.kind]
            for name, one in facts().items()
        }
        lookup = cel.FunctionDecl(
            "lookup",
            [
                cel.Overload(
                    "lookup_text",
                    return_type=cel.Type.STRING,
                    parameters=[cel.Type.STRING] * 3,
                    is_member=False,
                    impl=self._lookup,
                )
            ],
        )
        self._env = cel.NewEnv(
            descriptor_pool=_pool(), variables=variables, functions=[lookup], container=PACKAGE
        )

    def _lookup(self, table: str, key: str, otherwise: str) -> str:
        return self._tables.get(table, {}).get(key, otherwise)

    def fault(self, condition: str) -> str:
        """Return what the library finds wrong with a condition, "" for nothing."""
        try:
            found = self._env.compile(condition)
        except Exception as error:  # noqa: BLE001 - the library raises several kinds for one thing
            return str(error)
        kind = found.return_type().name()
        return "" if kind.lower() == "bool" else f"it gives {kind}, not a bool"

    def holds(self, condition: str, values: Mapping[str, Any]) -> bool:
        """Evaluate a condition over facts by name; the order is one of ours. Raises ValueError for
        what the library can't evaluate."""
        data = {
            name: message_of(value) if isinstance(value, msgspec.Struct) else value
            for name, value in values.items()
        }
        found = self._env.compile(condition).eval(data=data).plain_value()
        if not isinstance(found, bool):
            raise ValueError(f"{condition}: {found!r}")
        return found


@cache
def _pool() -> Any:
    file = descriptor_pb2.FileDescriptorProto(
        name="orderwright/rules.proto", package=PACKAGE, syntax="proto3"
    )
    done: set[str] = set()
    for one in facts().values():
        if one.kind == "struct":
            _message(file, one, done)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


def _message(file: Any, found: Type, done: set[str]) -> None:
    """Add a struct as a message, and before it those that it holds."""
    if found.name in done:
        return
    done.add(found.name)
    message = descriptor_pb2.DescriptorProto(name=found.name)
    for number, (name, one) in enumerate(found.fields.items(), start=1):
        field = message.field.add(name=name, number=number, label=_F.LABEL_OPTIONAL)
        inner = one.of if one.kind in ("list", "map") else one
        assert inner is not None, "a list holds something"
        if one.kind == "map":
            _map(message, field, name, found.name)
            continue
        if one.kind == "list":
            field.label = _F.LABEL_REPEATED
        if inner.kind == "struct":
            field.type, field.type_name = _F.TYPE_MESSAGE, f".{PACKAGE}.{inner.name}"
            _message(file, inner, done)
            continue
        field.type = _SCALARS[inner.kind]
        if one.maybe:
            field.proto3_optional = True
            field.oneof_index = len(message.oneof_decl)
            message.oneof_decl.add(name=f"_{name}")
    file.message_type.append(message)


def _map(message: Any, field: Any, name: str, owner: str) -> None:
    entry = "".join(part.capitalize() for part in name.split("_")) + "Entry"
    field.label, field.type = _F.LABEL_REPEATED, _F.TYPE_MESSAGE
    field.type_name = f".{PACKAGE}.{owner}.{entry}"
    nested = message.nested_type.add(name=entry)
    nested.options.map_entry = True
    for number, part in ((1, "key"), (2, "value")):
        nested.field.add(name=part, number=number, label=_F.LABEL_OPTIONAL, type=_F.TYPE_STRING)


def message_of(struct: msgspec.Struct) -> Any:
    """Return an order, or what is known of the world, as the message that the library reads."""
    name = f"{PACKAGE}.{type(struct).__name__}"
    message = message_factory.GetMessageClass(_pool().FindMessageTypeByName(name))()
    _fill(message, struct)
    return message


def _fill(message: Any, struct: Any) -> None:
    for one in msgspec.structs.fields(struct):
        value = getattr(struct, one.name)
        if value is None:
            continue
        if isinstance(value, msgspec.Struct):
            inner = getattr(message, one.name)
            inner.SetInParent()
            _fill(inner, value)
        elif isinstance(value, dict):
            getattr(message, one.name).update(value)
        elif isinstance(value, tuple):
            parts = getattr(message, one.name)
            for part in value:
                if isinstance(part, msgspec.Struct):
                    _fill(parts.add(), part)
                else:
                    parts.append(part)
        else:
            setattr(message, one.name, value)
