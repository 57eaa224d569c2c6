"""`orderwright privacy …`: what customers ask by law, and the keys that seal what they told us."""

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

if TYPE_CHECKING:
    from adapters.postgres.audit import AuditEntry
    from adapters.postgres.privacy import Request
    from schemas.messages.privacy import Subject
    from service.privacy.local import AtHand
    from service.privacy.service import Preview

application = typer.Typer(
    help="Erase or hand over customers' data, and look after its keys.", no_args_is_help=True
)

T = TypeVar("T")

Data = Annotated[Path | None, typer.Option("--data", help="The running service's data directory.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Id = Annotated[int, typer.Argument(help="The request, as `privacy list` shows it.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it is audited for ever. Name nobody.")]
Channel = Annotated[str | None, typer.Option(help="Whose customer it is.")]
Orders = Annotated[list[str] | None, typer.Option("--order", help="An order of his; repeatable.")]
Email = Annotated[str, typer.Option(help="The customer's e-mail address.")]
Phone = Annotated[str, typer.Option(help="The customer's telephone number.")]
Customer = Annotated[str, typer.Option(help="The channel's own id of the customer.")]


class NoSuchRequest(OperatorError):
    """Nothing is known under that id."""

    exit_code = 11


@application.command("list")
def list_requests(
    state: Annotated[str, typer.Option(help="open, done or all.")] = "all",
    channel: Channel = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Requests on a page.")] = 50,
    before: Annotated[int | None, typer.Option(help="Only requests older than this id.")] = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """List what was asked, newest first, and what it waits for."""
    if state not in ("open", "done", "all"):
        raise OperatorError(f"No state is called {state!r}; there are: open, done, all.")
    found = _with(
        data,
        lambda hand: hand.desk.requests.find(
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
        print(f"More, if any: add --before {found[-1].id}")


@application.command()
def show(request_id: Id, as_json: AsJson = False, data: Data = None) -> None:
    """Show one request: whom it is about while it is open, and what was done."""

    async def run(hand: AtHand) -> tuple[Request, tuple[AuditEntry, ...]]:
        return await _request(hand, request_id), await hand.desk.history(request_id)

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
        print(f"  about    {', '.join(filter(None, named)) or 'everybody of the channel'}")
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
    shop: Annotated[bool, typer.Option("--shop", help="Everybody of the channel.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Don't wait for orders that are under way.")
    ] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Only say what would go.")] = False,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Have a customer's data erased by the running service; it can't be brought back."""
    why = "" if preview else _why(reason)

    async def run(hand: AtHand) -> Preview | int:
        where, subject = await _subject(hand, channel, order or [], email, phone, customer, shop)
        if preview:
            return await hand.desk.preview(where, subject)
        asks = "redact_shop" if shop else "redact"
        return await _ask(hand, asks, where, subject, why, force=force)

    found = _with(data, run)
    if isinstance(found, int):
        print(f"Request {found} is kept; `orderwright privacy show {found}` shows its end.")
    elif as_json:
        print_json(found)
    else:
        waiting = f" ({', '.join(found.waiting)})" if found.waiting else ""
        print(f"{found.final} orders and {found.messages} messages in quarantine would be erased;")
        print(f"{found.under_way} orders are under way{waiting}, {found.erased} erased already.")


@application.command()
def force(request_id: Id, reason: Why, data: Data = None) -> None:
    """Have a request not wait any longer: orders under way lose their address."""
    why = _why(reason)

    async def run(hand: AtHand) -> None:
        if not await hand.desk.force((await _request(hand, request_id)).id, _me(), why):
            raise OperatorError(f"{request_id} is done, or erases nothing; nothing was changed.")

    _with(data, run)
    print(f"{request_id} does not wait any longer; `orderwright privacy show {request_id}`.")


@application.command()
def export(
    file: Annotated[Path, typer.Option("--file", help="A new file, for its owner's eyes only.")],
    request_id: Annotated[int | None, typer.Argument(help="A request; else name whom.")] = None,
    reason: Why = "",
    order: Orders = None,
    email: Email = "",
    phone: Phone = "",
    customer: Customer = "",
    channel: Channel = None,
    keep_open: Annotated[
        bool, typer.Option("--keep-open", help="It can be written again later.")
    ] = False,
    data: Data = None,
) -> None:
    """Write all that is held about a customer into a JSON file; then the request is done."""
    why = _why(reason) if request_id is None else reason[:5000] or "The data was handed over."

    async def run(hand: AtHand) -> int:
        which = request_id
        if which is None:
            given = (order or [], email, phone, customer, False)
            where, subject = await _subject(hand, channel, *given)
            which = await _ask(hand, "export", where, subject, why, force=False)
        request = await _request(hand, which)
        if request.kind != "export" or request.state != "open":
            raise OperatorError(f"{which} is a {request.kind} and {request.state}.")
        await _write(hand, request, file)
        if not keep_open:
            await hand.desk.handed_over(request, _me(), why)
        return which

    done = _with(data, run)
    print(f"{file} holds all there is (request {done}). Delete it once it is handed over.")


@application.command()
def keys(as_json: AsJson = False, data: Data = None) -> None:
    """List the master keys, and how much each still seals."""

    async def run(hand: AtHand) -> tuple[list[dict[str, object]], str]:
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
        needed = "wrapping anew" if row["needed"] else "needed no more"
        state = "active" if row["active"] else needed
        told.append((str(row["id"]), state, str(row["keys"]), str(row["parts"])))
    print_table(("id", "state", "orders and files", "other parts"), told)
    if active not in {row["id"] for row in rows}:
        print(f"{active} was made; the running service takes it over within seconds.")


@application.command("rotate-key")
def rotate_key(
    reason: Why,
    retire: Annotated[
        str, typer.Option(help="Instead: forget this old master key, which nothing needs.")
    ] = "",
    data: Data = None,
) -> None:
    """Make a new master key; the running service wraps every key by it, in the background."""
    from service.app.clock import SystemClock
    from service.app.sealing_keys import forget, rotate
    from service.settings import load

    why, settings, now = _why(reason), load(), SystemClock().now()

    async def run(hand: AtHand) -> str:
        if not retire:
            fresh = rotate(settings, hand.orders.folder)
            await hand.audit.record(
                at=now, person=_me(), action="privacy.rotate_key",
                target=f"sealing_key:{fresh}", reason=why,
            )  # fmt: skip
            return f"{fresh} seals what is new within seconds; `orderwright privacy keys`."
        used = {one.id: one for one in await hand.keys.used()}
        active = hand.orders.sealing.active
        if retire == active or active not in used:
            raise OperatorError(f"{retire} is in use; wait until another one is.")
        if retire in used and used[retire].needed:
            raise OperatorError(
                f"{retire} still wraps {used[retire].keys} keys and {used[retire].parts} other"
                " parts; `orderwright privacy keys` shows when it is needed no more."
            )
        if not await hand.keys.retire(retire, person=_me(), reason=why, at=now):
            raise OperatorError(f"No master key {retire!r} is known here.")
        return f"{retire} is forgotten{forget(settings, hand.orders.folder, retire)}."

    print(_with(data, run))


async def _subject(
    hand: AtHand,
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
            "Name whom: --order, --email, --phone or --customer; or --shop with --channel."
        )
    rows = [(await hand.orders.show(which)).row for which in orders]
    channels = {row.channel for row in rows} | ({channel} if channel else set())
    if len(channels) != 1:
        found = f" ({', '.join(sorted(channels))})" if channels else ""
        raise OperatorError(f"A request is about one channel{found}: say which with --channel.")
    refs = tuple(row.ref for row in rows)
    subject = Subject(reference=customer[:256], email=email[:320], phone=phone[:64], refs=refs)
    where = channels.pop()
    await hand.desk.require_channel(where)
    return where, subject


async def _ask(
    hand: AtHand, asks: str, channel: str, subject: Subject, why: str, *, force: bool
) -> int:
    from service.app.clock import new_id

    name = f"desk:{new_id()}"
    return await hand.desk.ask(
        asks, channel, subject, delivery_id=name, person=_me(), reason=why, forced=force
    )


async def _write(hand: AtHand, request: Request, file: Path) -> None:
    try:
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise OperatorError(f"{file} can't be made: {error.strerror}.") from error
    try:
        with os.fdopen(opened, "wb") as out:
            async for piece in hand.desk.export(request, _me()):
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())
    except BaseException:
        os.unlink(file)
        raise


async def _request(hand: AtHand, request_id: int) -> Request:
    found = await hand.desk.requests.one(request_id)
    if found is None:
        raise NoSuchRequest(
            f"No request has the id {request_id}; `orderwright privacy list` shows what there is."
        )
    return found


def _me() -> str:
    return getpass.getuser()


def _why(reason: str) -> str:
    if not reason.strip():
        raise OperatorError("Say why with --reason; it is audited for ever.")
    return reason[:5000]


def _with(data: Path | None, work: Callable[[AtHand], Awaitable[T]]) -> T:
    from service.privacy.local import open_privacy

    async def run() -> T:
        async with open_privacy(data) as hand:
            return await work(hand)

    return asyncio.run(run())
