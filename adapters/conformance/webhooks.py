"""What every sender of webhooks must be held to: a channel, or a warehouse that reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec

from adapters.conformance.samples import Sample, malformed
from adapters.kit.inbound import UNKNOWN, UNREADABLE, Receipt, SignatureRefused, Source, Translator
from adapters.kit.instance import Instance
from adapters.kit.kind import Kind, faults_of
from adapters.kit.secret import Secret
from schemas.contracts.refusals import REASONS, Refused
from schemas.messages.inputs import KINDS
from schemas.messages.privacy import KIND as PRIVACY
from schemas.messages.privacy import Read

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
"""When every sample is signed and received."""

REFERENCE_KEYS = {"1": b"a key of the conformance kit"}
"""The keys that sign our references, for a sender that sends them back."""

MAX_DELIVERY_CHARACTERS = 256
"""What the inbox takes of a name."""

MALFORMED = 2_000
"""Damaged messages of each sample: about a second's work."""

EDGE_KINDS = frozenset({*KINDS, PRIVACY, UNKNOWN, UNREADABLE})


class WebhookConformance:
    """Derive `ChannelConformance` or `ReportsConformance` from it, not your own class.

    `kind` is your KIND. `samples` are its messages, two different ones at least. `headers_of` says
    what the sender sends along, signed with a secret; `signs_body` is False where the secret itself
    is sent and nothing is signed. `secrets_key` is the setting that holds the secrets.
    """

    kind: ClassVar[Kind[Any]]
    signs_body: ClassVar[bool] = True
    secrets: ClassVar[tuple[str, str]] = ("the new secret, long enough", "the old secret, as long")
    secrets_key: ClassVar[str] = "webhook_secrets"
    name: ClassVar[str] = "an-instance"

    # --- what only the kind knows ----------------------------------------------------------------

    def samples(self) -> Sequence[Sample]:
        """Return messages that the sender sends."""
        raise AssertionError("Give `samples`: what is sent?")

    def fetched(self) -> Sequence[Sample]:
        """Return orders as they are fetched (kind `update`, topic `order/fetched`)."""
        return ()

    def headers_of(self, sample: Sample, secret: str, delivery: str) -> Mapping[str, str]:
        """Return the sender's headers of one delivery of a sample, signed at NOW."""
        raise AssertionError("Give `headers_of`: how is it signed?")

    # --- the tests -------------------------------------------------------------------------------

    def test_the_kind_is_whole(self) -> None:
        """No required part is missing, and its settings take its example."""
        assert faults_of(self.kind) == []

    def test_the_reader_bears_the_name_of_the_kind(self) -> None:
        """By that name a message is read again after its sender is gone."""
        assert self.reader().kind == self.kind.name

    def test_an_authentic_message_is_named_at_the_edge(self) -> None:
        """Channel, kind, order and delivery are known before anything is read closely."""
        for sample in self.posted():
            found = self._received(sample, self.secrets[0], "1")
            assert found.channel
            assert found.kind == sample.kind, sample.topic
            assert found.kind in EDGE_KINDS
            assert 0 < len(found.ref) <= 128
            if sample.ref:
                assert found.ref == sample.ref

    def test_what_is_not_authentic_is_refused(self) -> None:
        """Another secret, no header at all, and (where the body is signed) another byte."""
        for sample in self.posted():
            self._refused(sample.raw, self.headers_of(sample, "not the secret at all", "1"))
            self._refused(sample.raw, {})
            if self.signs_body:
                self._refused(sample.raw + b" ", self.headers_of(sample, self.secrets[0], "1"))

    def test_two_secrets_are_good_while_they_are_rotated(self) -> None:
        """The new one and the old one; afterwards the old one is refused."""
        for sample in self.posted()[:1]:
            for secret in self.secrets:
                assert self._received(sample, secret, "1").kind == sample.kind
            alone = self.source(self.secrets[:1])
            self._refused(sample.raw, self.headers_of(sample, self.secrets[1], "1"), alone)

    def test_header_names_may_have_any_case(self) -> None:
        """Proxies fold them."""
        for sample in self.posted()[:1]:
            headers = self.headers_of(sample, self.secrets[0], "1")
            for folded in (str.lower, str.upper):
                given = {folded(name): value for name, value in headers.items()}
                assert self.source().receive(given, sample.raw, NOW).kind == sample.kind

    def test_a_repeat_is_recognised(self) -> None:
        """The same delivery has the same id, whatever it is signed with; another has another."""
        seen = set()
        for number, sample in enumerate(self.posted()):
            first = self._received(sample, self.secrets[0], f"{number}").delivery_id
            assert self._received(sample, self.secrets[1], f"{number}").delivery_id == first
            assert len(first) <= MAX_DELIVERY_CHARACTERS
            seen.add(first)
        assert len(seen) == len(self.posted())

    def test_malformed_messages_are_refused_in_sentences(self) -> None:
        """Whatever is damaged ends as an input or as a reason that is known, never as a crash."""
        ends: Counter[str] = Counter()
        reader = self.reader()
        for number, sample in enumerate([*self.samples(), *self.fetched()]):
            for raw in malformed(sample.raw, seed=number, count=MALFORMED):
                try:
                    reader.translate(sample.kind, sample.topic, raw)
                    ends["taken"] += 1
                except Refused as refused:
                    told_well(refused)
                    ends[refused.reason] += 1
        assert sum(ends.values()) >= MALFORMED
        assert len(ends) > 1, "nothing was refused"

    def test_malformed_messages_pass_the_edge_or_are_refused(self) -> None:
        """The edge takes any authentic bytes, or refuses their signature; nothing else happens."""
        for sample in self.posted():
            for raw in malformed(sample.raw, seed=7, count=MALFORMED // 10):
                given = msgspec.structs.replace(sample, raw=raw)
                headers = self.headers_of(given, self.secrets[0], "1")
                try:
                    receipt = self.source().receive(headers, raw, NOW)
                except SignatureRefused:
                    continue
                assert receipt.kind in EDGE_KINDS
                assert receipt.ref

    # --- how it is done --------------------------------------------------------------------------

    def settings(self, secrets: tuple[str, ...] = ()) -> Any:
        """Return the kind's example, with these secrets where it has webhooks."""
        raw: dict[str, object] = {"kind": self.kind.name, **self.kind.example}
        if self.secrets_key in raw:
            raw[self.secrets_key] = list(secrets or self.secrets)
        return msgspec.convert(raw, self.kind.settings, dec_hook=lambda _, text: Secret(str(text)))

    def posted(self) -> Sequence[Sample]:
        """Return what comes by webhook; nothing for a kind without webhooks."""
        return self.samples() if self._makes_source() is not None else ()

    def source(self, secrets: tuple[str, ...] = ()) -> Source:
        """Return what receives the webhooks."""
        make = self._makes_source()
        assert make is not None, "the kind has webhooks"
        made: Source = make(self.settings(secrets), Instance(name=self.name, keys=REFERENCE_KEYS))
        return made

    def reader(self) -> Translator:
        """Return what reads the messages."""
        channel, instance = self.kind.channel, Instance(name=self.name, keys=REFERENCE_KEYS)
        if channel is None:
            return self.source()
        return channel.reader(self.settings(), instance)

    def read(self, sample: Sample) -> Read:
        """Return what a sample becomes. Raises Refused."""
        return self.reader().translate(sample.kind, sample.topic, sample.raw)

    def _makes_source(self) -> Any:
        channel = self.kind.channel
        return self.kind.reports if channel is None else channel.webhooks

    def _received(self, sample: Sample, secret: str, delivery: str) -> Receipt:
        headers = self.headers_of(sample, secret, delivery)
        return self.source().receive(headers, sample.raw, NOW)

    def _refused(
        self, raw: bytes, headers: Mapping[str, str], source: Source | None = None
    ) -> None:
        words = ""
        try:
            (source or self.source()).receive(headers, raw, NOW)
        except SignatureRefused as error:
            words = str(error)
        assert words, "a message that is not authentic was taken"
        assert words.endswith("."), "a refusal is a whole sentence"


def told_well(refused: Refused, what: str = "") -> None:
    """Check that a refusal has a known reason, and sentences."""
    assert refused.reason in REASONS, f"{what} {refused.reason}"
    assert refused.sentences
    assert all(one.strip() for one in refused.sentences)


class ReportsConformance(WebhookConformance):
    """What a warehouse reports: derive from it, and name your class `Test…`."""

    secrets_key: ClassVar[str] = "callback_secrets"
