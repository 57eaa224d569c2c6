"""Adding a kind touches one file outside its own folder; the skeleton passes the kit as it is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from service.channels.skeleton import SkeletonRefused, write_skeleton

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("schemas", "actors", "adapters", "service")

CARRIER = '''"""A carrier for this test."""

from __future__ import annotations

from typing import Annotated

import msgspec
from actors.runtime.partner import Call
from adapters.kit.json_partner import JsonPartner
from adapters.kit.instance import Kit
from adapters.kit.kind import Kind
from adapters.kit.lineage import Carried, travelling_units
from adapters.kit.settings import PartnerSettings, Url
from msgspec import Meta
from schemas.messages.effects import BoughtLabel, BuyLabel, LabelBought, PackedParcel, Result
from schemas.order.canonical import Order
from schemas.order.things import FULFILMENT, PARCEL, key_of


class Settings(PartnerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One account at Pebble."""

    base_url: Annotated[Url, Meta(description="API root.")]


class Sold(msgspec.Struct):
    number: str


_sold = msgspec.json.Decoder(Sold)


class Pebble:
    can_look_up = True

    def __init__(self, settings: Settings, kit: Kit) -> None:
        self.name = kit.name
        self._api = JsonPartner(
            kit.client, name=kit.name, title="Pebble", base_url=settings.base_url,
            timeout_seconds=settings.calls.timeout_seconds,
        )

    async def perform(self, call: Call) -> Result:
        if not isinstance(call.effect, BuyLabel):
            raise TypeError("Pebble only sells labels.")
        body = {"reference": call.reference}
        answer = await self._api.ask(call, "POST", "/labels", body=body)
        if answer.status >= 400:
            raise self._api.refused("the label", answer)
        number = self._api.decoded(_sold, answer, writes=True).number
        label = BoughtLabel(parcel=call.effect.parcels[0].parcel, tracking_number=number)
        return LabelBought(shipment_id=number, carrier="Pebble", labels=(label,))

    async def look_up(self, call: Call) -> Result | None:
        return None


async def _probe(settings: Settings, kit: Kit) -> str:
    return "it rolls."


def _effect(order: Order) -> BuyLabel:
    parcel = PackedParcel(parcel=key_of(PARCEL, 1), units=travelling_units(order))
    return BuyLabel(fulfilment=key_of(FULFILMENT, 1), place="main", parcels=(parcel,))


