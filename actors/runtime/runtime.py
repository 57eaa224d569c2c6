"""What all streams share: the ports, the clock, and where committed work goes."""

from __future__ import annotations

from collections.abc import Collection

from actors.runtime.alarm import Alarm
from actors.runtime.deadlines import Deadlines
from actors.runtime.knowing import Ignorance, Knowing
from actors.runtime.lanes import Lanes
from actors.runtime.local import LocalPartner
from actors.runtime.observer import Observer
from actors.runtime.ports import Clock, Journal, Leases
from actors.runtime.references import References
from actors.runtime.stream_type import Intent
from schemas.messages.inputs import EffectDone


class Runtime:
    """Wired once at start. `lanes` get the effects of every commit, `alarm` the due time of every
    timer. `local` is the partner whose books the journal keeps too, None for none. `knowing` finds
    out what a decision asks about the world."""

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
        knowing: Knowing | None = None,
    ) -> None:
        self.journal = journal
        self.leases = leases
        self.clock = clock
        self.observer = observer
        self.references = references
        self.lanes = lanes
        self.alarm = alarm
        self.local = local
        self.knowing = knowing or Ignorance()
        self.deadlines = Deadlines()
        self._stopping = False
        self._leaving: frozenset[int] = frozenset()
        self._gained: dict[int, float] = {}

    def partitions(self, settle_seconds: float = 0.0) -> list[int]:
        """Return the partitions whose work is taken up here: those held, but those being given up,
        and those gained so shortly ago that a call of who held them before may still act."""
        held = self.leases.epochs
        if not self._gained and not self._leaving:
            return sorted(held)
        before = self.clock.monotonic() - settle_seconds
        return [
            partition
            for partition in sorted(held)
            if partition not in self._leaving and self._gained.get(partition, before) <= before
        ]

    def gain(self, partitions: Collection[int]) -> None:
        """These were another process's until now: what they have open is taken up."""
        now = self.clock.monotonic()
        self._gained.update(dict.fromkeys(partitions, now))
        self.lanes.gain(now)
        self.alarm.more_is_due()

    def leave(self, partitions: Collection[int]) -> None:
        """Take up nothing new of these, and of no others: they are being given up. What is under
        way of them ends as it would."""
        self._leaving = frozenset(partitions)
        self.lanes.leave(partitions)

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
