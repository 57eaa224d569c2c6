"""The Dockerfile's promises, read from the file itself: an image can't be built everywhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import tomllib
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from service.settings import load, overruled_in

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Stage:
    """One `FROM … AS …` and its instructions, continuation lines joined, comments left out."""

    base: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def values(self, instruction: str) -> list[str]:
        """Return the arguments of every such instruction, in the order of the file."""
        return [value for word, value in self.steps if word == instruction]


def read_stages(text: str) -> list[Stage]:
    """Parse a Dockerfile as far as these tests need it."""
    joined = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", text))
    stages: list[Stage] = []
    given: dict[str, str] = {}
    for line in filter(None, (line.strip() for line in joined.splitlines())):
        word, _, value = line.partition(" ")
        if word.upper() == "FROM":
            base, _, name = value.partition(" AS ")
            base = re.sub(r"\$\{(\w+)\}", lambda found: given[found[1]], base)
            stages.append(Stage(base.strip(), name.strip()))
        elif not stages:  # what may be given to the build, and is known to FROM alone
            name, _, default = value.partition("=")
            given[name] = default
        else:
            stages[-1].steps.append((word.upper(), " ".join(value.split())))
    return stages


@pytest.fixture
def stages() -> list[Stage]:
    return read_stages((ROOT / "Dockerfile").read_text())


@pytest.fixture
def runtime(stages: list[Stage]) -> Stage:
    return stages[-1]


def test_the_image_is_built_in_one_stage_and_run_in_another(stages: list[Stage]) -> None:
    """Compilers, pip caches and test libraries stay behind in the build stage."""
    assert [stage.name for stage in stages] == ["build", "runtime"]
    assert len({stage.base for stage in stages}) == 1
    assert not any("pip" in run for run in stages[-1].values("RUN"))


def test_everything_is_installed_from_the_hashed_locks(stages: list[Stage]) -> None:
    """No library enters the image that the lock doesn't name with its hash."""
    installs = [
        step for run in stages[0].values("RUN") for step in run.split("&&") if "pip install" in step
    ]
    assert installs
    for step in installs:
        assert "--require-hashes -r requirements/" in step or "--no-deps --no-index" in step, step
    assert any("requirements/runtime.txt" in step for step in installs)


def test_the_process_runs_as_a_named_user_without_rights(runtime: Stage) -> None:
    """The last USER is the named user, made with a fixed number above the system's own."""
    assert runtime.values("USER") == ["orderwright"]
    made = " ".join(runtime.values("RUN"))
    uid = re.search(r"useradd --uid (\d+) .* orderwright\b", made)
    assert uid is not None
    assert int(uid.group(1)) >= 10_000


def test_the_process_starts_serving(runtime: Stage) -> None:
    """`docker run orderwright` serves; `docker run orderwright doctor` runs another command."""
    assert json.loads(runtime.values("ENTRYPOINT")[0]) == ["orderwright"]
    assert json.loads(runtime.values("CMD")[0]) == ["serve"]
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert "orderwright" in scripts


def test_health_is_asked_at_readyz_without_sh_or_curl(runtime: Stage) -> None:
    """The slim image has no curl; the check is valid Python and asks the readiness page."""
    options, _, command = runtime.values("HEALTHCHECK")[0].partition(" CMD ")
    program, flag, source = json.loads(command)
    assert (program, flag) == ("python", "-c")
    compile(source, "HEALTHCHECK", "exec")
    assert "/readyz" in source
    assert "--timeout=" in options
    assert "--start-period=" in options


def test_the_base_is_one_distribution_and_can_be_one_digest(stages: list[Stage]) -> None:
    """A tag that moves to another distribution is not named, and the Python is the one of the locks
    and the wheel; whoever wants the same bytes each time gives a digest."""
    (base,) = {stage.base for stage in stages}
    assert re.fullmatch(r"python:3\.11-slim-[a-z]+(@sha256:[0-9a-f]{64})?", base)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"].startswith(">=3.11")
    text = (ROOT / "Dockerfile").read_text()
    assert text.count("FROM ${BASE} AS ") == text.count("\nFROM ") == 2


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1), (None, 1)])
def test_the_health_check_says_what_the_service_says(
    runtime: Stage, tmp_path: Path, status: int | None, code: int
) -> None:
    """Run as it stands: ready is healthy, not ready is not, and neither is a service that has not
    written its port yet."""
    _, _, command = runtime.values("HEALTHCHECK")[0].partition(" CMD ")
    _, *arguments = json.loads(command)

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if status and self.path == "/readyz" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            if status is not None:
                port = {"port": server.server_address[1]}
                (tmp_path / "runtime.json").write_text(json.dumps(port))
            environ = {**os.environ, "ORDERWRIGHT_DATA": str(tmp_path)}
            ran = subprocess.run(
                [sys.executable, *arguments], env=environ, capture_output=True, check=False
            )
        finally:
            server.shutdown()
            thread.join()
    assert ran.returncode == code


