"""The command line. Each command's module is imported when it is used, so that help is instant."""

from __future__ import annotations

import sys

from service.app.errors import OperatorError


def main() -> None:
    """Run the command line. An operator's error is one sentence and its exit code, no traceback."""
    from service.cli.commands import application

    try:
        application()
    except OperatorError as error:
        print(f"orderwright: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
