"""A warehouse fetches the labels of its task by the link of its contract."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import aiohttp

from actors.runtime.ports import Document
from schemas.messages import events as e
from schemas.order.ids import OrderId
from schemas.order.label_links import VALID_FOR, label_token
from schemas.order.things import Key
from service.app.clock import SystemClock
from service.orders.labels import RETRY_SECONDS
from tests.integration.api import SIGNING, Api, api
from tests.integration.test_edge import http, problem
from tests.order_streams import F1, F2, K1, K2, L1, Stream, labelled, packed, split, wanted

__all__ = ["api", "http"]

L2 = Key("L2")


def label(name: str, content: bytes) -> Document:
    """A label's image, as the carrier sold it."""
    return Document(name=name, key=L1, content_type="image/png", content=content)


def link(api: Api, order_id: OrderId, key: Key = F1, *, age: timedelta = timedelta()) -> str:
    """A link as the task's warehouse got it."""
    made = SystemClock().now() - age
    return f"{api.base}/labels/{label_token(order_id, key, key_id='1', key=SIGNING['1'], now=made)}"


async def fetched(http: aiohttp.ClientSession, url: str) -> tuple[dict[str, Any], str]:
    """What a link answers, and when to ask again."""
    async with http.get(url) as answer:
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == "no-store"
        return await answer.json(), answer.headers.get("Retry-After", "")


async def test_labels_come_as_they_are_bought(api: Api, http: aiohttp.ClientSession) -> None:
    """Nothing at first, with when to ask again; then one of two, then all of them, each under the
    warehouse's own parcel id."""
    stream = Stream()
    before = split(stream)[:7]
    await api.tell(stream.tell(*before))
    url = link(api, stream.order_id)
    assert await fetched(http, url) == ({"complete": False, "labels": []}, str(RETRY_SECONDS))
    first = (wanted(L1, F1, K1), labelled(L1, K1, "1Z1"))
    await api.tell(stream.tell(*first, documents=(label("label-L1-K1", b"one"),)))
    told, again = await fetched(http, url)
    assert again == ""
    assert told == {
        "complete": True,
        "labels": [
            {
                "parcel_id": "p1",
                "carrier": "UPS",
                "tracking_number": "1Z1",
                "media_type": "image/png",
                "document": base64.b64encode(b"one").decode(),
            }
        ],
    }
    await api.tell(stream.tell(packed(F1, K2, (0, 1)), wanted(L2, F1, K2)))
    told, _ = await fetched(http, url)
    assert (told["complete"], len(told["labels"])) == (False, 1)
    second = labelled(L2, K2, "1Z2")
    await api.tell(stream.tell(second, documents=(label("label-L2-K2", b"two"),)))
    told, _ = await fetched(http, url)
    assert told["complete"] is True
    assert [one["parcel_id"] for one in told["labels"]] == ["p1", "p2"]


async def test_a_label_that_was_bought_again_takes_the_first_ones_place(
    api: Api, http: aiohttp.ClientSession
) -> None:
    """A label that is to be voided is not given out, nor once it is voided: its successor is."""
    stream = Stream()
    await api.tell(stream.tell(*split(stream), documents=(label("label-L1-K1", b"old"),)))
    url = link(api, stream.order_id)
    await api.tell(stream.tell(e.LabelStopped(rule="stop", key=L1, why="the address changed")))
    assert (await fetched(http, url))[0]["labels"] == []
    voided = e.LabelVoided(rule="void", key=L1)
    bought = labelled(L2, K1, "1Z9")
    files = (label("label-L2-K1", b"new"),)
    await api.tell(stream.tell(voided, wanted(L2, F1, K1), bought, documents=files))
    told, _ = await fetched(http, url)
    assert [one["tracking_number"] for one in told["labels"]] == ["1Z9"]


async def test_links_are_refused_in_words(api: Api, http: aiohttp.ClientSession) -> None:
    """An old link is 403; a wrong one, one of an unknown order or fulfilment, and one whose task is
    cancelled are 404; another task's labels are not given out."""
    stream = Stream()
    await api.tell(stream.tell(*split(stream), documents=(label("label-L1-K1", b"one"),)))
    good = link(api, stream.order_id)
    cases = (
        (link(api, stream.order_id, age=VALID_FOR + timedelta(seconds=1)), 403),
        (good[:-1] + ("A" if good[-1] != "A" else "B"), 404),
        (f"{api.base}/labels/{'x' * 150}", 404),
        (link(api, OrderId("0" * 19)), 404),
        (link(api, stream.order_id, Key("F9")), 404),
    )
    for url, status in cases:
        async with http.get(url) as answer:
            assert answer.status == status
            await problem(answer)
    assert (await fetched(http, link(api, stream.order_id, F2)))[0]["labels"] == []
    await api.tell(stream.tell(e.Stopped(rule="stop", key=F1, why="cancelled")))
    async with http.get(good) as answer:
        assert answer.status == 404
