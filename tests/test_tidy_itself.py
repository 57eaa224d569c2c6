"""Each check of house style can fail: it is shown one text that is wrong and one that is right."""

from __future__ import annotations

import ast
from functools import partial

import pytest

from tests import tidy
from tests.test_tidy import Checker

# Samples are joined from parts where the words themselves would be findings in this file.
CASES: dict[str, tuple[Checker, str, str]] = {
    "long function": (
        tidy.long_parts,
        "def f():\n" + "    x = 1\n" * 70,
        "def f():\n" + "    x = 1\n" * 69,
    ),
    "long module": (tidy.long_parts, "x = 1\n" * 401, "x = 1\n" * 400),
    "print": (tidy.printing, "print(1)", "log.print(1)"),
    "sleep": (tidy.sleeping, "await asyncio.sleep(0.1)", "await asyncio.sleep(0)"),
    "blocking sleep": (tidy.sleeping, "time.sleep(seconds)", "await event.wait()"),
    "test without a sentence": (
        tidy.untold_tests,
        "async def test_a(): ...",
        "async def test_a():\n    'It shows.'",
    ),
    "pass": (
        tidy.swallowed_errors,
        "try: f()\nexcept Exception: pass",
        "try: f()\nexcept KeyError: pass",
    ),
    "bare except": (tidy.swallowed_errors, "try: f()\nexcept: ...", "try: f()\nexcept: g()"),
    "broad in a tuple": (
        tidy.swallowed_errors,
        "try: f()\nexcept (KeyError, Exception): pass",
        "try: f()\nexcept (KeyError, OSError): pass",
    ),
    "broad suppress": (
        tidy.swallowed_errors,
        "with suppress(Exception): f()",
        "with suppress(KeyError): f()",
    ),
    "mark": (tidy.unfinished, "x = 1  # TO" + "DO later", "x = 1  # stays"),
    "stub": (tidy.unfinished, "raise NotImplemented" + "Error", "raise KeyError"),
    "idle assertion": (tidy.unfinished, "assert True", "assert x"),
    "type ignore without a reason": (
        tidy.unfinished,
        "x = y  # type: ign" + "ore[arg-type]",
        "x = y  # type: ign" + "ore[arg-type]  # the stub is wrong",
    ),
    "type ignore without a code": (tidy.unfinished, "x = y  # type: ign" + "ore  # why", "x = y"),
    "noqa without a reason": (
        tidy.unfinished,
        "x = 1  # no" + "qa: E501",
        "x = 1  # no" + "qa: E501 - a link can't be broken",
    ),
    "environment": (tidy.environment_reads, "import os\nos.environ['A']", "import os\nos.sep"),
    "getenv by name": (tidy.environment_reads, "from os import getenv", "from os import path"),
    "now": (tidy.clock_reads, "datetime.datetime.now(UTC)", "clock.now()"),
    "time of day": (tidy.clock_reads, "time.time()", "time.monotonic()"),
    "new id": (tidy.clock_reads, "uuid.uuid4()", "uuid.UUID(text)"),
    "time of day by name": (
        tidy.clock_reads,
        "from time import time\ntime()",
        "from time import monotonic",
    ),
    "folder of a kind": (
        partial(tidy.kinds_named, module="service.wiring.partners", allowed=[]),
        "from adapters.carriers.ups import partner",
        "from adapters.kinds import kind_named",
    ),
    "impure import": (
        partial(tidy.impure_imports, module="actors.order.decide", runtime=["actors.runtime"]),
        "import asyncio",
        "from actors.order.state import State",
    ),
    "impure through the runtime": (
        partial(tidy.impure_imports, module="actors.order.decide", runtime=["actors.runtime"]),
        "from ..runtime import registry",
        "from .state import State\nfrom schemas.order.money import Money",
    ),
    "machine in the runtime": (
        partial(tidy.machines_named, module="actors.runtime.actor"),
        "from actors.order.state import State",
        "from actors.runtime.lane import Lane",
    ),
    "order in the runtime": (
        partial(tidy.machines_named, module="actors.runtime.actor"),
        "from schemas.order.canonical import Order",
        "from schemas.order.ids import OrderId",
    ),
    "bare limit": (tidy.bare_limits, "MAX_LINES = 5", "MAX_LINES = 5  # a page holds five"),
    "bare limit after a gap": (
        tidy.bare_limits,
        "# other\n\nMAX_LINES: int = 5",
        "# a page holds five\nMAX_LINES: int = 5",
    ),
    "registry": (
        tidy.private_addresses,
        "see https://py" + "pi.org/x",
        "see https://example.com/x",
    ),
    "index option": (tidy.private_addresses, "--ind" + "ex-url x", "--hash=sha256:0"),
    "private key": (
        tidy.private_addresses,
        "-----BEGIN EC PRIVATE" + " KEY-----",
        "-----BEGIN CERTIFICATE-----",
    ),
    "machine path": (tidy.private_addresses, "open('/ro" + "ot/x')", "open('/data/x')"),
    "lock without a hash": (
        tidy.loose_locks,
        "a==1.0\n",
        "a==1.0 \\\n    --hash=sha256:" + "0" * 64 + "\n    # via b\n",
    ),
    "lock with a range": (
        tidy.loose_locks,
        "a>=1.0 --hash=sha256:" + "0" * 64,
        "a==1.0 ; sys_platform == 'win32' --hash=sha256:" + "0" * 64,
    ),
    "lock with an index": (tidy.loose_locks, "-i somewhere\n", "# made by hand\n"),
}


@pytest.mark.parametrize("name", CASES)
def test_each_check_can_fail_and_can_pass(name: str) -> None:
    """The wrong sample is found, with a sentence; the right one isn't."""
    check, wrong, right = CASES[name]
    found = check(wrong)
    assert len(found) == 1, found
    assert found[0].endswith(".")
    assert check(right) == []


def test_relative_imports_are_resolved() -> None:
    """`from ..x import y` counts as the module it means, from modules and from packages."""
    tree = ast.parse("from .. import a\nfrom .b import c")
    assert [name for _, name in tidy.imported_modules(tree, "p.q.r")] == ["p.a", "p.q.b.c"]
    inside = tidy.imported_modules(tree, "p.q.r", package=True)
    assert [name for _, name in inside] == ["p.q.a", "p.q.r.b.c"]


def test_lock_names_are_compared_normalised() -> None:
    """`Types.PyYAML` in one file is `types-pyyaml` in the other."""
    assert tidy.normal("Types_PyYAML>=1") == "types-pyyaml"
    assert tidy.locked_names("types-PyYAML==1 \\\n") == {"types-pyyaml"}


def test_a_build_script_shows_its_steps() -> None:
    """Anything beside the one command would be seen."""
    text = "#!/bin/sh\nset -eu\ncd x\npip install y\nexec make test\n"
    assert tidy.script_steps(text) == ["pip install y", "exec make test"]
