"""Whatever is changed in a message of any contract of ours: validators and readers agree."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from msgspec import Struct

from adapters.channels.canonical.source import Canonical
from schemas.contracts import published, validation
from schemas.contracts.mappings import Mappings
from schemas.contracts.refusals import REASONS, Refused
from schemas.messages.callbacks import WarehouseCallback
from schemas.messages.inputs import KINDS
from schemas.order.canonical import Order
from tests.instances import least, whole
from tests.properties.test_orders import containers, odd

# Any: messages as JSON, to be corrupted in every way.
Json = dict[str, Any]

SHAPES: dict[str, type[Struct]] = {
    published.ORDER: Order,
    published.WAREHOUSE_CALLBACK: WarehouseCallback,
    published.MAPPINGS: Mappings,
    **{published.INPUT_NAMES[kind]: shape for kind, shape in KINDS.items()},
}
"""Every contract that comes in at one of our edges, and the struct that reads it."""

STRICTER = ("does not know", 'lacks "schema"', 'lacks "type"')
"""What the published schemas refuse and msgspec alone would not."""

KIND_OF = {name: kind for kind, name in published.INPUT_NAMES.items()}


@cache
def slow(name: str) -> Draft202012Validator:
    return Draft202012Validator(published.all_schemas()[name])


def reads(name: str, value: Json) -> bool:
    """Say whether the struct alone takes it, once 3.0 is 3."""
    try:
        msgspec.convert(validation.whole_numbers(value), SHAPES[name])
    except msgspec.ValidationError:
        return False
    return True


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_the_oldest_and_the_fullest_message_are_taken(name: str) -> None:
    """With no optional field, as the first minor version had none, and with all of them."""
    for made in (least, whole):
        value = made(published.all_schemas()[name])
        assert validation.explain(name, value) == ()
        assert validation.accepts(name, value)
        assert reads(name, value)
        assert isinstance(validation.read(name, value, SHAPES[name]), SHAPES[name])


@given(st.sampled_from(sorted(SHAPES)), st.sampled_from([least, whole]), st.data())
@settings(max_examples=400, deadline=None)
def test_a_mutation_is_taken_by_all_or_by_none(name: str, made: Any, data: st.DataObject) -> None:
    """A value changed, removed or added, up to three times: jsonschema-rs, jsonschema and msgspec
    say the same, and a refusal has sentences. (msgspec alone lets pass a message that does not name
    its contract, and unknown fields of a closed one: a misspelt field must not be dropped.)"""
    value: Json = copy.deepcopy(made(published.all_schemas()[name]))
    for _ in range(data.draw(st.integers(1, 3))):
        if found := containers(value):
            place = data.draw(st.sampled_from(found))
            keys = sorted(place) if isinstance(place, dict) else range(len(place))
            key = data.draw(st.sampled_from(keys))
            match data.draw(st.sampled_from(["change", "remove", "add"])):
                case "change":
                    place[key] = odd(data.draw)
                case "remove":
                    del place[key]
                case _ if isinstance(place, dict):
                    place[data.draw(st.sampled_from(["unknown", "note", ""]))] = odd(data.draw)
                case _:
                    place.append(odd(data.draw))
    fast = validation.accepts(name, value)
    assert fast == slow(name).is_valid(value)
    told = validation.explain(name, value)
    assert bool(told) != fast
    assert all(one.endswith(".") for one in told)
    assert reads(name, value) or not fast
    if not fast and reads(name, value):
        assert any(words in one for words in STRICTER for one in told), told


@given(st.sampled_from(sorted(KIND_OF)), st.data())
@settings(max_examples=150, deadline=None)
def test_the_edge_takes_nothing_that_a_validator_refuses(name: str, data: st.DataObject) -> None:
    """Every kind of input, malformed: an input that both validators take, or a refusal in words."""
    value: Json = copy.deepcopy(whole(published.all_schemas()[name]))
    for _ in range(data.draw(st.integers(0, 2))):
        place = data.draw(st.sampled_from(containers(value)))
        if isinstance(place, dict):
            place[data.draw(st.sampled_from([*sorted(place), "unknown"]))] = odd(data.draw)
    try:
        found = Canonical().translate(KIND_OF[name], "", msgspec.json.encode(value))
    except Refused as refused:
        reason = refused.reason
    else:
        assert isinstance(found, SHAPES[name])
        bare = {"schema": "orderwright.order.v1"} | value
        taken = value if "type" in value else {"type": name, "order": bare}
        assert slow(name).is_valid(taken)
        assert validation.accepts(name, taken)
        return
    assert reason in REASONS
