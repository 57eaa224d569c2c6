"""Who may call a simulated shop, and what for: tokens, scopes, and the version it answers in.

An app's tokens live 24 hours and are had for its client ID and secret. Of a scope that writes the
shop lists that one alone, and it allows reading.
https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/client-credentials-grant
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qs

from ops.simulators.partner import json_reply
from ops.simulators.shapes import JsonObject, NotUnderstood, text
from ops.simulators.wire import Reply

TOKEN_SECONDS: Final = 86_399
MAX_TOKENS: Final = 1_000
_REFUSED: Final = "wrong"
_VERSION = re.compile(r"[0-9]{4}-(?:01|04|07|10)|unstable")

USUAL: Final[Sequence[str]] = (
    "read_all_orders",
    "read_customers",
    "read_fulfillments",
    "read_locations",
    "read_payment_terms",
    "read_products",
    "read_returns",
    "read_shopify_payments_disputes",
    "write_assigned_fulfillment_orders",
    "write_inventory",
    "write_merchant_managed_fulfillment_orders",
    "write_orders",
    "write_third_party_fulfillment_orders",
)
_SHIPS: Final = (
    "write_assigned_fulfillment_orders",
    "write_merchant_managed_fulfillment_orders",
    "write_third_party_fulfillment_orders",
)
_ASSIGNED: Final = ("write_assigned_fulfillment_orders",)
_NEEDED: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = MappingProxyType(
    {
        "graphql_list": ("orders", ("read_orders",)),
        "graphql_books": ("orders", ("read_orders",)),
        "graphql_fetch": ("order", ("read_orders",)),
        "order_cancel": ("orderCancel", ("write_orders",)),
        "order_capture": ("orderCapture", ("write_orders",)),
        "graphql_inventory": ("inventoryItems", ("read_inventory", "read_products")),
        "inventory_set": ("inventorySetQuantities", ("write_inventory",)),
        "refund_create": ("refundCreate", ("write_orders",)),
        "fulfillment_create": ("fulfillmentCreate", _SHIPS),
        "fulfillment_update": ("fulfillmentTrackingInfoUpdate", _SHIPS),
        "fulfillment_cancel": ("fulfillmentCancel", _SHIPS),
        "fulfillment_order_move": ("fulfillmentOrderMove", _SHIPS),
        "fulfillment_order_split": ("fulfillmentOrderSplit", _SHIPS),
        "fulfillment_order_hold": ("fulfillmentOrderHold", _SHIPS),
        "fulfillment_order_release_hold": ("fulfillmentOrderReleaseHold", _SHIPS),
        "fulfillment_request_accept": ("fulfillmentOrderAcceptFulfillmentRequest", _ASSIGNED),
        "fulfillment_request_reject": ("fulfillmentOrderRejectFulfillmentRequest", _ASSIGNED),
        "cancellation_request_accept": ("fulfillmentOrderAcceptCancellationRequest", _ASSIGNED),
        "cancellation_request_reject": ("fulfillmentOrderRejectCancellationRequest", _ASSIGNED),
        "fulfillment_order_prepared": (
            "fulfillmentOrderLineItemsPreparedForPickup",
            ("write_merchant_managed_fulfillment_orders",),
        ),
    }
)
"""The field that an operation asks for, and the scopes of which one is enough."""


def is_version(text: str) -> bool:
    """Whether a path names a version as they are named: by quarter, or `unstable`."""
    return _VERSION.fullmatch(text) is not None


@dataclass(slots=True)
class Access:
    """One shop's. `token`: the only good one that does not end ("": any, unless an app is
    configured). `issued`: an app's tokens, with the time each ends. `version`: what it answers in
    ("": the version it is asked in)."""

    token: str = ""
    client_id: str = ""
    client_secret: str = ""
    seconds: int = TOKEN_SECONDS
    scopes: tuple[str, ...] = ()
    version: str = ""
    issued: dict[str, float] = field(default_factory=dict)

    def configure(self, told: JsonObject) -> None:
        """Takes what was told, and leaves the rest. Raises NotUnderstood."""
        seconds, scopes = told.get("seconds", self.seconds), told.get("scopes", list(self.scopes))
        if not isinstance(seconds, int) or not isinstance(scopes, list):
            raise NotUnderstood("`seconds` is a number, `scopes` is a list.")
        self.seconds, self.scopes = seconds, tuple(str(one) for one in scopes)
        for name in ("client_id", "client_secret", "version"):
            if name in told:
                setattr(self, name, text(told, name))

    def only(self, token: str) -> None:
        """Takes this token that does not end alone; "" any."""
        self.token = token

    def granted(self) -> Sequence[str]:
        """The scopes, as the shop lists them."""
        return sorted(self.scopes) if self.scopes else USUAL

    def grant(self, body: bytes, now: float, number: str) -> Reply:
        """The answer to whoever asks for a token."""
        form = _form(body)
        if form.get("grant_type") != "client_credentials":
            return _no("unsupported_grant_type", "The grant type is not supported.")
        client, secret = form.get("client_id", ""), form.get("client_secret", "")
        is_known = not self.client_id or _same(client, self.client_id)
        is_right = not self.client_secret or _same(secret, self.client_secret)
        if not client or client.startswith(_REFUSED) or not is_known:
            return _no("application_cannot_be_found", "The application cannot be found.")
        if not secret or secret.startswith(_REFUSED) or not is_right:
            return _no("invalid_client", "The client secret is not valid.")
        while len(self.issued) >= MAX_TOKENS:
            del self.issued[next(iter(self.issued))]
        token = f"simulated-shop-token-{number}"
        self.issued[token] = now + self.seconds
        scope = ",".join(self.granted())
        return json_reply(200, {"access_token": token, "scope": scope, "expires_in": self.seconds})

    def admits(self, token: str, now: float) -> bool:
        """Whether the shop takes calls with this token."""
        if not token or token.startswith(_REFUSED):
            return False
        if (ends := self.issued.get(token)) is not None:
            return now < ends
        if token.startswith("simulated-shop-token-"):
            return False
        if self.token:
            return _same(token, self.token)
        return not self.client_id

    def denied(self, operation: str) -> str:
        """What the shop says of an operation that the app may not do; "" for one it may."""
        if not self.scopes:
            return ""
        name, wanted = _NEEDED.get(operation, ("", ()))
        held = set(self.scopes)
        held |= {f"read_{x.removeprefix('write_')}" for x in held if x.startswith("write_")}
        if not wanted or held & set(wanted):
            return ""
        listed = " or ".join(f"`{one}` access scope" for one in wanted)
        return f"Access denied for {name} field. Required access: {listed}."


def _form(body: bytes) -> dict[str, str]:
    """What was sent, as a form or as JSON: the shop takes both."""
    try:
        told = json.loads(body)
    except ValueError:
        found = parse_qs(body.decode("utf-8", "replace"))
        return {name: values[0] for name, values in found.items()}
    if not isinstance(told, dict):
        return {}
    return {name: value for name, value in told.items() if isinstance(value, str)}


def _no(code: str, words: str) -> Reply:
    return json_reply(400, {"error": code, "error_description": words})


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
