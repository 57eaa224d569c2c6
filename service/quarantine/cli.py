"""`orderwright quarantine …`: list refused messages, fix them, and release or discard them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from service.app.errors import OperatorError
from service.app.person import this_person
from service.cli.tables import age, print_json, print_over, print_table
from service.cli.tables import print_plain as print

if TYPE_CHECKING:
    from adapters.postgres.audit import AuditEntry
    from adapters.postgres.quarantine_workflow import Filter, HeldItem
    from service.quarantine.service import Failure, QuarantineService, Released, Verdict

application = typer.Typer(
    help="Inspect messages that no order could take, correct them, and release them.",
    no_args_is_help=True,
)

T = TypeVar("T")

SHOWN_CHARACTERS = 4_000
"""How much of the original a terminal shows; `--original` prints all of it."""

SHOWN_FAILURES = 20
"""Failures of a release that are printed: one screen; `--json` lists more."""


class NoSuchItem(OperatorError):
    """No item has this id."""

    exit_code = 11


Data = Annotated[Path | None, typer.Option("--data", help="The running service's data directory.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ItemId = Annotated[int, typer.Argument(help="The id, as `quarantine list` shows it.")]
Why = Annotated[str, typer.Option("--reason", help="Why; the audit log keeps it.")]
State = Annotated[str, typer.Option(help="open, released, discarded or all.")]
Channel = Annotated[str | None, typer.Option(help="Only this channel.")]
Group = Annotated[str | None, typer.Option(help="Only this group, as listed by `groups`.")]
Bytes = Annotated[
    Path | None, typer.Option("--file", help="The edited bytes; `-`: standard input.")
]
FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]
Since = Annotated[
    datetime | None,
    typer.Option(formats=FORMATS, help="Only what came at this time or later, in UTC."),
]
Until = Annotated[
    datetime | None,
    typer.Option(formats=FORMATS, help="Only what came before this time, in UTC."),
]


@application.command()
def groups(
    state: State = "open", channel: Channel = None, as_json: AsJson = False, data: Data = None
) -> None:
    """List the faults by frequency, the most frequent first."""
    channels = (channel,) if channel else None
    chosen = _state(state)
    found = _with(data, lambda d: d.workflow.groups(state=chosen, channels=channels))
    if as_json:
        print_json(found)
        return
    print_table(
        ("group", "channel", "reason", "items", "last", "why"),
        [
            (x.group, x.channel, x.reason, str(x.items), age(x.last_at), x.sentences[0])
            for x in found
        ],
    )


@application.command("list")
def list_items(
    as_json: AsJson = False,
    reason: Annotated[str | None, typer.Option(help="Only this reason.")] = None,
    channel: Channel = None,
    group: Group = None,
    since: Since = None,
    until: Until = None,
    state: State = "open",
    limit: Annotated[int, typer.Option(min=1, max=200, help="Items on a page.")] = 50,
    before: Annotated[int | None, typer.Option(help="Only items older than this id.")] = None,
    data: Data = None,
) -> None:
    """List the items in quarantine, newest first, with the first reason of each."""
    which = _filter(reason, channel, group, since, until, state)
    items = _with(data, lambda d: d.workflow.find(which, before=before, limit=limit))
    if as_json:
        print_json(items)
        return
    print_table(
        ("id", "channel", "kind", "reason", "state", "came", "why"),
        [
            (str(x.id), x.channel, x.kind, x.reason, x.state, age(x.at), x.sentences[0])
            for x in items
        ],
    )
    if len(items) == limit:
        print(f"For older items: add --before {items[-1].id}")


@application.command()
def show(
    item_id: ItemId,
    original: Annotated[
        bool, typer.Option("--original", help="Print only the original bytes.")
    ] = False,
    edited: Annotated[
        bool, typer.Option("--edited", help="Print only the bytes that a release sends.")
    ] = False,
    data: Data = None,
) -> None:
    """Show one item: every reason, and the original bytes."""

    async def run(service: QuarantineService) -> tuple[HeldItem, tuple[AuditEntry, ...]]:
        return await _item(service, item_id), await service.workflow.history(item_id)

    found, history = _with(data, run)
    if original or edited:
        sys.stdout.buffer.write(found.original if original else found.current)
        return
    kind, channel = found.kind or "(no kind)", found.channel or "(no channel)"
    order = f", order {found.ref}" if found.ref else ""
    print(f"{item_id}: {kind} of {channel}{order}, {age(found.at)}, {len(found.original)} bytes")
    print(f"  reason   {found.reason}")
    print(f"  group    {found.group}")
    print(f"  state    {found.state}{f', {age(found.state_at)}' if found.state_at else ''}")
    if found.edited is not None and found.edited_at is not None:
        print(f"  edited   by {found.edited_by}, {age(found.edited_at)} (`--edited` prints it)")
    for sentence in found.sentences:
        print(f"  - {sentence}")
    for entry in reversed(history):
        done = entry.action.removeprefix("quarantine.")
        print(f"  {entry.at:%Y-%m-%d %H:%M:%S} {done} by {entry.person}: {entry.reason[:200]}")
    for name, value in sorted(found.headers.items()):
        print(f"  {name}: {value[:200]}")
    print()
    print(found.original.decode("utf-8", "backslashreplace")[:SHOWN_CHARACTERS])
    if len(found.original) > SHOWN_CHARACTERS:
        print(f"… for all of it: orderwright quarantine show {item_id} --original")


@application.command()
def check(item_id: ItemId, file: Bytes = None, data: Data = None) -> None:
    """Check an item, or other bytes in its place, against the current rules."""
    given = _bytes(file) if file is not None else None

    async def run(service: QuarantineService) -> Verdict:
        return service.check(await _item(service, item_id), given)

    _tell(item_id, _with(data, run))


@application.command()
def fix(
    item_id: ItemId,
    reason: Why,
    file: Annotated[Path, typer.Option("--file", help="The edited bytes; `-`: standard input.")],
    data: Data = None,
) -> None:
    """Store edited bytes beside the original, and print the remaining faults."""
    given, why = _bytes(file), _why(reason)

    async def run(service: QuarantineService) -> Verdict:
        verdict = await service.fix(await _item(service, item_id), given, this_person(), why)
        if verdict is None:
            raise _not_open(await _item(service, item_id))
        return verdict

    _tell(item_id, _with(data, run))


@application.command()
def release(
    item_id: Annotated[
        int | None, typer.Argument(help="One item; without it, all that match.")
    ] = None,
    reason: Why = "",
    fault: Annotated[str | None, typer.Option(help="Only items with this reason.")] = None,
    channel: Channel = None,
    group: Group = None,
    since: Since = None,
    until: Until = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Print what would happen; change nothing.")
    ] = False,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Release one item, or all open items that match: publish them as if they had been correct from
    the start."""
    narrowed = any(one is not None for one in (fault, channel, group, since, until))
    if (item_id is None) != narrowed:
        raise OperatorError(
            "Name one item, or what to match: --group, --fault, --channel, --since, --until."
        )
    why = "" if preview else _why(reason)
    if item_id is not None:
        _release_one(item_id, why, preview=preview, data=data)
        return
    which = _filter(fault, channel, group, since, until, "open")
    found = _with(
        data, lambda d: _release_all(d, which, why, preview=preview), releasing=not preview
    )
    if as_json:
        print_json(found)
    else:
        _print_released(found)
    if found.failed and not preview:
        raise OperatorError(
            f"{found.failed} of {found.looked_at} items could not be released; they stay open."
        )


