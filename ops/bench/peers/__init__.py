"""The lifecycle of the bench on other engines: `python -m ops.bench.peers` (docs/bench.md)."""

from __future__ import annotations
