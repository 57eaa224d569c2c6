"""The order as the stream type that the runtime runs: the pure machines, with what they may know
from the settings and from the mappings in use."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from actors.kernel.setup import Place, Setup
from actors.order import stream
from actors.order.decision import Context, Decision
from actors.order.deliverable import checker_of
from actors.order.normalise import NO_TABLES, Tables
from actors.order.policy import Policy
from actors.order.redaction import masked, redacted
from actors.order.state import State
from actors.rules.compiled import NO_RULES
from actors.runtime.ports import Body, Document, Row
from actors.runtime.stream_type import Occasion
from schemas.messages.codec import decode_order, encode
from schemas.messages.effects import CreateTask, Effect, PostSalesOrder, PublishFulfilment
from schemas.messages.events import OrderEvent
from schemas.messages.inputs import Input, PlaceOrder
from schemas.order.canonical import Address, Order
from schemas.order.customers import email_of, identity_of, order_phone_of
from service.wiring.restored import Doubt


class OrderStream:
    """Implements actors.runtime.stream_type.StreamType.

    `setups` say who plays which role, by channel. An order of a channel that is not configured any
    more is decided as one of a channel without partners: what waits for them stays with a person.
    `mappings`, `rules` and `doubt` are exchanged while the service runs.
    """

    name = "order"
    initial = stream.INITIAL

    def __init__(
        self, *, policy: Policy, setups: Mapping[str, Setup], mappings: Tables = NO_TABLES
    ) -> None:
        self.mappings = mappings
        self.rules = NO_RULES
        self.doubt: Doubt | None = None
        self._policy = policy
        self._setups = dict(setups)

    def use(self, *, policy: Policy, setups: Mapping[str, Setup]) -> None:
        """Decide by these from now on."""
        self._policy, self._setups = policy, dict(setups)

    def places_of(self, channel: str) -> tuple[Place, ...]:
        """Return the places that a channel's goods leave from."""
        setup = self._setups.get(channel)
        return setup.places if setup is not None else ()

    def erp_of(self, channel: str) -> str:
        """Return the lane of a channel's ERP, "" for none."""
        setup = self._setups.get(channel)
        return setup.erp if setup is not None else ""

    def checker_of(self, channel: str, at: Address) -> str:
        """Return the lane of the service that a channel's addresses are checked by, "" for none."""
        setup = self._setups.get(channel)
        return checker_of(setup, at) if setup is not None else ""

    def decide(self, state: State, command: Input, occasion: Occasion) -> Decision:
        """Return what an input means for an order."""
        channel = occasion.channel
        context = Context(
            now=occasion.now,
            policy=self._policy,
            setup=self._setups.get(channel) or Setup(channel=channel),
            channel=channel,
            ref=occasion.ref,
            reference=occasion.reference,
            order=occasion.body,
            stated=occasion.stated,
            received_at=occasion.received_at,
            mappings=self.mappings,
            claimed=occasion.claimed,
            rules=self.rules,
            world=occasion.world,
        )
        decision = stream.decide(state, command, context)
        if self.doubt is None:
            return decision
        return self.doubt.about(decision, command, occasion.body, occasion.now)

    def begins(self, command: Input) -> bool:
        """Whether it places an order."""
        return isinstance(command, PlaceOrder)

    def is_patient(self, effect: Effect) -> bool:
        """Sales orders, tasks and what the channel is told: the partner has them, and what follows
        comes from elsewhere, such as the webhook by which the channel tells it back."""
        return isinstance(effect, PostSalesOrder | CreateTask | PublishFulfilment)

    def encode_state(self, state: State) -> bytes:
        """Return the state as it is stored."""
        return stream.encode_state(state)

    def decode_state(self, stored: bytes) -> State | None:
        """Return the state; None for one that other versions of the machines made."""
        try:
            return stream.decode_state(stored)
        except stream.StateOutdated:
            return None

    def replay(self, events: Sequence[OrderEvent]) -> State:
        """Return the state that these events lead to."""
        return stream.replay(events)

    def row_of(self, state: State) -> Row:
        """Return the order's row in the read model."""
        summary = stream.row_of(state)
        return Row(
            channel=summary.channel,
            ref=summary.ref,
            number=summary.number,
            stage=summary.stage,
            progress=summary.progress,
            waiting_for=summary.waiting_for,
            currency=summary.currency,
            total_minor=summary.total_minor,
            final=summary.final,
            attention=summary.attention,
            in_house=summary.in_house,
        )

    def encode_body(self, name: str, body: Order) -> Body:
        """Return a canonical order as it is stored, with whose it is."""
        return Body(
            content=encode(body),
            name=name,
            customer=identity_of(body.customer),
            email=email_of(body.customer.email),
            phone=order_phone_of(body),
        )

    def decode_body(self, stored: bytes) -> Order:
        """Return a canonical order."""
        return decode_order(stored)

    def documents_of(self, decided: Decision) -> Sequence[Document]:
        """Return the labels' images that came with a decision."""
        if not decided.documents:  # as nearly all
            return ()
        return tuple(
            [
                Document(
                    name=image.name,
                    content_type=image.content_type,
                    content=base64.b64decode(image.base64, validate=True),
                    key=image.key,
                )
                for image in decided.documents
            ]
        )

    def redacted(self, command: Input, body: Any) -> Input:
        """Return an input whose free texts name no one."""
        return redacted(command, body)

    def masked(self, text: str, body: Any) -> str:
        """Return a partner's words without what would tell whose order it is."""
        return masked(text, body)
