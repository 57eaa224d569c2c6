"""`/asyncapi.json`: what goes over NATS, generated from the contracts and their subjects."""

from __future__ import annotations

import re
from typing import Any, get_args

import msgspec

from adapters.kit.events import CONTENT_TYPE, CloudEvent
from adapters.nats.headers import MESSAGE_ID, TRACE
from schemas.contracts.published import (
    INPUT_NAMES,
    MESSAGE_FACT,
    ORDER_CANCELLED_HERE,
    ORDER_FACT,
    ORDER_FULFILLED,
    ORDER_READY,
    all_schemas,
)
from schemas.messages.published_events import (
    CANCELLED,
    FACT,
    FULFILLED,
    READY,
    MessageFactName,
    OrderFactName,
)
from service.embedded.nats_config import NOT_OVER_NATS

# Any: an AsyncAPI document is free-form JSON.
Json = dict[str, Any]

TAKEN = {kind: name for kind, name in INPUT_NAMES.items() if kind not in NOT_OVER_NATS}
"""The schema of each kind that another service may publish."""

TOLD = {
    FULFILLED: (ORDER_FULFILLED,),
    CANCELLED: (ORDER_CANCELLED_HERE,),
    READY: (ORDER_READY,),
    f"{FACT}.{{fact}}": (ORDER_FACT, MESSAGE_FACT),
}
"""The schemas of what is published on `orders.out.<channel>.…`."""

_FACTS = dict.fromkeys((*get_args(OrderFactName), *get_args(MessageFactName)))
_PARAMETERS: Json = {
    "channel": {"description": "The sales channel, as it is configured."},
    "ref": {"description": "The channel's reference, percent-encoded outside `[A-Za-z0-9_-]`."},
    "fact": {"description": "What became of it.", "enum": list(_FACTS)},
}
_HEADERS: Json = {
    "type": "object",
    "properties": {
        MESSAGE_ID: {
            "type": "string",
            "description": "`<channel>/<kind>/` and the sender's own id of the delivery.",
        },
        TRACE: {"type": "string", "description": "The W3C trace context."},
    },
}


def document(version: str) -> Json:
    """Return the AsyncAPI 3.0 document."""
    channels: dict[str, Json] = {}
    operations: dict[str, Json] = {}
    for kind, name in TAKEN.items():
        channels[kind] = _channel(f"orders.in.{{channel}}.{kind}.{{ref}}", (name,))
        operations[f"take-{kind}"] = _operation("receive", kind, (name,))
    for subject, names in TOLD.items():
        told = subject.partition("{")[0].strip(".")
        channels[told] = _channel(f"orders.out.{{channel}}.{subject}", names)
        operations[f"tell-{told}"] = _operation("send", told, names)
    schemas: dict[str, Json] = {}
    for name in (*TAKEN.values(), *sum(TOLD.values(), ())):
        schemas |= _components(name)
    messages = {name: _taken(name) for name in TAKEN.values()}
    messages |= {name: _told(name) for name in sum(TOLD.values(), ())}
    made = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Orderwright",
            "version": version,
            "description": "Messages about orders in, and what was done about them, over NATS.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "nats": {
                "host": "127.0.0.1:4222",
                "protocol": "nats",
                "description": "The port is in `runtime.json` of the data directory.",
                "security": [{"$ref": "#/components/securitySchemes/channel"}],
            }
        },
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "channel": {
                    "type": "userPassword",
                    "description": "The channel's own user, `channel-<channel>`.",
                }
            },
        },
    }
    # As it is sent: a tuple, for one, is an array.
    plain: Json = msgspec.json.decode(msgspec.json.encode(made))
    return plain


def _channel(address: str, names: tuple[str, ...]) -> Json:
    variables = re.findall(r"{(\w+)}", address)
    return {
        "address": address,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "parameters": {name: _PARAMETERS[name] for name in variables},
    }


def _operation(action: str, channel: str, names: tuple[str, ...]) -> Json:
    there = f"#/channels/{channel}"
    return {
        "action": action,
        "channel": {"$ref": there},
        "messages": [{"$ref": f"{there}/messages/{name}"} for name in names],
    }


def _taken(name: str) -> Json:
    payload = {"$ref": f"#/components/schemas/{name}"}
    return {**_message(name), "headers": _HEADERS, "payload": payload}


def _told(name: str) -> Json:
    envelope = msgspec.json.schema(_Envelope)["$defs"]["_Envelope"]
    stated = {"type": {"const": name}, "data": {"$ref": f"#/components/schemas/{name}"}}
    payload = {
        "type": "object",
        "properties": {**envelope["properties"], **stated},
        "required": list(CloudEvent.__struct_fields__),
    }
    return {**_message(name), "contentType": CONTENT_TYPE, "payload": payload}


class _Envelope(CloudEvent, frozen=True, kw_only=True):
    """The envelope; the schema of what stands in it is said beside."""

    data: Any


def _message(name: str) -> Json:
    schema = all_schemas()[name]
    return {"name": name, "title": schema["title"], "summary": schema.get("description", "")}


def _components(name: str) -> dict[str, Json]:
    """Return a published schema and its parts, each under a name of its own."""
    schema = {key: one for key, one in all_schemas()[name].items() if not key.startswith("$")}
    parts = all_schemas()[name].get("$defs", {})
    found = {name: schema, **{f"{name}.{part}": one for part, one in parts.items()}}
    return {key: _moved(one, name) for key, one in found.items()}


def _moved(value: Any, name: str) -> Any:
    """Let references point to the components. A discriminator is a name alone in AsyncAPI."""
    if isinstance(value, list | tuple):
        return [_moved(one, name) for one in value]
    if not isinstance(value, dict):
        return value
    found: Json = {}
    for key, one in value.items():
        if key == "$ref":
            found[key] = one.replace("#/$defs/", f"#/components/schemas/{name}.")
        elif key == "discriminator" and isinstance(one, dict) and "propertyName" in one:
            found[key] = one["propertyName"]
        else:
            found[key] = _moved(one, name)
    return found
