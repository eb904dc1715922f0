"""A process that looks at something, so that whatever happens to it happens to nobody else.

What it finds it writes, a line of JSON each, to what was its standard output; what the plugin prints is caught.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from typing import IO, Self

import msgspec
from msgspec import Struct

from queuectl.registry import Entry

PRINTED = 60
"""Characters that are told of what a plugin prints."""

DONE = b"null"
"""The last line of a process that came to its end."""


class Errand(Struct, frozen=True, kw_only=True):
    """What a process is to look at: a plugin, or, where there is none, the configuration with all that it names.

    `siblings` are all the names that lead to the plugin's module.
    """

    entry: Entry | None = None
    siblings: tuple[str, ...] = ()
    config_file: str | None = None
    overrides: tuple[str, ...] = ()


class Configured(Struct, frozen=True, kw_only=True):
    """What is wrong with the configuration; `file` is None where none is read."""

    file: str | None = None
    problems: tuple[str, ...] = ()


class Probe:
    """The process from outside. It is ended at the latest when this is closed."""

    def __init__(self, errand: Errand, patience: float) -> None:
        from queuectl.engine.spawning import program

        self._patience = patience
        self._answers = tempfile.TemporaryFile()  # noqa: SIM115  # closed together with the process
        self._started = time.monotonic()
        self._process = subprocess.Popen(
            [*program()[:-1], __name__, msgspec.json.encode(errand).decode()],
            stdin=subprocess.DEVNULL,
            stdout=self._answers,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def answers(self) -> tuple[list[bytes], str | None]:
        """Wait for its end; return what it wrote, and what it did instead where it did not come to its end."""
        left = self._started + self._patience - time.monotonic()
        try:
            did = f"ends the process that imports it, {_manner(self._process.wait(max(0.0, left)))}"
        except subprocess.TimeoutExpired:
            self._end()
            did = f"is not done after {self._patience:g} s of being imported"
        self._answers.seek(0)
        lines = self._answers.read().splitlines()
        return (lines[:-1], None) if lines[-1:] == [DONE] else (lines, did)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self._answers.close()

    def _end(self) -> None:
        if sys.platform != "win32" and self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()


def _manner(code: int) -> str:
    if code >= 0:
        return f"with exit code {code}"
    try:
        return f"by {signal.Signals(-code).name}"
    except ValueError:
        return f"by signal {-code}"


def main() -> None:
    """Look at what the argument names."""
    errand = msgspec.json.decode(sys.argv[1], type=Errand)
    answers = os.dup(1)
    with tempfile.TemporaryFile() as printed:
        os.dup2(printed.fileno(), 1)
        if errand.entry is None:
            _answer(answers, _configured(errand))
        else:
            _look_at(errand.entry, errand.siblings, answers, printed)
    _answer(answers, None)
    os._exit(0)  # whatever the plugin started, or wants done at the end


def _look_at(entry: Entry, siblings: tuple[str, ...], answers: int, printed: IO[bytes]) -> None:
    from queuectl.commands.plugins_report import Report, location_of, report_of
    from queuectl.registry.blame import brief

    _answer(answers, Report(location=location_of(entry)))  # all that is heard of it, should it end this process
    try:
        report = report_of(entry, siblings)
    except Exception as error:  # a wall: all that is looked at is a plugin's
        report = Report(location=location_of(entry), error=f"{entry} cannot be looked at: {brief(error)}")
    with suppress(Exception):  # a wall: standard output may be whatever the plugin made of it
        sys.stdout.flush()
    printed.seek(0)
    first = printed.read().decode(errors="replace").strip().partition("\n")[0]
    if first:
        fault = f"it prints when it is imported: {first[:PRINTED]!r}"
        report = msgspec.structs.replace(report, faults=(*report.faults, fault))
    _answer(answers, report)


def _configured(errand: Errand) -> Configured:
    from queuectl.config.check import problems_of
    from queuectl.config.load import read_config
    from queuectl.errors import QueuectlError

    try:
        config = read_config(errand.config_file, overrides=errand.overrides)
        problems = tuple(str(problem) for problem in problems_of(config, deep=True).in_order())
    except QueuectlError as error:
        return Configured(problems=(error.message, *error.details))
    return Configured(file=str(config.file) if config.file else None, problems=problems)


def _answer(answers: int, answer: object) -> None:
    with open(answers, "ab", closefd=False) as file:
        file.write(msgspec.json.encode(answer) + b"\n")


if __name__ == "__main__":
    main()
