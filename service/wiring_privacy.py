"""The part of the composition root that names what seals personal data."""

from __future__ import annotations

from adapters.postgres.sealing import KeyMissing, Masters, Sealing

__all__ = ["KeyMissing", "Masters", "Sealing"]
