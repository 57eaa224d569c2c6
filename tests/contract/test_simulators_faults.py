"""Each fault knob does what it says, and the ledger tells afterwards what had really happened."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path

import aiohttp
import aiosmtplib
import pytest

from tests.contract.simulated import (
    BEARER,
    ORDERS,
    ROOT,
    Client,
    Running,
    calling,
    listening,
    sales_order,
    started,
    task,
)
from tests.waiting import eventually

ORDER = "gid://shopify/Order/5000000001001"
CHUNKED = b'11\r\n{"partner":"erp"}\r\n0\r\n\r\n'
FULFIL = (
    "mutation($f: FulfillmentInput!) { fulfillmentCreate(fulfillment: $f) { fulfillment { id } } }"
)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started("--seed", "7") as found:
        yield found


@pytest.fixture
async def sim(running: Running) -> AsyncIterator[Client]:
    async with calling(running) as client:
        yield client


async def test_a_label_is_bought_although_no_answer_comes(sim: Client) -> None:
    """`act_no_answer_rate`: the client times out, the label is bought and can be recovered."""
    await sim.fault("carrier", "ship", act_no_answer_rate=1)
    with pytest.raises(TimeoutError):
        await sim.ship("R-1", seconds=0.3)
    assert [entry["reference"] for entry in await sim.ledger("label")] == ["R-1"]
    assert (await sim.recover("R-1")).status == 200


async def test_an_error_may_come_after_the_deed(sim: Client) -> None:
    """`error_after_acting_rate`: the answer is a 500, the order exists."""
    await sim.fault("erp", "create_order", error_after_acting_rate=1)
    assert (await sim.call("POST", ORDERS, sales_order("R-2"), BEARER)).status == 500
    assert len(await sim.ledger("erp_order")) == 1


@pytest.mark.parametrize("knob", ["error_rate", "refuse_rate", "rate_limited_rate", "down"])
async def test_other_failures_do_nothing(sim: Client, knob: str) -> None:
    """A plain error, a refusal, a rate limit and a dead partner leave nothing in the ledger."""
    await sim.fault("carrier", knobs={knob: True if knob == "down" else 1})
    if knob == "down":
        with pytest.raises(aiohttp.ClientError):
            await sim.ship("R-3")
    else:
        expected = {"error_rate": 500, "refuse_rate": 400, "rate_limited_rate": 429}
        assert (await sim.ship("R-3")).status == expected[knob]
    assert await sim.ledger() == []
    await sim.call("DELETE", "/_sim/faults")
    assert (await sim.ship("R-3")).status == 200


async def test_a_partner_can_be_down_with_a_503(sim: Client) -> None:
    """`down: "503"` answers instead of hanging up."""
    await sim.fault("warehouse", down="503")
    headers = {**BEARER, "Idempotency-Key": "k"}
    assert (await sim.call("POST", "/warehouse/v2/tasks", task("R"), headers)).status == 503


async def test_retry_after_comes_in_both_formats(sim: Client) -> None:
    """A rate limit says how long to wait, in seconds or as a date."""
    await sim.fault("erp", rate_limited_rate=1, retry_after_seconds=7)
    answer = await sim.call("POST", ORDERS, sales_order("R"), BEARER)
    assert (answer.status, answer.headers["retry-after"]) == (429, "7")
    await sim.fault("erp", rate_limited_rate=1, retry_after="date", retry_after_seconds=60)
    answer = await sim.call("POST", ORDERS, sales_order("R"), BEARER)
    left = parsedate_to_datetime(answer.headers["retry-after"]) - datetime.now(UTC)
    assert 50 < left.total_seconds() <= 60


async def test_shopify_throttles_with_a_success_status(sim: Client) -> None:
    """A throttled GraphQL call is a 200 whose body says THROTTLED, without Retry-After."""
    await sim.fault("storefront", rate_limited_rate=1)
    answer = await sim.graphql("query($id: ID!) { order(id: $id) { id } }", id=ORDER)
    assert answer.status == 200
    assert answer.json["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert "retry-after" not in answer.headers


async def test_rubbish_is_a_page_or_a_torn_answer(sim: Client) -> None:
    """`rubbish_rate`: HTML where nothing happened, or a torn answer where it did."""
    await sim.fault("carrier", "ship", rubbish_rate=1)
    answers = [await sim.ship(f"R-{number}") for number in range(20)]
    assert {answer.status for answer in answers} == {200}
    pages = [answer for answer in answers if "<html>" in answer.text]
    for answer in answers:
        with pytest.raises(json.JSONDecodeError):
            json.loads(answer.text)
    assert 0 < len(pages) < 20
    assert len(await sim.ledger("label")) == 20 - len(pages)


@pytest.mark.parametrize("partner", ["erp", "warehouse", "carrier", "storefront"])
async def test_an_expired_credential_is_a_401(sim: Client, partner: str) -> None:
    """`unauthorized` answers 401 in each partner's shape."""
    await sim.fault(partner, unauthorized=True)
    answers = {
        "erp": lambda: sim.call("POST", ORDERS, sales_order("R"), BEARER),
        "warehouse": lambda: sim.call("GET", "/warehouse/v2/tasks?reference=R", None, BEARER),
        "carrier": lambda: sim.ship("R"),
        "storefront": lambda: sim.graphql("query($id: ID!) { order(id: $id) { id } }", id=ORDER),
    }
    assert (await answers[partner]()).status == 401


