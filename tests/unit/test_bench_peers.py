"""The engines that the bench compares with: the same calls, and a word when one can't take part."""

from __future__ import annotations

import ast
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from ops.bench import bare, sides
from ops.bench.peers import __main__ as command
from ops.bench.peers import engines, orders
from ops.bench.peers.packages import Packages, Skipped, install
from ops.bench.peers.plot import bars

WORKERS = ("orders.py", "on_dbos.py", "on_restate.py", "on_temporal.py")


@pytest.mark.parametrize("name", WORKERS)
def test_an_engines_process_imports_nothing_of_the_product(name: str) -> None:
    """It is the engine and the bare loop's calls, and borrows neither speed nor weight of ours."""
    tree = ast.parse((Path(orders.__file__).parent / name).read_text("utf-8"))
    names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names += [a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names]
    ours = {"schemas", "actors", "adapters", "service"}
    assert not {name.split(".")[0] for name in names} & ours
    assert {name for name in names if name.startswith("ops")} <= {
        "ops.bench.bare_partners",
        "ops.bench.peers.orders",
    }


def test_all_run_with_the_same_collector() -> None:
    """The comparison is not won by a setting of the interpreter."""
    assert orders.COLLECTOR == bare.COLLECTOR


def test_every_package_has_an_exact_version() -> None:
    """Two runs compare the same engines."""
    for peer in engines.PEERS.values():
        assert all("==" in one for one in peer.packages.pip)
        assert all("@" in one[1:] for one in peer.packages.npm)


async def test_a_package_that_cannot_be_had_skips_its_engine_with_a_sentence(
    tmp_path: Path,
) -> None:
    """The run goes on with the others, and a person reads why this one is missing."""
    with pytest.raises(Skipped, match="can't be installed: ERROR"):
        await install(Packages(pip=(str(tmp_path / "no-such-package"),)), tmp_path / "engine")


async def test_what_is_installed_already_is_not_installed_again(tmp_path: Path) -> None:
    """A folder that names these packages is taken as it is, whether or not they can be had."""
    wanted = Packages(pip=(str(tmp_path / "no-such-package"),))
    (tmp_path / "installed").write_text("\n".join(wanted.pip))
    await install(wanted, tmp_path)


def _figures(rate: float) -> sides.Figures:
    spent = {"process": 2.0, "postgres": 1.0, "partners": 5.0, "storefront": 4.0}
    return sides.Figures(rate, {"p99": 12.0}, spent, {})


def test_the_table_says_how_many_times_faster_ours_is() -> None:
    """The medians of the runs count, without the CPU of partners and storefront."""
    found = command.Found(
        runs={command.OURS: [_figures(100.0), _figures(200.0), _figures(300.0)],
              "Other": [_figures(50.0)]},
        orders={command.OURS: 10, "Other": 10},
    )  # fmt: skip
    row = found.table().splitlines()[-1]
    assert row.split() == ["Other", "50.0", "4.0", "x", "3.00", "12.0", "ms"]
    assert found.cpu_ms("Other") == 3.0


def test_the_plot_shows_every_figure_and_the_fastest_is_the_longest() -> None:
    """It is XML that a browser reads, with one bar a side on a scale of powers of ten."""
    root = ET.fromstring(bars("Title", "Below", {"Ours": 171.0, "Theirs & Co": 3.9}))
    space = "{http://www.w3.org/2000/svg}"
    widths = [float(bar.get("width", "0")) for bar in root.findall(f"{space}rect")[1:]]
    words = [text.text for text in root.findall(f"{space}text")]
    assert widths[0] > widths[1] > 0
    assert {"171", "3.9", "Theirs & Co", "1", "10", "100", "1000"} <= set(words)


def test_an_unknown_engine_is_refused_with_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A mistyped name does not measure less than was asked for."""
    with pytest.raises(SystemExit):
        command.parser().parse_args(["--peers", "dbos,tempral"])
    assert "tempral: known are restate, dbos, temporal" in capsys.readouterr().err
