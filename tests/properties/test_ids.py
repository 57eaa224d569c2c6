"""Whatever the references of orders are, ids and tokens made of them give them back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schemas.order.ids import (
    PARTITIONS,
    REFERENCE_LENGTH,
    order_id_for,
    partition_of,
    ref_of_token,
    ref_token,
    sign_reference,
    verify_reference,
)
from schemas.order.things import MAX_NUMBER, NAMES, ORDER, Key, key_of

KEYS = {"1": b"an old key of thirty-two bytes..", "2": b"a new key of thirty-two bytes..."}
REFS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
THINGS = st.just(ORDER) | st.builds(
    key_of, st.sampled_from(sorted(NAMES.keys() - {"O"})), st.integers(1, MAX_NUMBER)
)


@given(REFS, THINGS)
def test_a_reference_gives_its_order_and_thing_back(ref: str, thing: Key) -> None:
    """What we signed verifies with the same keys, is 35 digits and capitals, and names its order
    and thing, also when a partner has folded its case or put space around it."""
    order_id = order_id_for("acme-us", ref)
    signed = sign_reference(order_id, thing, "2", KEYS)
    assert len(signed) == REFERENCE_LENGTH == 35
    assert signed.isascii()
    assert signed.isalnum()
    assert signed == signed.upper()
    for given_back in (signed, signed.lower(), f" {signed}\n"):
        assert verify_reference(given_back, KEYS) == (order_id, thing)


@given(REFS)
def test_a_token_gives_its_reference_back(ref: str) -> None:
    """What the stream drops from the subject is known from a header."""
    assert ref_of_token(ref_token(ref)) == ref


@given(st.text(max_size=60))
def test_what_is_no_token_gives_nothing(text: str) -> None:
    """Whatever a sender writes there, it is one of our tokens or nothing."""
    found = ref_of_token(text)
    assert found == "" or ref_token(found) == text


@given(REFS)
def test_a_ref_is_one_subject_token_and_one_partition(ref: str) -> None:
    """An encoded reference has no separator or wildcard, and a partition that exists."""
    assert not set(ref_token(ref)) & set(".*> \t\r\n")
    assert 0 <= partition_of(ref) < PARTITIONS