async def test_idempotency_can_be_forgotten(sim: Client) -> None:
    """`ignore_idempotency`: one key makes two tasks, a closed order gets a second fulfilment."""
    await sim.fault("warehouse", ignore_idempotency=True)
    await sim.fault("storefront", ignore_idempotency=True)
    headers = {**BEARER, "Idempotency-Key": "same"}
    fulfilment_order = "gid://shopify/FulfillmentOrder/6000000001001"
    fulfilment = {"lineItemsByFulfillmentOrder": [{"fulfillmentOrderId": fulfilment_order}]}
    for _ in range(2):
        answer = await sim.call("POST", "/warehouse/v2/tasks", task("R4"), headers)
        assert answer.status == 201
        await sim.graphql(FULFIL, f=fulfilment)
    summary = (await sim.call("GET", "/_sim/ledger/summary")).json
    assert [(one["kind"], one["reference"], one["count"]) for one in summary["duplicates"]] == [
        ("warehouse_task", "R4", 2),
        ("fulfilment", ORDER, 2),
    ]
    found = await sim.call("GET", "/warehouse/v2/tasks?reference=R4", None, BEARER)
    assert len(found.json["tasks"]) == 2


@pytest.mark.parametrize(
    "latency",
    [
        {"distribution": "fixed", "mean": 80},
        {"distribution": "uniform", "mean": 120, "spread": 40},
        {"distribution": "lognormal", "mean": 200, "spread": 0.1},
    ],
)
async def test_answers_take_as_long_as_asked(sim: Client, latency: dict[str, object]) -> None:
    """`latency_ms` delays the answer; what was asked for is done at once."""
    await sim.fault("carrier", latency_ms=latency)
    started_at = time.perf_counter()
    assert (await sim.ship("R-5")).status == 200
    assert 0.07 < time.perf_counter() - started_at < 3


async def test_the_same_seed_suffers_the_same_faults(sim: Client) -> None:
    """Draws depend on seed, partner and operation only, and start again after a clearing."""
    runs = []
    for _ in range(2):
        await sim.call("DELETE", "/_sim/faults")
        await sim.fault("carrier", "ship", error_rate=0.5)
        runs.append([(await sim.ship("R")).status for _ in range(24)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 500}


async def test_knobs_expire_by_themselves(sim: Client) -> None:
    """With `seconds` a partner recovers without being told."""
    await sim.fault("carrier", error_rate=1, seconds=0.2)
    assert (await sim.ship("R")).status == 500

    async def well() -> bool:
        return (await sim.ship("R")).status == 200

    await eventually(well)
    assert (await sim.call("GET", "/_sim/faults")).json == {"faults": []}


async def test_one_answer_can_be_dropped(sim: Client) -> None:
    """With `times` the knobs strike so often, and then the partner is well."""
    await sim.fault("carrier", "ship", act_no_answer_rate=1, times=1)
    assert (await sim.call("GET", "/_sim/faults")).json["faults"][0]["times_left"] == 1
    with pytest.raises(TimeoutError):
        await sim.ship("R-T", seconds=0.3)
    assert (await sim.ship("R-T")).status == 200
    assert (await sim.call("GET", "/_sim/faults")).json == {"faults": []}
    assert [one["reference"] for one in await sim.ledger("label")] == ["R-T", "R-T"]


async def test_an_operations_knobs_hide_its_partners(sim: Client) -> None:
    """What is set for one operation holds there; `*` holds for the others."""
    await sim.fault("carrier", error_rate=1)
    await sim.fault("carrier", "ship")
    assert (await sim.ship("R")).status == 200
    assert (await sim.recover("R")).status == 500


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({"partner": "bank"}, "`partner` must be one of"),
        ({"partner": "erp", "operation": "ship"}, "`operation` must be one of"),
        ({"partner": "erp", "error_rate": 1.5}, "`error_rate` must be a number from 0 to 1"),
        ({"partner": "erp", "eror_rate": 1}, "There is no knob named eror_rate"),
        (
            {"partner": "erp", "latency_ms": {"distribution": "odd"}},
            "`distribution` must be one of",
        ),
        ({"partner": "erp", "down": 1}, "`down` must be"),
    ],
)
async def test_a_misspelt_knob_is_refused(
    sim: Client, knobs: dict[str, object], words: str
) -> None:
    """A knob that would test nothing is a 400 which says what was expected."""
    answer = await sim.call("POST", "/_sim/faults", knobs)
    assert answer.status == 400
    assert words in answer.json["error"]


