"""What a person may decide about an order at the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
import typer
from msgspec import Struct

from service.app.errors import OperatorError
from service.app.person import this_person
from service.cli.tables import print_plain as print
from service.cli.tables import print_timeline

if TYPE_CHECKING:
    from service.orders.local import LocalOrders
    from service.orders.waiting import Outcome, Sent

T = TypeVar("T")

Data = Annotated[Path | None, typer.Option("--data", help="The running service's data directory.")]
Which = Annotated[str, typer.Argument(help="Order id, reference or number.")]
Channel = Annotated[
    str, typer.Option("--channel", help="Whose order it is, where several shops use the number.")
]
Wait = Annotated[
    bool, typer.Option("--wait", help="Wait for the end of it, and show what happened.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept permanently.")]
Effect = Annotated[str, typer.Option(help="The effect's number; left out: the first.")]
Fulfilment = Annotated[
    str, typer.Option(help="The fulfilment's key, such as F1; left out: the first that is short.")
]


class At(Struct, frozen=True):
    """Where orders are looked for: the running service's data directory (None: the configured one),
    and the channel ("": any). `wait`: for the end of what is decided."""

    data: Path | None
    channel: str = ""
    wait: bool = False


def add_to(application: typer.Typer) -> None:
    """Add the commands to a group."""
    for name, command in COMMANDS.items():
        application.command(name)(command)


def cancel(
    which: Which,
    reason: Reason,
    channel: Channel = "",
    wait: Wait = False,
    data: Data = None,
) -> None:
    """Cancel what has not left; what was done for it is undone."""
    _act(At(data, channel, wait), which, "cancel", "", reason)


def accept(
    which: Which,
    reason: Reason,
    channel: Channel = "",
    wait: Wait = False,
    data: Data = None,
) -> None:
    """Accept an order although its money is not there."""
    _act(At(data, channel, wait), which, "accept", "", reason)


def claim(
    which: Which,
    reason: Reason,
    channel: Channel = "",
    wait: Wait = False,
    data: Data = None,
) -> None:
    """Work on an order that came through another channel, too; that one must be cancelled."""
    _act(At(data, channel, wait), which, "claim", "", reason)


def release(
    which: Which,
    reason: Reason,
    hold: Annotated[str, typer.Option(help="The hold's id; left out: the first.")] = "",
    channel: Channel = "",
    wait: Wait = False,
    data: Data = None,
) -> None:
    """Release a hold, so that the order goes on."""
    _act(At(data, channel, wait), which, "release", hold, reason)


def hold(
    which: Which,
    reason: Reason,
    channel: Channel = "",
    wait: Wait = False,
    data: Data = None,
) -> None:
    """Keep an order where it is until a person releases the hold."""
    _act(At(data, channel, wait), which, "hold", "", reason)


def refetch(
    which: Which,
    reason: Reason,
    channel: Channel = "",
    wait: Wait = False,
    data: Data = None,
) -> None:
    """Fetch an order from its channel as it is there now."""
    _act(At(data, channel, wait), which, "refetch", "", reason)


def redecide(
    which: Which,
    reason: Reason,
    channel: Channel = "",
    wait: Wait = False,
    data: Data = None,
) -> None:
    """Ask the mappings and the rules in use about an order again."""
    _act(At(data, channel, wait), which, "redecide", "", reason)


def correct(
    which: Which,
    reason: Reason,
    channel: Channel = "",
    wait: Wait = False,
    data: Data = None,
) -> None:
    """Send an order to its address as the address service writes it (`orders show` has both)."""
    _act(At(data, channel, wait), which, "correct", "", reason)


def retry(
    which: Which,
    reason: Reason,
    effect: Effect = "",
    channel: Channel = "",
    wait: Wait = False,
    data: Data = None,
) -> None:
    """Have an effect tried again that waits for a person; it uses the order as it is now."""
    _act(At(data, channel, wait), which, "retry", effect, reason)


def skip(
    which: Which,
    reason: Reason,
    effect: Effect = "",
    channel: Channel = "",
    wait: Wait = False,
    data: Data = None,
) -> None:
    """Go on without an effect that waits for a person."""
    _act(At(data, channel, wait), which, "skip", effect, reason)


def done(
    which: Which,
    reason: Reason,
    task: Annotated[str, typer.Option(help="The task's id; left out: the first.")] = "",
    channel: Channel = "",
    wait: Wait = False,
    data: Data = None,
) -> None:
    """Say that a task which was left to a person is done."""
    _act(At(data, channel, wait), which, "done", task, reason)


def ship_short(
    which: Which,
    reason: Reason,
    fulfilment: Fulfilment = "",
    channel: Channel = "",
    wait: Wait = False,
    data: Data = None,
) -> None:
    """Ship what was found; what is missing is planned at another place."""
    _act(At(data, channel, wait), which, "ship-short", fulfilment, reason)


def backorder(
    which: Which,
    reason: Reason,
    fulfilment: Fulfilment = "",
    channel: Channel = "",
    wait: Wait = False,
    data: Data = None,
) -> None:
    """Ship what was found; what is missing waits for stock."""
    _act(At(data, channel, wait), which, "backorder", fulfilment, reason)


def drop(
    which: Which,
    reason: Reason,
    fulfilment: Fulfilment = "",
    channel: Channel = "",
    wait: Wait = False,
    data: Data = None,
) -> None:
    """Ship what was found; what is missing is cancelled."""
    _act(At(data, channel, wait), which, "drop", fulfilment, reason)


def edit(
    which: Which,
    reason: Reason,
    ship_to: Annotated[
        str, typer.Option(help="The whole shipping address as JSON, or @FILE with it.")
    ] = "",
    name: Annotated[str | None, typer.Option(help="Who receives it.")] = None,
    company: Annotated[str | None, typer.Option(help="The company that receives it.")] = None,
    street: Annotated[
        list[str] | None, typer.Option(help="A line of the address; up to four times.")
    ] = None,
    city: Annotated[str | None, typer.Option(help="The city.")] = None,
    region: Annotated[str | None, typer.Option(help="The region's code or name.")] = None,
    postal_code: Annotated[str | None, typer.Option(help="The postal code.")] = None,
    country: Annotated[str | None, typer.Option(help="The country's two-letter code.")] = None,
    email: Annotated[str | None, typer.Option(help="The customer's e-mail address.")] = None,
    phone: Annotated[str | None, typer.Option(help="The customer's telephone number.")] = None,
    method: Annotated[str | None, typer.Option(help="The shipping method.")] = None,
    note: Annotated[str | None, typer.Option(help="The note.")] = None,
    line: Annotated[
        list[str] | None,
        typer.Option(help="LINE=QTY: a line's quantity as it should be; 0 removes it. Repeat it."),
    ] = None,
    channel: Channel = "",
    wait: Wait = False,
    data: Data = None,
) -> None:
    """Change an order here: its address, contact, shipping method, note, or quantities."""
    require_reason(reason)
    address = {
        "name": name, "company": company, "lines": street or None, "city": city, "region": region,
        "postal_code": postal_code, "country": country,
    }  # fmt: skip
    changes: dict[str, Any] = {
        "email": email, "phone": phone, "shipping_method": method, "note": note,
        "lines": [line_of(one) for one in line] if line else None,
    }  # fmt: skip
    changes = {key: value for key, value in changes.items() if value is not None}
    if ship_to:
        changes["ship_to"] = _json_of(ship_to)
    fields = {key: value for key, value in address.items() if value is not None}
    person = this_person()
    at = At(data, channel, wait)
    decide(at, "edit", which, lambda orders: orders.edit(which, changes, fields, person, reason))


def codes(
    which: Which,
    reason: Reason,
    parcel: Annotated[str, typer.Option(help="The parcel's key, such as K1.")],
    line: Annotated[str, typer.Option(help="The line's id.")],
    code: Annotated[list[str], typer.Option(help="The code of a piece; repeat it for each.")],
    channel: Channel = "",
    wait: Wait = False,
    data: Data = None,
) -> None:
    """Enter codes of single pieces that the warehouse did not send, such as Transparency's."""
    require_reason(reason)
    told = {"parcel": parcel.upper(), "line_id": line, "codes": [one.strip() for one in code]}
    changes, person = {"codes": [told]}, this_person()
    at = At(data, channel, wait)
    decide(at, "codes", which, lambda orders: orders.edit(which, changes, {}, person, reason))


