"""Who may approve an order: up to whose limit, with how many others, and for whom. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from actors.order.evolve import BY_ITSELF
from actors.order.ruling import CHANGES
from adapters.postgres.approvals import Absence, Approval
from adapters.postgres.reviews import Review
from schemas.messages.order_events import Changed
from schemas.order.money import decimal_text
from service.settings.approvals import Approvals

CONSOLE = " (console)"
"""What the audit adds to the name of a user of the console."""


class NotAllowed(Exception):
    """Who asks may not approve it; the text says who may."""


def name_of(person: str) -> str:
    """Return a person's name, whether typed at a command or signed in to the console."""
    return person.removesuffix(CONSOLE)


def is_approver(policy: Approvals, person: str) -> bool:
    """Whether a person may approve anything by a role of their own."""
    return any(person in role.people for role in policy.roles.values())


def people_needed(policy: Approvals, review: Review) -> int:
    """Return how many people have to approve an order."""
    above = policy.four_eyes_above.get(review.currency)
    return 2 if above is not None and review.total_minor > above else 1


def authority(
    policy: Approvals,
    review: Review,
    person: str,
    absences: Sequence[Absence],
    given: Sequence[Approval],
    changed_by: Collection[str],
) -> str:
    """Return for whom a person approves: "" for themselves, or an approver who is away. `given` are
    the approvals so far; neither they nor who has changed the order count for a deputy. Raises
    NotAllowed."""
    own = {name_of(one) for one in changed_by if not policy.self_approval}
    if person in own:
        raise NotAllowed("You have changed this order here: another person has to approve it.")
    if person in {one.person for one in given}:
        raise NotAllowed("You have approved it already: a second person has to.")
    taken = {one.instead_of or one.person for one in given} | own
    mine = (one for one in ("", *_instead_of(person, absences)) if (one or person) not in taken)
    best = None
    for instead in mine:
        limit = _limit(policy, instead or person, review.currency)
        if limit is not None and limit >= review.total_minor:
            return instead
        if limit is not None:
            best = max(best or 0, limit)
    raise NotAllowed(_refusal(policy, review, best))


def standing(
    given: Sequence[Approval], changes: Sequence[tuple[datetime, Changed]]
) -> list[Approval]:
    """Return the approvals that were given after the last change that the rules are asked again
    for: of another address or other goods no one has approved anything."""
    told = (at for at, one in changes if one.by != BY_ITSELF and not CHANGES.isdisjoint(one.facets))
    last = max(told, default=None)
    return [one for one in given if last is None or one.at > last]


def _instead_of(person: str, absences: Sequence[Absence]) -> Iterator[str]:
    return (one.person for one in absences if one.deputy == person)


def _limit(policy: Approvals, person: str, currency: str) -> int | None:
    limits = (
        role.limits[currency]
        for role in policy.roles.values()
        if person in role.people and currency in role.limits
    )
    return max(limits, default=None)


def _refusal(policy: Approvals, review: Review, best: int | None) -> str:
    able = sorted(
        name
        for name, role in policy.roles.items()
        if role.limits.get(review.currency, -1) >= review.total_minor
    )
    who = f"the role {' or '.join(able)} may" if able else "no role may: raise a limit of approvals"
    comes_to = f"{decimal_text(review.total_minor, review.currency)} {review.currency}"
    if best is None:
        return f"You may approve no orders in {review.currency}; {who}."
    mine = f"{decimal_text(best, review.currency)} {review.currency}"
    return f"You may approve up to {mine}, and this comes to {comes_to}; {who}."
