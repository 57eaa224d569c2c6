"""`orderwright privacy …`: requests of customers by law, and the keys that seal their data."""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from service.app.errors import OperatorError
from service.cli.tables import age, print_json, print_table
from service.cli.tables import print_plain as print

if TYPE_CHECKING:
    from adapters.postgres.audit import AuditEntry
    from adapters.postgres.privacy import Request
    from schemas.messages.privacy import Subject
    from service.privacy.local import PrivacySession
    from service.privacy.service import Preview

application = typer.Typer(
    help="Erase or export customers' data, and manage its keys.", no_args_is_help=True
)

T = TypeVar("T")
_me = getpass.getuser

Data = Annotated[Path | None, typer.Option("--data", help="The running service's data directory.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Id = Annotated[int, typer.Argument(help="The request's id, from `privacy list`.")]
Why = Annotated[str, typer.Option("--reason", help="Why; the audit log keeps it. Name no one.")]
Channel = Annotated[str | None, typer.Option(help="The channel whose customer it is.")]
Orders = Annotated[
    list[str] | None, typer.Option("--order", help="An order of the customer; repeatable.")
]
Email = Annotated[str, typer.Option(help="The customer's e-mail address.")]
Phone = Annotated[str, typer.Option(help="The customer's telephone number.")]
Customer = Annotated[str, typer.Option(help="The channel's own id of the customer.")]


class NoSuchRequest(OperatorError):
    """No request has this id."""

    exit_code = 11


@application.command("list")
def list_requests(
    state: Annotated[str, typer.Option(help="open, done, stopped or all.")] = "all",
    channel: Channel = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Requests on a page.")] = 50,
    before: Annotated[int | None, typer.Option(help="Only requests older than this id.")] = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """List the requests, newest first, and what each waits for."""
    if state not in ("open", "done", "stopped", "all"):
        raise OperatorError(f"There is no state {state!r}; use one of: open, done, stopped, all.")
    found = _with(
        data,
        lambda hand: hand.service.requests.find(
            state=None if state == "all" else state,
            channels=(channel,) if channel else None,
            before=before,
            limit=limit,
        ),
    )
    if as_json:
        from service.privacy.service import shown

        print_json([shown(one, named=False) for one in found])
        return
    print_table(
        ("id", "channel", "asks", "state", "came", "due", "orders", "waits for"),
        [
            (str(x.id), x.channel, x.kind, x.state, age(x.received_at), f"{x.due_at:%Y-%m-%d}",
             str(x.orders), x.waits_for)
            for x in found
        ],
    )  # fmt: skip
    if len(found) == limit:
        print(f"For older requests: add --before {found[-1].id}")


@application.command()
def show(request_id: Id, as_json: AsJson = False, data: Data = None) -> None:
    """Show one request: its history and, while it is open, the customer it is about."""

    async def run(hand: PrivacySession) -> tuple[Request, tuple[AuditEntry, ...]]:
        return await _request(hand, request_id), await hand.service.history(request_id)

    found, history = _with(data, run)
    if as_json:
        from service.privacy.service import shown

        print_json(shown(found))
        return
    print(
        f"{found.id}: {found.kind} on {found.channel}, {found.state}, due {found.due_at:%Y-%m-%d}"
    )
    print(f"  asked by {found.asked_by}, {age(found.received_at)}: {found.reason[:200]}")
    if found.subject is not None:
        told = found.subject
        named = (told.reference, told.email, told.phone, *(f"order {x}" for x in told.refs[:20]))
        print(f"  about    {', '.join(filter(None, named)) or 'everyone on the channel'}")
    if found.waits_for:
        print(f"  waits    for {found.waits_for}")
    print(f"  so far   {found.orders} orders, {found.items} messages in quarantine")
    for entry in reversed(history):
        done = entry.action.removeprefix("privacy.")
        print(f"  {entry.at:%Y-%m-%d %H:%M:%S} {done} by {entry.person}: {entry.reason[:200]}")


@application.command()
def redact(
    reason: Why = "",
    order: Orders = None,
    email: Email = "",
    phone: Phone = "",
    customer: Customer = "",
    channel: Channel = None,
    shop: Annotated[bool, typer.Option("--shop", help="Everyone on the channel.")] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="After the grace period, wait for no order under way."),
    ] = False,
    now: Annotated[bool, typer.Option("--now", help="Don't wait for the grace period.")] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Print what would be erased; change nothing.")
    ] = False,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Have the running service erase a customer's data, after a grace period. This can't be
    undone."""
    why = "" if preview else _why(reason)

    async def run(hand: PrivacySession) -> Preview | int:
        where, subject = await _subject(hand, channel, order or [], email, phone, customer, shop)
        if preview:
            return await hand.service.preview(where, subject)
        asks = "redact_shop" if shop else "redact"
        return await _ask(hand, asks, where, subject, why, force=force, now=now)

    found = _with(data, run)
    if isinstance(found, int):
        print(f"Request {found} is stored; `orderwright privacy show {found}` shows the outcome.")
    elif as_json:
        print_json(found)
    else:
        waiting = f" ({', '.join(found.waiting)})" if found.waiting else ""
        print(f"{found.final} orders and {found.messages} messages in quarantine would be erased;")
        print(f"{found.under_way} orders are under way{waiting}, {found.erased} already erased.")


@application.command()
def force(request_id: Id, reason: Why, data: Data = None) -> None:
    """Carry out a request without waiting for orders under way, which lose their address. Its grace
    period stays: `privacy now` cuts it short."""
    why = _why(reason)

    async def run(hand: PrivacySession) -> None:
        if not await hand.service.force((await _request(hand, request_id)).id, _me(), why):
            raise OperatorError(
                f"Request {request_id} is not open, or erases nothing; nothing was changed."
            )

    _with(data, run)
    print(f"{request_id} waits for no orders; `orderwright privacy show {request_id}` says more.")


@application.command("now")
def hasten(request_id: Id, reason: Why, data: Data = None) -> None:
    """Cut the grace period of an erasure short; orders under way are still waited for."""
    why = _why(reason)

    async def run(hand: PrivacySession) -> None:
        if not await hand.service.hasten((await _request(hand, request_id)).id, _me(), why):
            raise OperatorError(
                f"Request {request_id} is not open, erases nothing, or waits for no grace period"
                " any more; nothing was changed."
            )

    _with(data, run)
    print(f"{request_id} is carried out now; see `orderwright privacy show {request_id}`.")


@application.command()
def stop(request_id: Id, reason: Why, data: Data = None) -> None:
    """End a request without carrying it out, and forget whom it was about."""
    why = _why(reason)

    async def run(hand: PrivacySession) -> None:
        if not await hand.service.stop((await _request(hand, request_id)).id, _me(), why):
            raise OperatorError(f"Request {request_id} is not open; nothing was changed.")

    _with(data, run)
    print(f"{request_id} is stopped; nothing more is erased for it.")


@application.command()
def export(
    file: Annotated[Path, typer.Option("--file", help="A new file, readable only by you.")],
    request_id: Annotated[
        int | None, typer.Argument(help="A request; or name the customer.")
    ] = None,
    reason: Why = "",
    order: Orders = None,
    email: Email = "",
    phone: Phone = "",
    customer: Customer = "",
    channel: Channel = None,
    keep_open: Annotated[
        bool, typer.Option("--keep-open", help="Keep the request open, to export again.")
    ] = False,
    data: Data = None,
) -> None:
    """Write everything held about a customer to a JSON file, and close the request."""
    why = _why(reason) if request_id is None else reason[:5000] or "The data was handed over."

    async def run(hand: PrivacySession) -> int:
        which = request_id
        if which is None:
            given = (order or [], email, phone, customer, False)
            where, subject = await _subject(hand, channel, *given)
            which = await _ask(hand, "export", where, subject, why)
        request = await _request(hand, which)
        if request.kind != "export" or request.state != "open":
            raise OperatorError(f"Request {which} is a {request.kind} request and {request.state}.")
        await _write(hand, request, file)
        if not keep_open:
            await hand.service.handed_over(request, _me(), why)
        return which

    done = _with(data, run)
    print(f"{file} holds everything (request {done}). Delete it once it is handed over.")


@application.command()
def keys(as_json: AsJson = False, data: Data = None) -> None:
    """List the master keys, and how much each one still seals."""

    async def run(hand: PrivacySession) -> tuple[list[dict[str, object]], str]:
        active = hand.orders.sealing.active
        rows = [
            {"id": x.id, "active": x.id == active, "first_used_at": x.first_used_at,
             "keys": x.keys, "parts": x.parts, "needed": x.needed or x.id == active}
            for x in await hand.keys.used()
        ]  # fmt: skip
        return rows, active

    rows, active = _with(data, run)
    if as_json:
        print_json(rows)
        return
    told = []
    for row in rows:
        needed = "rewrapping" if row["needed"] else "no longer needed"
        state = "active" if row["active"] else needed
        told.append((str(row["id"]), state, str(row["keys"]), str(row["parts"])))
    print_table(("id", "state", "orders and files", "other parts"), told)
    if active not in {row["id"] for row in rows}:
        print(f"{active} was made; the running service uses it within seconds.")


@application.command("rotate-key")
def rotate_key(
    reason: Why,
    retire: Annotated[
        str, typer.Option(help="Instead: delete this old master key, no longer needed.")
    ] = "",
    data: Data = None,
) -> None:
    """Make a new master key; the running service rewraps every key with it, in the background."""
    from service.app.clock import SystemClock
    from service.app.sealing_keys import forget, rotate

    why, now = _why(reason), SystemClock().now()

    async def run(hand: PrivacySession) -> str:
        settings = hand.orders.settings
        if not retire:
            fresh = rotate(settings, hand.orders.folder)
            await hand.audit.record(
                at=now, person=_me(), action="privacy.rotate_key",
                target=f"sealing_key:{fresh}", reason=why,
            )  # fmt: skip
            return f"{fresh} seals new data within seconds; see `orderwright privacy keys`."
        used = {one.id: one for one in await hand.keys.used()}
        active = hand.orders.sealing.active
        if retire == active or active not in used:
            raise OperatorError(f"{retire} is in use; wait until another one is.")
        if retire in used and used[retire].needed:
            raise OperatorError(
                f"{retire} still wraps {used[retire].keys} keys and {used[retire].parts} other"
                " parts; `orderwright privacy keys` shows when it is no longer needed."
            )
        if not await hand.keys.retire(retire, person=_me(), reason=why, at=now):
            raise OperatorError(f"There is no master key {retire!r} here.")
        return f"{retire} is deleted{forget(settings, hand.orders.folder, retire)}."

    print(_with(data, run))


async def _subject(
    hand: PrivacySession,
    channel: str | None,
    orders: list[str],
    email: str,
    phone: str,
    customer: str,
    shop: bool,
) -> tuple[str, Subject]:
    from schemas.messages.privacy import Subject

    named = bool(orders or email or phone or customer)
    if named == shop:
        raise OperatorError(
            "Name the customer: --order, --email, --phone or --customer; or --shop with --channel."
        )
    rows = [(await hand.orders.show(which)).row for which in orders]
    channels = {row.channel for row in rows} | ({channel} if channel else set())
    if len(channels) != 1:
        found = f" ({', '.join(sorted(channels))})" if channels else ""
        raise OperatorError(f"A request is about one channel{found}: name it with --channel.")
    refs = tuple(row.ref for row in rows)
    subject = Subject(reference=customer[:256], email=email[:320], phone=phone[:64], refs=refs)
    where = channels.pop()
    await hand.service.require_channel(where)
    return where, subject


async def _ask(
    hand: PrivacySession,
    asks: str,
    channel: str,
    subject: Subject,
    why: str,
    *,
    force: bool = False,
    now: bool = False,
) -> int:
    from service.app.clock import new_id

    name = f"local:{new_id()}"
    return await hand.service.ask(
        asks,
        channel,
        subject,
        delivery_id=name,
        person=_me(),
        reason=why,
        forced=force,
        hastened=now,
    )


async def _write(hand: PrivacySession, request: Request, file: Path) -> None:
    try:
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise OperatorError(f"{file} can't be created: {error.strerror}.") from error
    try:
        with os.fdopen(opened, "wb") as out:
            async for piece in hand.service.export(request, _me()):
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())
    except BaseException:
        os.unlink(file)
        raise


async def _request(hand: PrivacySession, request_id: int) -> Request:
    found = await hand.service.requests.one(request_id)
    if found is None:
        raise NoSuchRequest(
            f"No request has the id {request_id}; `orderwright privacy list` shows them."
        )
    return found


def _why(reason: str) -> str:
    if not reason.strip():
        raise OperatorError("Say why with --reason; the audit log keeps it.")
    return reason[:5000]


def _with(data: Path | None, work: Callable[[PrivacySession], Awaitable[T]]) -> T:
    from service.privacy.local import open_privacy

    async def run() -> T:
        async with open_privacy(data) as hand:
            return await work(hand)

    return asyncio.run(run())
