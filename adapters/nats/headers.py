"""Names of the headers our messages carry in NATS. Few, for each costs the reader two
microseconds."""

from __future__ import annotations

MESSAGE_ID = "Nats-Msg-Id"
"""`<channel>/<kind>/<delivery id>` from our edge; another service's own id from elsewhere."""
SOURCE = "Orderwright-Source"
TOPIC = "Orderwright-Topic"
REF = "Orderwright-Ref"
"""The order's reference as a subject token, for the stream drops it from the subject. It is read
when a message is put aside, and believed only where it lies in the message's own partition."""
SENT = "Orderwright-Sent"
"""Headers of the sender's own as one JSON object, for whoever looks at a refused message."""
SUBJECT = "Orderwright-Subject"
"""Set on unroutable messages when they are read: the subject they came under."""
TRACE = "traceparent"
