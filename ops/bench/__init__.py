"""Compares the product with a loop that does only its I/O (docs/bench.md)."""

from __future__ import annotations
