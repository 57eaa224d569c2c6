"""Write docs/lineage.md again: `python -m service.lineage`."""

from __future__ import annotations

import asyncio
from pathlib import Path

from service.lineage.page import markdown
from service.lineage.ways import find_out

Path("docs/lineage.md").write_text(markdown(asyncio.run(find_out())))
