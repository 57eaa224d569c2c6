"""The twin of the leases in memory."""

from __future__ import annotations

from collections.abc import Mapping

from actors.runtime.errors import JournalUnavailable, LeaseLost
from schemas.order.ids import PARTITIONS


class MemoryLeases:
    """Implements actors.runtime.ports.Leases: all partitions are ours, but those `lose` takes."""

    def __init__(self, epoch: int = 1) -> None:
        self._epochs = dict.fromkeys(range(PARTITIONS), epoch)
        self.unsure = False
        """Whether no one can tell just now."""

    @property
    def epochs(self) -> Mapping[int, int]:
        """Partition to epoch, of those held."""
        return self._epochs

    def epoch_of(self, partition: int) -> int:
        """Return the epoch; see the port."""
        if self.unsure:
            raise JournalUnavailable("Whether this partition is still ours can't be told.")
        if partition not in self._epochs:
            raise LeaseLost(f"Another process owns partition {partition} now.")
        return self._epochs[partition]

    def lose(self, partition: int) -> None:
        """Another process takes a partition over."""
        self._epochs.pop(partition, None)

    def take(self, partition: int, epoch: int) -> None:
        """Take a partition, also back."""
        self._epochs[partition] = epoch