def test_only_the_one_volume_is_written(runtime: Stage) -> None:
    """With a read-only root, data, home and working directory are all the volume."""
    assert json.loads(runtime.values("VOLUME")[0]) == ["/data"]
    assert runtime.values("WORKDIR") == ["/data"]
    environment = dict(re.findall(r"(\w+)=(\S+)", " ".join(runtime.values("ENV"))))
    assert environment["HOME"] == "/data"
    assert environment["ORDERWRIGHT_DATA"] == "/data"
    assert "ORDERWRIGHT_PORT" not in environment  # it would go before a mounted file
    assert "ORDERWRIGHT_HOST" not in environment
    assert environment["PYTHONDONTWRITEBYTECODE"] == "1"


def test_the_image_sets_settings_that_exist(runtime: Stage) -> None:
    """Each ORDERWRIGHT_… of the image stands in the configuration page, made from the settings."""
    page = ROOT / "docs" / "configuration.md"
    names = set(re.findall(r"\bORDERWRIGHT_[A-Z_]+", " ".join(runtime.values("ENV"))))
    assert names
    assert names <= set(re.findall(r"\bORDERWRIGHT_[A-Z_]+", page.read_text()))


def test_what_the_image_sets_a_mounted_file_goes_before(runtime: Stage, tmp_path: Path) -> None:
    """Only the volume is a variable; the rest is a file of defaults that is read first."""
    environment = dict(re.findall(r"(\w+)=(\S+)", " ".join(runtime.values("ENV"))))
    (copied,) = [one for one in runtime.values("COPY") if "image.toml" in one]
    assert copied.split() == ["ops/image.toml", environment["ORDERWRIGHT_DEFAULTS"]]
    mounted = tmp_path / "orderwright.toml"
    mounted.write_text("[listen]\nport = 9090\n")
    environ = {
        **environment,
        "ORDERWRIGHT_DEFAULTS": str(ROOT / "ops" / "image.toml"),
        "ORDERWRIGHT_CONFIG": str(mounted),
    }
    settings = load(environ)
    assert (settings.listen.host, settings.listen.port) == ("0.0.0.0", 9090)
    assert settings.data_dir == "/data"
    assert overruled_in(settings, environ, None) == []


def test_any_user_id_may_keep_data_in_the_volume(runtime: Stage) -> None:
    """The volume is open as /tmp is, and the library that names an id without a name is there."""
    made = " ".join(runtime.values("RUN"))
    assert "-m 1777 /data" in made
    assert "libnss-wrapper" in made


def test_embedded_servers_are_the_default(runtime: Stage) -> None:
    """The image names no outside Postgres or NATS, so a plain run needs nothing else."""
    environment = " ".join(runtime.values("ENV"))
    assert "ORDERWRIGHT_POSTGRES_DSN" not in environment
    assert "ORDERWRIGHT_NATS_URL" not in environment


def test_no_secret_is_baked_in(stages: list[Stage]) -> None:
    """No build argument, environment variable or copied file carries a secret."""
    secret = re.compile(r"(?i)secret|password|passwd|token|api_?key|private")
    for stage in stages:
        for instruction in ("ENV", "ARG", "LABEL", "COPY", "ADD"):
            for value in stage.values(instruction):
                assert not secret.search(value), f"{instruction} {value}"


def test_the_build_sees_only_what_it_needs() -> None:
    """.dockerignore lets in named paths only, so a stray .env or data directory can't travel."""
    lines = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert lines[0] == "*"
    let_in = {line[1:] for line in lines if line.startswith("!")}
    assert {".git", "tests", ".venv", ".env"}.isdisjoint(let_in)
    for path in let_in:
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize(
    ("text", "users"),
    [
        ("FROM a AS x\nUSER root\n", ["root"]),
        ("FROM a AS x\nRUN one \\\n  two\n# USER ghost\n", []),
    ],
)
def test_the_reader_itself_tells_files_apart(text: str, users: list[str]) -> None:
    """The little parser sees a bad user, joins continued lines and skips comments."""
    assert read_stages(text)[0].values("USER") == users
