"""What `doctor` says of stock: whether any is known, and what is left to a person."""

from __future__ import annotations

from adapters.postgres.stock_ledger import StockLedger
from service.app.findings import Finding, bad, good
from service.app.sessions import open_reports
from service.settings import Settings
from service.settings.roles import setups


async def stock_known(settings: Settings, dsn: str) -> list[Finding]:
    """Say how much is counted, and what is neither counted nor declared not to be."""
    kept = [name for name, one in setups(settings).items() if one.stock and one.places]
    if not kept:
        return []
    async with open_reports(dsn) as pool:
        ledger = StockLedger(pool)
        summary, uncounted = await ledger.summary(), await ledger.uncounted()
    if not summary.balances and not summary.untracked:
        return [
            bad(
                "stock",
                "none is known, so whatever is ordered counts as there. Count it (`orderwright "
                "stock import FILE`), declare what is not counted (`orderwright stock untrack`), "
                f"or set keeps_stock = false for {', '.join(kept)}.",
            )
        ]
    findings = [good("stock", f"{summary.balances} balances are kept.")]
    if summary.missing:
        findings.append(
            bad(
                "stock, missing",
                f"of {summary.missing} balances more is promised than was counted; `orderwright "
                "stock list --missing` names them. Find the units, or cancel or move orders.",
            )
        )
    if uncounted:
        named = ", ".join(f"{one.sku} at {one.place}" for one in uncounted[:3])
        findings.append(
            good(
                "stock, not counted",
                f"{len(uncounted)} SKUs left without being counted or declared not to be ({named})"
                "; `orderwright stock list --uncounted` names them.",
            )
        )
    return findings
