"""`orderwright reviews …`: what waits for a reviewer, why, and the decision."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from service.app.clock import SystemClock
from service.app.errors import OperatorError
from service.app.person import this_person
from service.cli.tables import age, print_json, print_table
from service.cli.tables import print_plain as print

if TYPE_CHECKING:
    from adapters.postgres.approvals import Absence, Approval
    from adapters.postgres.reviews import Review
    from service.app.local import LocalSession
    from service.reviews.service import ReviewService, ReviewView

application = typer.Typer(
    help="The review queue: orders that a rule or a hold sends to a person.", no_args_is_help=True
)

T = TypeVar("T")

Data = Annotated[Path | None, typer.Option("--data", help="The running service's data directory.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Id = Annotated[int, typer.Argument(help="An id from `reviews list`.", min=1)]
Why = Annotated[str, typer.Option("--reason", help="Why; it is audited.")]


class ReviewNotDecided(OperatorError):
    """There is no such review, or it can't be decided so."""

    exit_code = 11


@application.command("list")
def list_reviews(
    channel: Annotated[str | None, typer.Option(help="Only of this channel.")] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Only what you have claimed.")] = False,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only what is overdue.")] = False,
    limit: Annotated[int, typer.Option(help="Rows on a page.", min=1, max=200)] = 50,
    cursor: Annotated[int | None, typer.Option(help="The last id of the page before.")] = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """List what waits for a reviewer, highest value first."""
    from schemas.order.money import decimal_text

    now = SystemClock().now()
    rows = _with(
        data,
        lambda service: service.reviews.page(
            now,
            channels=None if channel is None else (channel,),
            claimed_by=this_person() if mine else "",
            overdue=overdue,
            after=cursor,
            limit=limit,
        ),
    )
    if as_json:
        print_json(rows)
        return
    print_table(
        ("id", "order", "channel", "value", "due (UTC)", "claimed by", "why"),
        [
            (
                str(x.id),
                x.number,
                x.channel,
                f"{decimal_text(x.total_minor, x.currency)} {x.currency}",
                f"{x.due_at:%Y-%m-%d %H:%M}{' overdue' if x.due_at < now else ''}",
                x.claimed_by,
                f"asked: {x.asked}" if x.asked else x.reason,
            )
            for x in rows
        ],
    )
    if len(rows) == limit:
        print(f"More: add --cursor {rows[-1].id}")


@application.command()
def show(review_id: Id, as_json: AsJson = False, data: Data = None) -> None:
    """Show one: why it waits, what is known of the customer, what the rules saw, the stock."""

    async def work(service: ReviewService) -> ReviewView:
        return await service.show(await _found(service, review_id))

    view = _with(data, work)
    if as_json:
        print_json(view)
    else:
        _print(view)


@application.command()
def claim(
    review_id: Id,
    reason: Annotated[str, typer.Option(help="Why; it is audited.")] = "",
    take: Annotated[
        bool, typer.Option("--take", help="Even if someone else has claimed it.")
    ] = False,
    data: Data = None,
) -> None:
    """Take one on, so that no one else decides it meanwhile."""

    async def work(service: ReviewService) -> None:
        one, now = await _found(service, review_id), SystemClock().now()
        await service.claim(one, this_person(), reason, now, take=take)

    _with(data, work)
    print(f"Review {review_id} is yours.")


@application.command()
def ask(
    review_id: Id,
    question: Annotated[str, typer.Argument(help="What you asked, and whom.")],
    data: Data = None,
) -> None:
    """Note a question whose answer the order waits for; its due time moves."""

    async def work(service: ReviewService) -> None:
        one, now = await _found(service, review_id), SystemClock().now()
        await service.ask(one, this_person(), question, now)

    _with(data, work)
    print(f"Review {review_id} waits for the answer.")


@application.command()
def approve(review_id: Id, reason: Why, data: Data = None) -> None:
    """Release the hold: the order goes on."""

    async def work(service: ReviewService) -> bool:
        one, now = await _found(service, review_id), SystemClock().now()
        await service.approve(one, this_person(), reason, now)
        return bool((await _found(service, review_id)).decided)

    if _with(data, work, publishes=True):
        print(f"Review {review_id} is approved; the order goes on in a moment.")
    else:
        print(f"Your approval of review {review_id} is noted; a second person has to approve it.")


@application.command()
def reject(review_id: Id, reason: Why, data: Data = None) -> None:
    """Cancel the order: everything that can be undone is."""

    async def work(service: ReviewService) -> None:
        one, now = await _found(service, review_id), SystemClock().now()
        await service.reject(one, this_person(), reason, now)

    _with(data, work, publishes=True)
    print(f"Review {review_id} is rejected; the order is cancelled in a moment.")


