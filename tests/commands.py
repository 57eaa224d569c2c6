"""Commands typed in this process: what the command line refuses before it asks any service."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from typing import Any

import msgspec
from typer.main import get_command

from service.app.errors import OperatorError
from service.cli.commands import application


class Answer(msgspec.Struct, frozen=True):
    """How a command ended: with what code, what it printed (both streams), and the fault that it
    raised for the operator; None for none."""

    exit_code: int
    output: str
    exception: OperatorError | None = None


@cache
def program() -> Any:
    """The whole program, put together once: that takes a tenth of a second. Any: typer brings its
    own click, whose types it does not publish."""
    return get_command(application)


def run_command(*words: str) -> Answer:
    """Run `orderwright` with these words. A fault that is not the operator's is raised."""
    printed = io.StringIO()
    code, fault = 0, None
    with redirect_stdout(printed), redirect_stderr(printed):
        try:
            program().main(args=list(words), prog_name="orderwright")
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        except OperatorError as raised:
            code, fault = raised.exit_code, raised
    return Answer(code, printed.getvalue(), fault)
