"""Reads a file of mappings, TOML or JSON by its name."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from schemas.contracts.mappings import MAX_DOCUMENT_BYTES, Mappings, MappingsRefused, from_table


def read_file(path: Path) -> Mappings:
    """Read and check a file. Raises OSError, and MappingsRefused with every fault."""
    with path.open("rb") as file:
        raw = file.read(MAX_DOCUMENT_BYTES + 1)
    if len(raw) > MAX_DOCUMENT_BYTES:
        raise MappingsRefused([f"The file is larger than {MAX_DOCUMENT_BYTES} bytes."])
    try:
        text = raw.decode()
        table = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        kind = "JSON" if path.suffix == ".json" else "TOML"
        raise MappingsRefused([f"The file is not valid {kind}: {error}."]) from error
    return from_table(table)
