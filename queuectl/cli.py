"""The program `queuectl`: runs one command and turns whatever happens into output and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from queuectl.commands.frame import Session


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; nothing is raised."""
    from queuectl.commands.frame import Session
    from queuectl.commands.terminal import secure_streams

    secure_streams()
    session = Session()
    try:
        return _ending(session, arguments)
    except KeyboardInterrupt:
        return 130


def _ending(session: Session, arguments: list[str]) -> int:
    from click.exceptions import Abort, Exit, NoArgsIsHelpError

    from queuectl.commands import errors, output
    from queuectl.commands.terminal import abandon

    try:
        try:
            code = _call(session, arguments)
        except Exit as asked:
            code = asked.exit_code
        except NoArgsIsHelpError as bare:
            output.write(bare.ctx.get_help() + "\n")
            code = 0
        output.flush()
        return code
    except (KeyboardInterrupt, Abort):
        return errors.INTERRUPTED
    except BrokenPipeError:
        abandon(sys.stdout)
        return errors.PIPE_CLOSED
    except Exception as error:  # the wall: whatever went wrong, one line says so
        if session.debug or "--debug" in _before_dashes(arguments):
            _print_traceback()
        problem = errors.problem_of(error)
        errors.report(problem, session, as_json="--json" in _before_dashes(arguments))
        _flush_what_is_left()
        return problem.exit_code


def _call(session: Session, arguments: list[str]) -> int:
    from queuectl.commands.group import COMPLETE, verbs

    root = verbs()
    if COMPLETE in os.environ:
        from click.shell_completion import shell_complete

        return shell_complete(root, {}, "queuectl", COMPLETE, os.environ[COMPLETE])
    try:
        with root.make_context("queuectl", arguments.copy(), obj=session) as context:
            result = root.invoke(context)
    finally:
        session.close()
    return result if isinstance(result, int) else 0


def _before_dashes(arguments: list[str]) -> list[str]:
    # The call may be so wrong that its global options were never read.
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _print_traceback() -> None:
    import traceback

    traceback.print_exc()


def _flush_what_is_left() -> None:
    from queuectl.commands.terminal import abandon

    try:
        sys.stdout.flush()
    except OSError:
        abandon(sys.stdout)


if __name__ == "__main__":
    main()
