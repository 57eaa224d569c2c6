"""How many processes share the orders of one installation."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

MOST_WORKERS = 32
"""As many as there are partitions: one more would find nothing to do."""


class Workers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Processes that share the orders: on this machine, and on others."""

    count: Annotated[
        int,
        Meta(
            ge=1,
            le=MOST_WORKERS,
            description="Processes that `serve` starts on this machine; they share the orders and "
            "the port.",
            extra={"env": "ORDERWRIGHT_WORKERS"},
        ),
    ] = 1
    shared: Annotated[
        bool,
        Meta(
            description="Whether the orders are shared with processes of other machines, which use "
            "the same Postgres and NATS; each of them must say so. Off: a second one stands by.",
        ),
    ] = False
    front: Annotated[
        bool,
        Meta(
            description="Whether `serve` starts one process more, which alone takes webhooks and "
            "requests and works on no orders, so that no flood of orders delays its answers.",
            extra={"env": "ORDERWRIGHT_FRONT"},
        ),
    ] = False

    @property
    def sharing(self) -> bool:
        """Whether a process holds its share of the orders alone, not all of them."""
        return self.shared or self.several

    @property
    def several(self) -> bool:
        """Whether `serve` is a parent with several processes."""
        return self.front or self.count > 1

    @property
    def processes(self) -> int:
        """How many `serve` starts."""
        return self.count + self.front
