"""Who may approve an order: limits by role, two people, oneself, and a deputy."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.postgres.approvals import Absence, Approval
from adapters.postgres.reviews import Review
from service.reviews.approving import (
    NotAllowed,
    authority,
    is_approver,
    name_of,
    people_needed,
)
from service.settings.approvals import Approvals, Role

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
POLICY = Approvals(
    roles={
        "sales": Role(people=("ann", "cid"), limits={"USD": 100_000}),
        "finance": Role(people=("ben", "API key erp"), limits={"USD": 5_000_000, "EUR": 1_000}),
    },
    four_eyes_above={"USD": 1_000_000},
)


def review(total: int = 50_000, currency: str = "USD") -> Review:
    """Return a review of an order that comes to this."""
    return Review(
        id=1, order_id="1", hold_id="rule-approve-x", key="O", channel="acme-us", number="#1",
        currency=currency, total_minor=total, reason="x", opened_at=NOON, due_at=NOON,
    )  # fmt: skip


def by(person: str, instead_of: str = "") -> Approval:
    """Return an approval."""
    return Approval(person=person, instead_of=instead_of, reason="fine", at=NOON)


def allowed(person: str, total: int = 50_000, currency: str = "USD", **changes: Any) -> str:
    """Return for whom a person approves."""
    told: dict[str, Any] = {"absences": (), "given": (), "changed_by": (), **changes}
    policy = told.pop("policy", POLICY)
    return authority(policy, review(total, currency), person, **told)


def test_the_limit_of_the_best_role_counts() -> None:
    """By currency; whoever may not is told what he may, and who may."""
    assert allowed("ann", 100_000) == ""
    with pytest.raises(NotAllowed) as error:
        allowed("ann", 100_001)
    assert str(error.value) == (
        "You may approve up to 1000.00 USD, and this comes to 1000.01 USD; the role finance may."
    )
    with pytest.raises(NotAllowed, match="You may approve no orders in EUR; the role finance may"):
        allowed("ann", 1_000, "EUR")
    with pytest.raises(NotAllowed, match="no role may: raise a limit of approvals"):
        allowed("ben", 1_001, "EUR")
    with pytest.raises(NotAllowed, match="You may approve no orders in USD"):
        allowed("eve")


def test_two_people_are_needed_above_a_limit() -> None:
    """And the second is another one, however he came in."""
    assert [people_needed(POLICY, review(x)) for x in (1_000_000, 1_000_001)] == [1, 2]
    assert people_needed(POLICY, review(1, "EUR")) == 1
    assert name_of("ann (console)") == name_of("ann") == "ann"
    with pytest.raises(NotAllowed, match="You have approved it already"):
        allowed("ben", 2_000_000, given=(by("ben"),))
    assert allowed("API key erp", 2_000_000, given=(by("ben"),)) == ""


def test_who_changed_the_order_does_not_approve_it() -> None:
    """Nor a deputy by his limit; unless the settings say so."""
    with pytest.raises(NotAllowed, match="You have changed this order here"):
        allowed("ann", changed_by=("channel", "ann (console)"))
    own = Approvals(roles=POLICY.roles, self_approval=True)
    assert allowed("ann", changed_by=("ann",), policy=own) == ""
    away = (Absence(person="ben", deputy="eve", until_at=NOON, reason="leave"),)
    assert allowed("eve", absences=away) == "ben"
    with pytest.raises(NotAllowed, match="You may approve no orders in USD"):
        allowed("eve", absences=away, changed_by=("ben",))
    assert allowed("eve", absences=away, changed_by=("ben",), policy=own) == "ben"


def test_a_deputy_has_the_limit_of_who_is_away() -> None:
    """For him, and not beside him: one authority approves once, and a deputy of a deputy is none
    of his."""
    away = (
        Absence(person="ben", deputy="ann", until_at=NOON, reason="leave"),
        Absence(person="ann", deputy="cid", until_at=NOON, reason="leave"),
    )
    assert allowed("ann", absences=away) == ""
    assert allowed("ann", 900_000, absences=away) == "ben"
    with pytest.raises(NotAllowed, match=r"You may approve up to 1000.00 USD"):
        allowed("ann", 2_000_000, absences=away, given=(by("ben"),))
    with pytest.raises(NotAllowed):
        allowed("cid", 900_000, absences=away)
    assert is_approver(POLICY, "ann")
    assert not is_approver(POLICY, "eve")
