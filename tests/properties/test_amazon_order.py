"""However an order of Amazon is malformed, it is refused and raises nothing else."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from adapters.channels.amazon.order import input_of
from adapters.channels.amazon.shapes import Fetched
from schemas.contracts.refusals import Refused
from schemas.contracts.strict_json import parse
from schemas.contracts.validation import read_foreign
from schemas.messages.inputs import Input
from tests.amazon_payloads import an_order


def read(order: object) -> Input:
    """Return what a fetched order becomes."""
    return input_of(read_foreign({"order": order}, Fetched).order)


_values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30), st.just([]),
    st.just({}), st.sampled_from(["-0", "1e999", "NaN", "9" * 70, "1.001", "2026-02-30T00:00:00Z"]),
)  # fmt: skip


@given(st.data())
def test_a_malformed_order_is_refused_and_nothing_else(data: st.DataObject) -> None:
    """Any one value replaced by any other: an input or a Refused, never a crash."""
    order = json.loads(json.dumps(an_order(data.draw(st.sampled_from(["UNSHIPPED", "PENDING"])))))
    spots: list[tuple[Any, object]] = []
    left: list[object] = [order]
    while left:
        one = left.pop()
        keys = one if isinstance(one, dict) else range(len(one)) if isinstance(one, list) else ()
        for key in keys:
            spots.append((one, key))
            left.append(one[key])  # type: ignore[index]  # a dict or a list
    box, key = spots[data.draw(st.integers(0, len(spots) - 1))]
    box[key] = data.draw(_values)
    try:
        tree = parse(json.dumps({"order": order}).encode())
        assert isinstance(tree, dict)
        read(tree["order"])
    except Refused:
        return
