"""What every kind must hold to that says whether an address can be delivered to. Import it in your
own package's tests:

    from adapters.conformance.addresses import AddressConformance

    class TestMine(AddressConformance):
        kind = KIND
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, ClassVar

import msgspec

from actors.runtime.errors import PartnerError
from adapters.conformance.partner import orders
from adapters.kit.deliverability import TellsDeliverability
from adapters.kit.http_client import Answer, Request
from adapters.kit.instance import Kit
from adapters.kit.kind import Kind, example_of, faults_of
from adapters.kit.recording import NoIntake, Recorder, answer_of
from schemas.order.canonical import Address, Order
from schemas.order.world import plain

FAILURES = (
    answer_of(401, {}),
    answer_of(429, {}),
    answer_of(500, {}),
    answer_of(503, {}),
    Answer(502, {"Content-Type": "text/html"}, b"<html>"),
    Answer(200, {"Content-Type": "text/html"}, b"<html>"),
    Answer(404, {"Content-Type": "text/html"}, b"<html>"),
)
"""Answers that say nothing about an address."""


class _Failing(Recorder):
    """Answers every question with one answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self._answer = answer

    async def send(self, request: Request) -> Answer:
        """Answer a request for a token as usual, and any other as told."""
        if request.url.path.endswith("/token"):
            return await super().send(request)
        self.requests.append(request)
        return self._answer


class AddressConformance:
    """Derive from it, name your class `Test…`, and give your KIND as `kind`."""

    kind: ClassVar[Kind[Any]]

    def test_the_kind_is_whole(self) -> None:
        """No required part is missing, its settings take its example, and it names countries."""
        assert faults_of(self.kind) == []
        assert "address" in self.kind.roles
        assert all(len(one) == 2 and one.isupper() for one in self.kind.addresses)

    def test_its_adapter_can_be_asked(self) -> None:
        """What the kind promises the adapter has."""
        assert isinstance(self.made(Recorder()), TellsDeliverability)

    async def test_no_one_is_named(self) -> None:
        """The service is asked about a place: no name, company or telephone number leaves."""
        at = self.an_address()
        recorder = Recorder(self.kind.carried.answers(orders()[0]))
        await self.made(recorder).deliverability(at)
        asked = [(str(one.url), (one.body or b"").decode()) for one in recorder.requests]
        assert asked, "nothing was asked"
        assert not [one for one in (at.name, at.company, at.phone) if one in str(asked)]

    async def test_a_failure_says_nothing_about_an_address(self) -> None:
        """Away, throttled, or a page of something in between: an error, and never a verdict."""
        for answer in FAILURES:
            assert await _fails(self.made(_Failing(answer)).deliverability(self.an_address()))

    async def test_an_address_is_asked_for_once(self) -> None:
        """A held order is looked at every hour, and services count questions."""
        recorder = Recorder(self.kind.carried.answers(orders()[0]))
        adapter = self.made(recorder)
        first = await adapter.deliverability(self.an_address())
        asked = len(recorder.requests)
        assert await adapter.deliverability(self.an_address()) == first
        assert len(recorder.requests) == asked

    async def test_a_verdict_holds_nothing_personal(self) -> None:
        """It stands in events, which are kept longer than personal data is: only `written`, which
        does not, may repeat a part of the place."""
        at = self.an_address()
        recorder = Recorder(self.kind.carried.answers(orders()[0]))
        found = await self.made(recorder).deliverability(at)
        told = msgspec.json.encode(plain(found)).decode()
        assert not [one for one in (at.name, *at.lines, at.city) if one in told]

    def made(self, recorder: Recorder) -> Any:
        """Return the adapter with a recorder for its network."""
        kit = Kit(
            name="a-partner",
            keys={},
            client=recorder,
            clock=recorder.clock,
            intake=NoIntake(),
            events=recorder,
            own_url="https://own.invalid",
        )
        return self.kind.partner(example_of(self.kind), kit)

    def an_address(self) -> Address:
        """Return an address of one of its countries."""
        country = min(self.kind.addresses)
        regions = {"US": ("KY", "40003"), "CA": ("ON", "M5H 2N2")}
        region, postal_code = regions.get(country, ("", "1000"))
        order: Order = orders()[0]
        assert order.ship_to is not None, "the examples of our contract are delivered"
        return msgspec.structs.replace(
            order.ship_to,
            name="Zebulon Quartermaine",
            company="Quartermaine & Sons",
            phone="+1 502 555 0199",
            lines=("123 Shipping Street",),
            city="Shippington",
            region=region,
            postal_code=postal_code,
            country=country,
        )


async def _fails(asked: Awaitable[object]) -> bool:
    try:
        await asked
    except PartnerError:
        return True
    return False
