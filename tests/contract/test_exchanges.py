"""What adapters and partners said is recorded whole, bounded, and without secrets."""

from __future__ import annotations

import json

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from actors.runtime.errors import PartnerError, Rejected, Retryable, Unknown
from adapters.kit.exchanges import (
    MAX_BODY_BYTES,
    Exchange,
    ExchangePolicy,
    redacted,
    shown_url,
)
from adapters.kit.http_client import HttpClient, open_session
from schemas.messages.effects import CreateTask, PostSalesOrder
from schemas.order.ids import OrderId, order_id_for
from tests.contract.partner_calls import (
    NOON,
    TestClock,
    a_call,
    all_units,
    business_central,
    stubbed,
    warehouse,
)

CREATE = CreateTask(place="main", units=all_units())


class Kept:
    """Exchanges kept in a list; `wanted` says whether any is."""

    def __init__(self, *, wanted: bool = True) -> None:
        self.all: list[Exchange] = []
        self._wanted = wanted

    def wants(self, order_id: OrderId, status: int) -> bool:
        return self._wanted

    def record(self, exchange: Exchange) -> None:
        self.all.append(exchange)


def recording(session: aiohttp.ClientSession, kept: Kept) -> HttpClient:
    """A client that records."""
    return HttpClient(session, TestClock(), exchanges=kept)


async def test_an_exchange_is_recorded_as_it_was() -> None:
    """Whose it is, what was asked and answered, and how long it took; tokens are not exchanges."""
    kept, call = Kept(), a_call(PostSalesOrder(units=all_units()), number=7)
    made = {"id": "b6f4", "number": "101005"}
    async with open_session() as session, stubbed(web.json_response(made, status=201)) as stub:
        await business_central(recording(session, kept), stub.url).perform(call)
    (items, one) = kept.all
    assert (items.method, "/items?" in items.url) == ("GET", True)
    assert (one.order_id, one.key, one.effect) == (call.order_id, "D1", 7)
    assert (one.partner, one.method, one.status) == ("business_central", "POST", 201)
    assert one.url.endswith("/companies(3e5f)/salesOrders")
    assert (one.at, one.error) == (NOON, "")
    assert json.loads(one.request)["externalDocumentNumber"] == "ACME-US #1042"
    assert json.loads(one.response) == made
    assert "secret" not in repr(one)


@pytest.mark.parametrize(("status", "error"), [(422, Rejected), (500, Unknown), (429, Retryable)])
async def test_failures_are_recorded_too(status: int, error: type[PartnerError]) -> None:
    """With the status, the partner's words and ours, whatever was raised."""
    kept = Kept()
    answer = web.json_response({"error": {"message": "No."}}, status=status)
    async with open_session() as session, stubbed(answer) as stub:
        with pytest.raises(error):
            await warehouse(recording(session, kept), stub.url).perform(a_call(CREATE))
    (one,) = kept.all
    assert one.status == status
    assert json.loads(one.response) == {"error": {"message": "No."}}
    assert bool(one.error) == (status != 422)


async def test_no_answer_and_no_wish() -> None:
    """An answer that never came has status 0 and says why; what isn't wanted is not recorded."""
    kept, none = Kept(), Kept(wanted=False)
    async with open_session() as session:
        for exchanges in (kept, none):
            partner = warehouse(recording(session, exchanges), "http://127.0.0.1:1")
            with pytest.raises(Retryable):
                await partner.perform(a_call(CREATE))
    assert kept.all[0].status == 0
    assert "can't be reached" in kept.all[0].error
    assert none.all == []


async def test_a_link_of_labels_is_a_secret() -> None:
    """Whoever has it may read labels, so the record has not."""
    kept = Kept()
    task = web.json_response({"task_id": "WT-1"}, status=201)
    async with open_session() as session, stubbed(task) as stub:
        partner = warehouse(recording(session, kept), stub.url, own_url="http://us.example")
        await partner.perform(a_call(CREATE))
    assert json.loads(kept.all[0].request)["label_url"] == "(redacted)"


def test_secrets_and_images_are_taken_out() -> None:
    """By the names of their fields, in any case and with any escapes; an image leaves its size."""
    body = {
        "access_token": 'a"b',
        "Password": "hunter2",
        "deep": {"client_secret": "s", "name": "Jane"},
        "GraphicImage": "A" * 5_000,
    }
    told = json.loads(redacted(json.dumps(body).encode()))
    assert told == {
        "access_token": "(redacted)",
        "Password": "(redacted)",
        "deep": {"client_secret": "(redacted)", "name": "Jane"},
        "GraphicImage": "(5,000 characters)",
    }
    assert redacted(None) == redacted(b"") == b""
    url = URL("http://me:pass@x.example/a?token=t&place=main")
    assert shown_url(url) == "http://x.example/a?token=(redacted)&place=main"


@given(st.binary(max_size=20_000), st.text(alphabet="ab\\\"'{}:, ", max_size=50))
def test_a_record_is_bounded(body: bytes, secret: str) -> None:
    """Whatever is sent, a record has its bound, and no secret of a whole field."""
    assert len(redacted(body)) <= MAX_BODY_BYTES
    found = redacted(json.dumps({"token": f"S3CRET{secret}"}).encode())
    assert b"S3CRET" not in found


def test_a_large_body_ends_in_its_size() -> None:
    """What was cut says so."""
    told = redacted(b'{"a":"' + b"word " * 100_000 + b'"}')
    assert len(told) == MAX_BODY_BYTES
    assert told.endswith(b"(cut; 500,008 bytes)")


def test_which_exchanges_are_kept() -> None:
    """All, failures alone or none; sampling takes whole orders, and every failure."""
    ids = [order_id_for("acme-us", str(number)) for number in range(2_000)]
    assert all(ExchangePolicy().wants(one, 200) for one in ids)
    assert not any(ExchangePolicy(keep="failed").wants(one, 200) for one in ids)
    failed = ExchangePolicy(keep="failed")
    assert all(failed.wants(one, status) for one in ids for status in (0, 500))
    assert not any(ExchangePolicy(keep="none").wants(one, 500) for one in ids)
    some = ExchangePolicy(sample=0.25)
    assert 400 < sum(some.wants(one, 200) for one in ids) < 600
    assert all(some.wants(one, 404) for one in ids)