async def test_news_are_doubled_malformed_or_lost_and_come_at_last(sim: Client) -> None:
    """A warehouse's callback faults end in the same news being delivered once it is well again."""
    await sim.fault("warehouse", "callback", error_after_acting_rate=0.3, rubbish_rate=0.3)
    async with listening() as listener:
        for number in range(12):
            headers = {**BEARER, "Idempotency-Key": f"news-{number}"}
            body = task(f"N{number}", listener.url)
            await sim.call("POST", "/warehouse/v2/tasks", body, headers)
        references: set[str] = set()
        seen = 0
        while len(references) < 12:
            await listener.wait_for(seen + 1)
            _, body_ = listener.got[seen]
            seen += 1
            if body_.endswith(b"}"):
                references.add(json.loads(body_)["reference"])

        async def repeated() -> bool:
            told = (await sim.call("GET", "/_sim/health")).json["callbacks"]
            return bool(told["attempts"] > 12)

        await eventually(repeated)


async def test_news_wait_for_a_listener_that_was_away(sim: Client) -> None:
    """Callbacks to a closed port are kept and delivered when somebody listens there again."""
    async with listening() as listener:
        url = listener.url
    headers = {**BEARER, "Idempotency-Key": "away"}
    await sim.call("POST", "/warehouse/v2/tasks", task("R6", url), headers)
    before = (await sim.call("GET", "/_sim/health")).json["callbacks"]["attempts"]

    async def tried() -> bool:
        now = (await sim.call("GET", "/_sim/health")).json["callbacks"]
        assert now["given_up"] == 0
        return bool(now["attempts"] > before)

    await eventually(tried)
    async with listening(int(url.split(":")[2].split("/")[0])) as listener:
        await listener.wait_for(1)
        assert json.loads(listener.got[0][1])["reference"] == "R6"


@pytest.mark.parametrize(
    ("knobs", "code"),
    [
        ({"error_rate": 1}, 451),
        ({"refuse_rate": 1}, 550),
        ({"rate_limited_rate": 1}, 450),
        ({"error_after_acting_rate": 1}, 451),
    ],
)
async def test_mail_fails_as_mail_does(
    sim: Client, running: Running, knobs: dict[str, float], code: int
) -> None:
    """SMTP knobs answer in SMTP codes; only a deed before the error is in the ledger."""
    await sim.fault("mail", knobs=knobs)
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@a.example", "b@b.example", "s"
    mail["X-Orderwright-Reference"] = "R-7"
    with pytest.raises(aiosmtplib.SMTPDataError) as refused:
        await aiosmtplib.send(mail, hostname="127.0.0.1", port=running.smtp_port, start_tls=False)
    assert refused.value.code == code
    assert len(await sim.ledger("mail")) == ("error_after_acting_rate" in knobs)


async def test_the_ledger_is_read_in_bounded_pages(sim: Client) -> None:
    """`after` and `limit` page through it in order; `next` is null at the end."""
    for number in range(5):
        await sim.ship(f"P-{number}")
    first = (await sim.call("GET", "/_sim/ledger?kind=label&limit=3")).json
    assert [entry["reference"] for entry in first["entries"]] == ["P-0", "P-1", "P-2"]
    rest = (await sim.call("GET", f"/_sim/ledger?kind=label&limit=3&after={first['next']}")).json
    assert [entry["reference"] for entry in rest["entries"]] == ["P-3", "P-4"]
    assert rest["next"] is None
    assert (await sim.call("GET", "/_sim/ledger?kind=odd")).status == 400


async def test_a_ledger_file_outlives_the_process(tmp_path: Path) -> None:
    """What was written down before kill -9 is there after the next start, and counts go on."""
    file = tmp_path / "ledger.jsonl"
    with started("--ledger", str(file)) as running:
        async with calling(running) as sim:
            await sim.ship("R-8")
            os.kill(running.pid, signal.SIGKILL)
    with started("--ledger", str(file)) as running:
        async with aiohttp.ClientSession() as session:
            sim = Client(session, running.http)
            await sim.ship("R-8")
            summary = (await sim.call("GET", "/_sim/ledger/summary")).json
            assert summary["counts"]["label"] == 2
            assert summary["duplicates"][0]["reference"] == "R-8"


async def test_bad_http_is_answered_or_hung_up_on(running: Running) -> None:
    """Bytes that are not HTTP, or too large, don't disturb the server."""
    host, _, port = running.http.removeprefix("http://").partition(":")
    for raw, status in [
        (b"nonsense\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b"413"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (b"GET /nobody HTTP/1.1\r\nConnection: close\r\n\r\n", b"404"),
        (
            b"POST /_sim/faults HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED,
            b"200",
        ),
    ]:
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(raw)
        line = await asyncio.wait_for(reader.readline(), 20)
        assert line.split()[1] == status, raw
        writer.close()
        await writer.wait_closed()


def test_the_simulators_end_with_their_parent() -> None:
    """When the process that started them is killed, they end too, without being told."""
    script = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-m', 'ops.simulators', '--ready-file', '-'],"
        " stdout=subprocess.PIPE, text=True)\n"
        "print(child.stdout.readline().strip(), flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        child = json.loads(parent.stdout.readline())["pid"]
        watched = os.pidfd_open(child)
        try:
            parent.kill()
            # The child is not ours to wait for, so its end is watched.
            ready, _, _ = select.select([watched], [], [], 5.0)
            assert ready
        finally:
            os.close(watched)
