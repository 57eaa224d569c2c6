"""Live orders over the journal's twin in memory, with scripted partners, for tests."""

from __future__ import annotations

from actors.order.policy import Policy
from actors.order.state import State
from actors.order.stream import decode_state
from actors.runtime.alarm import Alarm
from actors.runtime.call_policy import CallPolicy
from actors.runtime.dispatcher import Dispatcher
from actors.runtime.lanes import Lanes
from actors.runtime.mailbox import Envelope
from actors.runtime.observer import BLIND, Observer
from actors.runtime.partner import Partner
from actors.runtime.references import References
from actors.runtime.registry import Registry
from actors.runtime.runtime import Runtime
from actors.runtime.timers import TimerRunner
from adapters.memory.journal import MemoryJournal
from schemas.messages.inputs import Input
from schemas.order.ids import order_id_for
from service.wiring.order_stream import OrderStream
from tests.fakes import JumpingClock, ScriptedPartner
from tests.given import CHANNEL, REF, SETUP
from tests.house import KEYS, POLICY

ORDER_ID = order_id_for(CHANNEL, REF)
LANES = ("stock", SETUP.erp, SETUP.mail, SETUP.storefront, "wms", "ups")


class Shop:
    """One channel's orders, live, with scripted partners. `local`: the store's own stock is the
    partner that reserves, in the orders' own commits where that is possible."""

    def __init__(
        self, store: MemoryJournal | None = None, *, local: bool = False, observer: Observer = BLIND
    ) -> None:
        self.store, self.clock = store or MemoryJournal(), JumpingClock()
        self.partners = {name: ScriptedPartner(name) for name in LANES}
        lanes: dict[str, tuple[Partner, CallPolicy]]
        lanes = {name: (one, POLICY) for name, one in self.partners.items()}
        if local:
            lanes["stock"] = (self.store.stock, POLICY)
        self.runtime = Runtime(
            journal=self.store,
            leases=self.store.leases,
            clock=self.clock,
            observer=observer,
            references=References(KEYS, "1"),
            lanes=Lanes(lanes),
            alarm=Alarm(self.clock),
            local=self.store.stock if local else None,
        )
        self.stream = OrderStream(policy=Policy(), setups={CHANNEL: SETUP})
        self.registry = Registry(self.runtime, self.stream)
        self.dispatcher = Dispatcher(self.runtime, self.registry, self.store, self.store)
        self.timers = TimerRunner(self.runtime, self.registry, self.store, self.store)
        self.ends: list[str] = []

    def post(self, command: Input, input_id: str) -> None:
        """Put an input into the order's mailbox."""

        def told(outcome: str, reason: str) -> None:
            self.ends.append(f"{outcome} {reason}".strip())

        envelope = Envelope(command, input_id, told, channel=CHANNEL, ref=REF, fresh=True)
        self.registry.post(ORDER_ID, envelope)

    @property
    def state(self) -> State:
        """The order's stored state."""
        return self.state_of(REF)

    def state_of(self, ref: str) -> State:
        """An order's stored state."""
        return self.state_of_channel(CHANNEL, ref)

    def state_of_channel(self, channel: str, ref: str) -> State:
        """The stored state of an order of any channel."""
        stored = self.store.stored_state(order_id_for(channel, ref))
        return decode_state(stored) if stored else State()

    def did(self, name: str) -> list[str]:
        """What a partner did, by kind of effect."""
        return [one.split()[0] for one in self.partners[name].did]
