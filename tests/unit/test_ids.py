"""Names of things: the same everywhere, and hard to forge."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.order.ids import (
    CORRELATION_ID_LENGTH,
    PARTITIONS,
    CorrelationIdRefused,
    order_id_for,
    partition_of,
    ref_of_token,
    ref_token,
    sign_correlation_id,
    verify_correlation_id,
)

KEYS = {"k1": b"an old key of thirty-two bytes..", "k2": b"a new key of thirty-two bytes..."}
REFS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)


@given(REFS)
def test_a_signed_id_gives_its_order_back(ref: str) -> None:
    """What we signed verifies with the same keys, is 35 plain characters, and names its order."""
    order_id = order_id_for("acme-us", ref)
    signed = sign_correlation_id(order_id, "k2", KEYS)
    assert len(signed) == CORRELATION_ID_LENGTH
    assert signed.isascii()
    assert signed.isalnum()
    assert verify_correlation_id(signed, KEYS) == order_id


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
    """Changing any one character of a correlation id makes it refused."""
    signed = sign_correlation_id(order_id_for("acme-us", "1042"), "k1", KEYS)
    for index, letter in enumerate(signed):
        altered = signed[:index] + ("a" if letter != "a" else "b") + signed[index + 1 :]
        with pytest.raises(CorrelationIdRefused):
            verify_correlation_id(altered, KEYS)


def test_an_old_key_verifies_until_it_is_taken_off_the_list() -> None:
    """Rotation: both keys verify while both are listed; a removed one is refused by name."""
    signed = sign_correlation_id(order_id_for("acme-us", "1042"), "k1", KEYS)
    assert verify_correlation_id(signed, KEYS)
    with pytest.raises(CorrelationIdRefused, match="k1"):
        verify_correlation_id(signed, {"k2": KEYS["k2"]})


@pytest.mark.parametrize("value", ["", "k1", "k1" + "0" * 40, "ö" * 35, "k1" + " " * 33])
def test_what_is_no_correlation_id_is_refused_in_words(value: str) -> None:
    """Wrong lengths and characters are refused with a sentence, never with another error."""
    with pytest.raises(CorrelationIdRefused, match="35 letters"):
        verify_correlation_id(value, KEYS)


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
