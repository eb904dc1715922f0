"""What a person or a script is told when a command fails, and the exit code."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from difflib import get_close_matches

import click

from queuectl.commands.escape import visible
from queuectl.commands.frame import Session
from queuectl.commands.terminal import has_color, painted
from queuectl.errors import QueuectlError
from queuectl.secrets import without_passwords


@dataclass(frozen=True)
class Problem:
    """An error in the form in which it is reported."""

    exit_code: int
    code: str
    message: str
    details: tuple[str, ...] = ()
    hint: str | None = None


def problem_of(error: BaseException) -> Problem:
    """Put any exception into words, without the passwords of the URLs in them."""
    problem = _in_words(error)
    return replace(
        problem,
        message=without_passwords(problem.message),
        details=tuple(map(without_passwords, problem.details)),
    )


def _in_words(error: BaseException) -> Problem:
    if isinstance(error, QueuectlError):
        first, *more = error.message.splitlines() or [""]
        return Problem(error.exit_code, error.code, first, (*more, *error.details), error.hint)
    if isinstance(error, click.UsageError):
        return _misuse(error)
    if isinstance(error, click.ClickException):
        return Problem(error.exit_code, "failed", _sentence(error.format_message()))
    if isinstance(error, OSError) and error.strerror:
        place = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        return Problem(1, "failed", f"{place}{error.strerror}")
    hint = "run it again with --debug to see the traceback"
    return Problem(1, "internal", f"internal error: {type(error).__name__}: {error}".rstrip(": "), hint=hint)


def report(problem: Problem, session: Session, *, as_json: bool = False) -> None:
    """Print a problem on standard error; a reader that has gone is no further problem."""
    text = _as_json(problem) if as_json or session.json else _as_text(problem, session)
    if sys.stderr is not None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:
            pass


def _misuse(error: click.UsageError) -> Problem:
    path = error.ctx.command_path if error.ctx else "queuectl"
    hint = f"{path} --help shows how it is called"
    message = _sentence(error.format_message())
    if isinstance(error, click.NoSuchOption):
        message = f"no such option: {error.option_name}"
        near = get_close_matches(error.option_name, _options(error.ctx))
        hint = f"did you mean {' or '.join(near)}?" if near else hint
    return Problem(2, "usage", message, hint=hint)


def _options(ctx: click.Context | None) -> list[str]:
    if ctx is None:
        return []
    return [name for param in ctx.command.get_params(ctx) if isinstance(param, click.Option) for name in param.opts]


def _sentence(text: str) -> str:
    text = " ".join(text.split())  # click lists the choices of an option on lines of their own
    return text[:1].lower() + text[1:].rstrip(".")


def _as_text(problem: Problem, session: Session) -> str:
    color = has_color(sys.stderr, session.color)
    lines = [f"{painted('error:', 'error', color)} {visible(problem.message)}"]
    lines += [f"  {visible(detail)}" for line in problem.details for detail in line.splitlines()]
    if problem.hint:
        lines.append(f"{painted('hint:', 'dim', color)} {visible(problem.hint)}")
    return "\n".join(lines) + "\n"


def _as_json(problem: Problem) -> str:
    from queuectl.commands.encoding import to_json

    error: dict[str, object] = {"code": problem.code, "message": problem.message, "hint": problem.hint}
    if problem.details:
        error["details"] = problem.details
    return to_json({"error": error}).decode() + "\n"
