"""What every kind of channel must do with its messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from adapters.conformance.samples import Sample
from adapters.conformance.webhooks import NOW, WebhookConformance, told_well
from schemas.contracts.refusals import Refused
from schemas.messages.inputs import ConfirmPayment, PlaceOrder, UpdateOrder
from schemas.messages.privacy import Read
from schemas.order.canonical import Order

__all__ = ["NOW", "ChannelConformance"]


class ChannelConformance(WebhookConformance):
    """Derive from it, name your class `Test…`, and give what only your kind knows.

    Beside what `WebhookConformance` asks: a new order is among `samples` or `fetched` (what is
    fetched where messages only name an order). Each sample that becomes an order says its `units`,
    with several pieces of a line in one of them. `statuses` gives a message for each status that
    the kind lists, `echoes` messages that show our own write-back. A kind without webhooks needs
    no `headers_of`.
    """

    def statuses(self) -> Mapping[str, Sample]:
        """Return a message for each status that `kind.channel.statuses` lists."""
        raise AssertionError("Give `statuses`: what does an order look like in each of them?")

    def echoes(self) -> Sequence[Sample]:
        """Return messages that show what we wrote back ourselves; none where there are none."""
        raise AssertionError("Give `echoes`: how does our own write-back come back?")

    def test_a_new_order_becomes_a_whole_order(self) -> None:
        """It has lines and a total, and nothing but its bytes and the settings decide."""
        samples = [*self.samples(), *self.fetched()]
        found = [self.read(sample) for sample in samples]
        orders = [one for one in map(_order_in, found) if one is not None]
        assert orders, "no sample becomes an order"
        for sample, one in zip(samples, found, strict=True):
            assert self.read(sample) == one
        for order in orders:
            assert order.lines
            assert order.totals.total_minor >= 0
            assert msgspec.json.decode(msgspec.json.encode(order), type=Order) == order

    def test_an_order_has_the_quantities_of_its_message(self) -> None:
        """Each sample that becomes an order has the pieces of each line that the test class counted
        in it; in one of them a line has several."""
        several = False
        for sample in [*self.samples(), *self.fetched()]:
            order = _order_in(self.read(sample))
            if order is None:
                continue
            assert sample.units is not None, (
                f"Give `units` of the sample {sample.topic or sample.kind!r}: how many pieces of "
                "each line does it order?"
            )
            found = {line.line_id: line.quantity for line in order.lines}
            assert found == dict(sample.units), sample.topic
            several = several or max(found.values(), default=0) > 1
        assert several, "Give a sample with several pieces of a line."

    def test_every_status_has_a_meaning(self) -> None:
        """A message in each listed status is taken, or refused for a known reason; none is missing,
        and none is there that the kind does not list."""
        assert self.kind.channel is not None
        there = self.statuses()
        assert set(there) == set(self.kind.channel.statuses)
        for status, sample in there.items():
            try:
                self.read(sample)
            except Refused as refused:
                told_well(refused, status)

    def test_our_own_write_back_is_told_apart(self) -> None:
        """An echo names what is fulfilled by id or number, so that ours is recognised."""
        for sample in self.echoes():
            found = self.read(sample)
            assert isinstance(found, PlaceOrder | UpdateOrder | ConfirmPayment)
            assert any(one.outside_id or one.tracking_numbers for one in found.fulfilled)


def _order_in(found: Read) -> Order | None:
    if isinstance(found, PlaceOrder | UpdateOrder | ConfirmPayment):
        return found.order
    return None
