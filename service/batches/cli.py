"""`orderwright batch …`: one decision for many orders."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from service.app.clock import SystemClock
from service.app.errors import OperatorError
from service.app.person import this_person
from service.cli.filters import Terms
from service.cli.tables import age, print_json, print_table
from service.cli.tables import print_plain as print

if TYPE_CHECKING:
    from adapters.postgres.batches import Batch, BatchFailure
    from service.batches.service import BatchService

application = typer.Typer(
    help="One decision for many orders, which a filter finds.", no_args_is_help=True
)

T = TypeVar("T")

USUAL_PER_SECOND, MAX_PER_SECOND = 50, 500

Data = Annotated[Path | None, typer.Option("--data", help="The running service's data directory.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Id = Annotated[int, typer.Argument(help="An id from `batch list`.", min=1)]


class BatchNotDone(OperatorError):
    """There is no such batch, or it can't be begun or stopped."""

    exit_code = 11


@application.command()
def preview(filter_words: Terms = None, as_json: AsJson = False, data: Data = None) -> None:
    """Count the orders that a filter finds now. Nothing is changed."""
    words, now = " ".join(filter_words or ()), SystemClock().now()
    found = _with(data, lambda service: service.preview(words, None, now))
    if as_json:
        print_json(found)
        return
    print(f"{found.orders:,} orders match.")
    for title, counts in (("channel", found.channels), ("progress", found.progress)):
        print_table((title, "orders"), [(name, f"{count:,}") for name, count in counts.items()])


def _verb(text: str) -> str:
    from service.batches.targets import VERBS

    if text not in VERBS:
        raise typer.BadParameter(f"A batch can {', '.join(VERBS)}.")
    return text


def _verbs(begun: str) -> list[tuple[str, str]]:
    from service.batches.targets import VERBS

    return [(name, words) for name, words in VERBS.items() if name.startswith(begun)]


@application.command()
def start(
    verb: Annotated[
        str,
        typer.Argument(
            callback=_verb,
            autocompletion=_verbs,
            help="retry, release, cancel, hold, refetch or redecide.",
        ),
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why; each order keeps it.")],
    filter_words: Terms = None,
    failures_of: Annotated[
        int | None, typer.Option("--failures-of", help="The failures of this batch.", min=1)
    ] = None,
    hold: Annotated[
        str, typer.Option(help="Which holds a release ends, by the beginning of their ids.")
    ] = "",
    rate: Annotated[
        int, typer.Option(help="Orders told in a second.", min=1, max=MAX_PER_SECOND)
    ] = USUAL_PER_SECOND,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Fix the orders that match now, and have the service tell each of them. It goes on by itself,
    also after a restart of the service."""
    from service.batches.service import Asked

    async def work(service: BatchService) -> Batch:
        earlier = await _found(service, failures_of) if failures_of is not None else None
        asked = Asked(
            verb=verb,
            reason=reason,
            person=this_person(),
            filter=" ".join(filter_words or ()),
            failures_of=earlier,
            hold=hold,
            per_second=rate,
        )
        return await service.start(asked, SystemClock().now())

    batch = _with(data, work)
    if as_json:
        print_json(batch)
        return
    print(
        f"Batch {batch.id} is begun: {batch.verb} of {batch.orders:,} orders, {batch.per_second} a"
        f" second. `orderwright batch status {batch.id}` shows how far it is."
    )


@application.command()
def status(batch_id: Id, as_json: AsJson = False, data: Data = None) -> None:
    """Show how far a batch is."""
    batch = _with(data, lambda service: _found(service, batch_id))
    if as_json:
        print_json(batch)
    else:
        _print(batch)


@application.command()
def failures(
    batch_id: Id,
    limit: Annotated[int, typer.Option(help="Rows of a page.", min=1, max=200)] = 50,
    cursor: Annotated[int, typer.Option(help="Where the page before ended.", min=0)] = 0,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """List the orders that did not do what was asked, each with a sentence why."""

    async def work(service: BatchService) -> list[BatchFailure]:
        await _found(service, batch_id)
        return await service.batches.failures(batch_id, after=cursor, limit=limit)

    rows = _with(data, work)
    if as_json:
        print_json(rows)
        return
    print_table(
        ("order", "channel", "why"), [(one.number or one.ref, one.channel, one.why) for one in rows]
    )
    if len(rows) == limit:
        print(f"More: add --cursor {rows[-1].place}")
    elif rows:
        print(f"Again: orderwright batch start VERB --failures-of {batch_id} --reason …")


@application.command()
def stop(
    batch_id: Id,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is audited.")],
    data: Data = None,
) -> None:
    """Tell no further order. What was told goes on."""

    async def work(service: BatchService) -> Batch:
        batch, now = await _found(service, batch_id), SystemClock().now()
        return await service.stop(batch, this_person(), reason, now)

    batch = _with(data, work)
    print(
        f"Batch {batch.id} is stopped: {batch.waiting:,} of {batch.orders:,} orders were not told."
    )


@application.command("list")
def list_batches(
    limit: Annotated[int, typer.Option(help="Rows of a page.", min=1, max=200)] = 20,
    cursor: Annotated[int | None, typer.Option(help="The last id of the page before.")] = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """List batches, newest first."""
    rows = _with(data, lambda service: service.batches.page(None, before=cursor, limit=limit))
    if as_json:
        print_json(rows)
        return
    print_table(
        ("id", "verb", "orders", "done", "failed", "state", "begun", "by", "filter"),
        [
            (
                str(one.id),
                one.verb,
                f"{one.orders:,}",
                f"{one.done:,}",
                f"{one.failed:,}",
                one.state,
                age(one.created_at),
                one.person,
                one.filter or f"failures of {one.failures_of}",
            )
            for one in rows
        ],
    )
    if len(rows) == limit:
        print(f"More: add --cursor {rows[-1].id}")


def _print(batch: Batch) -> None:
    whose = batch.filter or f"the failures of batch {batch.failures_of}"
    target = f" ({batch.target})" if batch.target else ""
    print(f"Batch {batch.id}: {batch.verb}{target} of {whose}")
    print(f"  by      {batch.person}: {batch.reason}")
    print(f"  begun   {age(batch.created_at)}, {batch.per_second} orders a second")
    print(f"  state   {batch.state}{'' if batch.ended_at else ', under way'}")
    print(
        f"  orders  {batch.orders:,}: {batch.done:,} done, {batch.failed:,} failed, {batch.sent:,}"
        f" told, {batch.waiting:,} waiting"
    )
    if batch.failed:
        print(f"  `orderwright batch failures {batch.id}` says why.")


async def _found(service: BatchService, batch_id: int) -> Batch:
    found = await service.batches.find(batch_id)
    if found is None:
        raise BatchNotDone(f"There is no batch {batch_id}; `orderwright batch list` shows them.")
    return found


def _with(data: Path | None, work: Callable[[BatchService], Awaitable[T]]) -> T:
    from adapters.postgres.batches import Batches, BatchRefused
    from service.app import local
    from service.batches.service import BatchService

    async def run() -> T:
        async with local.open_local(data) as session:
            batches = Batches(session.pool, session.sealing)
            try:
                return await work(BatchService(batches, session.channels))
            except BatchRefused as error:
                raise BatchNotDone(str(error)) from error

    return asyncio.run(run())
