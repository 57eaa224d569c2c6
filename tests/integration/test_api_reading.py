"""What the API shows, and to whom: keys, channels, pages and schemas."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import aiohttp
import pytest

from actors.runtime.ports import Document
from adapters.postgres.idempotency import ABANDONED, RETENTION
from adapters.postgres.keys import REMEMBERED_SECONDS, ApiKeys, KeyRefused
from tests.integration.api import NOW, Api, api, headers, put_order, sign
from tests.integration.test_edge import http, problem
from tests.order_streams import L1, Stream, split

__all__ = ["api", "http"]


async def test_a_revoked_key_ends_everywhere_in_half_a_minute(api: Api) -> None:
    """The revoking process refuses at once, another one as soon as it has forgotten the key."""
    other = ApiKeys(api.pool, monotonic=api.ticking)
    found = await other.verify(api.token, now=NOW)
    assert found is not None
    assert await api.keys.revoke(api.key_id, now=NOW)
    assert await api.keys.verify(api.token, now=NOW) is None
    assert await other.verify(api.token, now=NOW) is not None
    api.ticking.seconds += REMEMBERED_SECONDS + 1
    assert await other.verify(api.token, now=NOW) is None
    assert not await api.keys.revoke("000000000000", now=NOW)


async def test_keys_keep_no_secret_and_their_last_use(api: Api) -> None:
    """The database holds a digest, the list shows the last use, and senseless keys aren't made."""
    secret = api.token.rpartition("_")[2]
    rows = await api.pool.fetch("SELECT api_keys::text AS whole FROM api_keys")
    assert all(secret not in row["whole"] for row in rows)
    await api.keys.verify(api.token, now=NOW + timedelta(minutes=5))
    (key,) = await api.keys.list_keys()
    assert key.last_used_at == NOW + timedelta(minutes=5)
    with pytest.raises(KeyRefused, match="orders:everything"):
        await api.keys.create("x", ["orders:everything"], ["acme-us"], now=NOW)
    with pytest.raises(KeyRefused, match="channels"):
        await api.keys.create("x", ["orders:read"], [], now=NOW)


async def test_abandoned_and_old_requests_are_taken_over(api: Api) -> None:
    """A request that died under way is taken over after 30 s, any record after a day."""
    one, two = hashlib.sha256(b"1").digest(), hashlib.sha256(b"2").digest()
    kinds = [
        (await api.repeats.begin("k", "key", digest, now=NOW + later)).kind
        for digest, later in (
            (one, timedelta()),
            (one, ABANDONED / 2),
            (two, 2 * ABANDONED),
            (one, 2 * ABANDONED),
            (two, 2 * RETENTION),
        )
    ]
    assert kinds == ["new", "under_way", "other", "new", "new"]
    await api.repeats.finish("k", "key", two, status=202, body=b"{}")
    done = await api.repeats.begin("k", "key", two, now=NOW + 2 * RETENTION)
    assert (done.kind, done.status, done.body) == ("done", 202, b"{}")
    await api.repeats.begin("k", "another key", one, now=NOW + 2 * RETENTION)
    later = NOW + 4 * RETENTION
    assert [await api.repeats.purge(now=later, most=1) for _ in range(3)] == [1, 1, 0]


async def test_orders_are_found_by_every_name(api: Api, http: aiohttp.ClientSession) -> None:
    """By order id, signed reference, number and the channel's reference; not another shop's."""
    order_id = await put_order(api, "1042", "acme-us")
    await put_order(api, "1042", "beta-eu")
    foreign = await put_order(api, "7", "beta-eu")
    for name in (order_id, sign(order_id), "1042", "ref-acme-us-1042"):
        async with http.get(
            f"{api.base}/api/v1/orders/{name}", headers=headers(api.token)
        ) as answer:
            assert answer.status == 200
            assert answer.headers["ETag"] == f'"{order_id}-1"'
            assert (await answer.json())["row"]["order_id"] == order_id
    forged = sign(order_id)[:-1] + ("0" if sign(order_id)[-1] != "0" else "1")
    for name in (foreign, sign(foreign), forged, "7", "none", "x" * 150):
        async with http.get(
            f"{api.base}/api/v1/orders/{name}", headers=headers(api.token)
        ) as answer:
            assert answer.status == 404
            await problem(answer)
    url = f"{api.base}/api/v1/orders/{order_id}/timeline"
    async with http.get(url, headers=headers(api.token)) as answer:
        assert (await answer.json())["order_id"] == order_id