def refund(
    which: Which,
    reason: Reason,
    amount: Annotated[
        str,
        typer.Option(
            help="How much, in the customer's currency, such as 5.00; left out: what the lines and "
            "shipping come to, or, without these, what is owed."
        ),
    ] = "",
    line: Annotated[
        list[str] | None,
        typer.Option(help="LINE=QTY: a line, and for how many units of it. Repeat it."),
    ] = None,
    shipping: Annotated[
        bool, typer.Option("--shipping", help="With what was paid for shipping.")
    ] = False,
    goodwill: Annotated[
        bool, typer.Option("--goodwill", help="Beside what is owed, which stays owed.")
    ] = False,
    again: Annotated[
        bool,
        typer.Option("--again", help="Also if the goods were paid back by hand before."),
    ] = False,
    channel: Channel = "",
    wait: Wait = False,
    data: Data = None,
) -> None:
    """Give money back to the customer through the channel: what is owed, goods, or an amount."""
    from service.orders.refunding import Told

    require_reason(reason)
    lines = tuple(line_of(one) for one in line or ())
    told = Told(amount=amount, lines=lines, shipping=shipping, goodwill=goodwill, again=again)
    person, at = this_person(), At(data, channel, wait)
    decide(at, "refund", which, lambda orders: orders.refund(which, told, person, reason))


