"""The command line: what goes wrong is one line on standard error and an exit code."""

from __future__ import annotations

import io
import signal
import sys
import traceback
from collections.abc import Sequence

from .errors import LossError

_EXTRA = ("click", "rich", "yaml", "mpmath", "hypothesis", "jsonschema", "array_api_strict")


def main() -> None:
    """Run the command that the arguments name, and exit with its code."""
    # A reader that has seen enough, such as `head`, ends the program quietly.
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without Σ shows a question mark
    code = run(sys.argv[1:])
    sys.stdout.flush()
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """The exit code of a command: 0 conforming, 1 not, 2 not carried out, 130 interrupted."""
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        return _say("interrupted", 130)
    except ModuleNotFoundError as problem:
        if (problem.name or "").partition(".")[0] not in _EXTRA:
            traceback.print_exc()
            return _say("the run broke off; please report this")
        return _say(
            f"this command needs {problem.name}, which is not installed; "
            "install it with: pip install 'lossapi[check]'"
        )
    except LossError as problem:
        return _say(str(problem))
    except OSError as problem:
        place = problem.filename or "a file"
        return _say(f"{place} cannot be read or written: {problem.strerror or problem}")
    except Exception:
        # A fault of this program, which must not look like a verdict: an uncaught one exits with 1.
        traceback.print_exc()
        return _say("the run broke off; please report this")


def _run(arguments: Sequence[str]) -> int:
    import click

    from lossapi.conformance.commands import cli

    try:
        with cli.make_context("lossapi", list(arguments)) as context:
            cli.invoke(context)
    except click.ClickException as problem:
        if type(problem).__name__ == "NoArgsIsHelpError":  # its message is the whole help
            click.echo(problem.format_message(), err=True)
            return 2
        return _say(problem.format_message())
    except click.exceptions.Exit as done:
        return done.exit_code
    except SystemExit as done:
        return int(done.code or 0)
    return 0


def _say(message: str, code: int = 2) -> int:
    print(f"lossapi: {' '.join(message.split())}", file=sys.stderr)
    return code
