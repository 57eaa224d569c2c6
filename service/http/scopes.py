"""Scopes of API keys that several features use. A scope of one feature alone is named there."""

from __future__ import annotations

ORDERS_READ, ORDERS_WRITE = "orders:read", "orders:write"
