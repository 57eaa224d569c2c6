"""What all streams share: the ports, the clock, and where committed work goes."""

from __future__ import annotations

from actors.runtime.alarm import Alarm
from actors.runtime.deadlines import Deadlines
from actors.runtime.lanes import Lanes
from actors.runtime.observer import Observer
from actors.runtime.ports import Clock, Journal, Leases
from actors.runtime.references import References


class Runtime:
    """Wired once at start. `lanes` get the effects of every commit, `alarm` the due time of every
    timer."""

    def __init__(
        self,
        *,
        journal: Journal,
        leases: Leases,
        clock: Clock,
        observer: Observer,
        references: References,
        lanes: Lanes,
        alarm: Alarm,
    ) -> None:
        self.journal = journal
        self.leases = leases
        self.clock = clock
        self.observer = observer
        self.references = references
        self.lanes = lanes
        self.alarm = alarm
        self.deadlines = Deadlines()
        self._stopping = False

    @property
    def stopping(self) -> bool:
        """Whether the process is about to end, so that nothing new is begun."""
        return self._stopping

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopping = True
