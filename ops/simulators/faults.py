"""Fault knobs per partner and operation; every draw is seeded likewise, so that runs repeat."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from ops.simulators.shapes import JsonObject, JsonValue

OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "erp": (
        "token", "create_order", "find_order", "get_order", "update_order", "delete_order",
        "list_lines", "add_line", "update_line", "delete_line", "post_order", "find_invoice",
        "find_shipment", "find_credit_memo", "find_items", "list_documents",
    ),
    "warehouse": ("create_task", "find_task", "cancel_task", "callback"),
    "carrier": ("token", "ship", "void", "recover", "track", "rate", "address"),
    "fedex": ("token", "ship", "cancel", "find", "track", "label"),
    "amazon": (
        "token", "get_order", "search_orders", "confirm_shipment", "update_shipment_status", "feed",
        "subscription", "destination",
    ),
    "bigcommerce": (
        "get_store", "list_orders", "get_order", "get_part", "create_shipment", "update_shipment",
        "delete_shipment", "update_order", "hooks", "list_refunds", "create_refund",
        "create_refund_quote",
    ),
    "storefront": (
        "graphql_order", "graphql_fetch", "graphql_list", "graphql_books", "graphql_subscriptions",
        "fulfillment_create", "fulfillment_update", "fulfillment_cancel", "order_cancel",
        "order_capture", "graphql_inventory", "inventory_set",
        "fulfillment_order_move", "fulfillment_order_split",
        "fulfillment_order_hold", "fulfillment_order_release_hold", "fulfillment_order_prepared",
        "refund_create", "fulfillment_request_accept", "fulfillment_request_reject",
        "cancellation_request_accept", "cancellation_request_reject",
    ),
    "sqs": ("receive", "delete"),
    "usps": ("token", "address", "city-state"),
    "mail": ("message",),
}  # fmt: skip
RATES = (
    "rate_limited_rate", "error_rate", "refuse_rate", "rubbish_rate",
    "act_no_answer_rate", "error_after_acting_rate",
)  # fmt: skip
DISTRIBUTIONS = ("fixed", "uniform", "lognormal", "exponential")
MAX_LATENCY_MS = 120_000.0


_NAMED_WAREHOUSE = re.compile("warehouse-[a-z0-9-]{1,32}")


def operations_of(partner: str) -> tuple[str, ...]:
    """What a partner can be asked; empty if there is no such partner."""
    family = "warehouse" if _NAMED_WAREHOUSE.fullmatch(partner) else partner
    return OPERATIONS.get(family, ())


class BadKnob(ValueError):
    """A knob's setting makes no sense; the message says which and what was expected."""


class Fate(Enum):
    """What becomes of one request."""

    NORMAL = "normal"
    DOWN = "down"
    UNAVAILABLE = "unavailable"
    UNAUTHORIZED = "unauthorized"
    RATE_LIMITED = "rate_limited"
    ERROR = "error"
    REFUSED = "refused"
    RUBBISH_PAGE = "rubbish_page"
    RUBBISH_TORN = "rubbish_torn"
    ACT_NO_ANSWER = "act_no_answer"
    ERROR_AFTER_ACTING = "error_after_acting"


@dataclass(slots=True)
class Latency:
    """How long answers take. `spread`: half width (uniform), sigma of the logarithm (lognormal)."""

    distribution: str = "fixed"
    mean_ms: float = 0.0
    spread: float = 0.0

    def draw_seconds(self, rng: random.Random) -> float:
        """Seconds, never negative, 120 at the most."""
        mean = self.mean_ms
        if self.distribution == "fixed" or mean <= 0:
            drawn = mean
        elif self.distribution == "uniform":
            drawn = rng.uniform(mean - self.spread, mean + self.spread)
        elif self.distribution == "exponential":
            drawn = rng.expovariate(1 / mean)
        else:
            # Chosen so that the mean of the distribution, not its median, is what was asked for.
            drawn = rng.lognormvariate(math.log(mean) - self.spread**2 / 2, self.spread)
        return min(max(drawn, 0.0), MAX_LATENCY_MS) / 1000


