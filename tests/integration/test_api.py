"""Orders and decisions through the API: once each, refused in plain words."""

from __future__ import annotations

import asyncio
import hashlib
import io

import aiohttp
import msgspec

from adapters.channels.canonical.source import Canonical
from adapters.nats.streams import ORDERS, ensure_streams
from schemas.messages import events as e
from schemas.messages.inputs import ActOnOrder, EditOrder, LineEdit
from schemas.order.ids import order_id_for, verify_reference
from schemas.order.things import ORDER
from service.app.clock import SystemClock
from service.orders.deciding import VERBS
from tests.integration.api import SIGNING, Api, api, body, headers, put_order
from tests.integration.http import MEBIBYTE
from tests.integration.test_edge import http, problem
from tests.order_streams import F1, Stream, planned
from tests.orders import an_order

__all__ = ["api", "http"]


async def test_an_order_is_accepted_once(api: Api, http: aiohttp.ClientSession) -> None:
    """202 names the order; the same request again gets the same answer and adds no message."""
    raw = body()
    url = f"{api.base}/api/v1/orders"
    async with http.post(url, data=raw, headers=headers(api.token)) as answer:
        assert answer.status == 202
        first = await answer.read()
        told = msgspec.json.decode(first)
    order_id = order_id_for("acme-us", an_order().ref)
    assert told["order_id"] == order_id
    assert verify_reference(told["reference"], SIGNING) == (order_id, ORDER)
    assert told["links"]["timeline"] == f"/api/v1/orders/{order_id}/timeline"
    async with http.post(url, data=raw, headers=headers(api.token)) as answer:
        assert answer.status == 202
        assert answer.headers["Idempotency-Replayed"] == "true"
        assert await answer.read() == first
    assert await api.stored() == [raw]


async def test_an_idempotency_key_is_needed_and_used_once(
    api: Api, http: aiohttp.ClientSession
) -> None:
    """Missing is 400, reused with another body 422, under way 409; nothing more is stored."""
    url = f"{api.base}/api/v1/orders"
    bearer = {"Authorization": f"Bearer {api.token}"}
    async with http.post(url, data=body(), headers=bearer) as answer:
        assert answer.status == 400
        assert "idempotency-key-missing" in str((await problem(answer))["type"])
    async with http.post(url, data=body(), headers=headers(api.token)) as answer:
        assert answer.status == 202
    async with http.post(url, data=body(note="gift"), headers=headers(api.token)) as answer:
        assert answer.status == 422
        assert "idempotency-key-reused" in str((await problem(answer))["type"])
    digest = hashlib.sha256(b"POST\0/api/v1/orders\0acme-us\0" + body()).digest()
    await api.repeats.begin(api.key_id, "second", digest, now=SystemClock().now())
    async with http.post(url, data=body(), headers=headers(api.token, "second")) as answer:
        assert answer.status == 409
        assert answer.headers["Retry-After"] == "1"
        await problem(answer)
    assert len(await api.stored()) == 1


async def test_idempotency_keys_of_two_principals_never_meet(
    api: Api, http: aiohttp.ClientSession
) -> None:
    """Whatever the keys look like, also like what we put together of them: each API key's request
    is one of its own, answered by itself, and is a message of its own."""
    url = f"{api.base}/api/v1/orders"
    other = await api.key("orders:write")
    other_id = other.split("_")[1]
    names = (
        "a",
        f"{api.key_id}:a",
        f"{other_id}:a",
        f"api:{api.key_id}",
        "~" * 255,
        "%00",
        "a\\0b",
    )
    orders: list[bytes] = []
    for token in (api.token, other):
        for number, name in enumerate(names):
            order = body(ref=f"{number}-{len(orders)}")
            orders.append(order)
            async with http.post(url, data=order, headers=headers(token, name)) as answer:
                assert answer.status == 202, (name, await answer.text())
                assert "Idempotency-Replayed" not in answer.headers
    # The same bytes under the same key, from the other one: it sees no answer but its own.
    async with http.post(url, data=orders[0], headers=headers(other, "new")) as answer:
        assert answer.status == 202
    async with http.post(url, data=orders[0], headers=headers(api.token, "new")) as answer:
        assert (answer.status, "Idempotency-Replayed" in answer.headers) == (202, False)
    assert await api.stored() == [*orders, orders[0], orders[0]]


