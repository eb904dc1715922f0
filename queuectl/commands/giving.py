"""Where the jobs of an `enqueue` come from: words, a file or standard input, with the flags laid over them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from queuectl.engine.jobtext import Given, parse_jobs
from queuectl.errors import UsageError

HINT = "queuectl enqueue 'sleep 2', or queuectl enqueue '{\"command\": \"sleep 2\"}'; --help shows more"


def read_given(words: Sequence[str], literal: Sequence[str], files: Sequence[str]) -> list[Given]:
    """Return the jobs that were given in one of the ways.

    `words` stood before a `--`, `literal` after it, `files` after `--file`. Raises UsageError when there is nothing,
    when there are several ways at once, and when a file cannot be read.
    """
    ways = bool(words) + bool(literal) + len(files)
    if not ways:
        raise UsageError("nothing to enqueue", hint=HINT)
    if ways > 1:
        raise UsageError(_too_many(words, literal, files), hint="one call takes one of them")
    if files:
        return _read_file(files[0])
    if literal:
        return [("", {"command": list(literal)})]
    if len(words) > 1:
        raise _several(words)
    return _read_word(words[0])


def lay_over(given: list[Given], flags: Mapping[str, Any], env: Mapping[str, str], tags: Sequence[str]) -> list[Given]:
    """Return the jobs with the flags in place of their own fields; `env` and `tags` are added to theirs."""
    if "id" in flags and len(given) > 1:
        raise UsageError(f"--id names one job, and {len(given):,} were given", hint='give each its own "id"')
    if not (flags or env or tags):
        return given
    return [(place, _laid(job, flags, env, tags)) for place, job in given]


def _laid(job: Mapping[str, Any], flags: Mapping[str, Any], env: Mapping[str, str], tags: Sequence[str]) -> Any:
    laid = {**job, **flags}
    for name, other in (("delay", "run_at"), ("run_at", "delay")):
        if name in flags and other not in flags:
            laid.pop(other, None)
    # What is of a wrong type stays as it is, for the intake to refuse.
    own_env, own_tags = _or(job.get("env"), {}), _or(job.get("tags"), [])
    if env and isinstance(own_env, Mapping):
        laid["env"] = {**own_env, **env}
    if tags and isinstance(own_tags, list):
        laid["tags"] = [*own_tags, *tags]
    return laid


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def _read_word(word: str) -> list[Given]:
    if word == "-" or word.startswith("@"):
        return _read_file(word.removeprefix("@"))
    if not word.lstrip().startswith(("{", "[")):
        return [("", {"command": word})]
    try:
        return parse_jobs(word)
    except UsageError as error:
        shell = "a shell command that begins so goes after --: queuectl enqueue -- sh -c '[ -f x ] && echo yes'"
        raise UsageError(error.message, hint=error.hint or shell, details=error.details) from None


def _read_file(name: str) -> list[Given]:
    source = "stdin" if name == "-" else name
    if not name:
        raise UsageError("the name of the file is missing", hint="queuectl enqueue @jobs.jsonl")
    try:
        data = _standard_input() if name == "-" else _contents(name)
    except OSError as error:
        raise UsageError(f"cannot read {source}: {error.strerror}") from None
    given = parse_jobs(data, source)
    if not given and not data.strip():
        raise UsageError(f"{source} is empty", hint='expected jobs as JSON, such as {"command": "sleep 2"}')
    return given


def _contents(name: str) -> bytes:
    with open(name, "rb") as file:
        return file.read()


def _standard_input() -> bytes:
    from queuectl.commands.terminal import is_terminal

    if is_terminal(sys.stdin) and is_terminal(sys.stderr):
        sys.stderr.write("type jobs as JSON, one a line; Ctrl-D ends\n")
        sys.stderr.flush()
    return sys.stdin.buffer.read()


def _too_many(words: Sequence[str], literal: Sequence[str], files: Sequence[str]) -> str:
    ways = [f"--file {name}" for name in files]
    ways += ["the words after --"] if literal else []
    ways += [repr(words[0])] if words else []
    return f"jobs were given in several ways: {', '.join(ways)}"


def _several(words: Sequence[str]) -> UsageError:
    if words[0].lstrip().startswith(("{", "[")):
        return UsageError(
            f"the shell took the JSON apart into {len(words)} words",
            hint='put it in single quotes: queuectl enqueue \'{"command": "sleep 2"}\'',
        )
    import shlex

    return UsageError(
        f"{len(words)} words were given, which may be one command or several",
        hint=f"a program with its arguments goes after --: queuectl enqueue -- {shlex.join(words)}",
    )
