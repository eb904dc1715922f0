"""The program `queuectl`: runs one command and turns whatever happens into output and an exit code."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from queuectl.commands.frame import Session


INTERRUPTED = 130
PIPE_CLOSED = 141
"""128 and the number of SIGPIPE, by which other programs end when the reader of their pipe has gone."""

YOUNG_OBJECTS = 50_000
"""How many new objects make Python look for garbage: while a command is imported there are many, and no garbage."""

SOON = 0.01
"""Seconds until an interrupt is repeated: what ignored it has ended by then."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    gc.set_threshold(YOUNG_OBJECTS)
    code = run(list(sys.argv[1:] if arguments is None else arguments))
    if code == INTERRUPTED:
        # Python kills itself by SIGINT at exit if the interrupt passed through an `exec`, such as that of a dataclass,
        # even though it was caught: unless another one ends well.
        exec("")  # noqa: S102
    _leave(code)


def _leave(code: int) -> NoReturn:
    """End the process as it is: to take apart all that was imported takes longer than most commands.

    Not where anything was left to be done at the end, by a thread or by a function, as a plugin may do.
    """
    at_exit = atexit._ncallbacks()  # noqa: SLF001  # nothing public tells it
    if at_exit == 0 and threading.active_count() == 1:
        _flush_what_is_left()
        os._exit(code)
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; nothing is raised."""
    sys.unraisablehook = _unraisable
    try:
        from queuectl.commands.frame import Session
        from queuectl.commands.terminal import secure_streams

        secure_streams()
        return _ending(Session(), arguments)
    except KeyboardInterrupt:
        return INTERRUPTED


def _ending(session: Session, arguments: list[str]) -> int:
    from click.exceptions import Abort, Exit, NoArgsIsHelpError

    from queuectl.commands import output
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
        return INTERRUPTED
    except BrokenPipeError:
        abandon(sys.stdout)
        return PIPE_CLOSED
    except Exception as error:  # the wall: whatever went wrong, one line says so
        if isinstance(error.__cause__, KeyboardInterrupt):  # Python wraps what comes while a class is made
            return INTERRUPTED
        return _failed(session, arguments, error)


def _unraisable(what: sys.UnraisableHookArgs) -> None:
    """Interrupt once more when Python ignored it, as in a callback of a weak reference while modules are imported."""
    if not issubclass(what.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(what)
        return
    from signal import SIGINT
    from threading import Timer

    Timer(SOON, os.kill, (os.getpid(), SIGINT)).start()


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


def _failed(session: Session, arguments: list[str], error: Exception) -> int:
    from queuectl.commands.errors import problem_of, report

    # The call may be so wrong that its global options were never read.
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if session.debug or "--debug" in options:
        import traceback

        traceback.print_exception(error)
    problem = problem_of(error)
    report(problem, session, as_json="--json" in options)
    _flush_what_is_left()
    return problem.exit_code


def _flush_what_is_left() -> None:
    from queuectl.commands.terminal import abandon

    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            abandon(stream)


if __name__ == "__main__":
    main()
