"""A channel of somebody else's: found by its entry point alone, and refused when a part is
missing."""

from __future__ import annotations

import hmac
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from adapters.conformance.channel import ChannelConformance
from adapters.conformance.partner import PartnerConformance
from adapters.conformance.samples import Sample
from adapters.conformance.telling import Told
from tests.fake_channel.corner.kind import KIND

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "tests" / "fake_channel"
CONFIG = """
data_dir = "data"
[channels.till]
kind = "corner"
webhook_secrets = ["a secret"]
street = "1 Corner Street"
"""
TAKES_AN_ORDER = """
import json, sys
from datetime import UTC, datetime
from pathlib import Path
import hmac
from actors.runtime.ports import Message
from service.settings import load
from service.settings.roles import setup_of
from service.wiring.channels import Readers, sources

settings = load({}, Path(sys.argv[1]))
raw = b"till;1042;LAMP;2;1000"
headers = {"X-Corner": hmac.digest(b"a secret", raw, "sha256").hex(), "X-Delivery": "1"}
receipt = sources(settings, {})["till"].receive(headers, raw, datetime.now(UTC))
message = Message(partition=0, channel=receipt.channel, kind=receipt.kind, source="corner",
                topic=receipt.topic, delivery_id=receipt.delivery_id, raw=raw, headers={},
                received_at=datetime.now(UTC), deliveries=1)
found = Readers(settings, {}).read(message)
print(json.dumps({"type": type(found).__name__, "ref": found.order.ref,
                  "total": found.order.totals.total_minor,
                  "lane": setup_of(settings, "till").storefront}))
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder of packages, as an installation would leave it."""
    place = tmp_path / "site"
    shutil.copytree(PACKAGE, place)
    return place


def run(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if "ORDERWRIGHT" not in name}
    return subprocess.run(
        [sys.executable, *words],
        cwd=place,
        env={**kept, "PYTHONPATH": f"{place}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_takes_an_order_through_its_entry_point_alone(installed: Path) -> None:
    """Given the package on the path and three lines of configuration, its webhook becomes an
    input of ours."""
    (installed / "orderwright.toml").write_text(CONFIG)
    ran = run(installed, "-c", TAKES_AN_ORDER, str(installed / "orderwright.toml"))
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {
        "type": "PlaceOrder",
        "ref": "1042",
        "total": 2000,
        "lane": "storefront:till",
    }


def test_config_show_tells_its_settings(installed: Path) -> None:
    """What its settings struct has is checked and shown like ours."""
    (installed / "orderwright.toml").write_text(CONFIG)
    words = ("-m", "service.cli", "config", "show", "--config", "orderwright.toml")
    shown = run(installed, *words)
    assert "channels.till.street" in shown.stdout, shown.stderr
    (installed / "orderwright.toml").write_text(CONFIG.replace("street", "streat"))
    refused = run(installed, *words)
    assert refused.returncode == 2
    assert "channels.till.streat is not a setting; did you mean street?" in refused.stderr


@pytest.mark.parametrize(
    ("there", "instead", "words"),
    [
        ("        webhooks=_webhooks,\n", "        webhooks=None,\n", "who reads its messages?"),
        ("        webhooks=_webhooks,\n", "", "Missing required argument 'webhooks'"),
        ("    probe=_probe,\n", "", "Missing required argument 'probe'"),
        ("    carried=Carried(effect=one_parcel),\n", "", "Missing required argument 'carried'"),
        (
            '        statuses={"sold": "is taken"},\n',
            "        statuses={},\n",
            "statuses` is empty",
        ),
        ('    roles=("storefront",),\n', '    roles=("tax",),\n', "plays no role"),
        ('    name="corner",\n', '    name="other",\n', "calls itself 'other'"),
        ('"street": "1 Corner Street"}', "}", "`example` is refused by its own settings"),
    ],
)
def test_a_missing_part_refuses_to_start(
    installed: Path, there: str, instead: str, words: str
) -> None:
    """Nothing stands in for what a kind leaves out: the start ends with 2, and says what it is."""
    kind = installed / "corner" / "kind.py"
    text = kind.read_text()
    assert there in text
    kind.write_text(text.replace(there, instead))
    (installed / "orderwright.toml").write_text(CONFIG)
    ran = run(installed, "-m", "service.cli", "serve", "--config", "orderwright.toml")
    assert ran.returncode == 2, ran.stderr
    assert words in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_name_of_ours_is_not_taken_over(installed: Path) -> None:
    """A package that names its kind like one of ours is refused, whoever comes first."""
    points = installed / "corner-1.0.dist-info" / "entry_points.txt"
    points.write_text(points.read_text().replace("corner = ", "shopify = "))
    (installed / "orderwright.toml").write_text(CONFIG.replace('"corner"', '"shopify"'))
    ran = run(installed, "-m", "service.cli", "config", "show", "--config", "orderwright.toml")
    assert ran.returncode == 2
    assert "is Orderwright's own, and the package corner names another one so" in ran.stderr


class TestCorner(ChannelConformance):
    """Somebody else's kind, held to the kit from outside."""

    kind = KIND

    def samples(self) -> Sequence[Sample]:
        """Return two sales."""
        return (
            Sample(raw=b"till;1042;LAMP;2;1000", topic="sold", ref="1042", units={"1": 2}),
            Sample(raw=b"till;1043;BULB;1;500", topic="sold", ref="1043", units={"1": 1}),
        )

    def headers_of(self, sample: Sample, secret: str, delivery: str) -> Mapping[str, str]:
        """Sign in hex."""
        digest = hmac.digest(secret.encode(), sample.raw, "sha256").hex()
        return {"X-Corner": digest, "X-Delivery": delivery}

    def statuses(self) -> Mapping[str, Sample]:
        """Return its one status."""
        return {"sold": self.samples()[0]}

    def echoes(self) -> Sequence[Sample]:
        """Return nothing: a till does not say what left."""
        return ()


class TestCounter(PartnerConformance):
    """Its storefront."""

    kind = KIND
    speaks_http = False
    tells_no_money = "Everything was paid at the till."

    def told(self, sent: object) -> Sequence[Told]:
        """Return the parcels that were put on the counter."""
        tree: Any = sent
        return [Told((number,), units) for number, units in tree.get("parcels", {}).items()]
