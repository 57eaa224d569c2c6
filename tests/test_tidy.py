"""House style is a test: what CONTRIBUTING.md asks for is checked on every file, every run."""

from __future__ import annotations

import ast
import os
import re
import stat
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests import tidy, words

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = ("schemas", "actors", "adapters", "service")
SIMULATORS = "ops/simulators/"
PARTNERS_PORTS = "actors/runtime/partner.py"
"""A partner gets the canonical order beside an effect, so its port names it."""
RUNTIME = ["actors.runtime"]
"""All of it may act; everything else in actors is pure and never imports it."""
NAMED = {
    "service/app/front.py": {"adapters.channels.canonical"},
    "service/imports/": {"adapters.channels.csv"},
}
"""Our own contract is spoken by the API, and a CSV file is read by its import."""
GLOSSARY = ("tests/words.py", "tests/test_words.py")
"""Files that must say the refused words."""
COMMANDS = re.compile(r"service/(cli/\w+|\w+/cli(_\w+)?)\.py")

Checker = Callable[[str], list[str]]


@cache
def files() -> tuple[str, ...]:
    """Every file of the checkout that git knows or would take, as POSIX paths from the root."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("This is not a git checkout, so there is no list of files to check.")
    return tuple(sorted({path for path in listed.stdout.split("\0") if (ROOT / path).is_file()}))


def modules(*folders: str) -> Iterator[tuple[str, str]]:
    """Yield (path, source) of the Python files under the folders."""
    for path in files():
        if path.endswith(".py") and path.startswith(tuple(f"{folder}/" for folder in folders)):
            yield path, (ROOT / path).read_text()


def module_name(path: str) -> str:
    """Return the dotted name of a module at a path."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def refuse(found: list[str]) -> None:
    """Fail with every finding, one a line."""
    assert not found, "\n" + "\n".join(found)


def findings(check: Checker, *folders: str, but: tuple[str, ...] = ()) -> list[str]:
    """Run a checker over all modules in the folders, except paths that begin with one of `but`."""
    return [
        f"{path}:{finding}"
        for path, source in modules(*folders)
        if not path.startswith(but)
        for finding in check(source)
    ]


def test_modules_and_functions_are_short() -> None:
    """A module is one idea of at most 400 lines, a function at most 70."""
    refuse(findings(tidy.long_parts, *PRODUCT, "ops", "tests"))


def test_only_the_command_line_prints() -> None:
    """The service logs; printing belongs to the command line and to ops."""
    refuse(
        [
            f"{path}:{finding}"
            for path, source in modules(*PRODUCT, "tests")
            if not COMMANDS.fullmatch(path)
            for finding in tidy.printing(source)
        ]
    )


def test_no_test_sleeps() -> None:
    """Tests wait for what they want to see, with a bound, and never for a while."""
    refuse(findings(tidy.sleeping, "tests"))


def test_every_test_says_what_it_shows() -> None:
    """A test function has one sentence a reader can judge it by."""
    refuse(findings(tidy.untold_tests, "tests"))


def test_no_error_is_swallowed_unseen() -> None:
    """A handler of every error does something with it."""
    refuse(findings(tidy.swallowed_errors, *PRODUCT, "ops", "tests"))


def test_nothing_is_left_unfinished() -> None:
    """No marks of unfinished work, no stubs, no silenced checker without a reason."""
    refuse(findings(tidy.unfinished, *PRODUCT, "ops", "tests"))


def test_only_settings_reads_the_environment() -> None:
    """Configuration enters in one place, so that `config show` tells all of it."""
    refuse(findings(tidy.environment_reads, *PRODUCT, but=("service/settings",)))


def test_only_the_clock_asks_for_the_time() -> None:
    """Time and new ids come in as arguments, so that a replay decides what was decided."""
    refuse(findings(tidy.clock_reads, *PRODUCT, but=("service/app/clock.py",)))


def test_only_the_registry_names_a_kind() -> None:
    """Who adds a kind touches its folder and one line: nothing else imports from such a folder."""
    found = []
    for path, source in modules("service", "adapters"):
        name = module_name(path)
        if not tidy.within(name, tidy.KIND_ROOMS):
            allowed = [
                one for start, some in NAMED.items() if path.startswith(start) for one in some
            ]
            named = tidy.kinds_named(source, name, allowed=allowed)
            found += [f"{path}:{finding}" for finding in named]
    refuse(found)


def test_the_core_imports_nothing_that_acts() -> None:
    """Everything in actors but its runtime has no clock, no chance and no I/O."""
    found = []
    for path, source in modules("actors"):
        name = module_name(path)
        if not tidy.within(name, tidy.RUNTIME):
            package = path.endswith("__init__.py")
            impure = tidy.impure_imports(source, name, tidy.RUNTIME, package=package)
            found += [f"{path}:{finding}" for finding in impure]
    refuse(found)


def test_the_runtime_knows_nothing_of_what_it_runs() -> None:
    """It carries out what a stream type decides, whatever that is; no word of an order is in it."""
    refuse(
        [
            f"{path}:{finding}"
            for path, source in modules("actors/runtime")
            if path != PARTNERS_PORTS
            for finding in tidy.machines_named(source, module_name(path))
        ]
    )