@application.command()
def discard(item_id: ItemId, reason: Why, data: Data = None) -> None:
    """Discard an item; its bytes stay until their retention ends."""
    why = _why(reason)

    async def run(service: QuarantineService) -> None:
        if not await service.discard(await _item(service, item_id), this_person(), why):
            raise _not_open(await _item(service, item_id))

    _with(data, run)
    print(f"{item_id} is discarded.")


def _release_one(item_id: int, why: str, *, preview: bool, data: Path | None) -> None:
    async def run(service: QuarantineService) -> tuple[Verdict, Failure | None]:
        item = await _item(service, item_id)
        if item.state != "open":
            raise _not_open(item)
        verdict = service.check(item)
        if preview or not verdict.ready:
            return verdict, None
        return verdict, await service.release(item, this_person(), why)

    verdict, failure = _with(data, run, releasing=not preview)
    if failure is not None:
        raise OperatorError(f"{item_id} was not released: {' '.join(failure.sentences)}")
    _tell(item_id, verdict)
    if not preview:
        print(
            f"{item_id} is released; `orderwright orders timeline {verdict.ref}` shows the outcome."
        )


async def _release_all(
    service: QuarantineService, which: Filter, why: str, *, preview: bool
) -> Released:
    """Repeat until every item that matched at the beginning has been tried."""
    from msgspec.structs import replace

    person = this_person()
    done = await service.release_matching(which, person, why, preview=preview, told=_progress)
    while done.next_after is not None and not _stuck(done):
        base = done.looked_at
        page = await service.release_matching(
            which,
            person,
            why,
            preview=preview,
            after=done.next_after,
            told=_progress_from(base),
        )
        done = replace(
            page,
            matched=done.matched,
            looked_at=base + page.looked_at,
            released=done.released + page.released,
            failed=done.failed + page.failed,
            failures=(done.failures + page.failures)[:100],
        )
    return done


