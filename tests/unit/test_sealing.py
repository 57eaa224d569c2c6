"""What is sealed opens in its own place with its own key, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from adapters.postgres.sealing import Damaged, KeyMissing, Masters, Sealed, Sealing
from schemas.order.canonical import Customer
from schemas.order.customers import email_of, identity_of, phone_of

BODY = b'{"name":"Jane Doe"}'
NAMES = b"the secret that names are hashed with"


def sealing(active: str = "01", **keys: bytes) -> Sealing:
    """Seals with these master keys, or one."""
    found = keys or {"01": b"the first master key"}
    return Sealing(lambda: Masters(active, found, NAMES))


def test_the_same_is_never_sealed_alike() -> None:
    """Each has a key of its own: no one sees that two customers' data are the same."""
    seal = sealing()
    first, second = (seal.seal("order", "", BODY) for _ in range(2))
    assert first.value != second.value
    assert first.wrapped != second.wrapped


@pytest.mark.parametrize("place", [("other", ""), ("order", "label"), ("", "order")])
def test_a_row_in_another_s_place_does_not_open(place: tuple[str, str]) -> None:
    """Key and value together put under another order or name are refused."""
    one = sealing().seal("order", "", BODY)
    with pytest.raises(Damaged):
        sealing().open(*place, one)


@pytest.mark.parametrize(
    "corrupt",
    [
        lambda one: Sealed(one.value[:-1] + bytes([one.value[-1] ^ 1]), one.master, one.wrapped),
        lambda one: Sealed(one.value, one.master, one.wrapped[:-1] + b"x"),
        lambda one: Sealed(one.value[:8], one.master, one.wrapped),
        lambda one: Sealed(one.value, one.master, b""),
    ],
)
def test_what_was_altered_is_told(corrupt: Callable[[Sealed], Sealed]) -> None:
    """A changed byte of value or key is found."""
    with pytest.raises(Damaged):
        sealing().open("order", "", corrupt(sealing().seal("order", "", BODY)))


def test_an_old_master_key_still_opens_after_rotation() -> None:
    """What is new is sealed with the active one; what is old opens as long as its key is there,
    and can be wrapped again without touching the value."""
    old = sealing().seal("order", "", BODY)
    both = sealing("02", **{"01": b"the first master key", "02": b"the second one"})
    assert both.seal("order", "", BODY).master == "02"
    assert both.open("order", "", old) == BODY
    wrapped = both.rewrapped("order", "", old.master, old.wrapped)
    only = sealing("02", **{"02": b"the second one"})
    assert only.open("order", "", Sealed(old.value, "02", wrapped)) == BODY
    with pytest.raises(KeyMissing, match="'01'"):
        only.open("order", "", old)
    enclosed = sealing().enclose("item", "original", BODY)
    assert only.disclose("item", "original", both.reenclosed("item", "original", enclosed)) == BODY


def test_a_key_made_meanwhile_is_found() -> None:
    """Another process rotates: the secrets are read again when an unknown key is met."""
    keys = {"01": b"the first master key"}
    active = ["01"]
    ours = Sealing(lambda: Masters(active[0], dict(keys), NAMES))
    keys["02"], active[0] = b"the second one", "02"
    theirs = Sealing(lambda: Masters(active[0], dict(keys), NAMES))
    assert ours.open("order", "", theirs.seal("order", "", BODY)) == BODY
    assert ours.active == "02"


def test_what_stands_stored() -> None:
    """Nothing, erased, sealed, and what lies open and is not believed."""
    seal = sealing()
    one = seal.seal("order", "", BODY)
    assert seal.stored("order", "", None, (None, None)) is None
    assert seal.stored("order", "", one.value, ("01", None)) is None
    assert seal.stored("order", "", one.value, ("01", one.wrapped), erased=True) is None
    with pytest.raises(Damaged, match="no key"):
        seal.stored("order", "", BODY, (None, None))
    assert seal.stored("order", "", one.value, (one.master, one.wrapped)) == BODY


@pytest.mark.parametrize("value", [b"", b"\x02", b"\x02" + b"a" * 200])
def test_rubbish_is_no_envelope(value: bytes) -> None:
    """Bytes that no one enclosed are refused, not guessed at."""
    with pytest.raises((Damaged, KeyMissing)):
        sealing().disclose("item", "original", value)


def test_names_are_hashed_with_a_secret_and_by_channel() -> None:
    """The same customer has the same name after a rotation; without the secret none can be
    tried out, and no two channels share one."""
    rotated = sealing("02", **{"01": b"the first master key", "02": b"the second one"})
    name = sealing().name_of("acme-us", "email:jane@example.com")
    assert rotated.name_of("acme-us", "email:jane@example.com") == name
    assert sealing().name_of("acme-ca", "email:jane@example.com") != name
    other = Sealing(lambda: Masters("01", {"01": b"the first master key"}, b"another secret"))
    assert other.name_of("acme-us", "email:jane@example.com") != name


def test_who_a_customer_is() -> None:
    """By the channel's reference, else by e-mail in any case, else by telephone however written."""
    whole = Customer(reference="42", email="Jane@Example.com", phone="+1 555 0100")
    assert identity_of(whole) == "reference:42"
    assert identity_of(Customer(email=" Jane@Example.com")) == email_of("jane@example.com ")
    assert identity_of(Customer(phone="+1 (555) 01-00")) == phone_of("0015550100")
    assert identity_of(Customer(name="Jane")) == ""
