"""Amazon's queue read directly: deleted once it is on our disk, and refused keys are told."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from actors.runtime.errors import Rejected, StreamUnavailable, Unauthorised
from adapters.channels.amazon.queue import AmazonQueue, url_of
from adapters.channels.amazon.source import Amazon
from adapters.kit.http_client import HttpClient
from ops.simulators.sqs import KEY_ID, SECRET
from service.channels.queues import QueueReader
from service.channels.sync import SyncMetrics
from tests.amazon_payloads import a_notification
from tests.contract.amazon_calls import a_ref
from tests.contract.simulated import Client, Running, started

ARN = "arn:aws:sqs:eu-west-1:444455556666:orders"
SELLER = "A3TH9S8BH6GOGM"


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """The simulators, for all tests of this file."""
    with started() as found:
        yield found


class Intake:
    """Keeps what is published; `room` is how many messages fit."""

    def __init__(self, room: int = 1_000) -> None:
        self.room = room
        self.taken: list[tuple[str, str, str]] = []

    async def publish(
        self,
        channel: str,
        kind: str,
        ref: str,
        raw: bytes,
        *,
        delivery_id: str,
        source: str,
        topic: str,
        trace: str = "",
    ) -> None:
        if len(self.taken) >= self.room:
            raise StreamUnavailable("The stream is full.", retry_after_seconds=1)
        assert (channel, source) == ("amazon-de", "amazon")
        self.taken.append((kind, ref, delivery_id))


def queue_of(
    client: HttpClient, base: str, *, secret: str = SECRET, seller: str = ""
) -> AmazonQueue:
    """The queue as the channel reads it."""
    source = Amazon("amazon-de", secrets=(), seller_id=seller)
    return AmazonQueue(
        client, source, queue_arn=ARN, key_id=KEY_ID, secret=secret, endpoint=f"{base}/sqs"
    )


def reader_of(queue: AmazonQueue, intake: Intake) -> QueueReader:
    """What reads it."""
    metrics = SyncMetrics(CollectorRegistry())
    return QueueReader(
        "amazon-de",
        queue,
        intake,
        metrics=metrics,
        refused=lambda category, channel: None,
        may=lambda: True,
    )


def a_body(number: int, **changes: object) -> str:
    """A notification, as it stands in the queue."""
    told = a_notification(AmazonOrderId=a_ref(number), **changes)
    told["NotificationMetadata"]["NotificationId"] = f"notification-{number}"
    return json.dumps(told)


async def fill(simulators: Client, *bodies: str) -> None:
    """Empty the queue and put messages into it."""
    await simulators.call("DELETE", "/_sim/sqs/messages")
    answer = await simulators.call("POST", "/_sim/sqs/messages", {"bodies": list(bodies)})
    assert answer.status == 200, answer.text


async def left(simulators: Client) -> tuple[int, int]:
    """How many messages the queue has, and how many of them are handed out."""
    told = (await simulators.call("GET", "/_sim/sqs/messages")).json
    return told["messages"], told["under_way"]


def test_a_queue_s_address_follows_from_its_name() -> None:
    """By region, account and name; China has an ending of its own."""
    assert url_of(ARN) == "https://sqs.eu-west-1.amazonaws.com/444455556666/orders"
    china = "arn:aws-cn:sqs:cn-north-1:444455556666:orders"
    assert url_of(china) == "https://sqs.cn-north-1.amazonaws.com.cn/444455556666/orders"


async def test_messages_are_taken_and_then_deleted(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Ten at a time, in any form; what is not ours is deleted unread, an unreadable one is kept by
    us, and nothing happens while the queue is empty."""
    amazon_ships = {"OrderStatus": "Unshipped", "FulfillmentType": "AFN"}
    bodies = [a_body(number) for number in range(1, 13)]
    await fill(simulators, *bodies, a_body(13, Summary=amazon_ships), "{}")
    intake = Intake()
    reader = reader_of(queue_of(client, running.http), intake)
    assert [await reader.round() for _ in range(3)] == [10, 4, 0]
    assert await left(simulators) == (0, 0)
    assert [(kind, ref) for kind, ref, _ in intake.taken[:-1]] == [
        ("refetch", a_ref(number)) for number in range(1, 13)
    ]
    assert intake.taken[-1][0] == "unreadable"


async def test_what_the_stream_does_not_take_stays_in_the_queue(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Of three messages two are on our disk and deleted; the third comes again when it may be seen
    again, and is not lost."""
    await fill(simulators, *(a_body(number) for number in range(20, 23)))
    intake = Intake(room=2)
    reader = reader_of(queue_of(client, running.http), intake)
    with pytest.raises(StreamUnavailable):
        await reader.round()
    assert len(intake.taken) == 2
    assert await left(simulators) == (1, 1)


async def test_a_message_of_another_seller_stays_for_its_reader(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Two accounts may share a queue: what is another's is neither taken nor deleted."""
    await fill(simulators, a_body(30), a_body(31, SellerId="A0ANOTHER"))
    intake = Intake()
    assert await reader_of(queue_of(client, running.http, seller=SELLER), intake).round() == 1
    assert [ref for _, ref, _ in intake.taken] == [a_ref(30)]
    assert await left(simulators) == (1, 1)


async def test_a_repeat_has_the_same_id(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """A message that could not be deleted is read again, and is known by its NotificationId."""
    await fill(simulators, a_body(40), a_body(40))
    intake = Intake()
    await reader_of(queue_of(client, running.http), intake).round()
    (first, second) = intake.taken
    assert first == second


async def test_a_refused_key_is_told(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """A wrong secret, and a queue that does not exist, are each said in words."""
    await fill(simulators, a_body(50))
    with pytest.raises(Unauthorised, match="Amazon SQS refused our credential"):
        await queue_of(client, running.http, secret="wrong").receive()
    await simulators.fault("sqs", "receive", {"refuse_rate": 1})
    with pytest.raises(Rejected, match="queue does not exist"):
        await queue_of(client, running.http).receive()
    await simulators.call("DELETE", "/_sim/faults")
    assert await left(simulators) == (1, 0)