@application.command()
def away(
    until: Annotated[datetime, typer.Option(help="The last day, such as 2026-12-24 (UTC).")],
    deputy: Annotated[str, typer.Option(help="Who approves meanwhile, up to your limits.")],
    reason: Why,
    data: Data = None,
) -> None:
    """Say that you are away: your deputy approves up to your limits until then."""
    end = until.replace(tzinfo=UTC) + timedelta(days=1)

    async def work(service: ReviewService) -> None:
        await service.away(this_person(), deputy, end, reason, SystemClock().now())

    _with(data, work)
    print(f"{deputy} stands in for you until {until:%Y-%m-%d}.")


@application.command()
def back(reason: Why, data: Data = None) -> None:
    """Say that you are back: your deputy no longer stands in for you."""

    async def work(service: ReviewService) -> None:
        await service.back(this_person(), reason, SystemClock().now())

    _with(data, work)
    print("You decide yourself again.")


@application.command()
def absences(as_json: AsJson = False, data: Data = None) -> None:
    """List who is away, until when, and who stands in."""

    async def work(service: ReviewService) -> list[Absence]:
        return await service.approvals.absences(SystemClock().now())

    rows = _with(data, work)
    if as_json:
        print_json(rows)
        return
    print_table(
        ("away", "until (UTC)", "deputy", "why"),
        [(x.person, f"{x.until_at:%Y-%m-%d %H:%M}", x.deputy, x.reason) for x in rows],
    )


def _print(view: ReviewView) -> None:
    from schemas.order.money import decimal_text

    one, known = view.review, view.evidence
    print(f"{one.number} of {one.channel}: {one.reason}")
    print(f"  hold        {one.hold_id}")
    print(f"  value       {decimal_text(one.total_minor, one.currency)} {one.currency}")
    print(f"  due         {one.due_at:%Y-%m-%d %H:%M} UTC, opened {age(one.opened_at)}")
    print(f"  claimed by  {one.claimed_by or 'no one'}")
    if one.asked:
        print(f"  asked       {one.asked} ({one.asked_by})")
    if one.decided:
        print(f"  decided     {one.decided} by {one.decided_by}: {one.decided_why}")
    past = known.history
    spent = decimal_text(past.spent_minor, one.currency)
    since = f", the first {past.first_at:%Y-%m-%d}" if past.first_at else ""
    print(
        f"  customer    {past.orders} other orders: {past.completed} completed, {past.cancelled}"
        f" cancelled, {past.returned} returned, {spent} {one.currency}{since}"
    )
    if known.approvals_needed:
        by = ", ".join(_approver(x) for x in known.approvals) or "no one"
        print(f"  approved    by {by}; {known.approvals_needed} needed")
    if known.facts:
        print(f"  rules       {known.facts}")
    if known.address:
        print(f"  address     {known.address} (`orderwright orders show` has both)")
    print(f"  meanwhile   {'the warehouse picks' if known.picking else 'nothing goes on'}")
    for words in known.stock:
        print(f"  stock       {words}")
    for other in known.others:
        print(f"  also        {other}")


def _approver(one: Approval) -> str:
    return f"{one.person} (for {one.instead_of})" if one.instead_of else one.person


async def _found(service: ReviewService, review_id: int) -> Review:
    found = await service.reviews.find(review_id)
    if found is None:
        raise ReviewNotDecided(f"There is no review {review_id}; `reviews list` shows them.")
    return found


@asynccontextmanager
async def _opened(session: LocalSession, *, publishes: bool) -> AsyncIterator[ReviewService]:
    from adapters.postgres.reviews import Reviews
    from service.app.sessions import NoStream, open_publisher
    from service.reviews.service import ReviewService

    given = Reviews(session.pool), session.views
    policy = session.settings.reviews, session.settings.approvals
    if not publishes:
        yield ReviewService(*given, NoStream(), *policy)
        return
    async with open_publisher(session.nats_url, session.settings, session.folder) as publisher:
        yield ReviewService(*given, publisher, *policy)


def _with(
    data: Path | None, work: Callable[[ReviewService], Awaitable[T]], *, publishes: bool = False
) -> T:
    from service.app import local
    from service.reviews.service import ReviewRefused

    async def run() -> T:
        async with (
            local.open_local(data) as session,
            _opened(session, publishes=publishes) as service,
        ):
            try:
                return await work(service)
            except ReviewRefused as error:
                raise ReviewNotDecided(str(error)) from error

    return asyncio.run(run())
