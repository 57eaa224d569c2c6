"""Our own contract does what every channel must do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.channels.canonical.example import examples
from adapters.channels.canonical.kind import KIND
from adapters.conformance.channel import ChannelConformance
from adapters.conformance.partner import PartnerConformance
from adapters.conformance.samples import Sample
from adapters.conformance.telling import Told

ORDER: Any = examples()[0].tree  # JSON
SENT = {"outside_id": "S1", "units": [["71", "LAMP-1", 1]], "tracking_numbers": ["1Z0000"]}


def stated(kind: str, tree: object) -> Sample:
    raw = json.dumps(tree).encode()
    return Sample(raw=raw, kind=kind, ref=str(ORDER["ref"]), units={"71": 2, "72": 1})


class TestCanonical(ChannelConformance):
    kind = KIND

    def samples(self) -> Sequence[Sample]:
        """Return an order as it is, and in its message."""
        return (
            stated("place", ORDER),
            stated("update", {"type": "order.update.v2", "order": ORDER}),
            stated("cancel", {"type": "order.cancel.v1", "ref": ORDER["ref"]}),
        )

    def statuses(self) -> Mapping[str, Sample]:
        """Return a message of each kind that a channel states."""
        ref = ORDER["ref"]
        note = {
            "type": "order.note_report.v1",
            "ref": ref,
            "source": "s",
            "topic": "t",
            "words": "w",
        }
        return {
            "place": stated("place", ORDER),
            "pay": stated("pay", {"type": "order.confirm_payment.v2", "ref": ref}),
            "update": stated("update", ORDER),
            "cancel": stated("cancel", {"type": "order.cancel.v1", "ref": ref}),
            "note": stated("note", note),
        }

    def echoes(self) -> Sequence[Sample]:
        """Return an order that says what was shipped."""
        tree = {"type": "order.update.v2", "order": ORDER, "fulfilled": [SENT]}
        return (stated("update", tree),)


class TestCanonicalStorefront(PartnerConformance):
    kind = KIND
    speaks_http = False  # it publishes an event
    tells_no_money = "Its events name goods and numbers, and a reason, and no amounts."

    def told(self, sent: object) -> Sequence[Told]:
        """Return the parcels of an event."""
        tree: Any = sent
        return [
            Told(
                (parcel["tracking_number"],),
                {line["line_id"]: line["quantity"] for line in parcel["lines"]},
            )
            for parcel in tree["data"].get("parcels", ())
        ]
