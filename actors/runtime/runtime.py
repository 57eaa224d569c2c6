"""What all streams share: the ports, the clock, and where committed work goes."""

from __future__ import annotations

from actors.runtime.alarm import Alarm
from actors.runtime.deadlines import Deadlines
from actors.runtime.lanes import Lanes
from actors.runtime.local import LocalPartner
from actors.runtime.observer import Observer
from actors.runtime.ports import Clock, Journal, Leases
from actors.runtime.references import References
from actors.runtime.stream_type import Intent
from schemas.messages.inputs import EffectDone


class Runtime:
    """Wired once at start. `lanes` get the effects of every commit, `alarm` the due time of every
    timer. `local` is the partner whose books the journal keeps too, None for none."""

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
        local: LocalPartner | None = None,
    ) -> None:
        self.journal = journal
        self.leases = leases
        self.clock = clock
        self.observer = observer
        self.references = references
        self.lanes = lanes
        self.alarm = alarm
        self.local = local
        self.deadlines = Deadlines()
        self._stopping = False

    @property
    def stopping(self) -> bool:
        """Whether the process is about to end, so that nothing new is begun."""
        return self._stopping

    def expected(self, intent: Intent) -> EffectDone | None:
        """Return the reply that an effect gets when the append that records it carries it out; None
        when it goes to its lane: a stranger's, one that may have been done before, or one of a
        partner that is not called now."""
        local = self.local
        if local is None or intent.attempts:
            return None
        result = local.expected(intent.effect)
        if result is None or not self.lanes.is_ready(intent.lane, local, self.clock.monotonic()):
            return None
        return EffectDone(number=intent.number, result=result)

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopping = True
