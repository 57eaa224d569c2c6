"""Reads the seller's SQS queue, so that no forwarder is needed: long polling, JSON protocol.

A message stays in the queue until we delete it, and comes again when we have not within its
visibility timeout; its NotificationId makes a repeat harmless.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct
from yarl import URL

from actors.runtime.errors import Rejected
from adapters.channels.amazon.source import Amazon
from adapters.kit.fitting import phrases
from adapters.kit.http_client import USER_AGENT, Answer, HttpClient, Request, decoded, lost
from adapters.kit.inbound import SignatureRefused
from adapters.kit.polling import Taken
from adapters.kit.sigv4 import AwsKey, signed

PARTNER = "Amazon SQS"
MOST, WAIT_SECONDS = 10, 20
"""Messages of one answer and seconds that it waits for the first: the most that SQS allows."""
VISIBILITY_SECONDS = 120
"""Until a message that we have not deleted is handed out again."""
MARGIN_SECONDS = 10.0
"""An answer may take so much longer than it waits."""
_TYPE = "application/x-amz-json-1.0"


class _Message(Struct, frozen=True, rename="pascal"):
    message_id: str
    receipt_handle: str
    body: str


class _Received(Struct, frozen=True, rename="pascal"):
    messages: list[_Message] = []


class _Failed(Struct, frozen=True, rename="pascal"):
    id: str = ""
    code: str = ""
    message: str = ""


class _Deleted(Struct, frozen=True, rename="pascal"):
    failed: list[_Failed] = []


class _Error(Struct, frozen=True):
    type: str = msgspec.field(default="", name="__type")
    message: str = ""


_received = msgspec.json.Decoder(_Received)
_deleted = msgspec.json.Decoder(_Deleted)
_errors = msgspec.json.Decoder(_Error)


def url_of(arn: str) -> str:
    """Return the address of a queue by its ARN."""
    _, partition, _, region, account, name = arn.split(":")
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    return f"https://sqs.{region}.{suffix}/{account}/{name}"


class AmazonQueue:
    """One seller's queue, behind `adapters.kit.polling.Queue`. `endpoint` is where SQS answers,
    without the queue; "" stands for its region's."""

    def __init__(
        self,
        client: HttpClient,
        source: Amazon,
        *,
        queue_arn: str,
        key_id: str,
        secret: str,
        session_token: str = "",
        endpoint: str = "",
    ) -> None:
        self.kind = source.kind
        self._client = client
        self._source = source
        self._queue = url_of(queue_arn)
        self._url = URL(endpoint or str(URL(self._queue).origin()), encoded=True)
        self._key = AwsKey(
            key_id=key_id,
            secret=secret,
            region=queue_arn.split(":")[3],
            service="sqs",
            session_token=session_token,
        )

    async def receive(self) -> Sequence[Taken]:
        """Return at most ten messages; see the protocol."""
        answer = await self._ask(
            "ReceiveMessage",
            {
                "QueueUrl": self._queue,
                "MaxNumberOfMessages": MOST,
                "WaitTimeSeconds": WAIT_SECONDS,
                "VisibilityTimeout": VISIBILITY_SECONDS,
            },
            timeout_seconds=WAIT_SECONDS + MARGIN_SECONDS,
        )
        found = decoded(_received, answer, partner=PARTNER, writes=False).messages
        return [self._taken(one) for one in found]

    async def delete(self, handles: Sequence[str]) -> None:
        """Delete at most ten messages. What SQS does not delete comes again, and is known then."""
        entries = [
            {"Id": str(place), "ReceiptHandle": handle} for place, handle in enumerate(handles)
        ]
        answer = await self._ask(
            "DeleteMessageBatch",
            {"QueueUrl": self._queue, "Entries": entries},
            timeout_seconds=MARGIN_SECONDS,
        )
        failed = decoded(_deleted, answer, partner=PARTNER, writes=False).failed
        if failed:
            said = phrases([one.message or one.code for one in failed])
            raise lost(PARTNER, f"did not delete {len(failed)} messages: {said}", writes=False)

    def _taken(self, message: _Message) -> Taken:
        raw = message.body.encode()
        try:
            receipt = self._source.read(raw, message.message_id)
        except SignatureRefused as error:
            return Taken(handle=message.receipt_handle, raw=raw, receipt=None, why=str(error))
        return Taken(handle=message.receipt_handle, raw=raw, receipt=receipt)

    async def _ask(self, operation: str, body: object, *, timeout_seconds: float) -> Answer:
        content = msgspec.json.encode(body)
        path = self._url.raw_path or "/"
        host = self._url.host or ""
        if not self._url.is_default_port():
            host = f"{host}:{self._url.port}"
        told = {
            "Host": host,
            "Content-Type": _TYPE,
            "X-Amz-Target": f"AmazonSQS.{operation}",
        }
        headers = signed(self._key, "POST", path, told, content, self._client.clock.now())
        request = Request(
            method="POST",
            url=self._url,
            partner=PARTNER,
            timeout_seconds=timeout_seconds,
            writes=False,
            headers={"User-Agent": USER_AGENT, **headers},
            body=content,
        )
        answer = await self._client.exchange(request)
        if answer.status >= 300:
            raise Rejected(
                f"{PARTNER} refused {operation}: {_said(answer)}. Check queue_arn, and that the "
                "key may receive and delete messages there."
            )
        return answer


def _said(answer: Answer) -> str:
    try:
        told = _errors.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return f"HTTP {answer.status}"
    said = told.message or told.type.rpartition("#")[2] or f"HTTP {answer.status}"
    return said.rstrip(".")