COMMANDS: dict[str, Callable[..., None]] = {
    "edit": edit,
    "codes": codes,
    "refund": refund,
    "cancel": cancel,
    "accept": accept,
    "claim": claim,
    "release": release,
    "retry": retry,
    "skip": skip,
    "done": done,
    "ship-short": ship_short,
    "backorder": backorder,
    "drop": drop,
    "hold": hold,
    "refetch": refetch,
    "redecide": redecide,
    "correct": correct,
}


def with_orders(at: At, work: Callable[[LocalOrders], Awaitable[T]]) -> T:
    """Do something with the running service's orders."""
    from service.orders import local

    async def run() -> T:
        async with local.open_orders(at.data, at.channel) as opened:
            return await work(opened)

    return asyncio.run(run())


def _act(at: At, which: str, verb: str, target: str, reason: str) -> None:
    require_reason(reason)
    person = this_person()
    decide(at, verb, which, lambda orders: orders.act(which, verb, target, person, reason))


def decide(
    at: At, what: str, which: str, publish: Callable[[LocalOrders], Awaitable[Sent]]
) -> None:
    """Publish a decision, and say where its end is shown; or wait for that and show it."""

    async def run(orders: LocalOrders) -> Outcome | None:
        sent = await publish(orders)
        return await orders.end_of(sent) if at.wait else None

    outcome = with_orders(at, run)
    of = f" --channel {at.channel}" if at.channel else ""
    if outcome is None:
        shows = f"`orderwright orders timeline {which}{of}` shows its end."
        print(f"{what} of {which} is on its way; {shows}")
        return
    print_timeline(outcome.entries)
    row = outcome.view.row
    whom = f", and waits for {row.waiting_for.rstrip('.')}" if row.waiting_for else ""
    print(f"{row.number or row.ref} of {row.channel} is {row.stage}{whom}.")


def require_reason(reason: str) -> None:
    """Raise OperatorError for a decision without a reason."""
    if not reason.strip():
        raise OperatorError("Say why with --reason; it is kept with the order permanently.")


def line_of(text: str) -> dict[str, object]:
    """Return the line that LINE=QTY names. Raises OperatorError."""
    line_id, separator, quantity = text.rpartition("=")
    if not separator or not line_id or not quantity.isascii() or not quantity.isdigit():
        raise OperatorError(f"--line {text} is not LINE=QTY, such as --line 1=2.")
    # Nine digits are too many already, and are refused as such.
    return {"line_id": line_id, "quantity": int(quantity.lstrip("0")[:9] or "0")}


def _json_of(text: str) -> object:
    try:
        raw = Path(text[1:]).read_bytes() if text.startswith("@") else text.encode()
        return msgspec.json.decode(raw)
    except OSError as error:
        raise OperatorError(f"{text[1:]} can't be read ({error.strerror}).") from error
    except msgspec.MsgspecError as error:
        raise OperatorError(f"--ship-to is not JSON: {error}.") from error
