"""The rules API as programs use it: look, check, compare, try, change, approve and return."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec

from tests.integration.test_rules_whole import ON_CHANNEL, RULES, dear, in_use
from tests.integration.whole import Whole
from tests.waiting import eventually

TABLED = """
[[ship]]
name = "by-country"
when = "has(order.ship_to)"
method = '=has(order.ship_to) ? lookup("ways", order.ship_to.country, "") : ""'

[tables]
ways = "ways.csv"
"""
WAYS = {"ways.csv": "country,method\nUS,standard\n"}


class Client:
    """Asks with one key."""

    def __init__(self, whole: Whole, name: str, *scopes: str) -> None:
        words = [part for scope in scopes for part in ("--scope", scope)]
        self._whole = whole
        self._token = whole.cli("keys", "create", name, *words, "--channel", "*").strip()

    async def ask(self, method: str, path: str, body: Any = None, key: str = "") -> tuple[int, Any]:
        """Return the status and what was answered."""
        answer = await self._whole.ask(
            method,
            f"/api/v1/rules{path}",
            body=None if body is None else msgspec.json.encode(body),
            Authorization=f"Bearer {self._token}",
            Idempotency_Key=key or secrets.token_hex(8),
        )
        return answer.status, answer.json()


def writer(whole: Whole) -> Client:
    """Return one who may look and change."""
    return Client(whole, "rules writer", "rules:read", "rules:write")


async def test_rules_are_checked_compared_and_tried_over_the_api(whole: Whole) -> None:
    """Faults have their lines, differences their rules, and a try says what would be decided;
    nothing is stored."""
    client = writer(whole)
    _, before = await client.ask("GET", "/history")
    wrong = {"toml": RULES.replace("fedex", "fedx")}
    status, told = await client.ask("POST", "/lint", wrong)
    assert (status, told["good"]) == (200, False)
    (finding,) = [one for one in told["findings"] if one["severity"] == "error"]
    assert (finding["line"], finding["rule"]) == (5, "high-value")
    assert "There is no carrier 'fedx'" in finding["sentence"]
    status, told = await client.ask("POST", "/lint", {"toml": TABLED, "files": WAYS})
    assert (status, told["good"]) == (200, True), told
    status, told = await client.ask("POST", "/lint", {"toml": TABLED})
    assert "ways.csv was not sent" in " ".join(one["sentence"] for one in told["findings"])
    status, told = await client.ask("POST", "/lint", {"toml": "[[ship"})
    assert (status, "not valid TOML" in told["errors"][0]) == (422, True)
    status, told = await client.ask("POST", "/diff", {"toml": RULES})
    assert "+ ship high-value: when order.totals.total_minor >= 50000" in told["differences"]
    order = msgspec.to_builtins(dear(whole.order()))
    unnamed = {name: value for name, value in order.items() if name != "schema"}
    status, told = await client.ask("POST", "/test", {"toml": RULES, "order": unnamed})
    assert status == 422
    assert "order.schema" in told["detail"]
    status, told = await client.ask("POST", "/test", {"toml": RULES, "order": order})
    assert status == 200, told
    found = {one["set"]: (one["rule"], one["asks"].get("carrier")) for one in told["rulings"]}
    assert found == {"ship": ("high-value", "fedex"), "approve": ("", None)}
    status, told = await client.ask("POST", "/publish", {**wrong, "reason": "in a hurry"})
    assert status == 422
    assert told["errors"][0].startswith("line 5: ship high-value: There is no carrier")
    assert (await client.ask("GET", "/history"))[1] == before


async def test_rules_are_published_and_returned_to_over_the_api(whole: Whole) -> None:
    """Once for each key, with who and why; the running service decides by them. What can't be is a
    problem that says so."""
    client = writer(whole)
    reason = {"reason": "a test"}
    publication = {"toml": RULES, **reason}
    key = secrets.token_hex(8)
    status, told = await client.ask("POST", "/publish", publication, key)
    assert (status, told["in_use"]) == (200, True), told
    assert await client.ask("POST", "/publish", publication, key) == (200, told)
    version = told["version"]
    await in_use(whole, version)
    status, told = await client.ask("POST", "/publish", publication)
    assert (status, "in use already" in told["detail"]) == (409, True)
    _, told = await client.ask("GET", "")
    assert told["version"] == version
    assert told["rules"]["ship"][0]["name"] == "high-value"
    _, emptied = await client.ask("POST", "/publish", {"toml": "", **reason})
    empty = emptied["version"]
    assert empty == version + 1
    rolled = f"/versions/{version}/rollback"
    assert (await client.ask("POST", rolled, {"reason": " "}))[0] == 422
    assert (await client.ask("POST", rolled, reason))[1]["in_use"]
    _, told = await client.ask("GET", "/history")
    newest = {one["version"]: one for one in told["versions"]}
    assert newest[version]["used"] == "rolled back by API key rules writer"
    assert newest[version]["in_use"]
    status, told = await client.ask("GET", f"?version={empty}")
    assert told["rules"] == {"schema": "orderwright.rules.v1"}
    assert (await client.ask("GET", "?version=99999"))[0] == 404
    status, told = await client.ask("POST", "/versions/99999/rollback", reason)
    assert (status, "was never in use" in told["detail"]) == (409, True)
    approve = f"/versions/{version}/approve"
    assert (await client.ask("POST", approve, reason))[0] == 403
    other = Client(whole, "rules approver", "rules:approve")
    status, told = await other.ask("POST", approve, reason)
    assert (status, "is in use already" in told["detail"]) == (409, True)
    _, told = await client.ask("POST", f"/versions/{empty}/rollback", reason)
    await in_use(whole, empty)


async def test_a_backtest_is_a_job_with_progress(whole: Whole) -> None:
    """It runs in the background and ends with what would differ; one that isn't there is said."""
    for order in (dear(whole.order()), whole.order()):
        await whole.place(order, **ON_CHANNEL)
        await whole.until(order.number, "closed")
    client = writer(whole)
    status, begun = await client.ask("POST", "/backtests", {"toml": RULES, "days": 1})
    assert status == 202, begun
    assert begun["state"] in ("running", "done")

    async def done() -> Any:
        _, told = await client.ask("GET", f"/backtests/{begun['id']}")
        return None if told["state"] == "running" else told

    told = await eventually(done, 30.0)
    assert told["state"] == "done", told
    assert told["done"] == told["total"] == told["result"]["orders"]
    assert 0 < told["result"]["differ"] < told["done"]
    assert (await client.ask("GET", "/backtests/99999"))[0] == 404
    assert (await client.ask("POST", "/backtests", {"toml": RULES, "days": 0}))[0] == 422
