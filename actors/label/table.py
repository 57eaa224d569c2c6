"""The life of a label as one table."""

from __future__ import annotations

from actors.kernel.tables import ELEVATED, NONE, Beside, Row, Table, Wait, go, stay
from actors.label.thing import BOUGHT, DROPPED, KEPT, REFUSED, SKIPPED, VOIDED, WANTED
from schemas.messages import events as e

EVERY = (WANTED, BOUGHT, VOIDED, REFUSED, SKIPPED, DROPPED, KEPT)

TABLE = Table(
    "label",
    (
        Row("want", NONE, e.LabelWanted, WANTED, "parcels are packed"),
        Row("buy", WANTED, e.LabelBought, BOUGHT, "the carrier sold it"),
        *go(
            "late-label",
            (REFUSED, SKIPPED, DROPPED),
            e.LabelBought,
            BOUGHT,
            "the carrier sold it, as it turned out later",
        ),
        *stay("stop", (WANTED, BOUGHT, SKIPPED), e.LabelStopped, "it is not wanted any more"),
        Row("go-on", BOUGHT, e.LabelStopDropped, BOUGHT, "a parcel has left under it"),
        *go("drop", (WANTED, SKIPPED), e.LabelDropped, DROPPED, "it was never bought"),
        Row("void", BOUGHT, e.LabelVoided, VOIDED, "the carrier took it back"),
        Row("late-void", KEPT, e.LabelVoided, VOIDED, "the carrier took it back after all"),
        Row("keep", BOUGHT, e.LabelKept, KEPT, "a person went on without voiding it"),
        Row("renew", WANTED, e.Renewed, REFUSED, "refused; a new one follows"),
        Row("skip", WANTED, e.Skipped, SKIPPED, "a person went on without it"),
        *stay("skip", (BOUGHT,), e.Skipped, "a person went on without voiding it"),
    ),
    beside=(*ELEVATED, Beside("task", e.TaskOpened, "only a person can print it")),
    ends=(VOIDED, REFUSED, SKIPPED, DROPPED, KEPT),
)

WAITS: dict[str, Wait] = {
    WANTED: Wait("the carrier to sell the label", "label_due_seconds"),
    BOUGHT: Wait("the carrier to take the label back", "cancel_due_seconds"),
}
"""A bought label waits for nothing unless it shall be voided."""
