"""Whatever is sealed comes back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.postgres.sealing import Masters, Sealing

NAMES = b"the secret that names are hashed with"


def sealing(active: str = "01", **keys: bytes) -> Sealing:
    """Seals with these master keys, or one."""
    found = keys or {"01": b"the first master key"}
    return Sealing(lambda: Masters(active, found, NAMES))


@given(st.binary(max_size=5000))
def test_what_was_sealed_comes_back(value: bytes) -> None:
    """Any bytes open again, and do not stand in the sealed ones."""
    one = sealing().seal("order", "name", value)
    assert sealing().open("order", "name", one) == value
    assert len(value) < 8 or value not in one.value + one.wrapped
