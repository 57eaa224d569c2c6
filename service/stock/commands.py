"""All commands of `orderwright stock`: each module adds its own."""

from __future__ import annotations

from service.stock import cli_offers, cli_reports
from service.stock.cli import application

__all__ = ["application", "cli_offers", "cli_reports"]
