"""All commands of `orderwright rules`: each module adds its own."""

from __future__ import annotations

from service.rules import cli_past, cli_versions
from service.rules.cli import application

__all__ = ["application", "cli_past", "cli_versions"]