@dataclass(slots=True)
class Knobs:
    """The settings of one operation (or of all of a partner's, with operation `*`)."""

    partner: str
    operation: str
    latency: Latency | None = None
    rates: dict[str, float] = field(default_factory=dict)
    down: str = ""
    unauthorized: bool = False
    ignore_idempotency: bool = False
    retry_after: str = "seconds"
    retry_after_seconds: int = 1
    expires_at: float | None = None
    left: int | None = None

    def as_json(self, now: float) -> JsonObject:
        shown: dict[str, JsonValue] = {"partner": self.partner, "operation": self.operation}
        if self.latency is not None:
            shown["latency_ms"] = {
                "distribution": self.latency.distribution,
                "mean": self.latency.mean_ms,
                "spread": self.latency.spread,
            }
        shown.update(self.rates)
        shown.update(
            down=self.down or False,
            unauthorized=self.unauthorized,
            ignore_idempotency=self.ignore_idempotency,
            retry_after=self.retry_after,
            retry_after_seconds=self.retry_after_seconds,
            seconds_left=None if self.expires_at is None else round(self.expires_at - now, 3),
            times_left=self.left,
        )
        return shown


@dataclass(slots=True, frozen=True)
class Plan:
    """What to do with one request."""

    fate: Fate
    delay_seconds: float
    knobs: Knobs | None

    @property
    def ignore_idempotency(self) -> bool:
        return self.knobs is not None and self.knobs.ignore_idempotency


def _flag(raw: JsonObject, name: str) -> bool:
    value = raw.get(name, False)
    if not isinstance(value, bool):
        raise BadKnob(f"`{name}` must be true or false, not {value!r}.")
    return value


def _number(raw: JsonObject, name: str, low: float, high: float, default: float) -> float:
    value = raw.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise BadKnob(f"`{name}` must be a number from {low:g} to {high:g}, not {value!r}.")
    return float(value)


def _choice(raw: JsonObject, name: str, choices: tuple[str, ...]) -> str:
    value = raw.get(name, choices[0])
    if not isinstance(value, str) or value not in choices:
        raise BadKnob(f"`{name}` must be one of {', '.join(choices)}, not {value!r}.")
    return value


def _latency(raw: JsonValue) -> Latency | None:
    if raw is None:
        return None
    if isinstance(raw, (int, float)):
        raw = {"mean": raw}
    if not isinstance(raw, Mapping):
        raise BadKnob("`latency_ms` must be a number or {distribution, mean, spread}.")
    unknown = set(raw) - {"distribution", "mean", "spread"}
    if unknown:
        raise BadKnob(f"`latency_ms` has no part named {', '.join(sorted(unknown))}.")
    return Latency(
        _choice(raw, "distribution", DISTRIBUTIONS),
        _number(raw, "mean", 0, MAX_LATENCY_MS, 0),
        _number(raw, "spread", 0, MAX_LATENCY_MS, 0),
    )


def _down(raw: JsonObject) -> str:
    value = raw.get("down", False)
    if value is False:
        return ""
    if value is True:
        return "close"
    if value in ("close", "503"):
        return str(value)
    raise BadKnob(f'`down` must be true, false, "close" or "503", not {value!r}.')


_KNOWN = {
    "partner", "operation", "latency_ms", "down", "unauthorized", "ignore_idempotency",
    "retry_after", "retry_after_seconds", "seconds", "times", *RATES,
}  # fmt: skip