KIND = Kind(
    name="pebble",
    title="Pebble",
    words="Labels are bought.",
    roles=("carrier",),
    settings=Settings,
    example={"base_url": "https://partner.invalid"},
    partner=Pebble,
    probe=_probe,
    carried=Carried(effect=_effect),
)
'''

USES_IT = """
import asyncio
from pathlib import Path
from adapters.conformance.partner import PartnerConformance
from adapters.kinds import kind_named, ours
from adapters.kit.recording import NoIntake, Recorder
from service.lineage.ways import partners
from service.settings import load, markdown
from service.settings.roles import setup_of
from service.wiring.opened import Opened
from service.wiring.partners import Kits, lanes, probe

Path("orderwright.toml").write_text('''
[channels.web]
kind = "canonical"
[partners.stones]
kind = "pebble"
base_url = "https://pebble.example"
''')
settings = load({}, Path("orderwright.toml"))
(place,) = setup_of(settings, "web").places
assert (place.carrier, place.labels) == ("stones", "us"), place
recorder = Recorder()
kits = Kits(settings, recorder, recorder.clock, intake=NoIntake())

async def main():
    opened = Opened()
    made = lanes(settings, kits, opened, stock=object())
    try:
        assert set(made) == {"stock", "stones", "storefront:web"}, made
        print(await probe(settings.partners["stones"], kits.of("stones")))
    finally:
        await opened.close()

asyncio.run(main())
assert "pebble" in [kind.name for kind in ours()]
assert 'kind = "pebble"' in markdown()
assert "pebble" in partners()

class Held(PartnerConformance):
    kind = kind_named("pebble")

async def held():
    kit = Held()
    kit.test_the_kind_is_whole()
    for name in ("an_order_reaches_the_partner", "the_reference_goes_along",
                 "a_foreign_effect_is_a_programmers_error", "failures_become_the_right_word"):
        await getattr(kit, f"test_{name}")()

asyncio.run(held())
"""


def python(folder: Path, *words: str, path: str = "") -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if "ORDERWRIGHT" not in name}
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**kept, "PYTHONPATH": path or str(folder)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_adding_a_carrier_touches_one_file_outside_its_folder(tmp_path: Path) -> None:
    """Given a copy of the product, a folder and one line are enough: settings, roles, lanes,
    probe, docs, lineage and the conformance kit follow."""
    for name in PRODUCT:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    before = contents(tmp_path)
    folder = tmp_path / "adapters" / "carriers" / "pebble"
    folder.mkdir()
    (folder / "__init__.py").write_text('"""Pebble."""\n')
    (folder / "kind.py").write_text(CARRIER)
    registry = tmp_path / "adapters" / "kinds.py"
    line = '        "ups": "adapters.carriers.ups.kind",\n'
    text = registry.read_text()
    assert line in text
    own = '        "pebble": "adapters.carriers.pebble.kind",\n'
    registry.write_text(text.replace(line, own + line))
    after = contents(tmp_path)
    changed = {path for path in after if before.get(path) != after[path]}
    outside = {path for path in changed if not path.startswith("adapters/carriers/pebble/")}
    assert outside == {"adapters/kinds.py"}
    ran = python(tmp_path, "-c", USES_IT)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "it rolls.\n"


def test_the_skeleton_of_a_channel_passes_the_kit(tmp_path: Path) -> None:
    """`orderwright channel new` writes a package whose own tests are green before anybody has
    changed a line."""
    folder = tmp_path / "orderwright-acme"
    ran = python(tmp_path, "-m", "service.cli", "channel", "new", "acme", path=str(ROOT))
    assert ran.returncode == 0, ran.stderr
    assert (folder / "orderwright_acme" / "kind.py").is_file()
    package = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert package["dependencies"] == ["orderwright"]
    tools = {"pytest", "pytest-asyncio"}  # which an installed Orderwright does not bring
    assert {re.split("[><=]", one)[0] for one in package["optional-dependencies"]["test"]} == tools
    assert "pip install --editable '.[test]'" in ran.stdout
    path = f"{folder}{os.pathsep}{ROOT}"
    tested = python(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", path=path)
    assert tested.returncode == 0, tested.stdout
    assert "passed" in tested.stdout


@pytest.mark.parametrize("name", ["Acme", "1acme", "a-b", "", "x" * 33])
def test_a_name_that_can_not_be_a_kinds_is_refused(tmp_path: Path, name: str) -> None:
    """The name becomes a package and a setting."""
    with pytest.raises(SkeletonRefused, match="can't be a kind's name"):
        write_skeleton(name, tmp_path / "there")


def test_a_kind_of_ours_is_not_written_again(tmp_path: Path) -> None:
    """A package of that name would be refused at every start."""
    with pytest.raises(SkeletonRefused, match="has a kind 'shopify' already"):
        write_skeleton("shopify", tmp_path / "there")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A folder that exists is somebody's work."""
    with pytest.raises(SkeletonRefused, match="exists already"):
        write_skeleton("acme", tmp_path)


MUTANTS = {
    "a shipment of no lines": (
        '"items": {one.line_id: one.quantity for one in parcel.units}',
        '"items": {}',
        "storefront.py",
        "a_storefront_is_told_exactly_what_left",
    ),
    "one piece of each line": (
        '"items": {one.line_id: one.quantity for one in parcel.units}',
        '"items": {one.line_id: 1 for one in parcel.units}',
        "storefront.py",
        "a_storefront_is_told_exactly_what_left",
    ),
    "only the first parcel": (
        "for one in effect.parcels]\n                return",
        "for one in effect.parcels[:1]]\n                return",
        "storefront.py",
        "a_storefront_is_told_exactly_what_left",
    ),
    "no tracking number": (
        '"tracking_number": parcel.tracking_number',
        '"tracking_number": ""',
        "storefront.py",
        "a_storefront_is_told_exactly_what_left",
    ),
    "a cancellation that is not told": (
        'await self._write(call, "POST", path, {"reason": reason}, "the cancellation")',
        "pass",
        "storefront.py",
        "what_is_undone_reaches_the_partner",
    ),
    "every line one piece": (
        "quantity=item.quantity",
        "quantity=1",
        "order.py",
        "an_order_has_the_quantities_of_its_message",
    ),
    "no word of money": (
        "    tells_no_money = ",
        "    other = ",
        "test_conformance.py",
        "money_told_is_money_owed",
    ),
}
"""Faults of a channel: what the skeleton says, what instead, where, and the test that sees it."""


def test_a_channel_that_tells_nothing_right_fails_the_kit(tmp_path: Path) -> None:
    """Skeletons with one fault each: of the kit's tests the one that is for it fails, and no
    other does."""
    for number, (there, instead, file, _) in enumerate(MUTANTS.values()):
        folder = tmp_path / f"mutant{number}"
        write_skeleton(f"mutant{number}", folder)
        (path,) = folder.rglob(file)
        text = path.read_text()
        assert text.count(there) == 1, there
        path.write_text(text.replace(there, instead))
        tests = folder / "tests"
        (tests / "test_conformance.py").rename(tests / f"test_mutant{number}.py")
    folders = [f"mutant{number}" for number in range(len(MUTANTS))]
    ways = os.pathsep.join([*(str(tmp_path / one) for one in folders), str(ROOT)])
    words = ["-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto", "-k", "not malformed"]
    # One process for all of them: most of its time is what it imports.
    ran = python(tmp_path, "-m", "pytest", *words, *folders, path=ways)
    failed = re.findall(r"^FAILED \S+mutant(\d+)\.py::\S+::test_(\w+)", ran.stdout, re.MULTILINE)
    wanted = [(str(at), mutant[3]) for at, mutant in enumerate(MUTANTS.values())]
    assert failed == wanted, ran.stdout
