"""What customers were written, by the mail server's own count."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from msgspec import Struct

from ops.simulators.ledger import order_of
from tests.e2e.market_orders import Json


class Mails(Struct, frozen=True):
    """How many messages there were, how many of them came once more, by the orders' names how many
    each got, and in sentences what was written twice."""

    messages: int
    repeated: int
    of: Mapping[str, int]
    wrong: list[str]


def count_mails(entries: Iterable[Json]) -> Mails:
    """Count the ledger's mails by their references; that one reference came too often is the
    judge's to say. Two references with the same subject are one message that was written twice."""
    came: Counter[str] = Counter()
    subjects: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in entries:
        if one["kind"] == "mail":
            came[one["reference"]] += 1
            about = order_of(one["reference"]), one["detail"]["subject"]
            subjects[about].add(one["reference"])
    return Mails(
        messages=len(came),
        repeated=sum(count > 1 for count in came.values()),
        of=Counter(map(order_of, came)),
        wrong=[
            f"The customer of {order} was written {subject!r} {len(names)} times."
            for (order, subject), names in subjects.items()
            if len(names) > 1
        ],
    )
