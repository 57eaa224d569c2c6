"""Fixtures that every unit test may ask for."""

from __future__ import annotations

from tests.house import house

__all__ = ["house"]
