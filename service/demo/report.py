"""What became of every order, counted from outside: by the shop, by the store, and by the partners'
ledger, which judges them."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
from msgspec import Struct, json

from adapters.postgres.figures import (
    Fate,
    Figures,
    read_fates,
    read_figures,
    shipped_seconds,
)
from adapters.postgres.pool import Pool

MAX_NAMED = 5
"""How many lost orders, duplicates and faults are named in words; the rest is counted."""

SETTLING_SECONDS = 30.0
"""The longest that a judge waits for warehouses that are behind: the carrier may say that a parcel
has arrived before its house has written down that it left."""

JUDGED_AT_ONCE = 500
"""Orders in one question: about half a megabyte, of the four that the simulators read."""

JUDGING_SECONDS = 120.0
"""The judge reads the whole ledger, which a folder may have kept over many runs."""

_JSON = {"Content-Type": "application/json"}
_COUNTED = ("fulfilments", "parcels", "amended")


class Report(Struct, frozen=True, kw_only=True):
    """The demo's report. Milliseconds for webhooks, seconds from receipt until the first parcel
    left. `fulfilments`, `parcels` and `amended` (what was changed at the ERP or bought again at a
    carrier) are counted in the partners' ledger, and `wrong` is what its judge found: an order that
    shipped, shows or costs something else than its shop said last."""

    sent: int
    accepted: int
    quarantined: int
    closed: int
    cancelled: int
    fulfilments: int
    parcels: int
    amended: int
    lost: int
    wrong: int
    duplicate_consequences: int
    orders_per_second: float
    webhook_ms_p50: float
    webhook_ms_p99: float
    shipped_seconds_p50: float
    shipped_seconds_p99: float
    attention: int = 0
    lost_refs: tuple[str, ...] = ()
    duplicates: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether nothing was lost, nothing done twice, and nothing done wrong."""
        faulty = self.lost or self.duplicate_consequences or self.wrong
        return not faulty and self.sent > 0

    def as_json(self) -> str:
        """Return the report as indented JSON."""
        return json.format(json.encode(self), indent=2).decode() + "\n"

    def in_words(self, folder: Path) -> str:
        """Return the report for a person at a terminal; `folder`: where the demo keeps its data."""
        mark = "✔" if self.good else "✘"
        lines = [
            (
                f" {mark} {self.sent} orders sent, {self.accepted} accepted: {self.closed} closed,"
                f" {self.cancelled} cancelled, {self.quarantined} in quarantine."
            ),
            (
                f"   {self.fulfilments} fulfilments, {self.parcels} parcels; {self.amended} times"
                " something was changed at a partner that had been told already."
            ),
            (
                f" {mark} {self.lost} lost, {self.duplicate_consequences} done twice, {self.wrong}"
                " done wrong (by the partners' own ledger)."
            ),
            (
                f"   {self.orders_per_second:.1f} orders/s. Webhooks answered in"
                f" {self.webhook_ms_p50:.1f} ms (99 %: {self.webhook_ms_p99:.1f} ms); shipped after"
                f" {self.shipped_seconds_p50:.2f} s (99 %: {self.shipped_seconds_p99:.2f} s)."
            ),
        ]
        if self.attention:
            who = "order needs" if self.attention == 1 else "orders need"
            lines.append(
                f"   {self.attention} {who} a person: while `orderwright demo --data {folder}`"
                f" runs, `orderwright orders list --attention --data {folder}` shows them."
            )
        if self.lost_refs:
            lines.append(f"   Lost, for example: {', '.join(self.lost_refs)}")
        if self.duplicates:
            lines.append(f"   Done twice, for example: {', '.join(self.duplicates)}")
        if self.faults:
            lines.append(f"   Done wrong, for example: {' '.join(self.faults)}")
        return "\n".join(lines)


def progress(figures: Figures, wanted: int, final_before: int) -> str:
    """Return one line that says how far the orders are."""
    stages = ", ".join(f"{count} {stage}" for stage, count in sorted(figures.stages.items()))
    goal = f"{figures.final - final_before} of {wanted} final" if wanted else "live"
    extra = f"; {figures.attention} need a person" if figures.attention else ""
    return f" {goal}: {stages or 'no orders yet'}; {figures.quarantined} in quarantine{extra}   "


def summary(before: Figures, after: Figures, folder: Path) -> str:
    """Return what a live demo ends with: what came since it began, and how everything stands."""
    came, final = after.orders - before.orders, after.final - before.final
    closed, cancelled = (
        after.stages.get(stage, 0) - before.stages.get(stage, 0)
        for stage in ("closed", "cancelled")
    )
    return (
        f" ✔ The demo has ended: {came} orders came in, {final} became final ({closed} closed,"
        f" {cancelled} cancelled).\n"
        f"   {after.orders - after.final} are under way and go on when the demo is started again"
        f" here; {after.attention} need a person, {after.quarantined} messages are in quarantine.\n"
        f"   Everything is in {folder}; delete it to start over."
    )


