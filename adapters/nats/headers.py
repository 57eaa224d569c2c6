"""Names of the headers our messages carry in NATS. Few, for each costs the reader two
microseconds."""

from __future__ import annotations

MESSAGE_ID = "Nats-Msg-Id"
"""`<channel>/<kind>/<delivery id>` from our edge; another service's own id from elsewhere."""
SOURCE = "Orderwright-Source"
TOPIC = "Orderwright-Topic"
SUBJECT = "Orderwright-Subject"
"""Set on strays when they are read: the subject they came under."""
TRACE = "traceparent"
