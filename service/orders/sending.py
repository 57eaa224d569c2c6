"""Sends people's decisions about an order into its stream: the one way for API and console."""

from __future__ import annotations

from adapters.postgres.views import OrderRow, OrderView
from schemas.messages import codec
from schemas.messages.inputs import ActOnOrder, EditOrder
from schemas.messages.return_inputs import HandleReturn
from service.inbound.edge import Stream
from service.orders.deciding import refuse_action, refuse_edit

SOURCE = "canonical"
"""Decisions speak our own shape, as other services do over NATS."""


class Decisions:
    """Publishes a decision; the order carries it out, or says why not, when its turn comes. The
    same `delivery_id` is done once. Raises StreamUnavailable."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    async def act(
        self, view: OrderView, act: ActOnOrder, *, delivery_id: str, trace: str = ""
    ) -> None:
        """Send an action. Raises NotNow for what the order surely can't carry out."""
        refuse_action(view, act.verb, act.target)
        await self.send(view.row, "act", act, delivery_id=delivery_id, trace=trace)

    async def edit(
        self, view: OrderView, edit: EditOrder, *, delivery_id: str, trace: str = ""
    ) -> None:
        """Send changes of an order. Raises NotNow for what it surely can't take."""
        refuse_edit(view, edit)
        await self.send(view.row, "edit", edit, delivery_id=delivery_id, trace=trace)

    async def send(
        self,
        row: OrderRow,
        kind: str,
        decision: ActOnOrder | EditOrder | HandleReturn,
        *,
        delivery_id: str,
        trace: str = "",
    ) -> None:
        """Send a decision that was compared with the order before."""
        await self._stream.publish(
            row.channel,
            kind,
            row.ref,
            codec.encode(decision),
            delivery_id=delivery_id,
            source=SOURCE,
            topic="",
            trace=trace,
        )
