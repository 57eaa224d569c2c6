"""What every kind of channel must do with its messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec

from adapters.conformance.samples import Sample, malformed
from adapters.kit.inbound import UNKNOWN, UNREADABLE, Receipt, SignatureRefused, Source, Translator
from adapters.kit.kind import Instance, Kind, faults_of
from adapters.kit.secret import Secret
from schemas.contracts.refusals import REASONS, Refused
from schemas.messages.inputs import KINDS, ConfirmPayment, PlaceOrder, UpdateOrder
from schemas.messages.privacy import KIND as PRIVACY
from schemas.messages.privacy import Read
from schemas.order.canonical import Order

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
MAX_DELIVERY_CHARACTERS = 256
"""What the inbox takes of a name."""

MALFORMED = 2_000
"""Damaged messages of each sample: about a second's work."""

EDGE_KINDS = frozenset({*KINDS, PRIVACY, UNKNOWN, UNREADABLE})


class ChannelConformance:
    """Derive from it, name your class `Test…`, and give what only your kind knows.

    `kind` is your KIND. `samples` are its messages, `fetched` what is fetched from it where its
    messages only name an order; a new order is among them. For a kind with webhooks `headers_of`
    says what the sender sends along, signed with a secret; `signs_body` is False where the secret
    itself is sent and nothing is signed. `statuses` gives a message for each status that the kind
    lists, and `echoes` messages that show our own write-back.
    """

    kind: ClassVar[Kind[Any]]
    signs_body: ClassVar[bool] = True
    secrets: ClassVar[tuple[str, str]] = (
        "the new secret, of some length",
        "the old secret, as long",
    )
    name: ClassVar[str] = "a-channel"

    # --- what only the kind knows ----------------------------------------------------------------

    def samples(self) -> Sequence[Sample]:
        """Return messages that the channel sends, two different ones at least."""
        raise AssertionError("Give `samples`: what does the channel send?")

    def fetched(self) -> Sequence[Sample]:
        """Return orders as they are fetched (kind `update`, topic `order/fetched`)."""
        return ()

    def headers_of(self, sample: Sample, secret: str, delivery: str) -> Mapping[str, str]:
        """Return the sender's headers of one delivery of a sample, signed at NOW."""
        raise AssertionError("Give `headers_of`: how does the channel sign?")

    def statuses(self) -> Mapping[str, Sample]:
        """Return a message for each status that `kind.channel.statuses` lists."""
        raise AssertionError("Give `statuses`: what does an order look like in each of them?")

    def echoes(self) -> Sequence[Sample]:
        """Return messages that show what we wrote back ourselves; none where there are none."""
        raise AssertionError("Give `echoes`: how does our own write-back come back?")

    # --- first part: a skeleton passes it --------------------------------------------------------

    def test_the_kind_is_whole(self) -> None:
        """No required part is missing, and its settings take its example."""
        assert faults_of(self.kind) == []

    def test_the_reader_bears_the_name_of_the_kind(self) -> None:
        """By that name a message is read again after its channel is gone."""
        assert self._reader().kind == self.kind.name

    def test_an_authentic_message_is_named_at_the_edge(self) -> None:
        """Channel, kind, order and delivery are known before anything is read closely."""
        for sample in self._samples():
            found = self._received(sample, self.secrets[0], "1")
            assert found.channel == self.name
            assert found.kind == sample.kind, sample.topic
            assert found.kind in EDGE_KINDS
            assert 0 < len(found.ref) <= 128
            if sample.ref:
                assert found.ref == sample.ref

    def test_what_is_not_authentic_is_refused(self) -> None:
        """Another secret, no header at all, and (where the body is signed) another byte."""
        for sample in self._samples():
            self._refused(sample.raw, self.headers_of(sample, "not the secret at all", "1"))
            self._refused(sample.raw, {})
            if self.signs_body:
                self._refused(sample.raw + b" ", self.headers_of(sample, self.secrets[0], "1"))

    def test_two_secrets_are_good_while_they_are_rotated(self) -> None:
        """The new one and the old one; afterwards the old one is refused."""
        sample = self._samples()[0]
        for secret in self.secrets:
            assert self._received(sample, secret, "1").kind == sample.kind
        alone = self._source(self.secrets[:1])
        old = self.headers_of(sample, self.secrets[1], "1")
        self._refused(sample.raw, old, alone)

    def test_header_names_may_have_any_case(self) -> None:
        """Proxies fold them."""
        for sample in self._samples()[:1]:
            headers = self.headers_of(sample, self.secrets[0], "1")
            for folded in (str.lower, str.upper):
                given = {folded(name): value for name, value in headers.items()}
                assert self._source().receive(given, sample.raw, NOW).kind == sample.kind

    def test_a_repeat_is_recognised(self) -> None:
        """The same delivery has the same id; another delivery of another message has another."""
        seen = set()
        for number, sample in enumerate(self._samples()):
            first = self._received(sample, self.secrets[0], f"{number}").delivery_id
            assert self._received(sample, self.secrets[1], f"{number}").delivery_id == first
            assert len(first) <= MAX_DELIVERY_CHARACTERS
            seen.add(first)
        assert len(seen) == len(self._samples())

    def test_a_new_order_becomes_a_whole_order(self) -> None:
        """It has lines and a total, and nothing but its bytes and the settings decide."""
        samples = [*self.samples(), *self.fetched()]
        found = [self._read(sample) for sample in samples]
        orders = [one for one in map(_order_in, found) if one is not None]
        assert orders, "no sample becomes an order"
        for sample, one in zip(samples, found, strict=True):
            assert self._read(sample) == one
        for order in orders:
            assert order.lines
            assert order.totals.total_minor >= 0
            assert msgspec.json.decode(msgspec.json.encode(order), type=Order) == order

    def test_malformed_messages_are_refused_in_sentences(self) -> None:
        """Whatever is damaged ends as an input or as a reason that we know, and never as a
        crash."""
        ends: Counter[str] = Counter()
        for number, sample in enumerate([*self.samples(), *self.fetched()]):
            for raw in malformed(sample.raw, seed=number, count=MALFORMED):
                try:
                    self._reader().translate(sample.kind, sample.topic, raw)
                    ends["taken"] += 1
                except Refused as refused:
                    _told_well(refused)
                    ends[refused.reason] += 1
        assert sum(ends.values()) >= MALFORMED
        assert len(ends) > 1, "nothing was refused"

    def test_malformed_messages_pass_the_edge_or_are_refused(self) -> None:
        """The edge takes any authentic bytes, or refuses their signature; nothing else happens."""
        source = self._source() if self._has_webhooks() else None
        for sample in self._samples():
            assert source is not None
            for raw in malformed(sample.raw, seed=7, count=MALFORMED // 10):
                given = Sample(
                    raw=raw, topic=sample.topic, kind=sample.kind, headers=sample.headers
                )
                try:
                    receipt = source.receive(self.headers_of(given, self.secrets[0], "1"), raw, NOW)
                except SignatureRefused:
                    continue
                assert receipt.kind in EDGE_KINDS
                assert receipt.ref

    # --- second part -----------------------------------------------------------------------------

    def test_every_status_has_a_meaning(self) -> None:
        """A message in each listed status is taken or refused for a stated reason; none is
        missing, and none is there that the kind does not list."""
        assert self.kind.channel is not None
        there = self.statuses()
        assert set(there) == set(self.kind.channel.statuses)
        for status, sample in there.items():
            try:
                self._read(sample)
            except Refused as refused:
                _told_well(refused, status)

    def test_our_own_write_back_is_told_apart(self) -> None:
        """An echo names what is fulfilled by id or number, so that ours is recognised."""
        for sample in self.echoes():
            found = self._read(sample)
            assert isinstance(found, PlaceOrder | UpdateOrder | ConfirmPayment)
            assert any(one.outside_id or one.tracking_numbers for one in found.fulfilled)

    # --- how it is done --------------------------------------------------------------------------

    def settings(self, secrets: tuple[str, ...]) -> Any:
        """Return the kind's example with these secrets, where it has webhooks."""
        raw: dict[str, object] = {"kind": self.kind.name, **self.kind.example}
        if self._has_webhooks():
            raw["webhook_secrets"] = list(secrets)
        return msgspec.convert(raw, self.kind.settings, dec_hook=lambda _, text: Secret(str(text)))

    def _has_webhooks(self) -> bool:
        return self.kind.channel is not None and self.kind.channel.webhooks is not None

    def _samples(self) -> Sequence[Sample]:
        """Return what comes by webhook; nothing for a kind without them."""
        return self.samples() if self._has_webhooks() else ()

    def _source(self, secrets: tuple[str, ...] = ()) -> Source:
        channel = self.kind.channel
        assert channel is not None
        assert channel.webhooks is not None
        made: Source = channel.webhooks(
            self.settings(secrets or self.secrets), Instance(name=self.name, keys={"1": b"a key"})
        )
        return made

    def _reader(self) -> Translator:
        channel = self.kind.channel
        assert channel is not None
        return channel.reader(self.settings(self.secrets), Instance(name=self.name, keys={}))

    def _received(self, sample: Sample, secret: str, delivery: str) -> Receipt:
        headers = self.headers_of(sample, secret, delivery)
        return self._source().receive(headers, sample.raw, NOW)

    def _refused(
        self, raw: bytes, headers: Mapping[str, str], source: Source | None = None
    ) -> None:
        words = ""
        try:
            (source or self._source()).receive(headers, raw, NOW)
        except SignatureRefused as error:
            words = str(error)
        assert words, "a message that is not authentic was taken"
        assert words.endswith("."), "a refusal is a whole sentence"

    def _read(self, sample: Sample) -> Read:
        return self._reader().translate(sample.kind, sample.topic, sample.raw)


def _told_well(refused: Refused, what: str = "") -> None:
    assert refused.reason in REASONS, f"{what} {refused.reason}"
    assert refused.sentences
    assert all(one.strip() for one in refused.sentences)


def _order_in(found: Read) -> Order | None:
    if isinstance(found, PlaceOrder | UpdateOrder | ConfirmPayment):
        return found.order
    return None
