"""What `doctor` says of a healthy service and of a broken configuration."""

from __future__ import annotations

import re
from pathlib import Path

from tests.integration.whole import CHANNEL, Whole


async def test_doctor(whole: Whole, empty: Path) -> None:
    """At a healthy service all is ticked; what is wrong is said in words, and the code is 1."""
    good = whole.cli("doctor", "--config", str(whole.world.config))
    assert "✘" not in good
    parts = ("data", "disk", "service", "postgres", "nats", "schema", "clock")
    for what in (*parts, f"roles of {CHANNEL}", "place east", "bc (business_central)"):
        assert f" ✔ {what}: " in good
    assert "answered after" not in good
    more = whole.cli("doctor", "--verbose", "--config", str(whole.world.config))
    instances = len(re.findall(r"^ ✔ [a-z-]+ \([a-z_]+\): ", more, re.M))
    assert more.count("     answered after ") == instances > 6
    wrong = {"ORDERWRIGHT_NATS_URL": "nats://127.0.0.1:1", "ORDERWRIGHT_NATS_ULR": "x"}
    bad = whole.cli("doctor", code=1, environ=wrong, cwd=empty, running=False)
    assert " ✘ nats: " in bad
    assert "Whose turn: the operator's of this nats." in bad
    assert "Whose turn: yours, in the settings." in bad
    assert "did you mean ORDERWRIGHT_NATS_URL" in bad
    assert "no channel is configured, so no order can come in" in bad
    assert bad.strip().splitlines()[-1] == (
        "orderwright: Doctor found 3 faults; the lines above say which."
    )
