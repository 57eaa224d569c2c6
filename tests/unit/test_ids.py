"""Names of things: the same everywhere, and hard to forge."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.order.ids import (
    PARTITIONS,
    REFERENCE_LENGTH,
    ReferenceRefused,
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


def test_things_of_one_order_have_different_references() -> None:
    """A label is not found under its task's name, nor the second label under the first one's."""
    order_id = order_id_for("acme-us", "1042")
    things = [ORDER, *(key_of(kind, n) for kind in "FKLDM" for n in (1, 2, 12))]
    signed = {sign_reference(order_id, thing, "1", KEYS) for thing in things}
    assert len(signed) == len(things)


@given(REFS)
def test_a_token_gives_its_reference_back(ref: str) -> None:
    """What the stream drops from the subject is known from a header."""
    assert ref_of_token(ref_token(ref)) == ref


@given(st.text(max_size=60))
def test_what_is_no_token_gives_nothing(text: str) -> None:
    """Whatever a sender writes there, it is one of our tokens or nothing."""
    found = ref_of_token(text)
    assert found == "" or ref_token(found) == text


def test_every_altered_character_is_noticed() -> None:
    """Changing any one character of a reference makes it refused."""
    signed = sign_reference(order_id_for("acme-us", "1042"), Key("L7"), "1", KEYS)
    for index, character in enumerate(signed):
        altered = signed[:index] + ("A" if character != "A" else "B") + signed[index + 1 :]
        with pytest.raises(ReferenceRefused):
            verify_reference(altered, KEYS)


def test_an_old_key_verifies_until_it_is_taken_off_the_list() -> None:
    """Rotation: both keys verify while both are listed; a removed one is refused by name."""
    signed = sign_reference(order_id_for("acme-us", "1042"), ORDER, "1", KEYS)
    assert verify_reference(signed, KEYS)
    with pytest.raises(ReferenceRefused, match="'1'"):
        verify_reference(signed, {"2": KEYS["2"]})


@pytest.mark.parametrize("value", ["", "1", "1" + "0" * 40, "ö" * 35, "1" + " " * 34, "ß" * 35])
def test_what_is_no_reference_is_refused_in_words(value: str) -> None:
    """Wrong lengths and characters are refused with a sentence, never with another error."""
    with pytest.raises(ReferenceRefused, match="35 letters"):
        verify_reference(value, KEYS)


def test_channel_and_ref_do_not_run_together() -> None:
    """Moving a character from the channel to the reference makes another order."""
    assert order_id_for("acme", "us1") != order_id_for("acmeu", "s1")


@given(REFS)
def test_a_ref_is_one_subject_token_and_one_partition(ref: str) -> None:
    """An encoded reference has no separator or wildcard, and a partition that exists."""
    assert not set(ref_token(ref)) & set(".*> \t\r\n")
    assert 0 <= partition_of(ref) < PARTITIONS


def test_partition_is_fnv_1a_as_the_server_has_it() -> None:
    """A known value: FNV-1a 32 of `a` is 0xE40C292C, which is 12 modulo 32."""
    assert partition_of("a") == 0xE40C292C % 32
