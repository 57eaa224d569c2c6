"""Every adapter tells the same truth about the same failure (hazards 22 to 30)."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from actors.runtime.errors import Rejected, Retryable, Unauthorised, Unknown
from actors.runtime.partner import Partner
from adapters.kit.http_client import HttpClient
from schemas.messages.effects import (
    BuyLabel,
    CreateTask,
    Effect,
    LabelBought,
    PackedParcel,
    PostSalesOrder,
    SalesOrderPosted,
    TaskCreated,
)
from schemas.order.things import Key
from tests.contract import partner_calls
from tests.contract.partner_calls import TestClock, a_call, all_units, http_client
from tests.contract.simulated import Client, Running, started
from tests.orders import an_order

Maker = Callable[..., Partner]
PARCEL = PackedParcel(
    parcel=Key("K1"), units=all_units(), weight_grams=900, length_mm=300, width_mm=200,
    height_mm=100,
)  # fmt: skip
BUY = BuyLabel(fulfilment=Key("F1"), place="main", parcels=(PARCEL,))


@dataclass(frozen=True)
class Case:
    """A writing effect, the knob's names for it, and what it leaves in the ledger."""

    make: Maker
    effect: Effect
    partner: str
    operation: str
    kind: str
    result: type


CASES = [
    Case(
        partner_calls.business_central,
        PostSalesOrder(units=all_units()),
        "erp",
        "create_order",
        "erp_order",
        SalesOrderPosted,
    ),
    Case(
        partner_calls.warehouse,
        CreateTask(place="main", units=all_units()),
        "warehouse",
        "create_task",
        "warehouse_task",
        TaskCreated,
    ),
    Case(partner_calls.ups, BUY, "carrier", "ship", "label", LabelBought),
    Case(partner_calls.fedex, BUY, "fedex", "ship", "label", LabelBought),
]
every_adapter = pytest.mark.parametrize("case", CASES, ids=lambda case: case.partner)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started("--callbacks", "") as found:
        yield found


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    """A client whose clock is the simulators': FedEx searches by days."""
    async with http_client(TestClock(noon=datetime.now(UTC))) as found:
        yield found


def fresh(number: int) -> str:
    """An order's reference that no other test uses."""
    return str(900_000_000_000 + number)


def order_for(case: Case, test: int) -> dict[str, str]:
    """A different order for every test, because the simulators remember across tests."""
    return {"ref": fresh(test * 10 + CASES.index(case))}


@every_adapter
async def test_the_happy_way(
    case: Case, running: Running, simulators: Client, client: HttpClient
) -> None:
    """One call does one thing, and a look-up finds it again."""
    partner = case.make(client, running.http)
    call = a_call(case.effect, an_order(**order_for(case, 1)))
    assert await partner.look_up(call) is None
    result = await partner.perform(call)
    assert isinstance(result, case.result)
    found = await partner.look_up(call)
    assert type(found) is type(result)
    entries = await simulators.ledger(case.kind)
    assert len(entries) == 1
    assert call.reference.startswith(entries[0]["reference"])


@every_adapter
@pytest.mark.parametrize("fault", ["act_no_answer_rate", "error_after_acting_rate"])
async def test_acted_without_saying_so(
    case: Case, fault: str, running: Running, simulators: Client, client: HttpClient
) -> None:
    """A lost answer and a 500 after acting are Unknown, and the look-up adopts what was done."""
    partner = case.make(client, running.http, timeout_seconds=0.3)
    test = 2 if fault == "act_no_answer_rate" else 3
    call = a_call(case.effect, an_order(**order_for(case, test)))
    knobs: dict[str, object] = {fault: 1.0}
    await simulators.fault(case.partner, case.operation, None, **knobs)
    with pytest.raises(Unknown):
        await partner.perform(call)
    found = await partner.look_up(call)
    assert isinstance(found, case.result)
    assert len(await simulators.ledger(case.kind)) == 1


@every_adapter
async def test_rubbish_after_writing(
    case: Case, running: Running, simulators: Client, client: HttpClient
) -> None:
    """HTML or torn JSON with status 200 is Unknown, never a success and never a refusal."""
    partner = case.make(client, running.http)
    await simulators.fault(case.partner, case.operation, rubbish_rate=1.0)
    for test in (4, 5, 6):
        call = a_call(case.effect, an_order(**order_for(case, test)))
        with pytest.raises(Unknown):
            await partner.perform(call)


@every_adapter
@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_slow_down(
    case: Case, form: str, running: Running, simulators: Client, client: HttpClient
) -> None:
    """A 429 is Retryable, throttled, and says for how long."""
    partner = case.make(client, running.http)
    call = a_call(case.effect, an_order(**order_for(case, 7)))
    await simulators.fault(
        case.partner,
        case.operation,
        rate_limited_rate=1.0,
        retry_after=form,
        retry_after_seconds=30,
    )
    with pytest.raises(Retryable) as caught:
        await partner.perform(call)
    assert caught.value.throttled
    assert caught.value.retry_after_seconds is not None
    assert not caught.value.sick
    assert await simulators.ledger(case.kind) == []


@every_adapter
async def test_credential_refused(
    case: Case, running: Running, simulators: Client, client: HttpClient
) -> None:
    """A 401 (with a new token tried where there are tokens) pauses the partner: Unauthorised."""
    partner = case.make(client, running.http)
    call = a_call(case.effect, an_order(**order_for(case, 8)))
    await simulators.fault(case.partner, unauthorized=True)
    with pytest.raises(Unauthorised):
        await partner.perform(call)
    await simulators.fault(case.partner)
    assert isinstance(await partner.perform(call), case.result)


@every_adapter
async def test_business_refusal(
    case: Case, running: Running, simulators: Client, client: HttpClient
) -> None:
    """A refusal is Rejected with the partner's reason in a whole sentence."""
    partner = case.make(client, running.http)
    call = a_call(case.effect, an_order(**order_for(case, 9)))
    await simulators.fault(case.partner, case.operation, refuse_rate=1.0)
    with pytest.raises(Rejected) as caught:
        await partner.perform(call)
    words = str(caught.value)
    assert words.endswith(".")
    assert len(words.split()) > 5
    assert "{" not in words


@every_adapter
async def test_hung_up(
    case: Case, running: Running, simulators: Client, client: HttpClient
) -> None:
    """A connection broken after a writing request was sent is Unknown."""
    partner = case.make(client, running.http)
    call = a_call(case.effect, an_order(**order_for(case, 10)))
    await simulators.fault(case.partner, case.operation, down="close")
    with pytest.raises(Unknown):
        await partner.perform(call)


@every_adapter
async def test_no_one_listens(case: Case, client: HttpClient) -> None:
    """A refused connection is Retryable: nothing was sent."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        partner = case.make(client, f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(Retryable) as caught:
            await partner.perform(a_call(case.effect))
    assert caught.value.sick


@every_adapter
async def test_a_look_up_that_fails(
    case: Case, running: Running, simulators: Client, client: HttpClient
) -> None:
    """A failing look-up is Retryable, whatever happened: reading changes nothing."""
    partner = case.make(client, running.http)
    call = a_call(case.effect, an_order(**order_for(case, 11)))
    for fault in ({"error_rate": 1.0}, {"down": "503"}, {"down": "close"}):
        await simulators.fault(case.partner, **fault)
        with pytest.raises(Retryable):
            await partner.look_up(call)
