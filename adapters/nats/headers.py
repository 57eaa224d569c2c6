"""Names of the headers of our messages in NATS. They are few, because each costs the reader two
microseconds."""

from __future__ import annotations

MESSAGE_ID = "Nats-Msg-Id"
"""`<channel>/<kind>/<delivery id>` from our edge, or another service's own id."""
SOURCE = "Orderwright-Source"
TOPIC = "Orderwright-Topic"
REF = "Orderwright-Ref"
"""The order's reference as a subject token, because the stream drops it from the subject. It is
read when a message goes to quarantine, and trusted only if it belongs to the message's
partition."""
SENT = "Orderwright-Sent"
"""The sender's own headers as one JSON object, for people who inspect a refused message."""
SEAL = "Orderwright-Seal"
"""Shows that one of our processes published the message: see `adapters.nats.seal`."""
SUBJECT = "Orderwright-Subject"
"""Set on unroutable messages when they are read: the subject they were published under."""
TRACE = "traceparent"
