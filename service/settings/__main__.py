"""Write docs/configuration.md again: `python -m service.settings`."""

from __future__ import annotations

from pathlib import Path

from service.settings import markdown

Path("docs/configuration.md").write_text(markdown())
