"""The command line. A command's module is imported when it is used, so that help is instant."""

from __future__ import annotations

import sys

from service.app.errors import OperatorError


def main() -> None:
    """Run the command line. An OperatorError prints one sentence, without a traceback, and sets the
    exit code."""
    from service.cli.commands import application

    try:
        application()
    except OperatorError as error:
        from service.cli.tables import print_plain

        print_plain(f"orderwright: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