def _stuck(done: Released) -> bool:
    from service.quarantine.service import STREAM_AWAY

    return any(one.reason == STREAM_AWAY for one in done.failures)


def _print_released(found: Released) -> None:
    would = "would be" if found.preview else "were"
    print(
        f"{found.matched} match; {found.released} {would} released, {found.failed} {would} refused."
    )
    for one in found.failures[:SHOWN_FAILURES]:
        print(f"  {one.id}  {one.reason}: {one.sentences[0]}")
    if found.failed > SHOWN_FAILURES:
        print(f"  … and {found.failed - SHOWN_FAILURES} more.")


def _tell(item_id: int, verdict: Verdict) -> None:
    if not verdict.ready:
        faults = "\n".join(f"  - {sentence}" for sentence in verdict.sentences)
        raise OperatorError(f"{item_id} would be refused as {verdict.reason}:\n{faults}")
    print(
        f"{item_id} would be taken: {verdict.kind} of the order {verdict.ref}, {verdict.channel}."
    )


async def _item(service: QuarantineService, item_id: int) -> HeldItem:
    found = await service.workflow.item(item_id)
    if found is None:
        raise NoSuchItem(
            f"No item in quarantine has the id {item_id}; `orderwright quarantine list` shows them."
        )
    return found


def _not_open(item: HeldItem) -> OperatorError:
    told = "was edited by someone else" if item.state == "open" else f"is already {item.state}"
    return OperatorError(f"{item.id} {told}; see `orderwright quarantine show {item.id}`.")


def _filter(
    reason: str | None,
    channel: str | None,
    group: str | None,
    since: datetime | None,
    until: datetime | None,
    state: str,
) -> Filter:
    from adapters.postgres.quarantine_workflow import Filter

    return Filter(
        state=_state(state),
        channels=(channel,) if channel else None,
        reason=reason,
        group=group,
        since=since.replace(tzinfo=UTC) if since else None,
        until=until.replace(tzinfo=UTC) if until else None,
    )


def _state(state: str) -> str | None:
    from adapters.postgres.quarantine_workflow import STATES

    if state != "all" and state not in STATES:
        raise OperatorError(f"There is no state {state!r}; use one of: {', '.join(STATES)}, all.")
    return None if state == "all" else state


def _why(reason: str) -> str:
    if not reason.strip():
        raise OperatorError("Say why with --reason; the audit log keeps it.")
    return reason[:5000]


def _bytes(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise OperatorError(f"{file} can't be read: {error.strerror}.") from error


def _progress(done: int, of: int) -> None:
    if sys.stderr.isatty():
        print_over(f" {done} of {of} …", end="\r")


def _progress_from(base: int) -> Callable[[int, int], None]:
    return lambda done, of: _progress(base + done, base + of)


def _with(
    data: Path | None, work: Callable[[QuarantineService], Awaitable[T]], *, releasing: bool = False
) -> T:
    from service.quarantine.local import open_quarantine

    async def run() -> T:
        async with open_quarantine(data, releasing=releasing) as service:
            return await work(service)

    return asyncio.run(run())
