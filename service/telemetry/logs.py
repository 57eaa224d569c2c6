"""Logs: JSON lines for machines, plain lines on a terminal; bounded, and free of personal data."""

from __future__ import annotations

import logging
import re
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TextIO

import msgspec
import structlog

from adapters.kit.fitting import visible

if TYPE_CHECKING:  # it loads OpenTelemetry, which a command that only logs does not need
    from service.telemetry.tracing import Trace

EventDict = MutableMapping[str, Any]

MAX_TEXT = 500
"""Characters of one value. An error that quotes a partner's whole answer helps no one."""

MAX_LINE = 8_192
"""Bytes of a line; container runtimes split lines at 16 KiB, and half a line is not JSON."""

MAX_FIELDS = 40
"""Fields of a line; more means that a whole object was logged."""

MAX_REMEMBERED = 1_000
"""Distinct messages whose frequency is tracked; the one unseen for longest is dropped first."""

PERSONAL = frozenset(
    "email phone name first_name last_name full_name customer customer_name company street address"
    " address1 address2 lines city postal_code zip ship_to bill_to note gift_message attributes"
    " vat_id landing_page referrer tenders acquisition"
    " body raw original payload content headers authorization password secret token access_token"
    " api_key cookie dsn postgres_dsn nats_url".split()
)
"""Fields that are never logged: personal data, payloads that may contain it, and credentials."""

EXTRA = ("order_id", "correlation_id", "trace_id", "partner", "operation", "outcome")
"""The fields that a line may carry as `extra`; libraries attach whole objects."""

_ADDRESS = re.compile(r"[^\s@\"'<>()\[\],;=]{1,200}@[^\s@\"'<>()\[\],;/]*")

_json = msgspec.json.Encoder(enc_hook=repr)


class RepeatLimit:
    """Lets a message through `most` times in `seconds`; the next one that passes says how many were
    dropped.

    Messages are equal when event name, logger and level are. Errors are limited too: a dead
    database must not fill the disk.
    """

    def __init__(
        self, monotonic: Callable[[], float], *, most: int = 20, seconds: float = 10.0
    ) -> None:
        self._monotonic = monotonic
        self._most = most
        self._seconds = seconds
        self._seen: OrderedDict[tuple[str, str, str], list[float]] = OrderedDict()

    def __call__(self, _logger: object, method: str, event: EventDict) -> EventDict:
        """Pass the event on, or drop it."""
        now = self._monotonic()
        key = (str(event.get("event"))[:200], str(event.get("logger", "")), method)
        window = self._seen.get(key)
        if window is None:
            window = self._seen[key] = [now, 0.0, 0.0]
            if len(self._seen) > MAX_REMEMBERED:
                self._seen.popitem(last=False)
        else:
            self._seen.move_to_end(key)
        if now - window[0] >= self._seconds:
            window[0], window[1] = now, 0.0
        window[1] += 1
        if window[1] > self._most:
            window[2] += 1
            raise structlog.DropEvent
        if window[2]:
            event["suppressed"] = int(window[2])
            window[2] = 0.0
        return event


