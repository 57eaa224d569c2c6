"""Measures the product against a loop that does only its input and output (docs/bench.md)."""

from __future__ import annotations
