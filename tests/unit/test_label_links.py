"""Links of labels: what they name, for how long, and that no one can make one."""

from __future__ import annotations

import random
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import pytest

from schemas.order.ids import order_id_for
from schemas.order.label_links import (
    MAX_TOKEN,
    VALID_FOR,
    LabelLink,
    LinkExpired,
    LinkRefused,
    label_token,
    verify_label_token,
)
from schemas.order.things import Key

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
KEYS = {"1": b"one key", "2": b"another key"}
ORDER_ID = order_id_for("acme-us", "1042")


def token(fulfilment: str = "F12", key_id: str = "1") -> str:
    """A token made at noon."""
    return label_token(ORDER_ID, Key(fulfilment), key_id=key_id, key=KEYS[key_id], now=NOON)


@pytest.mark.parametrize("key_id", KEYS)
def test_a_link_names_its_fulfilment_until_it_expires(key_id: str) -> None:
    """Any key on the list verifies; a second after the end the link is expired, not unknown."""
    made = token(key_id=key_id)
    assert len(made) <= MAX_TOKEN
    assert verify_label_token(made, KEYS, NOON + VALID_FOR - timedelta(seconds=1)) == LabelLink(
        order_id=ORDER_ID, fulfilment=Key("F12")
    )
    with pytest.raises(LinkExpired):
        verify_label_token(made, KEYS, NOON + VALID_FOR + timedelta(seconds=1))


def test_a_link_can_not_be_guessed() -> None:
    """What signs it has more than 128 bits, all of which another key changes; of ten thousand
    guesses for a known order none is taken."""
    head, _, signature = token().rpartition(".")
    assert len(urlsafe_b64decode(signature + "=" * (-len(signature) % 4))) * 8 >= 128
    assert token(key_id="2").rpartition(".")[2] != signature
    guesses = random.Random(7)
    for _ in range(10_000):
        guess = urlsafe_b64encode(guesses.randbytes(18)).decode()
        with pytest.raises(LinkRefused):
            verify_label_token(f"{head}.{guess}", KEYS, NOON)


def test_no_altered_link_is_taken() -> None:
    """Each character counts, and so does the key."""
    made = token()
    for position, sign in enumerate(made):
        altered = made[:position] + ("x" if sign != "x" else "y") + made[position + 1 :]
        with pytest.raises(LinkRefused):
            verify_label_token(altered, KEYS, NOON)
    with pytest.raises(LinkRefused):
        verify_label_token(made, {"1": b"a third key"}, NOON)
    for malformed in ("", "....", "é" * 10, made + "." * 300, token("L1")):
        with pytest.raises(LinkRefused):
            verify_label_token(malformed, KEYS, NOON)
