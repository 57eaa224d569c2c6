"""Amazon SQS's JSON protocol: long polling, visibility, deletion, and signatures that must fit.

`POST /_sim/sqs/messages` with `{"bodies": […]}` puts messages in; `GET` counts them. `POST
/_sim/sqs/keys` with `{"key_id", "secret"}` says whose signatures are good. A message that is not
deleted within its visibility timeout is handed out again, under another receipt handle.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass

from ops.simulators.partner import Call, World, json_reply
from ops.simulators.shapes import (
    JsonObject,
    JsonValue,
    NotUnderstood,
    dump,
    number,
    objects,
    parse_object,
    text,
)
from ops.simulators.wire import Reply, Request

KEY_ID, SECRET = "AKIDSIMULATED", "the secret of the simulated key"
MAX_MESSAGES = 100_000
MOST = 10
"""Messages that one answer or one deletion may hold."""
EMPTY_SECONDS = 1.0
"""The longest that an answer waits here for the first message; SQS allows twenty seconds."""
_TYPE = "application/x-amz-json-1.0"
_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([A-Z0-9]+)/([0-9]{8})/([a-z0-9-]+)/sqs/aws4_request, "
    r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})"
)


@dataclass(slots=True)
class Message:
    """One message; it is handed out from `visible_at` on, under the handle of its last time."""

    id: str
    body: str
    visible_at: float = 0.0
    handle: str = ""
    times: int = 0


class Sqs:
    """One queue, whatever its address; there is only one account."""

    name = "sqs"

    def __init__(self, world: World) -> None:
        self._world = world
        self._messages: dict[str, Message] = {}
        self._keys = {KEY_ID: SECRET}
        self._next = world.run

    def recognise(self, request: Request) -> Call | None:
        if request.method != "POST" or request.path.rstrip("/") != "/sqs":
            return None
        target = request.headers.get("x-amz-target", "")
        if target == "AmazonSQS.ReceiveMessage":
            return Call("receive", lambda plan: self._receive(request))
        if target == "AmazonSQS.DeleteMessageBatch":
            return Call("delete", lambda plan: self._delete(request))
        return None

    def failure(self, status: int, code: str, message: str) -> Reply:
        told: JsonObject = {"__type": f"com.amazonaws.sqs#{code}", "message": message}
        return Reply(status, dump(told), _TYPE)

    def refusal(self, operation: str) -> Reply:
        words = "The specified queue does not exist."
        return self.failure(400, "QueueDoesNotExist", words)

    def throttled(self) -> Reply:
        return self.failure(400, "RequestThrottled", "Rate exceeded.")

    def control(self, request: Request) -> Reply:
        """What a test sets and sees."""
        what = request.path.removeprefix("/_sim/sqs/")
        if what == "keys" and request.method == "POST":
            told = parse_object(request.body)
            self._keys = {text(told, "key_id"): text(told, "secret")}
            return json_reply(200, {})
        if what != "messages":
            return json_reply(404, {"error": "Try messages, keys."})
        if request.method == "DELETE":
            self._messages.clear()
        if request.method == "POST":
            bodies = parse_object(request.body).get("bodies")
            if not isinstance(bodies, list) or len(self._messages) + len(bodies) > MAX_MESSAGES:
                return json_reply(400, {"error": f"Give bodies; {MAX_MESSAGES} fit."})
            for body in bodies:
                self._next += 1
                name = f"message-{self._next}"
                self._messages[name] = Message(name, str(body))
        now = self._world.clock()
        hidden = sum(one.visible_at > now for one in self._messages.values())
        return json_reply(200, {"messages": len(self._messages), "under_way": hidden})

    def _receive(self, request: Request) -> Reply:
        if refused := self._stranger(request):
            return refused
        wanted, now = parse_object(request.body), self._world.clock()
        most = int(number(wanted, "MaxNumberOfMessages")) or 1
        if not 1 <= most <= MOST or not 0 <= number(wanted, "WaitTimeSeconds") <= 20:
            raise NotUnderstood("MaxNumberOfMessages is 1 to 10, WaitTimeSeconds 0 to 20.")
        found: list[JsonValue] = []
        for one in self._messages.values():
            if one.visible_at <= now and len(found) < most:
                self._next += 1
                one.handle, one.times = f"handle-{self._next}", one.times + 1
                one.visible_at = now + number(wanted, "VisibilityTimeout")
                found.append(
                    {
                        "MessageId": one.id,
                        "ReceiptHandle": one.handle,
                        "MD5OfBody": hashlib.md5(
                            one.body.encode(), usedforsecurity=False
                        ).hexdigest(),
                        "Body": one.body,
                    }
                )
        reply = Reply(200, dump({"Messages": found} if found else {}), _TYPE)
        if not found:
            reply.delay_seconds = min(number(wanted, "WaitTimeSeconds"), EMPTY_SECONDS)
        return reply

    def _delete(self, request: Request) -> Reply:
        if refused := self._stranger(request):
            return refused
        entries = objects(parse_object(request.body), "Entries")
        if not 1 <= len(entries) <= MOST:
            return self.failure(400, "TooManyEntriesInBatchRequest", "1 to 10 entries fit.")
        done: list[JsonValue] = []
        for entry in entries:
            handle = text(entry, "ReceiptHandle")
            # A handle of an earlier time deletes nothing, and does not count as an error.
            for name in [x.id for x in self._messages.values() if x.handle == handle]:
                del self._messages[name]
            done.append({"Id": text(entry, "Id")})
        return Reply(200, dump({"Successful": done, "Failed": []}), _TYPE)

    def _stranger(self, request: Request) -> Reply | None:
        """Check the signature as AWS describes it."""
        match = _SIGNED.fullmatch(request.headers.get("authorization", ""))
        if match is None:
            words = "Request is missing Authentication Token"
            return self.failure(403, "MissingAuthenticationToken", words)
        key_id, day, region, names, given = match.groups()
        secret = self._keys.get(key_id)
        if secret is None:
            words = "The security token included in the request is invalid."
            return self.failure(403, "InvalidClientTokenId", words)
        stamp = request.headers.get("x-amz-date", "")
        lines = [f"{name}:{request.headers.get(name, '').strip()}" for name in names.split(";")]
        whole = ["POST", request.path, "", *lines, "", names]
        canonical = "\n".join([*whole, hashlib.sha256(request.body).hexdigest()])
        scope = f"{day}/{region}/sqs/aws4_request"
        hashed = hashlib.sha256(canonical.encode()).hexdigest()
        wanted = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashed}"
        key = f"AWS4{secret}".encode()
        for part in (day, region, "sqs", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, wanted.encode(), hashlib.sha256).hexdigest()
        if {"host", "x-amz-date"} <= set(names.split(";")) and hmac.compare_digest(
            signature, given
        ):
            return None
        words = "The request signature we calculated does not match the signature you provided."
        return self.failure(403, "SignatureDoesNotMatch", words)
