"""`python -m ops.bench.instructions`: what the hot paths cost in instructions, against a baseline.

Times differ from run to run and from machine to machine; instructions hardly do, so that a change
of a few percent shows. `ops.bench.hot_paths` runs under callgrind, which counts from the moment at
which all is prepared. Each path is walked n and 2n times; the difference is n repeats without what
surrounds them. `--write` keeps the figures as this Python's baseline, to be committed with the
change that explains them.

The code is 1 when a path's count is more than 3 % off, and 0 where nothing can be compared: without
valgrind, or with a Python that the baseline does not have. BENCH_INSTRUCTIONS=required makes it 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import re
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ops.bench.hot_paths import PATHS
from ops.bench.processes import ROOT, BenchFailed, say

BASELINE = Path(__file__).with_suffix(".json")
TOLERANCE = 0.03
"""Two runs of the same code differ by half a percent at most (`partner_call`, whose loop asks the
kernel), most of them by a tenth."""
MARK = "getpgid"
"""The function of the C library at whose entry callgrind writes what it has counted."""
READY_SECONDS = 120.0
END_SECONDS = 300.0
CONTROL_SECONDS = 30.0
_TOTALS = re.compile(r"^totals: (\d+)$", re.MULTILINE)

Counts = Mapping[str, int]
"""Instructions of one repeat, by path."""


def build() -> str:
    """Name what the figures depend on besides our code and the locked packages: another build of
    the same Python has others."""
    optimised = "--enable-optimizations" in str(sysconfig.get_config_var("CONFIG_ARGS"))
    return (
        f"{platform.python_implementation()} {platform.python_version()}"
        f"{' optimised' if optimised else ''}, {platform.python_compiler()}, {platform.machine()}"
    )


def missing() -> str:
    """Return what this machine lacks for counting; "" for nothing."""
    tools = [name for name in ("valgrind", "callgrind_control") if shutil.which(name) is None]
    verb = "is" if len(tools) == 1 else "are"
    return f"{' and '.join(tools)} {verb} not installed" if tools else ""


async def count(names: Sequence[str] = (), *, module: str = "ops.bench.hot_paths") -> Counts:
    """Count the instructions of one repeat of each path (none named: all of the module). Takes some
    20 s of CPU. Raises BenchFailed."""
    with tempfile.TemporaryDirectory(prefix="instructions-") as directory:
        out = Path(directory) / "out"
        walked = await _run(out, [module, *names])
        found = {}
        for at, name in enumerate(walked):
            once, twice = (_total(out.with_name(f"out.{3 * at + k}")) for k in (2, 3))
            repeats = PATHS[name].repeats
            found[name] = round((twice - once) / repeats)
        return found


async def _run(out: Path, arguments: Sequence[str]) -> Sequence[str]:
    """Run a module that does as `hot_paths` under callgrind; return the paths that it names."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    process = await asyncio.create_subprocess_exec(
        "valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no", f"--dump-before={MARK}",
        f"--callgrind-out-file={out}", sys.executable, "-m", *arguments,
        cwd=ROOT,
        env={**kept, "PYTHONHASHSEED": "0"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None, "It was asked for."
        line = await asyncio.wait_for(process.stdout.readline(), READY_SECONDS)
        word, *names = line.decode().split()[:64] or [""]
        if word == "ready":
            await _switch_on(process.pid)
        _, told = await asyncio.wait_for(process.communicate(b"\n"), END_SECONDS)
    except TimeoutError:
        raise BenchFailed("Counting instructions took too long; nothing was compared.") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if word != "ready" or process.returncode != 0:
        raise BenchFailed(f"The paths could not be walked:\n{told.decode()[-2_000:]}")
    return names


async def _switch_on(pid: int) -> None:
    control = await asyncio.create_subprocess_exec(
        "callgrind_control", "--instr=on", str(pid),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        told, _ = await asyncio.wait_for(control.communicate(), CONTROL_SECONDS)
    except TimeoutError:
        control.kill()
        raise BenchFailed("callgrind_control did not answer; nothing was counted.") from None
    if control.returncode != 0:
        raise BenchFailed(f"callgrind could not be switched on: {told.decode()[-500:]}")


def _total(dump: Path) -> int:
    found = _TOTALS.search(dump.read_text()) if dump.exists() else None
    if found is None:
        raise BenchFailed(f"callgrind did not write {dump.name}; is {MARK} still what it dumps at?")
    return int(found[1])


def faults(found: Counts, baseline: Counts) -> list[str]:
    """Return a sentence for each path that costs more or less than its baseline allows."""
    told = []
    for name, instructions in found.items():
        before = baseline.get(name)
        if before is None:
            told.append(f"{name} has no baseline; write one with --write.")
        elif abs(instructions - before) > TOLERANCE * before:
            word = "more" if instructions > before else "less"
            told.append(
                f"{name} costs {abs(instructions / before - 1):.1%} {word} instructions than its "
                f"baseline: {instructions:,} instead of {before:,}."
            )
    return told


def _shown(found: Counts, baseline: Counts) -> None:
    for name, instructions in found.items():
        before = baseline.get(name)
        change = f"{instructions / before - 1:+7.2%}" if before else "    new"
        say(f"{name:14}{instructions:>12,}  {change}  {PATHS[name].words}")


def main(arguments: Sequence[str]) -> int:
    """Count, then compare or write; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ops.bench.instructions", description=__doc__)
    parser.add_argument("--write", action="store_true", help="keep the counts as the baseline")
    parser.add_argument("--baseline", type=Path, default=BASELINE, help=argparse.SUPPRESS)
    parser.add_argument("--module", default="ops.bench.hot_paths", help=argparse.SUPPRESS)
    parser.add_argument("paths", nargs="*", help=f"of {', '.join(PATHS)}; all unless named")
    options = parser.parse_args(arguments)
    required = os.environ.get("BENCH_INSTRUCTIONS") == "required"
    file: Path = options.baseline
    kept: dict[str, dict[str, int]] = json.loads(file.read_text()) if file.exists() else {}
    here = build()
    lacking = missing()
    if not lacking and not options.write and here not in kept:
        lacking = f"the baseline has no figures of {here}, only of {'; '.join(kept) or 'none'}"
    if lacking:
        say(f"Instructions are not compared: {lacking}.")
        return 1 if required else 0
    try:
        found = asyncio.run(count(options.paths, module=options.module))
    except BenchFailed as error:
        say(str(error))
        return 1
    baseline = kept.get(here, {})
    _shown(found, baseline)
    if options.write:
        kept[here] = {**baseline, **found}
        file.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n")
        say(f"Written as the baseline of {here}.")
        return 0
    wrong = faults(found, baseline)
    for sentence in wrong:
        say(sentence)
    if wrong:
        say("Meant? Then `make instructions ARGS=--write`, and commit the file with the change.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
