"""`orderwright returns …`: what a customer sends back of an order, step by step."""

from __future__ import annotations

from typing import Annotated

import typer

from service.app.errors import OperatorError
from service.app.person import this_person
from service.orders.cli_decisions import (
    At,
    Channel,
    Data,
    Reason,
    Wait,
    Which,
    decide,
    line_of,
    require_reason,
)

application = typer.Typer(help="What customers send back, step by step.", no_args_is_help=True)

Key = Annotated[str, typer.Option(help="The return's key, such as T1; left out: the first.")]
Place = Annotated[str, typer.Option(help="The place where the goods are.")]


@application.command()
def request(
    which: Which,
    reason: Reason,
    line: Annotated[
        list[str], typer.Option(help="LINE=QTY, or LINE=QTY:WHY with a code. Repeat it.")
    ],
    channel: Channel = "",
    wait: Wait = False,
    data: Data = None,
) -> None:
    """Note that a customer wants to send goods back."""
    lines = [_with(one, "reason") for one in line]
    _step(At(data, channel, wait), which, "request", {"lines": lines}, reason)


@application.command()
def authorise(
    which: Which,
    reason: Reason,
    key: Key = "",
    channel: Channel = "",
    wait: Wait = False,
    data: Data = None,
) -> None:
    """Agree that the goods are sent back."""
    _step(At(data, channel, wait), which, "authorise", _named(key), reason)


@application.command()
def decline(
    which: Which,
    reason: Reason,
    key: Key = "",
    channel: Channel = "",
    wait: Wait = False,
    data: Data = None,
) -> None:
    """Say that the goods are not taken back."""
    _step(At(data, channel, wait), which, "decline", _named(key), reason)


@application.command()
def cancel(
    which: Which,
    reason: Reason,
    key: Key = "",
    channel: Channel = "",
    wait: Wait = False,
    data: Data = None,
) -> None:
    """Say that the goods are not sent back after all."""
    _step(At(data, channel, wait), which, "cancel", _named(key), reason)


@application.command()
def send(
    which: Which,
    reason: Reason,
    tracking: Annotated[str, typer.Option(help="The number of the customer's parcel.")] = "",
    key: Key = "",
    channel: Channel = "",
    wait: Wait = False,
    data: Data = None,
) -> None:
    """Note that the customer has sent the goods."""
    told = {**_named(key), "tracking_number": tracking}
    _step(At(data, channel, wait), which, "send", told, reason)


@application.command()
def receive(
    which: Which,
    reason: Reason,
    line: Annotated[
        list[str] | None,
        typer.Option(help="LINE=QTY that came; left out: all that was to come. Repeat it."),
    ] = None,
    place: Place = "",
    key: Key = "",
    channel: Channel = "",
    wait: Wait = False,
    data: Data = None,
) -> None:
    """Note which goods came back, also of a return that no one had announced."""
    told = {**_named(key), "lines": [line_of(one) for one in line or ()], "place": place}
    _step(At(data, channel, wait), which, "receive", told, reason)


@application.command()
def inspect(
    which: Which,
    reason: Reason,
    line: Annotated[
        list[str] | None,
        typer.Option(
            help="LINE=QTY:WHAT with restock, damaged, discard or supplier; left out: all that came"
            " can be sold again. Repeat it."
        ),
    ] = None,
    refund: Annotated[
        str,
        typer.Option(
            help="full, less_fee, none or person; left out: as the channel's settings say."
        ),
    ] = "",
    place: Place = "",
    key: Key = "",
    channel: Channel = "",
    wait: Wait = False,
    data: Data = None,
) -> None:
    """Say what becomes of every unit that came back; its money follows by the settings."""
    told = {
        **_named(key),
        "lines": [_with(one, "disposition") for one in line or ()],
        "place": place,
    }
    if refund:
        told["refund"] = refund
    _step(At(data, channel, wait), which, "inspect", told, reason)


def _named(key: str) -> dict[str, object]:
    return {"key": key.upper()} if key else {}


def _with(text: str, name: str) -> dict[str, object]:
    """Return the line that LINE=QTY:WORD names, the word under a name. Raises OperatorError."""
    before, colon, word = text.rpartition(":")
    if not colon or not before.rpartition("=")[2].isdigit():
        return line_of(text)  # a line's id may have a colon of its own
    if not word:
        raise OperatorError(f"--line {text} ends with a colon; say what, or leave it out.")
    return {**line_of(before), name: word}


def _step(at: At, which: str, step: str, told: dict[str, object], reason: str) -> None:
    require_reason(reason)
    person = this_person()
    decide(
        at, f"return {step}", which,
        lambda orders: orders.take_back(which, step, told, person, reason),
    )  # fmt: skip
