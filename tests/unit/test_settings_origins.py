"""Where each value of the configuration comes from, as `config show` prints it."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.settings import load, overruled_in, told
from service.settings.origins import stated_in

TEXT = """# A comment with = in it
data_dir = "/d"

[listen]
port = 80
[channels."acme-us"]
kind = "shopify"
shop_domain = "acme.myshopify.com"
webhook_secrets = [
  "file:{folder}/secret",  # [not a table]
]
access_token = "env:TOKEN"
calls = {{ rate_per_second = 10 }}
limits.note = 1
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("hush-hush\n")
    found = tmp_path / "ow.toml"
    found.write_text(TEXT.format(folder=tmp_path).replace("limits.note = 1\n", ""))
    return found


def shown(file: Path, **environ: str) -> dict[str, str]:
    """Return what is printed behind each key."""
    environ = {"TOKEN": "shpat-hush", **environ}
    lines = told(load(environ, file), environ, file)
    assert not any("hush" in line for line in lines)
    return {key: rest for key, _, rest in (line.partition(" = ") for line in lines)}


def test_each_value_names_its_source(file: Path) -> None:
    """A default, a line, the reference on it, and a variable with what it goes before."""
    found = shown(file, ORDERWRIGHT_PORT="81")
    assert found["data_dir"] == f'"/d"  # {file}:2'
    assert found["listen.host"] == '"127.0.0.1"  # default'
    assert found["listen.port"] == f"81  # ORDERWRIGHT_PORT, before {file}:5"
    secrets = found["channels.acme-us.webhook_secrets"]
    assert secrets.endswith(f"# {file}:9 (file:{file.parent}/secret)")
    assert found["channels.acme-us.access_token"].endswith(f"# {file}:12 (env:TOKEN)")
    assert found["channels.acme-us.calls.rate_per_second"] == f"10  # {file}:13"


def test_a_literal_secret_is_not_shown(file: Path) -> None:
    """A secret that stands in a variable or the file is masked, its place is told."""
    found = shown(file, ORDERWRIGHT_CHANNELS_ACME_US_ACCESS_TOKEN="other-hush")
    name = "ORDERWRIGHT_CHANNELS_ACME_US_ACCESS_TOKEN"
    assert found["channels.acme-us.access_token"].endswith(f"# {name}, before {file}:12")


def test_a_variable_that_goes_before_the_file_is_named(file: Path) -> None:
    """Only where they differ, and without a value."""
    environ = {"TOKEN": "t", "ORDERWRIGHT_PORT": "80", "ORDERWRIGHT_DATA": "/elsewhere"}
    (said,) = overruled_in(load(environ, file), environ, file)
    assert said.startswith(f"ORDERWRIGHT_DATA goes before data_dir of {file}:2, which states")
    assert "elsewhere" not in said


def test_every_form_of_a_key_has_its_line() -> None:
    """Dotted and quoted keys, tables in tables, texts and lists over several lines."""
    text = 'a.b = 1\n"c d" = """\n[x]\ny = 2\n"""\n[t.u]\nv = [\n 1,\n]\n[t."w.x"]\nz = {q = 1}\n'
    found = {".".join(key): one.line for key, one in stated_in(Path("f"), text).items()}
    assert found == {
        "a": 1, "a.b": 1, "c d": 2, "t.u.v": 7, "t.w.x.z": 11, "t.w.x.z.q": 11,
    }  # fmt: skip