async def test_a_number_of_several_shops_is_asked_for(
    api: Api, http: aiohttp.ClientSession
) -> None:
    """A key that serves both shops gets 409 with both orders named; each is found by its id."""
    ours = await put_order(api, "1042", "acme-us")
    theirs = await put_order(api, "1042", "beta-eu")
    both = await api.key("orders:read", channels=("acme-us", "beta-eu"))
    async with http.get(f"{api.base}/api/v1/orders/1042", headers=headers(both)) as answer:
        assert answer.status == 409
        told = await problem(answer)
    assert ours in str(told["detail"])
    assert theirs in str(told["detail"])
    candidates = [
        {"order_id": ours, "channel": "acme-us", "number": "1042"},
        {"order_id": theirs, "channel": "beta-eu", "number": "1042"},
    ]
    assert told["orders"] in (candidates, candidates[::-1])
    for channel, status in (("beta-eu", 200), ("acme-us", 200), ("gamma", 409)):
        there = f"{api.base}/api/v1/orders/1042?channel={channel}"
        async with http.get(there, headers=headers(both)) as answer:
            assert answer.status == status
            if status == 200:
                assert (await answer.json())["row"]["channel"] == channel
    wrong = f"{api.base}/api/v1/orders/{theirs}?channel=acme-us"
    async with http.get(wrong, headers=headers(both)) as answer:
        assert answer.status == 404
    async with http.get(f"{api.base}/api/v1/orders/{theirs}", headers=headers(both)) as answer:
        assert (await answer.json())["row"]["channel"] == "beta-eu"


async def test_an_order_is_shown_with_its_parts(api: Api, http: aiohttp.ClientSession) -> None:
    """Lines with their ledger, fulfilments, parcels and labels; a file by its name."""
    stream = Stream()
    file = Document(name="label-L1-K1", key=L1, content_type="image/png", content=b"png")
    await api.tell(stream.tell(*split(stream), documents=(file,)))
    url = f"{api.base}/api/v1/orders/{stream.order_id}"
    async with http.get(url, headers=headers(api.token)) as answer:
        view = await answer.json()
    assert [one["key"] for one in view["fulfilments"]] == ["F1", "F2"]
    assert view["parcels"][0]["tracking_number"] == "1Z1"
    assert view["lines"][0]["accounts"] == {"ordered": 2, "allocated": 2}
    assert view["files"] == [{"name": file.name, "key": "L1", "content_type": "image/png"}]
    async with http.get(f"{url}/files/{file.name}", headers=headers(api.token)) as answer:
        assert await answer.read() == file.content


async def test_lists_come_in_pages_of_ones_own_channels(
    api: Api, http: aiohttp.ClientSession
) -> None:
    """Pages follow one another by `next`; other channels don't show; nonsense is 400."""
    for number in range(5):
        await put_order(api, str(number), "acme-us")
        await put_order(api, str(number), "beta-eu")
    seen: list[str] = []
    following = "/api/v1/orders?limit=2"
    while following:
        async with http.get(api.base + following, headers=headers(api.token)) as answer:
            page = await answer.json()
        assert len(page["orders"]) <= 2
        assert {row["channel"] for row in page["orders"]} <= {"acme-us"}
        seen += [row["number"] for row in page["orders"]]
        following = page["next"]
    assert sorted(seen) == ["0", "1", "2", "3", "4"]
    everything = await api.key("orders:read", channels=("*",))
    async with http.get(f"{api.base}/api/v1/orders", headers=headers(everything)) as answer:
        assert len((await answer.json())["orders"]) == 10
    for query in (
        *("limit=0", "limit=9999", "limit=x", "cursor=x", "channel=beta-eu"),
        *("stage=shipped", "progress=open", "stage=%00"),
    ):
        async with http.get(
            f"{api.base}/api/v1/orders?{query}", headers=headers(api.token)
        ) as answer:
            assert answer.status == 400
            await problem(answer)


async def test_schemas_are_published(api: Api, http: aiohttp.ClientSession) -> None:
    """Anybody may read the published schemas, and asks for them again only when they change."""
    async with http.get(f"{api.base}/schemas") as answer:
        assert "order.v1" in (await answer.json())["schemas"]
    async with http.get(f"{api.base}/schemas/order.v1.json") as answer:
        assert answer.status == 200
        assert (await answer.json(content_type=None))["$id"].endswith("order.v1")
        tag = answer.headers["ETag"]
    async with http.get(f"{api.base}/schemas/order.v1", headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304
    async with http.get(f"{api.base}/schemas/..%2F..%2Fids.py") as answer:
        assert answer.status == 404


async def test_without_its_database_the_api_says_when_to_return(
    api: Api, http: aiohttp.ClientSession
) -> None:
    """A closed pool stands for a database that is away: 503 with Retry-After, in words."""
    await api.pool.close()
    async with http.get(f"{api.base}/api/v1/orders", headers=headers(api.token)) as answer:
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert "database" in str((await problem(answer))["detail"])
