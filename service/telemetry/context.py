"""The `traceparent` header of W3C Trace Context, in NATS headers and HTTP."""

from __future__ import annotations

import re
from collections.abc import Mapping

from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    set_span_in_context,
)

HEADER = "traceparent"

_FORM = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})"
)


def traceparent_of(headers: Mapping[str, str] | None) -> str:
    """Return the header's value, whatever the case of its name, "" when it is missing."""
    if not headers:
        return ""
    found = headers.get(HEADER)
    if found is not None:
        return found
    for name, value in headers.items():
        if len(name) == len(HEADER) and name.lower() == HEADER:
            return value
    return ""


def make_traceparent(trace_id: int, span_id: int) -> str:
    """Return the header of a sampled span."""
    return f"00-{trace_id:032x}-{span_id:016x}-01"


def trace_id_of(traceparent: str) -> str:
    """Return the 32 hex digits of the trace, "" when the header is malformed or empty."""
    found = _FORM.fullmatch(traceparent)
    return found[1] if found else ""


def is_sampled(traceparent: str) -> bool:
    """Whether the header is well formed and its sender recorded the trace."""
    # The cheap check first: hot paths call this for every message with a header.
    return traceparent[-1:] in "13579bdf" and _FORM.fullmatch(traceparent) is not None


def link_to(traceparent: str) -> Link | None:
    """Return a link to the span that the header names, None when it is malformed or empty."""
    context = _span_context(traceparent)
    return Link(context) if context is not None else None


def parent_context(traceparent: str) -> Context:
    """Return the context of a remote parent; an empty one when the header is malformed."""
    context = _span_context(traceparent)
    if context is None:
        return Context()
    return set_span_in_context(NonRecordingSpan(context), Context())


def _span_context(traceparent: str) -> SpanContext | None:
    found = _FORM.fullmatch(traceparent)
    if found is None:
        return None
    return SpanContext(
        int(found[1], 16),
        int(found[2], 16),
        is_remote=True,
        trace_flags=TraceFlags(int(found[3], 16)),
    )
