"""The order as the runtime runs it: what decisions need beside the stored order is put in here."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from actors.kernel.setup import Setup
from actors.order.normalise import NO_TABLES, Tables
from actors.order.policy import Policy
from actors.order.redaction import masked
from actors.order.stream import (
    INITIAL,
    Context,
    Decision,
    State,
    StateOutdated,
    decide,
    decode_state,
    encode_state,
    redacted,
    replay,
    row_of,
)
from actors.runtime.ports import Body, Document, Row
from actors.runtime.stream_type import Occasion
from schemas.messages.codec import decode_order, encode
from schemas.messages.events import OrderEvent
from schemas.messages.inputs import Input, PlaceOrder
from schemas.order.canonical import Order
from schemas.order.customers import email_of, identity_of, order_phone_of


class OrderStream:
    """Implements actors.runtime.stream_type.StreamType. `setups` says who plays which role for each
    channel; for one that is not configured no one plays any. The mappings in use may be exchanged
    at any time."""

    name = "order"
    initial = INITIAL

    def __init__(self, policy: Policy, setups: Mapping[str, Setup]) -> None:
        self._policy = policy
        self._setups = setups
        self._mappings = NO_TABLES

    @property
    def mappings(self) -> Tables:
        """The tables that decisions use."""
        return self._mappings

    def use(self, mappings: Tables) -> None:
        """Have decisions use these tables from now on."""
        self._mappings = mappings

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
            mappings=self._mappings,
        )
        return decide(state, command, context)

    def begins(self, command: Input) -> bool:
        """Only a placed order is taken for new without asking."""
        return isinstance(command, PlaceOrder)

    def encode_state(self, state: State) -> bytes:
        """Return the state as JSON."""
        return encode_state(state)

    def decode_state(self, stored: bytes) -> State | None:
        """Return the state; None when other versions of the machines made it."""
        try:
            return decode_state(stored)
        except StateOutdated:
            return None

    def replay(self, events: Sequence[OrderEvent]) -> State:
        """Return the state that these events lead to."""
        return replay(events)

    def row_of(self, state: State) -> Row:
        """Return the order's row in the read model."""
        facts = row_of(state)
        return Row(
            channel=facts.channel,
            ref=facts.ref,
            number=facts.number,
            stage=facts.stage,
            progress=facts.progress,
            waiting_for=facts.waiting_for,
            currency=facts.currency,
            total_minor=facts.total_minor,
            final=facts.final,
            attention=facts.attention,
        )

    def encode_body(self, name: str, body: Order) -> Body:
        """Return a canonical order as JSON, with whose it is."""
        return Body(
            name=name,
            content=encode(body),
            customer=identity_of(body.customer),
            email=email_of(body.customer.email),
            phone=order_phone_of(body),
        )

    def decode_body(self, stored: bytes) -> Order:
        """Return a canonical order."""
        order: Order = decode_order(stored)
        return order

    def documents_of(self, decided: Decision) -> Sequence[Document]:
        """Return the labels that came with a decision."""
        return [
            Document(
                name=image.name,
                key=image.key,
                content_type=image.content_type,
                content=base64.b64decode(image.base64),
            )
            for image in decided.documents
        ]

    def redacted(self, command: Input, body: Order | None) -> Any:
        """Return an input whose free texts name no one."""
        return redacted(command, body)

    def masked(self, text: str, body: Order | None) -> str:
        """Return a partner's words without what would tell whose order it is."""
        return masked(text, body)
