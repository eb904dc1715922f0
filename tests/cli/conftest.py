"""The real program, run as people and scripts run it: with pipes, or on a terminal of a given size."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import until

DEADLINE = 180.0
"""Seconds after which a program that hangs is a failure; far above what any call takes, for machines under load."""

COMMAND = (sys.executable, "-m", "queuectl")


@dataclass(frozen=True)
class Ran:
    """A call that has ended. On a terminal `out` holds what the terminal received."""

    arguments: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What standard output holds as one JSON document."""
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        """What standard error holds as a JSON error."""
        return json.loads(self.err)["error"]

    @property
    def rows(self) -> list[list[str]]:
        """The tab-separated fields of standard output, line by line."""
        return [line.split("\t") for line in self.out.splitlines()]


@dataclass
class Program:
    """Calls `queuectl` with a data directory, a home and a working directory of its own."""

    home: Path
    cwd: Path
    env: dict[str, str] = field(default_factory=dict)
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __call__(
        self,
        *arguments: str,
        input: str | bytes = b"",
        env: Mapping[str, str] | None = None,
        code: int | None = None,
        command: Sequence[str] = COMMAND,
    ) -> Ran:
        """Run it with pipes; with `code`, fail unless it exits so."""
        data = input.encode() if isinstance(input, str) else input
        done = subprocess.run(
            [*command, *arguments],
            input=data,
            capture_output=True,
            env=self.environment(env),
            cwd=self.cwd,
            timeout=DEADLINE,
            check=False,
        )
        ran = Ran(arguments, done.returncode, done.stdout.decode(), done.stderr.decode())
        assert code is None or ran.code == code, ran
        return ran

    def start(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        command: Sequence[str] = COMMAND,
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
    ) -> subprocess.Popen[bytes]:
        """Start it and return at once; what still runs when the test ends is stopped."""
        call = [*command, *arguments]
        environment = self.environment(env)
        process = subprocess.Popen(call, stdin=stdin, stdout=stdout, stderr=stderr, env=environment, cwd=self.cwd)
        self.running.append(process)
        return process

    def on_terminal(
        self,
        *arguments: str,
        columns: int = 80,
        env: Mapping[str, str] | None = None,
        answer: tuple[str, str] | None = None,
        piped: Sequence[str] = (),
        code: int | None = None,
        command: Sequence[str] = COMMAND,
    ) -> Ran:
        """Run it on a terminal of that width, but for the streams that are `piped` (stdin, stdout, stderr).

        `answer` is a text to wait for and what to type then.
        """
        terminal = _Terminal(columns)
        streams = {name: subprocess.PIPE if name in piped else terminal.slave for name in ("stdin", "stdout", "stderr")}
        env = {"TERM": "xterm-256color"} | dict(env or {})
        process = self.start(*arguments, env=env, command=command, **streams)
        try:
            shown = terminal.read(process, answer)
            out, err = process.communicate(timeout=DEADLINE)
        finally:
            terminal.close()
        out_text = out.decode() if out is not None else shown
        ran = Ran(arguments, process.returncode, out_text, err.decode() if err is not None else shown)
        assert code is None or ran.code == code, ran
        return ran

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment of a call: nothing of the machine's own configuration reaches it."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("QUEUECTL_", "XDG_"))}
        for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TERM", "PYTHONWARNINGS"):
            kept.pop(name, None)
        return kept | {"HOME": str(self.home.parent), "QUEUECTL_HOME": str(self.home)} | self.env | dict(more or {})

    def enqueue(self, *jobs: str | Mapping[str, Any]) -> list[str]:
        """Store jobs and return their ids."""
        lines = "".join(json.dumps({"command": job} if isinstance(job, str) else dict(job)) + "\n" for job in jobs)
        return self("enqueue", "-q", "-", input=lines, code=0).out.split()

    def work(self) -> None:
        """Run workers until nothing is left to do."""
        self("worker", "start", "--drain", code=0)

    def dead(self, *jobs: str | Mapping[str, Any]) -> list[str]:
        """Store jobs that fail, and let them die at once; return their ids."""
        plain: list[Mapping[str, Any]] = [{"command": job} if isinstance(job, str) else job for job in jobs]
        ids = self.enqueue(*({**job, "max_retries": 0} for job in plain))
        self.work()
        return ids

    def stop(self) -> None:
        """Stop what still runs."""
        for process in self.running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    stream.close()


class _Terminal:
    """The two ends of a pseudo-terminal."""

    def __init__(self, columns: int) -> None:
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        attributes = termios.tcgetattr(self.slave)
        attributes[1] &= ~termios.ONLCR  # lines end as the program ended them
        termios.tcsetattr(self.slave, termios.TCSANOW, attributes)

    def read(self, process: subprocess.Popen[bytes], answer: tuple[str, str] | None) -> str:
        os.close(self.slave)
        self.slave = -1
        seen = b""
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            if not select.select([self.master], [], [], 0.5)[0]:
                continue
            try:
                piece = os.read(self.master, 65536)
            except OSError as error:
                if error.errno == errno.EIO:  # the program has ended
                    return seen.decode()
                raise
            if not piece:
                return seen.decode()
            seen += piece
            if answer is not None and answer[0].encode() in seen:
                os.write(self.master, answer[1].encode())
                answer = None
        process.kill()
        raise AssertionError(f"still running after {DEADLINE:.0f} s, having shown {seen.decode()!r}")

    def close(self) -> None:
        for descriptor in (self.master, self.slave):
            if descriptor >= 0:
                os.close(descriptor)


@pytest.fixture
def queuectl(tmp_path: Path) -> Iterator[Program]:
    """The program, with a data directory of its own."""
    work = tmp_path / "work"
    work.mkdir()
    program = Program(tmp_path / "state" / "queuectl", work)
    yield program
    program.stop()


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    """Waits until a condition holds, and fails when it does not within the deadline."""
    return partial(until, patience=DEADLINE)
