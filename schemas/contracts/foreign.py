"""Reads what programs of others write otherwise than their documentation says, where it can mean
one thing only."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, cast

import msgspec
from msgspec import inspect as shapes

_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?", re.ASCII)
_WHOLE = re.compile(r"([0-9]{1,20})(?:\.0{1,20})?", re.ASCII)
_PLACE = re.compile(r"[0-9]{1,6}", re.ASCII)
_TRUTH: Mapping[object, bool] = MappingProxyType(
    {"true": True, "false": False, "1": True, "0": False}
)


def fitted(value: object, shape: type[object]) -> object:
    """Return a message in the form of a shape, as far as it can be brought into it: numbers and
    truth values that were written as text and the reverse, 3.0 for 3, a null for what is left out,
    an empty list or object for the other (PHP knows one kind alone), an object of the keys 0, 1 …
    for a list. An object that lacks what it can't be without, such as an amount, is left out where
    it may be.

    What can't be brought into it stays as it is, so that whoever converts it tells the fault.
    """
    return _fit(value, _type_of(cast(Hashable, shape)))


@cache
def _type_of(shape: Hashable) -> shapes.Type:
    return shapes.type_info(shape)


def _fit(value: object, kind: shapes.Type) -> object:
    if isinstance(kind, shapes.UnionType):
        return _one_of(value, kind)
    change = _CHANGES.get(type(kind))
    return value if change is None else change(value, kind)


def _one_of(value: object, kind: shapes.UnionType) -> object:
    """Bring a value into the first of several kinds that takes it."""
    kinds = [one for one in kind.types if not isinstance(one, shapes.NoneType)]
    if value is None or any(_is(value, one) for one in kinds if _is_scalar(one)):
        return value
    for one in kinds:
        found = _fit(value, one)
        if _is(found, one):
            return found
    return value


def _is_scalar(kind: shapes.Type) -> bool:
    return type(kind) in _SCALARS


def _is(value: object, kind: shapes.Type) -> bool:
    """Whether a value is of a kind, by its outermost form."""
    wanted = _FORMS.get(type(kind))
    is_truth = isinstance(value, bool) and not isinstance(kind, shapes.BoolType)
    return wanted is not None and not is_truth and isinstance(value, wanted)


def _object(value: object, kind: shapes.Type) -> object:
    if value == []:
        value = {}
    if not isinstance(value, dict):
        return value
    told, known = cast(dict[str, object], value), _fields_of(cast(shapes.StructType, kind).cls)
    found: dict[str, object] = {}
    for name, one in told.items():
        field = known.get(name)
        if field is None:
            continue
        made = _fit(one, field.type)
        if made is None and not _takes_null(field.type):
            continue
        if not field.required and _lacks(made, field.type):
            continue
        found[name] = made
    return found


def _list(value: object, kind: shapes.Type) -> object:
    if isinstance(value, dict) and all(_PLACE.fullmatch(str(key)) for key in value):
        value = [value[key] for key in sorted(value, key=int)]
    if not isinstance(value, list):
        return value
    inner = cast(shapes.ListType, kind).item_type
    return [_fit(one, inner) for one in value if one is not None]


def _text(value: object, _: shapes.Type) -> object:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _truth(value: object, _: shapes.Type) -> object:
    if isinstance(value, bool):
        return value
    return _TRUTH.get(str(value).strip().lower(), value)


def _whole(value: object, _: shapes.Type) -> object:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    found = _WHOLE.fullmatch(value.strip()) if isinstance(value, str) else None
    return value if found is None else int(found[1])


def _number(value: object, _: shapes.Type) -> object:
    fits = isinstance(value, str) and _NUMBER.fullmatch(value.strip()) is not None
    return float(cast(str, value)) if fits else value


def _lacks(value: object, kind: shapes.Type) -> bool:
    """Whether an object does not have all that one of this kind can't be without."""
    kinds = kind.types if isinstance(kind, shapes.UnionType) else (kind,)
    structs = [one for one in kinds if isinstance(one, shapes.StructType)]
    if not isinstance(value, dict) or len(structs) != 1:
        return False
    known = _fields_of(structs[0].cls)
    return any(
        field.required and (value.get(name) is None or _lacks(value[name], field.type))
        for name, field in known.items()
    )


def _takes_null(kind: shapes.Type) -> bool:
    kinds = kind.types if isinstance(kind, shapes.UnionType) else (kind,)
    return any(isinstance(one, shapes.NoneType | shapes.AnyType) for one in kinds)


@cache
def _fields_of(struct: type[msgspec.Struct]) -> Mapping[str, shapes.Field]:
    kind = cast(shapes.StructType, _type_of(struct))
    return {field.encode_name: field for field in kind.fields}


# Any: each change is for one kind alone.
_CHANGES: Mapping[type[Any], Callable[[object, Any], object]] = MappingProxyType(
    {
        shapes.StructType: _object,
        shapes.ListType: _list,
        shapes.StrType: _text,
        shapes.BoolType: _truth,
        shapes.IntType: _whole,
        shapes.FloatType: _number,
    }
)
_SCALARS = frozenset({shapes.StrType, shapes.BoolType, shapes.IntType, shapes.FloatType})
_FORMS: Mapping[type[Any], type | tuple[type, ...]] = MappingProxyType(
    {
        shapes.StructType: dict,
        shapes.ListType: list,
        shapes.StrType: str,
        shapes.BoolType: bool,
        shapes.IntType: int,
        shapes.FloatType: (int, float),
        shapes.DictType: dict,
        shapes.AnyType: object,
    }
)
