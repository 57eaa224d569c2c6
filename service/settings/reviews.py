"""Settings of the review queue."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class Reviews(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long an order may wait for a reviewer."""

    due_hours: Annotated[
        float,
        Meta(
            ge=0.01,
            le=24 * 90,
            description="After this a review is overdue and escalates: the incident "
            "`review_overdue`, and its alert.",
        ),
    ] = 24.0
    asked_hours: Annotated[
        float,
        Meta(ge=0.01, le=24 * 90, description="How long the answer to a question may take."),
    ] = 48.0
