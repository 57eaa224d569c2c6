"""/asyncapi.json by AsyncAPI's own schema, and our JSON Schemas in ajv's strict mode: packages of
npm, so these skip where Node or the packages are missing."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from schemas.contracts.published import all_schemas
from service.app import asyncapi

PACKAGES = ("@asyncapi/specs@6.11.1", "ajv@8.20.0", "ajv-formats@3.0.1")
STRICT = """
const formats = require("ajv-formats"), Ajv = require("ajv/dist/2020");
const wrong = Object.entries(require("./schemas.json")).flatMap(([name, schema]) => {
  // Later versions may add to the end of a tuple; all else that is strict stays so.
  const ajv = new Ajv({ strict: true, strictTuples: false, allErrors: true });
  formats(ajv);
  try { ajv.compile(schema); return []; } catch (error) { return [`${name}: ${error.message}`]; }
});
console.log(JSON.stringify(wrong));
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packages."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node is missing")
    home = tmp_path_factory.mktemp("npm")
    words = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", *PACKAGES]
    got = subprocess.run(words, cwd=home, capture_output=True, text=True, timeout=120, check=False)
    if got.returncode:
        pytest.skip(f"npm does not get {', '.join(PACKAGES)}: {got.stderr[-300:]}")
    return home


def test_asyncapi_by_its_official_schema(packages: Path) -> None:
    """The schema of version 3.0.0 that the AsyncAPI initiative publishes refuses nothing."""
    folder = packages / "node_modules" / "@asyncapi" / "specs" / "schemas"
    official = json.loads((folder / "3.0.0-without-$id.json").read_text())
    Draft7Validator.check_schema(official)
    validator = Draft7Validator(official)
    document = asyncapi.document("1")
    assert [one.message for one in validator.iter_errors(document)] == []
    document["operations"]["take-place"]["action"] = "eat"
    assert not validator.is_valid(document)


def test_every_schema_compiles_in_ajv_s_strict_mode(packages: Path) -> None:
    """No unknown keyword or format, no keyword for another type than stated, no dead reference."""
    (packages / "schemas.json").write_text(json.dumps(dict(all_schemas())))
    ran = subprocess.run(
        ["node", "-e", STRICT], cwd=packages, capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(ran.stdout) == []
