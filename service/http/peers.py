"""Who sends requests: by which address a peer's share is counted, and who sends wrong keys."""

from __future__ import annotations

import ipaddress
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter

LOCAL = ("127.0.0.0/8", "::1/128")
"""Proxies unless others are named: what runs on the same machine."""

WRONG_AT_ONCE, WRONG_A_SECOND = 20, 1.0
"""Wrong keys of one peer that are looked up: so many at once, as when a key was replaced while many
requests were under way, and then so many a second."""

MAX_PEERS = 4_096
"""Peers whose wrong keys are counted, a few hundred kilobytes; beyond it the one that sent none for
longest is forgotten."""

_FORWARDED = "X-Forwarded-For"
_MOST_FORWARDED = 16  # addresses of such a header that are read, from its end

_log = logging.getLogger(__name__)


class Peers:
    """Tells peers apart. A proxy is not counted as one: whom it serves is the last address in its
    `X-Forwarded-For` that is not a proxy's."""

    def __init__(self, proxies: Sequence[str] = LOCAL) -> None:
        self._proxies = tuple(ipaddress.ip_network(one, strict=False) for one in proxies)

    def is_proxy(self, host: str) -> bool:
        """Whether this is a proxy's address, or none at all."""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return True
        return any(address in network for network in self._proxies)

    def of(self, request: web.Request) -> str:
        """Return the peer's address; "" when a proxy does not say whom it serves."""
        remote = request.remote or ""
        if not self.is_proxy(remote):
            return remote
        named = request.headers.get(_FORWARDED, "").split(",")[-_MOST_FORWARDED:]
        return next((one.strip() for one in reversed(named) if not self.is_proxy(one.strip())), "")


class WrongKeys:
    """Slows peers that send wrong keys, one by one. `count` hears each answer to one: 401, or 429
    when it was not looked up."""

    def __init__(
        self, peers: Peers, *, monotonic: Callable[[], float], count: Callable[[str], None]
    ) -> None:
        self._peers = peers
        self._monotonic = monotonic
        self._count = count
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def slows(self, request: web.Request) -> bool:
        """Whether the request's peer has sent so many that another one is not looked up."""
        if not self._left:
            return False
        slowed = self._now(self._peers.of(request)) < 1
        if slowed:
            self._count("429")
        return slowed

    def came(self, request: web.Request) -> None:
        """A key was wrong."""
        self._count("401")
        peer = self._peers.of(request)
        if not peer:
            return
        left = self._now(peer) - 1
        if left < 1:
            _log.warning("The peer %s sends wrong API keys; it is slowed.", peer)
        self._left[peer] = left, self._monotonic()
        self._left.move_to_end(peer)
        if len(self._left) > MAX_PEERS:
            self._left.popitem(last=False)

    def _now(self, peer: str) -> float:
        left, at = self._left.get(peer, (float(WRONG_AT_ONCE), 0.0))
        return min(WRONG_AT_ONCE, left + (self._monotonic() - at) * WRONG_A_SECOND)


def count_wrong_keys(registry: CollectorRegistry) -> Callable[[str], None]:
    """Make the metric of answers to wrong keys; return what counts one."""
    counter = Counter(
        "orderwright_wrong_keys_total",
        "Requests with a wrong API key: 401, or 429 when it was not looked up.",
        ["answer"],
        registry=registry,
    )
    return lambda answer: counter.labels(answer).inc()
