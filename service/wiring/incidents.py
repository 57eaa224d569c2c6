"""The part of the composition root that names what counts incidents and shows them."""

from __future__ import annotations

from adapters.postgres.incident_views import Hour, IncidentRow, IncidentView, IncidentViews
from adapters.postgres.incidents import Incidents, Page, Told

__all__ = ["Hour", "IncidentRow", "IncidentView", "IncidentViews", "Incidents", "Page", "Told"]
