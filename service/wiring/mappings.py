"""The part of the composition root that names where the mappings are kept."""

from __future__ import annotations

from adapters.postgres.mappings import Kept, PostgresMappings, Source, Waiting

__all__ = ["Kept", "PostgresMappings", "Source", "Waiting"]
