"""House style as functions: each takes a text and returns what is wrong, in sentences."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

MODULE_LINES = 400  # a module is one idea; longer ones hide two
FUNCTION_LINES = 70  # a function fits a screen
ADR_LINES = 60  # one page
DECLARED_LIMIT = re.compile(r"^_?(MAX_\w+|\w+_(MAX|LIMIT|CAPACITY))$")

# Spelled in parts, so that this file is not its own first finding.
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]) + r")\b")
BARE_IGNORE = re.compile(r"#\s*type:\s*ign" + r"ore(?!\[[\w,\s-]+\]\s+#\s*\S)")
BARE_NOQA = re.compile(r"#\s*no" + r"qa(?!:\s*[A-Z]+\d+(\s*,\s*[A-Z]+\d+)*\s+\S*\s*\w)")
REGISTRY = re.compile(
    r"py" + r"pi\.org|files\.python" + r"hosted|--(extra-)?ind" + r"ex-url|--find-li" + r"nks"
    r"|registry\.np" + r"mjs|https?://\S+/sim" + r"ple\b"
)
PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY")
MACHINE_PATH = re.compile(
    r"(?<![\w.}/-])/(ro" + r"ot|wo" + r"rk|ho" + r"me/\w+|tmp/scr" + r"atch)/"
)

KIND_ROOMS = [
    f"adapters.{room}"
    for room in "channels carriers erp warehouses messages payments crm files".split()
]
WALL_CLOCK = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("time", "time_ns"),
    ("uuid", "uuid1"),
    ("uuid", "uuid4"),
    ("uuid", "uuid7"),
}
RUNTIME = ["actors.runtime"]
"""All of it may act; everything else in actors is pure and never imports it."""

PURE_IMPORTS = frozenset(
    "__future__ abc bisect collections dataclasses datetime decimal difflib enum fractions"
    " functools hashlib heapq hmac itertools math operator re string types typing"
    " msgspec actors schemas".split()
)


def imported_modules(
    tree: ast.AST, module: str, *, package: bool = False
) -> Iterator[tuple[int, str]]:
    """Yield (line, absolute name) of everything imported, also `from a import b` as `a.b`.

    `module` is the importing module's own name; it resolves relative imports.
    """
    own = module.split(".") if package else module.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            parts = own[: len(own) - node.level + 1] if node.level else []
            base = ".".join([*parts, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"


def within(name: str, modules: list[str] | frozenset[str]) -> bool:
    """Say whether a dotted name is one of the modules or lies inside one."""
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def long_parts(source: str) -> list[str]:
    """Modules and functions which are too long to be one idea."""
    count = len(source.splitlines())
    found = []
    if count > MODULE_LINES:
        found.append(f"1: the module has {count} lines; split it, {MODULE_LINES} is the most.")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                found.append(
                    f"{node.lineno}: {node.name}() has {length} lines, not {FUNCTION_LINES}."
                )
    return found


def calls_named(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    """Yield the calls of `name(…)` and `anything.name(…)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            if (isinstance(called, ast.Name) and called.id == name) or (
                isinstance(called, ast.Attribute) and called.attr == name
            ):
                yield node


def printing(source: str) -> list[str]:
    """Calls of print, which belong to the command line and to ops."""
    return [
        f"{call.lineno}: print() speaks to no one in a service; log it or return it."
        for call in calls_named(ast.parse(source), "print")
        if isinstance(call.func, ast.Name)
    ]


def sleeping(source: str) -> list[str]:
    """Sleeps in tests. `sleep(0)` is allowed: it only lets other tasks have their turn."""
    found = []
    for call in calls_named(ast.parse(source), "sleep"):
        first = call.args[0] if call.args else None
        if not (isinstance(first, ast.Constant) and first.value == 0):
            found.append(
                f"{call.lineno}: a test sleeps; wait for a condition or event with a bound."
            )
    return found


def untold_tests(source: str) -> list[str]:
    """Test functions without a sentence that says what they show."""
    return [
        f"{node.lineno}: {node.name}() has no docstring; say in one sentence what it shows."
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]


def _is_broad(kind: ast.expr | None) -> bool:
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(
        one is None or (isinstance(one, ast.Name) and one.id in {"Exception", "BaseException"})
        for one in kinds
    )


def swallowed_errors(source: str) -> list[str]:
    """Broad handlers that do nothing, and `suppress(Exception)`."""
    tree = ast.parse(source)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and _is_broad(node.type):
            idle = all(
                isinstance(step, ast.Pass | ast.Continue)
                or (isinstance(step, ast.Expr) and isinstance(step.value, ast.Constant))
                for step in node.body
            )
            if idle:
                found.append(f"{node.lineno}: every error is swallowed; name those expected here.")
    found += [
        f"{call.lineno}: suppress() of every error; name those expected here."
        for call in calls_named(tree, "suppress")
        if any(_is_broad(arg) for arg in call.args)
    ]
    return found


def unfinished(source: str) -> list[str]:
    """Marks of unfinished work, and silenced checkers that don't say why."""
    found = []
    for number, line in enumerate(source.splitlines(), 1):
        if UNFINISHED.search(line):
            found.append(f"{number}: unfinished work is an issue, not a comment.")
        if BARE_IGNORE.search(line):
            found.append(
                f"{number}: a type ignore needs its code in brackets and a reason after it."
            )
        if BARE_NOQA.search(line):
            found.append(f"{number}: a silenced rule needs its code and a reason after it.")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and node.id == "NotImplemented" + "Error":
            found.append(f"{node.lineno}: a stub is left; write it or leave the function out.")
        if isinstance(node, ast.Assert) and isinstance(node.test, ast.Constant):
            found.append(f"{node.lineno}: an assertion of a constant shows nothing.")
    return found


def environment_reads(source: str) -> list[str]:
    """Uses of the process environment, which only service.settings reads."""
    tree = ast.parse(source)
    names = {"environ", "environb", "getenv", "putenv"}
    lines = {
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in names
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    }
    lines |= {
        line for line, name in imported_modules(tree, "") if name in {f"os.{one}" for one in names}
    }
    return [
        f"{line}: only service.settings reads the environment; take the value as an argument."
        for line in sorted(lines)
    ]


def clock_reads(source: str) -> list[str]:
    """Calls for the time of day or a fresh id, which only service.app.clock makes."""
    tree = ast.parse(source)
    forbidden = {".".join(pair) for pair in WALL_CLOCK if pair[0] in {"time", "uuid"}}
    found = [
        f"{line}: only service.app.clock imports {name}."
        for line, name in imported_modules(tree, "")
        if name in forbidden
    ]
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        owner = node.value
        last = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
        if (last, node.attr) in WALL_CLOCK:
            found.append(f"{node.lineno}: only service.app.clock asks for the time or a new id.")
    return found


def kinds_named(source: str, module: str, *, allowed: list[str]) -> list[str]:
    """Imports from the folder of a kind, which only the registry names."""
    return [
        f"{line}: {module} imports {name}; ask adapters.kinds for the kind."
        for line, name in imported_modules(ast.parse(source), module)
        if within(name, KIND_ROOMS) and not within(name, allowed)
    ]


def impure_imports(
    source: str, module: str, runtime: list[str], *, package: bool = False
) -> list[str]:
    """What a core module imports beyond schemas, other core modules and arithmetic."""
    return [
        f"{line}: {module} is of the pure core and imports {name}; take its value as an argument."
        for line, name in imported_modules(ast.parse(source), module, package=package)
        if not within(name, PURE_IMPORTS) or within(name, runtime)
    ]


MACHINES = [
    "schemas.messages.events",
    "schemas.order.canonical",
    "schemas.order.customers",
    "schemas.order.money",
]
"""Words of an order, beside the rooms of its machines."""


def machines_named(source: str, module: str) -> list[str]:
    """What the runtime imports of what it runs: a stream type hands it in."""
    return [
        f"{line}: {module} imports {name}; let the stream type do what needs it."
        for line, name in imported_modules(ast.parse(source), module)
        if within(name, MACHINES) or (within(name, ["actors"]) and not within(name, RUNTIME))
    ]


def bare_limits(source: str) -> list[str]:
    """Limits (MAX_…, …_LIMIT) that don't say why they are what they are."""
    lines = source.splitlines()
    body = ast.parse(source).body
    found = []
    for place, node in enumerate(body):
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        names = [one.id for one in targets if isinstance(one, ast.Name)]
        if not any(DECLARED_LIMIT.match(name) for name in names):
            continue
        after = body[place + 1] if place + 1 < len(body) else None
        told = (
            any("#" in line for line in lines[node.lineno - 1 : node.end_lineno])
            or _comment_above(lines, node.lineno - 1)
            or (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant))
        )
        if not told:
            found.append(f"{node.lineno}: {names[0]} is a limit; say why it is this much.")
    return found


def _comment_above(lines: list[str], index: int) -> bool:
    """Say whether the block of lines without a gap above the line holds a comment."""
    for line in reversed(lines[:index]):
        if not line.strip():
            return False
        if line.lstrip().startswith("#"):
            return True
    return False


def private_addresses(text: str) -> list[str]:
    """Registry addresses, paths of the machine a file was written on, and private keys."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if REGISTRY.search(line):
            found.append(f"{number}: names a package registry; whoever installs chooses theirs.")
        if PRIVATE_KEY.search(line):
            found.append(f"{number}: holds a private key; replace it, it is not a secret now.")
        if MACHINE_PATH.search(line):
            found.append(f"{number}: names a path that exists on one machine only.")
    return found


def loose_locks(text: str) -> list[str]:
    """Lines of a lock that aren't an exact version with at least one hash."""
    logical = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n?", "", text))
    found = []
    for line in filter(None, (line.strip() for line in logical.splitlines())):
        if line.startswith("-"):
            found.append(f"{line.split()[0]}: options such as an index don't belong in a lock.")
        elif not re.match(r"[\w.-]+(\[[\w,-]+\])?==[\w.+!]+ .*--hash=sha256:[0-9a-f]{64}", line):
            found.append(f"{line[:40]}: is not an exact version with a hash.")
    return found


def locked_names(text: str) -> set[str]:
    """Names in a lock, normalised as PEP 503 says."""
    return {normal(name) for name in re.findall(r"(?m)^([\w.-]+)(?:\[[\w,-]+\])?==", text)}


def normal(requirement: str) -> str:
    """Return the normalised name at the head of a requirement."""
    match = re.match(r"[\w.-]+", requirement)
    return re.sub(r"[-_.]+", "-", match.group()).lower() if match else ""


def asked_names(pyproject: Path) -> tuple[set[str], set[str]]:
    """Names pyproject.toml asks for: to run, and to develop."""
    told = tomllib.loads(pyproject.read_text())
    return (
        {normal(one) for one in told["project"]["dependencies"]},
        {normal(one) for one in told["dependency-groups"]["dev"]},
    )


def script_steps(text: str) -> list[str]:
    """Return a shell script's own lines, without comments, options and the change of directory."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not re.match(r"#|set -|cd ", line)]