def test_every_module_of_the_service_is_in_a_room() -> None:
    """Nothing lies loose in the folders that hold rooms, so a reader finds a module by its kind."""
    loose = re.compile(r"(service|actors|schemas|adapters|adapters/(channels|carriers))/[^/]+\.py")
    found = [path for path, _ in modules(*PRODUCT) if loose.fullmatch(path)]
    kept = ("/__init__.py", "adapters/kinds.py")
    refuse([path for path in found if not path.endswith(kept)])


def test_no_feature_imports_another() -> None:
    """A feature is changed or left out without the others: they share `service.http` and `app`."""
    features = {path.split("/")[1] for path, _ in modules("service") if path.endswith("/api.py")}
    found = []
    for path, source in modules(*(f"service/{feature}" for feature in features)):
        name = module_name(path)
        others = [f"service.{one}" for one in features if one != path.split("/")[1]]
        found += [
            f"{path}:{line}: imports {imported} of another feature."
            for line, imported in tidy.imported_modules(ast.parse(source), name)
            if tidy.within(imported, others)
        ]
    refuse(found)


def test_simulators_share_nothing_with_the_product() -> None:
    """A codec shared with a simulator would hide the bugs it shares."""
    refuse(
        [
            f"{path}:{line}: imports {name}; simulators stand by themselves."
            for path, source in modules("ops")
            if path.startswith(SIMULATORS)
            for line, name in tidy.imported_modules(ast.parse(source), module_name(path))
            if tidy.within(name, list(PRODUCT))
        ]
    )


def test_every_limit_says_why() -> None:
    """A bound without its reason can't be changed by the next reader."""
    refuse(findings(tidy.bare_limits, *PRODUCT))


def test_no_file_names_a_registry_or_a_machine() -> None:
    """What is committed works anywhere: no index address, no path of the machine it was made on."""
    found = []
    for path in files():
        try:
            text = (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path}:{finding}" for finding in tidy.private_addresses(text)]
    refuse(found)


@pytest.mark.parametrize("name", ["runtime.txt", "dev.txt"])
def test_locks_are_exact_and_hashed(name: str) -> None:
    """Every line of a lock is one version with its hashes, and nothing else."""
    text = (ROOT / "requirements" / name).read_text()
    assert tidy.locked_names(text)
    refuse(tidy.loose_locks(text))


def test_locks_hold_what_pyproject_asks_for() -> None:
    """No one forgot `make lock`; dev.txt holds all of runtime.txt in the same versions."""
    run, develop = tidy.asked_names(ROOT / "pyproject.toml")
    runtime = (ROOT / "requirements" / "runtime.txt").read_text()
    dev = (ROOT / "requirements" / "dev.txt").read_text()
    assert run <= tidy.locked_names(runtime), "run `make lock`"
    assert run | develop <= tidy.locked_names(dev), "run `make lock`"
    exact = re.compile(r"(?m)^[\w.-]+==\S+")
    assert set(exact.findall(runtime)) <= set(exact.findall(dev)), "run `make lock`"


def test_the_build_machine_does_what_a_person_does() -> None:
    """`.ci/run` calls `make test` and nothing cleverer."""
    script = ROOT / ".ci" / "run"
    assert tidy.script_steps(script.read_text()) == ["exec make test"]
    assert os.stat(script).st_mode & stat.S_IXUSR


def test_decisions_are_one_page_and_numbered() -> None:
    """Each decision fits a page, and no number is missing or taken twice."""
    pages = sorted((ROOT / "ops" / "decisions").glob("*.md"))
    numbers = [int(page.name[:4]) for page in pages]
    assert numbers == list(range(1, len(pages) + 1))
    for page in pages:
        assert len(page.read_text().splitlines()) <= tidy.ADR_LINES, page.name


def test_documents_name_targets_and_files_that_exist() -> None:
    """A `make` command or a relative link in our pages leads somewhere."""
    targets = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text()))
    found = []
    for path in files():
        if not path.endswith(".md"):
            continue
        text = (ROOT / path).read_text()
        asked = re.findall(r"(?m)(?:^|`)(?:\$ )?make ([a-z]+)\b", text)
        found += [f"{path}: make {name} is not a target." for name in asked if name not in targets]
        for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text):
            if not (ROOT / path).parent.joinpath(link).exists():
                found.append(f"{path}: the link to {link} leads nowhere.")
    refuse(found)


def test_names_keep_to_the_glossary() -> None:
    """One thing has one name: a word that another has replaced is in no name."""
    refuse(
        [
            f"{path}:{finding}"
            for path, source in modules(*PRODUCT, "ops", "tests")
            if not path.startswith(GLOSSARY)
            for finding in words.refused_names(source, path)
        ]
    )


def test_prose_keeps_to_the_glossary() -> None:
    """Comments, docstrings, messages and pages say what the names say."""
    found = []
    for path in files():
        if path.endswith((".py", ".md")) and not path.startswith(GLOSSARY):
            text = (ROOT / path).read_text(encoding="utf-8")
            found += [f"{path}:{finding}" for finding in words.refused_prose(text, path)]
    refuse(found)


def test_what_draws_at_random_is_patient() -> None:
    """A folder with tests by hypothesis lets it take its time: no example fails because a machine
    is busy. The unit tests have none: they are quick, and never differ."""
    wanting = {
        path.rsplit("/", 1)[0]
        for path, source in modules("tests")
        if re.search(r"^from hypothesis import", source, re.M) and path != "tests/chance.py"
    }
    assert not [folder for folder in wanting if folder.startswith("tests/unit")]
    for folder in wanting:
        assert "\nbe_patient()\n" in (ROOT / folder / "conftest.py").read_text(), folder