async def test_twenty_repeats_at_once_are_one_message(
    api: Api, http: aiohttp.ClientSession
) -> None:
    """Of twenty equal requests at the same time one is done; the others hear 202 or 409."""

    async def send() -> int:
        async with http.post(
            f"{api.base}/api/v1/orders", data=body(), headers=headers(api.token)
        ) as answer:
            return answer.status

    statuses = await asyncio.gather(*(send() for _ in range(20)))
    assert set(statuses) <= {202, 409}
    assert 202 in statuses
    assert len(await api.stored()) == 1


async def test_a_request_that_was_not_accepted_is_tried_again(
    api: Api, http: aiohttp.ClientSession
) -> None:
    """Without its stream the API answers 503; the same key works as soon as the stream is back."""
    await api.connection.jetstream.delete_stream(ORDERS)
    url = f"{api.base}/api/v1/orders"
    async with http.post(url, data=body(), headers=headers(api.token)) as answer:
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
        await problem(answer)
    await ensure_streams(api.connection)
    async with http.post(url, data=body(), headers=headers(api.token)) as answer:
        assert answer.status == 202
    assert len(await api.stored()) == 1


async def test_what_is_wrong_with_an_order_is_said_at_once(
    api: Api, http: aiohttp.ClientSession
) -> None:
    """Broken JSON is 400, a wrong shape 422, each with sentences; nothing reaches the stream."""
    url = f"{api.base}/api/v1/orders"
    wrong = body().replace(b'"currency":"USD"', b'"currency":"usd"')
    cases = [(b"{", 400), (b'{"a":1,"a":2}', 400), (b'"\\ud800"', 400), (wrong, 422)]
    for raw, status in cases:
        async with http.post(url, data=raw, headers=headers(api.token)) as answer:
            assert answer.status == status
            told = await problem(answer)
            assert told["errors"]
    async with http.post(
        url, data=io.BytesIO(b"x" * (MEBIBYTE + 1)), headers=headers(api.token)
    ) as answer:
        assert answer.status == 413
    assert await api.stored() == []


async def test_keys_are_refused_in_words(api: Api, http: aiohttp.ClientSession) -> None:
    """No key, a wrong, altered or malformed one is 401; a missing scope or foreign channel 403."""
    url = f"{api.base}/api/v1/orders"
    altered = api.token[:-1] + ("A" if api.token[-1] != "A" else "B")
    for token in ("", "ow_000000000000_" + "x" * 43, altered, "ow_", api.token + "x"):
        async with http.post(url, data=body(), headers=headers(token)) as answer:
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            await problem(answer)
    reader = await api.key("orders:read")
    async with http.post(url, data=body(), headers=headers(reader)) as answer:
        assert answer.status == 403
        assert "orders:write" in str((await problem(answer))["detail"])
    foreign = headers(api.token, **{"X-Orderwright-Channel": "beta-eu"})
    async with http.post(url, data=body(), headers=foreign) as answer:
        assert answer.status == 403
        await problem(answer)
    both = await api.key("orders:write", channels=("acme-us", "beta-eu"))
    async with http.post(url, data=body(), headers=headers(both)) as answer:
        assert answer.status == 400
        assert "X-Orderwright-Channel" in str((await problem(answer))["detail"])
    chosen = headers(both, **{"X-Orderwright-Channel": "beta-eu"})
    async with http.post(url, data=body(), headers=chosen) as answer:
        assert answer.status == 202
    assert len(await api.stored()) == 1


async def test_refusals_are_told_by_category(api: Api, http: aiohttp.ClientSession) -> None:
    """What was posted in vain is told to whoever counts incidents, with its channel if known."""
    url = f"{api.base}/api/v1/orders"
    reading = await api.key("orders:read")
    asked = (
        (headers("ow_no_such_key"), body(), 401),
        (headers(reading), body(), 403),
        ({"Authorization": f"Bearer {api.token}"}, body(), 400),
        (headers(api.token), b"{", 400),
        (headers(api.token), body(currency="XXL"), 422),
    )
    for given, raw, status in asked:
        async with http.post(url, data=raw, headers=given) as answer:
            assert answer.status == status
    assert api.refused == [
        ("key_refused", "api"),
        ("key_not_allowed", "api"),
        ("request_incomplete", "api"),
        ("json_malformed", "acme-us"),
        ("currency_unknown", "acme-us"),
    ]


