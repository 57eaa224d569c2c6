"""No kind is left out of the conformance kit, and none is registered in a second place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from adapters.conformance.addresses import AddressConformance
from adapters.conformance.channel import ChannelConformance
from adapters.conformance.partner import PartnerConformance
from adapters.conformance.webhooks import ReportsConformance
from adapters.kinds import OURS, kinds, ours
from adapters.kit.kind import Channel, Kind

ROOT = Path(__file__).resolve().parents[2]
MODULES = [path.stem for path in sorted(Path(__file__).parent.glob("test_*.py"))]


def covered(base: type) -> set[str]:
    """Return the names of the kinds that a part of the kit runs over."""
    for module in MODULES:
        import_module(f"tests.conformance.{module}")
    held: list[Any] = base.__subclasses__()
    return {one.kind.name for one in held if "kind" in vars(one)}


def test_every_kind_is_held_to_the_kit() -> None:
    """Each kind of ours has its partner tests, each channel its message tests, each partner that
    reports its report tests, and each address service its own."""
    assert covered(PartnerConformance) >= {k.name for k in ours() if k.carried.asks is None}
    assert covered(AddressConformance) == {k.name for k in ours() if k.addresses}
    assert covered(ChannelConformance) >= {k.name for k in ours() if k.channel is not None}
    assert covered(ReportsConformance) >= {k.name for k in ours() if k.reports is not None}


def test_every_kind_loads_and_says_what_it_is() -> None:
    """Nothing is registered that can't be used, and every kind has its words for the docs."""
    found = {kind.name: kind for kind in kinds()}
    assert set(found) >= set(OURS)
    for kind in found.values():
        assert kind.words.endswith("."), kind.name


def texts_in(source: str) -> Iterator[str]:
    """Yield every text that stands as a whole in a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_a_kind_is_registered_in_one_table() -> None:
    """Outside the folders of kinds no module names one: everything is derived from the registry.
    The canonical contract is ours, and spoken by API and imports as well."""
    listed = [
        path.relative_to(ROOT).as_posix()
        for folder in ("adapters", "service")
        for path in (ROOT / folder).rglob("*.py")
    ]
    others = set(OURS) - {"canonical", "warehouse"}
    naming = {
        path
        for path in listed
        if not re.match(r"adapters/(addresses|channels|carriers|erp|warehouses|messages)/", path)
        and not path.startswith(("service/demo/", "service/imports/"))
        and others & set(texts_in((ROOT / path).read_text()))
    }
    assert naming == {"adapters/kinds.py"}


def test_the_page_names_every_part_of_a_kind() -> None:
    """Whoever writes a channel from docs/add-a-channel.md alone leaves out nothing."""
    page = (ROOT / "docs" / "add-a-channel.md").read_text()
    others = {"channel", "reports"}  # what the rows of a channel are of, and a warehouse's part
    parts = set(Kind.__struct_fields__) - others
    parts |= {f"channel.{name}" for name in Channel.__struct_fields__}
    missing = {part for part in parts if f"`{part}`" not in page}
    assert not missing