def read_knobs(raw: JsonObject, now: float) -> Knobs:
    """Knobs from JSON. Raises BadKnob for anything unknown: a misspelt knob would test nothing."""
    unknown = set(raw) - _KNOWN
    if unknown:
        raise BadKnob(
            f"There is no knob named {', '.join(sorted(unknown))}. "
            f"Known are {', '.join(sorted(_KNOWN))}."
        )
    partner = raw.get("partner")
    operations = operations_of(partner) if isinstance(partner, str) else ()
    if not isinstance(partner, str) or not operations:
        raise BadKnob(f"`partner` must be one of {', '.join(OPERATIONS)}, not {partner!r}.")
    operation = _choice(raw, "operation", ("*", *operations))
    seconds = raw.get("seconds")
    rates = {name: _number(raw, name, 0, 1, 0) for name in RATES if name in raw}
    return Knobs(
        partner=partner,
        operation=operation,
        latency=_latency(raw.get("latency_ms")),
        rates={name: rate for name, rate in rates.items() if rate > 0},
        down=_down(raw),
        unauthorized=_flag(raw, "unauthorized"),
        ignore_idempotency=_flag(raw, "ignore_idempotency"),
        retry_after=_choice(raw, "retry_after", ("seconds", "date")),
        retry_after_seconds=int(_number(raw, "retry_after_seconds", 0, 3600, 1)),
        expires_at=None if seconds is None else now + _number(raw, "seconds", 0, 86_400, 0),
        left=None if raw.get("times") is None else int(_number(raw, "times", 1, 1_000, 1)),
    )


class FaultBook:
    """All knobs that are set. An operation's own knobs hide the partner's `*` ones entirely."""

    def __init__(self, seed: int, latency_ms: float, monotonic: Callable[[], float]) -> None:
        self._seed = seed
        self._monotonic = monotonic
        self._default = Latency("fixed", latency_ms)
        self._calm = Plan(Fate.NORMAL, latency_ms / 1000, None)
        self._knobs: dict[tuple[str, str], Knobs] = {}
        self._rngs: dict[tuple[str, str], random.Random] = {}

    def set(self, raw: JsonObject) -> None:
        """Sets one operation's knobs; those not named return to their defaults. Raises BadKnob."""
        knobs = read_knobs(raw, self._monotonic())
        self._knobs[(knobs.partner, knobs.operation)] = knobs

    def clear(self) -> None:
        """All partners well again, and every draw back at its seed."""
        self._knobs.clear()
        self._rngs.clear()

    def shown(self) -> list[JsonValue]:
        """The knobs that are set now."""
        now = self._monotonic()
        return [
            knobs.as_json(now)
            for knobs in self._knobs.values()
            if knobs.expires_at is None or knobs.expires_at > now
        ]

    def plan(self, partner: str, operation: str) -> Plan:
        """Decides over one request. Costs nothing while no knob is set."""
        if not self._knobs:
            return self._calm
        knobs = self._current(partner, operation) or self._current(partner, "*")
        if knobs is None:
            return self._calm
        rng = self._rngs.get((partner, operation))
        if rng is None:
            rng = random.Random(f"{self._seed}:{partner}:{operation}")
            self._rngs[(partner, operation)] = rng
        delay_seconds = (knobs.latency or self._default).draw_seconds(rng)
        fate = self._fate(knobs, rng)
        if fate is not Fate.NORMAL and knobs.left is not None:
            knobs.left -= 1
            if not knobs.left:
                del self._knobs[(knobs.partner, knobs.operation)]
        return Plan(fate, delay_seconds, knobs)

    def _current(self, partner: str, operation: str) -> Knobs | None:
        knobs = self._knobs.get((partner, operation))
        if knobs is None or knobs.expires_at is None or knobs.expires_at > self._monotonic():
            return knobs
        del self._knobs[(partner, operation)]
        return None

    @staticmethod
    def _fate(knobs: Knobs, rng: random.Random) -> Fate:
        if knobs.down:
            return Fate.UNAVAILABLE if knobs.down == "503" else Fate.DOWN
        if knobs.unauthorized:
            return Fate.UNAUTHORIZED
        for name in RATES:
            rate = knobs.rates.get(name)
            if rate is None or rng.random() >= rate:
                continue
            if name == "rubbish_rate":
                return Fate.RUBBISH_PAGE if rng.random() < 0.5 else Fate.RUBBISH_TORN
            return _FATES[name]
        return Fate.NORMAL


_FATES: Mapping[str, Fate] = {
    "rate_limited_rate": Fate.RATE_LIMITED,
    "error_rate": Fate.ERROR,
    "refuse_rate": Fate.REFUSED,
    "act_no_answer_rate": Fate.ACT_NO_ANSWER,
    "error_after_acting_rate": Fate.ERROR_AFTER_ACTING,
}
