"""The commands our pages show are commands that exist, with those options, and that a test runs."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import service.app.local
import service.app.process
from service.app.errors import OperatorError
from service.settings import load
from tests.commands import program

ROOT = Path(__file__).resolve().parents[2]
SHOWN = re.compile(
    r"(?:`|^\$ )(?:\.venv/bin/)?orderwright ([a-z]+(?: [a-z][a-z-]*(?![\w=-]))?)([^`\n]*)", re.M
)
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
RUN_BY = ("integration", "e2e", "conformance")
"""Where commands are run at a real service, and the demo is."""


def shown_commands(text: str) -> dict[str, set[str]]:
    """Return what stands after `orderwright` in the code of a page: one or two words, and the
    options given with them."""
    found: dict[str, set[str]] = {}
    for command, rest in SHOWN.findall(text):
        found.setdefault(command, set()).update(OPTION.findall(rest))
    return found


@cache
def documented() -> dict[str, set[str]]:
    """Return the commands of all our pages with their options."""
    found: dict[str, set[str]] = {}
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")):
        for command, options in shown_commands(page.read_text()).items():
            found.setdefault(command, set()).update(options)
    return found


def command_of(words: str) -> Any:
    """Return the command that these words name, where the last may be its argument; the whole
    program for none."""
    found = program()
    for word in words.split():
        if not hasattr(found, "commands"):
            break
        assert word in found.commands, f"There is no `orderwright {words}`."
        found = found.commands[word]
    return found


@pytest.mark.parametrize("command", sorted(documented()))
def test_a_shown_command_exists_with_its_options(command: str) -> None:
    """`orderwright X Y` is a command, and has every option our pages give with it."""
    options = documented()[command]
    told = {name for one in command_of(command).params for name in (*one.opts, *one.secondary_opts)}
    told.add("--help")
    assert options <= told, f"orderwright {command} has no {', '.join(sorted(options - told))}."


def test_every_shown_command_is_run_by_a_test() -> None:
    """A page promises nothing that no test types."""
    tests = [path for name in RUN_BY for path in (ROOT / "tests" / name).glob("test_*.py")]
    typed = "".join(path.read_text() for path in tests)
    unseen = []
    for command in documented():
        words = ", ".join(f'"{word}"' for word in command.split())
        if words not in typed and not re.search(rf'types\(\s*f?"orderwright {command}\b', typed):
            unseen.append(command)
    assert not unseen, f"No test runs: {', '.join(unseen)}"


def test_every_command_is_documented() -> None:
    """What `--help` lists is in the page about the command line."""
    page = shown_commands((ROOT / "docs" / "command-line.md").read_text())
    groups = (
        "channel", "channels", "orders", "keys", "users", "quarantine", "mappings", "incidents",
        "privacy", "restored", "rules", "stock", "config", "spec", "alerts", "reviews",
        "batch", "recon", "books", "returns",
    )  # fmt: skip
    single = (
        "backup", "demo", "init", "serve", "reload", "restore", "migrate", "doctor", "lineage",
        "version",
    )  # fmt: skip
    there = {f"{group} {name}" for group in groups for name in listed(group)}
    assert set(listed("")) == {*groups, *single}
    assert there | set(single) <= set(page)


def listed(group: str) -> list[str]:
    """Return the commands of a group that its help lists."""
    return [name for name, one in command_of(group).commands.items() if not one.hidden]


def test_the_shown_configuration_is_accepted(tmp_path: Path) -> None:
    """The example of docs/operations.md loads as it is, once its secrets exist."""
    example, _ = re.findall(r"```toml\n(.*?)```", page_of("operations.md"), re.S)
    secret = tmp_path / "secret"
    secret.write_text("a secret from a file")
    config = tmp_path / "orderwright.toml"
    config.write_text(example.replace("file:/run/secrets/shopify-client-secret", f"file:{secret}"))
    environ = dict.fromkeys(re.findall(r"env:(\w+)", example), "a secret of the environment")
    settings = load(environ, config)
    assert set(settings.channels) == {"acme-us", "wholesale"}
    assert set(settings.partners) == {"bc", "louisville", "ups", "mail"}


def test_the_shown_configuration_of_containers_is_accepted(tmp_path: Path) -> None:
    """The example for several containers loads beside the first one, and shares the orders."""
    _, example = re.findall(r"```toml\n(.*?)```", page_of("operations.md"), re.S)
    config = tmp_path / "orderwright.toml"
    config.write_text(example)
    secrets = "a secret of the environment, which is long enough"
    settings = load(dict.fromkeys(re.findall(r"env:(\w+)", example), secrets), config)
    assert settings.workers.sharing
    assert settings.correlation is not None
    assert settings.privacy is not None


def test_the_shown_channels_are_accepted(tmp_path: Path) -> None:
    """The channels that docs/channels.md shows load as they are, once their secrets exist."""
    shown = "".join(re.findall(r"```toml\n(.*?)```", page_of("channels.md"), re.S))
    config = tmp_path / "orderwright.toml"
    config.write_text(shown)
    environ = dict.fromkeys(re.findall(r"env:(\w+)", shown), "a secret of the environment")
    assert {"acme-us", "amazon-de", "acme-bc"} <= set(load(environ, config).channels)


def test_every_exit_code_is_documented() -> None:
    """Each error that ends a process has its code in the table of docs/operations.md."""
    table = set(re.findall(r"^\| (\d+) \|", page_of("operations.md"), re.M))
    assert service.app.local.NoSuchOrder.exit_code == 11
    assert service.app.process.FENCED_EXIT_CODE == 8
    waiting, codes = [OperatorError], set()
    while waiting:
        error = waiting.pop()
        codes.add(str(error.exit_code))
        waiting += error.__subclasses__()
    assert codes <= table
    assert len(codes) >= 11, "all modules with such errors are imported"


def page_of(name: str) -> str:
    """Return a page of docs/."""
    return (ROOT / "docs" / name).read_text()


def test_shown_commands_are_found_in_code_only() -> None:
    """Prose about orderwright is not a command; options are told apart from paths."""
    text = "orderwright takes orders; `.venv/bin/orderwright config show -a`, `orderwright serve`"
    assert shown_commands(text) == {"config show": set(), "serve": set()}
    text = "```console\n$ orderwright orders list --limit 3 --json\n```"
    assert shown_commands(text) == {"orders list": {"--limit", "--json"}}


def test_every_hazard_names_tests_that_exist() -> None:
    """docs/hazards.md claims nothing that no test makes happen."""
    page = (ROOT / "docs" / "hazards.md").read_text()
    rows = [line for line in page.splitlines() if re.match(r"\| \d", line)]
    assert len(rows) > 15
    kept = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    known = set(re.findall(r"def (test_\w+)\(", kept))
    for row in rows:
        named = set(re.findall(r"`(test_\w+)`", row))
        assert named, f"no test: {row}"
        assert named <= known, f"no such test: {sorted(named - known)}"