def drop_personal(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Remove fields that may hold personal data or credentials, at any depth."""
    return _clean(event, 3)


def mask_addresses(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Mask e-mail addresses, and users and passwords in URLs, within texts such as errors."""
    for name, value in event.items():
        if isinstance(value, str) and "@" in value:
            event[name] = _ADDRESS.sub("•••@", value[: MAX_TEXT * 16])
    return event


def bound_values(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Shorten long values and drop surplus fields."""
    for name in list(event)[MAX_FIELDS:]:
        del event[name]
    for name, value in event.items():
        if isinstance(value, str):
            most = MAX_TEXT * 8 if name == "exception" else MAX_TEXT
            if len(value) > most:
                # Keep the end of a traceback, which names the error, and the beginning of other
                # texts.
                event[name] = "…" + value[-most:] if name == "exception" else value[:most] + "…"
    return event


def written_out(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Write out what a terminal would obey. In JSON a line break is written out anyway."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = visible(value)
    return event


def on_one_line(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Write out line breaks too, so that a stranger's text begins no line of a log for people."""
    for name, value in event.items():
        if isinstance(value, str) and name != "exception":
            event[name] = value.replace("\n", "\\n")
    return event


def to_json(_logger: object, _method: str, event: EventDict) -> str:
    """Write one JSON line of at most MAX_LINE bytes."""
    line = _encode(dict(event))
    if len(line) > MAX_LINE:
        kept = ("timestamp", "level", "logger", "event", "trace_id", "correlation_id")
        short = {name: event[name] for name in kept if name in event}
        line = _encode({**short, "cut": len(line)})
    return line.decode(errors="replace")


def _encode(event: dict[str, Any]) -> bytes:
    try:
        return _json.encode(event)
    except (UnicodeEncodeError, TypeError, OverflowError, RecursionError, ValueError):
        # Lone surrogates, keys that are not strings, cycles: written as Python would print them.
        return _json.encode({ascii(name): ascii(value)[:MAX_TEXT] for name, value in event.items()})


@contextmanager
def bound(*, trace_id: str = "", correlation_id: str = "") -> Iterator[None]:
    """Add these ids to every line logged inside the context (in this task); empty ids are left
    out."""
    told = {"trace_id": trace_id, "correlation_id": correlation_id}
    with structlog.contextvars.bound_contextvars(**{k: v for k, v in told.items() if v}):
        yield


_LABEL: ContextVar[Trace | None] = ContextVar("label", default=None)


def label(work: Trace) -> None:
    """Add the ids of this work to every line that this task logs from now on."""
    _LABEL.set(work)


def labelled(_: object, __: str, event: EventDict) -> EventDict:
    """Add the ids of the task's work to a line."""
    work = _LABEL.get()
    if work is not None:
        event.setdefault("trace_id", work.trace_id)
        if work.correlation_id:
            event.setdefault("correlation_id", work.correlation_id)
    return event


def start_logs(
    monotonic: Callable[[], float],
    *,
    level: str = "info",
    form: str = "auto",
    stream: TextIO | None = None,
    repeats: int = 20,
    repeat_seconds: float = 10.0,
) -> None:
    """Route all logs, including the standard library's logging, to `stream` (default stderr).

    `form` is `json`, `text` or `auto` (text on a terminal). A second call replaces the set-up.
    """
    stream = sys.stderr if stream is None else stream
    people = form == "text" or (form == "auto" and stream.isatty())
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        labelled,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(EXTRA),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Both paths share one limit, so that a library can't flood the log either.
    limit = RepeatLimit(monotonic, most=repeats, seconds=repeat_seconds)
    last: list[structlog.types.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        drop_personal,
        mask_addresses,
        bound_values,
        written_out,
        *((on_one_line,) if people else ()),
        structlog.dev.ConsoleRenderer(colors=stream.isatty()) if people else to_json,
    ]
    handler = _Handler(stream, limit)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last)
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        if isinstance(old, _Handler):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(number)
    # Metrics cover access and connections; drop the libraries' lines about them.
    for noisy in ("aiohttp.access", "nats", "asyncio", "opentelemetry"):
        logging.getLogger(noisy).setLevel(max(number, logging.WARNING))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def set_level(level: str) -> None:
    """Log from this level on: `debug`, `info`, `warning` or `error`."""
    logging.getLogger().setLevel(logging.getLevelNamesMapping()[level.upper()])


class _Handler(logging.StreamHandler[TextIO]):
    """Drops repeats before a line is formatted."""

    def __init__(self, stream: TextIO, limit: RepeatLimit) -> None:
        super().__init__(stream)
        self._limit = limit

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record unless it repeats itself too often."""
        told = record.msg if isinstance(record.msg, dict) else None
        # For a library's line, compare the unformatted text: its figures differ each time.
        event: EventDict = told if told is not None else {"event": str(record.msg)}
        try:
            self._limit(None, record.levelname, event)
        except structlog.DropEvent:
            return
        super().emit(record)


def _clean(event: EventDict, depth: int) -> EventDict:
    for name in list(event):
        if str(name).lower() in PERSONAL:
            del event[name]
        elif isinstance(event[name], dict):
            event[name] = _clean(dict(event[name]), depth - 1) if depth else "…"
        elif isinstance(event[name], list | tuple | set | frozenset):
            event[name] = _cleaned_list(event[name], depth)
    return event


def _cleaned_list(values: Iterable[Any], depth: int) -> list[Any]:
    few = [value for value, _ in zip(values, range(MAX_FIELDS), strict=False)]
    return [
        _clean(dict(value), depth - 1) if isinstance(value, dict) and depth else value
        for value in few
        if depth or not isinstance(value, dict)
    ]
