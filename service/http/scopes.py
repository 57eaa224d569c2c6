"""What an API key may be allowed to do with orders; other features have scopes of their own."""

from __future__ import annotations

READ, READ_LABELS = "orders:read", "labels:read"
WRITE, ACT = "orders:write", "orders:act"
