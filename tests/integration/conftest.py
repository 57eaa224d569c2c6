"""Fixtures that every integration test may ask for."""

from __future__ import annotations

from tests.integration.journals import bench, tables
from tests.integration.servers import database, servers
from tests.integration.whole import empty, whole

__all__ = ["bench", "database", "empty", "servers", "tables", "whole"]