def accepted_refs(sent: dict[str, Any]) -> list[str]:
    """Return the references, as orders bear them, of what the shop was answered 2xx for."""
    return [_short(row["ref"]) for row in sent["refs"] if row.get("accepted", True)]


def _short(gid: str) -> str:
    return gid.rsplit("/", 1)[-1]


async def count_up(
    pool: Pool,
    channel: str,
    sent: dict[str, Any],
    simulators_url: str,
    *,
    quarantined_before: int = 0,
) -> Report:
    """Compare what the shop sent with what the store and the partners' ledger say. Only this run's
    orders count: the folder may hold those of earlier ones."""
    refs = [_short(row["ref"]) for row in sent["refs"]]
    found = await read_fates(pool, channel, refs)
    p50, p99 = await shipped_seconds(pool, channel, refs)
    lost = [ref for ref in accepted_refs(sent) if not has_ended(found.get(ref))]
    stages = Counter(fate.stage for fate in found.values())
    ended = [fate.changed_at for fate in found.values() if fate.final]
    seconds = max(ended) - min(fate.placed_at for fate in found.values()) if ended else 0.0
    figures = await read_figures(pool)
    verdict = await judged(simulators_url, sent, found)
    return Report(
        sent=sent["sent"],
        accepted=sent["accepted"],
        quarantined=figures.quarantined - quarantined_before,
        closed=stages["closed"],
        cancelled=stages["cancelled"],
        fulfilments=verdict["fulfilments"],
        parcels=verdict["parcels"],
        amended=verdict["amended"],
        lost=len(lost),
        wrong=len(verdict["wrong"]),
        duplicate_consequences=len(verdict["doubled"]),
        orders_per_second=round(len(ended) / seconds, 2) if seconds > 0 else 0.0,
        webhook_ms_p50=round(sent["webhook_ms"]["p50"] or 0.0, 3),
        webhook_ms_p99=round(sent["webhook_ms"]["p99"] or 0.0, 3),
        shipped_seconds_p50=round(p50 or 0.0, 3),
        shipped_seconds_p99=round(p99 or 0.0, 3),
        attention=sum(fate.attention for fate in found.values()),
        lost_refs=tuple(lost[:MAX_NAMED]),
        duplicates=tuple(verdict["doubled"][:MAX_NAMED]),
        faults=tuple(verdict["wrong"][:MAX_NAMED]),
    )


def has_ended(fate: Fate | None) -> bool:
    """Whether an order is final, or waits for a person, who decides its end."""
    return fate is not None and (fate.final or fate.attention)


async def judged(
    simulators_url: str, sent: dict[str, Any], found: dict[str, Fate]
) -> dict[str, Any]:
    """Have the partners' ledger judge the orders of a shop's report: `fulfilments`, `parcels` and
    `amended` are counts, `doubled` and `wrong` sentences. It is asked again for a while as long as
    something is wrong."""
    rows = sent["refs"]
    # In parts, because the simulators bound what they read.
    questions = [
        _question(rows[at : at + JUDGED_AT_ONCE], found)
        for at in range(0, max(1, len(rows)), JUDGED_AT_ONCE)
    ]
    timeout = aiohttp.ClientTimeout(total=JUDGING_SECONDS)
    loop = asyncio.get_running_loop()
    give_up = loop.time() + SETTLING_SECONDS
    async with aiohttp.ClientSession(timeout=timeout) as session:
        while True:
            verdicts = []
            for question in questions:
                asked = session.post(f"{simulators_url}/_sim/judge", data=question, headers=_JSON)
                async with asked as answer:
                    answer.raise_for_status()
                    verdicts.append(await answer.json(content_type=None))
            verdict = {
                # Each part is told of everything that was done twice.
                "doubled": verdicts[0]["doubled"],
                "wrong": [words for one in verdicts for words in one["wrong"]],
                **{name: sum(one[name] for one in verdicts) for name in _COUNTED},
            }
            if not verdict["wrong"] or loop.time() > give_up:
                return verdict
            await asyncio.sleep(1.0)


def _question(rows: list[dict[str, Any]], found: dict[str, Fate]) -> bytes:
    named = {row["ref"]: found.get(_short(row["ref"])) for row in rows}
    body = {
        "refs": rows,
        "references": {gid: fate.reference for gid, fate in named.items() if fate is not None},
        # Of an order that is final no more than a mail of unknown fate can be left to a person.
        "attention": [gid for gid, fate in named.items() if fate is not None and not fate.final],
    }
    return json.encode(body)