async def test_an_action_becomes_a_message_once(api: Api, http: aiohttp.ClientSession) -> None:
    """An action needs its scope, a reason and the version one has seen; then it is one message."""
    order_id = await put_order(api, "1042", "acme-us")
    url = f"{api.base}/api/v1/orders/{order_id}/actions/cancel"
    raw = b'{"reason": "The customer called."}'
    reader = await api.key("orders:read")
    refusals = [
        (url, raw, headers(reader), 403),
        (url, b'{"reason": " "}', headers(api.token), 422),
        (url, b"{}", headers(api.token), 422),
        (url, b'{"reason": "x", "force": true}', headers(api.token), 422),
        (url.replace("cancel", "explode"), raw, headers(api.token), 404),
        (url, raw, headers(api.token, **{"If-Match": '"old"'}), 412),
    ]
    for address, sent, head, status in refusals:
        async with http.post(address, data=sent, headers=head) as answer:
            assert answer.status == status
            await problem(answer)
    matched = headers(api.token, **{"If-Match": f'"{order_id}-1"'})
    for _ in range(2):
        async with http.post(url, data=raw, headers=matched) as answer:
            assert answer.status == 202
    (stored,) = await api.stored()
    assert Canonical().translate("act", "", stored) == ActOnOrder(
        ref="ref-acme-us-1042",
        verb="cancel",
        person="API key tests",
        reason="The customer called.",
    )


async def test_what_an_order_cannot_do_is_refused_at_once(
    api: Api, http: aiohttp.ClientSession
) -> None:
    """409 says why: nothing is held, stuck, short or left to a person; an order has ended. Nothing
    reaches the stream."""
    stream = Stream()
    await api.tell(stream.tell(stream.placed(), e.Accepted(rule="accept")))
    url = f"{api.base}/api/v1/orders/{stream.order_id}/actions"
    refusals = {
        "release": "Nothing of the order is held.",
        "retry": "No effect of the order waits for a person.",
        "skip": "No effect of the order waits for a person.",
        "done": "Nothing of the order is left to a person.",
        "drop": "No short pick of the order waits for a decision.",
    }

    async def refused(verb: str, why: str, **body: str) -> None:
        raw = msgspec.json.encode({"reason": "try", **body})
        async with http.post(f"{url}/{verb}", data=raw, headers=headers(api.token)) as answer:
            assert answer.status == 409
            told = await problem(answer)
        assert why in str(told["detail"])
        assert str(told["type"]).endswith("not-now")

    for verb, why in refusals.items():
        await refused(verb, why)
    await api.tell(stream.tell(e.Held(rule="hold", hold_id="h-1", reason="look")))
    await refused("release", "'h-2' is not the id of a hold that waits", target="h-2")
    await api.tell(stream.tell(e.Closed(rule="close")))
    await refused("cancel", "A return is needed")
    await refused("accept", "The order is closed")
    assert await api.stored() == []


async def test_a_short_pick_is_decided(api: Api, http: aiohttp.ClientSession) -> None:
    """Ship the rest, wait or drop: the decision names the fulfilment."""
    stream = Stream()
    short = e.ShortPicked(rule="short-pick", key=F1, missing=((0, 1),))
    accepted = e.Accepted(rule="accept")
    await api.tell(stream.tell(stream.placed(), accepted, planned(F1, "main", (0, 2)), short))
    url = f"{api.base}/api/v1/orders/{stream.order_id}/actions/drop"
    raw = b'{"reason": "none left", "target": "F1"}'
    async with http.post(url, data=raw, headers=headers(api.token)) as answer:
        assert answer.status == 202
    (stored,) = await api.stored()
    found = Canonical().translate("act", "", stored)
    assert isinstance(found, ActOnOrder)
    assert (found.verb, found.target) == ("drop", "F1")


