"""Names of things: the same everywhere, and hard to forge."""

from __future__ import annotations

import pytest

from schemas.order.ids import (
    ReferenceRefused,
    order_id_for,
    partition_of,
    sign_reference,
    verify_reference,
)
from schemas.order.things import ORDER, Key, key_of

KEYS = {"1": b"an old key of thirty-two bytes..", "2": b"a new key of thirty-two bytes..."}


def test_things_of_one_order_have_different_references() -> None:
    """A label is not found under its task's name, nor the second label under the first one's."""
    order_id = order_id_for("acme-us", "1042")
    things = [ORDER, *(key_of(kind, n) for kind in "FKLDM" for n in (1, 2, 12))]
    signed = {sign_reference(order_id, thing, "1", KEYS) for thing in things}
    assert len(signed) == len(things)


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


def test_partition_is_fnv_1a_as_the_server_has_it() -> None:
    """A known value: FNV-1a 32 of `a` is 0xE40C292C, which is 12 modulo 32."""
    assert partition_of("a") == 0xE40C292C % 32
