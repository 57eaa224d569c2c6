"""The command line. A command's module is imported when it is used, so that help is instant."""

from __future__ import annotations

import sys

from service.app.errors import OperatorError


def main() -> None:
    """Run the command line. An OperatorError prints one sentence, without a traceback, and sets the
    exit code; and so does what a terminal sent in another encoding."""
    from service.cli.commands import application

    try:
        try:
            application()
        except UnicodeEncodeError as error:
            for word in sys.argv[1:]:
                if _is_bytes(word):
                    raise OperatorError(
                        f"{word!r} is not UTF-8 text; set the terminal to UTF-8."
                    ) from error
            raise
    except OperatorError as error:
        from service.cli.tables import print_plain

        print_plain(f"orderwright: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


def _is_bytes(word: str) -> bool:
    """Whether an argument has bytes that are not text."""
    return any("\udc80" <= character <= "\udcff" for character in word)