async def test_an_edit_becomes_a_message_once(api: Api, http: aiohttp.ClientSession) -> None:
    """Address, contact and quantities of an edit arrive as they were sent, with who asked; a repeat
    is not a second message."""
    stream = Stream()
    await api.tell(stream.tell(stream.placed()))
    url = f"{api.base}/api/v1/orders/{stream.order_id}/edit"
    address = an_order().ship_to
    assert address is not None
    edit = {
        "reason": "The customer moved.",
        "ship_to": msgspec.to_builtins(address),
        "email": "ada@example.com",
        "lines": [{"line_id": "1", "quantity": 1}],
    }
    raw = msgspec.json.encode(edit)
    for _ in range(2):
        async with http.post(url, data=raw, headers=headers(api.token)) as answer:
            assert answer.status == 202, await answer.text()
    (stored,) = await api.stored()
    assert Canonical().translate("edit", "", stored) == EditOrder(
        ref=stream.ref,
        person="API key tests",
        reason="The customer moved.",
        ship_to=address,
        email="ada@example.com",
        lines=(LineEdit(line_id="1", quantity=1),),
    )


async def test_what_is_wrong_with_an_edit_is_said_at_once(
    api: Api, http: aiohttp.ClientSession
) -> None:
    """A wrong shape, a doubtful address, nothing to change are 422; what the order can't take is
    409; nothing reaches the stream."""
    stream = Stream()
    await api.tell(stream.tell(stream.placed()))
    url = f"{api.base}/api/v1/orders/{stream.order_id}/edit"
    address = msgspec.to_builtins(an_order().ship_to)
    wrong: list[tuple[dict[str, object], int, str]] = [
        ({}, 422, "changes nothing"),
        ({"notes": "x"}, 422, "notes"),
        ({"ref": "x"}, 422, "known from the request"),
        ({"email": "no address"}, 422, "e-mail"),
        ({"ship_to": {**address, "country": "XX"}}, 422, "ISO 3166-1"),
        ({"ship_to": {**address, "postal_code": "?"}}, 422, "postal code"),
        ({"lines": [{"line_id": "1", "quantity": 1}] * 2}, 422, "twice"),
        ({"lines": [{"line_id": "9", "quantity": 1}]}, 409, "no line 9; it has: 1, 2"),
        ({"lines": [{"line_id": "1", "quantity": 3}]}, 409, "none can be added here"),
    ]
    for changes, status, why in wrong:
        raw = msgspec.json.encode({"reason": "try", **changes})
        async with http.post(url, data=raw, headers=headers(api.token)) as answer:
            assert answer.status == status, (changes, await answer.text())
            assert why in str((await problem(answer))["detail"])
    async with http.post(url, data=b'{"note": "x"}', headers=headers(api.token)) as answer:
        assert answer.status == 422
        assert "reason" in str((await problem(answer))["detail"])
    await api.tell(stream.tell(e.Cancelled(rule="cancelled")))
    raw = b'{"reason": "try", "note": "x"}'
    async with http.post(url, data=raw, headers=headers(api.token)) as answer:
        assert answer.status == 409
    assert await api.stored() == []


async def test_a_number_of_two_shops_is_not_acted_on_until_the_channel_is_named(
    api: Api, http: aiohttp.ClientSession
) -> None:
    """Every action and edit on a number of two shops is refused with both named, and leaves no
    message; with `?channel=` the order of that shop gets it."""
    ours = await put_order(api, "7002", "acme-us")
    theirs = await put_order(api, "7002", "beta-eu")
    both = await api.key("orders:act", channels=("acme-us", "beta-eu"))
    decision = msgspec.json.encode({"reason": "customer rang"})
    edit = msgspec.json.encode({"reason": "customer rang", "note": "ring twice"})
    paths = [(f"actions/{verb}", decision) for verb in VERBS] + [("edit", edit)]
    for number, (path, raw) in enumerate(paths):
        url = f"{api.base}/api/v1/orders/7002/{path}"
        async with http.post(url, data=raw, headers=headers(both, f"no-{number}")) as answer:
            assert answer.status == 409, path
            told = await problem(answer)
        assert str(told["type"]).endswith(":ambiguous")
        assert ours in str(told["orders"])
        assert theirs in str(told["orders"])
    assert await api.stored() == []
    url = f"{api.base}/api/v1/orders/7002/actions/cancel?channel=beta-eu"
    async with http.post(url, data=decision, headers=headers(both, "yes")) as answer:
        assert answer.status == 202
        assert (await answer.json())["order_id"] == theirs
    assert len(await api.stored()) == 1
