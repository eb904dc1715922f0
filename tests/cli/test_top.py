"""`queuectl top` on a real terminal: it shows what happens, obeys its keys, and gives the terminal back."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Program

DEADLINE = 180.0
_FRAME = r"\x1b\[H((?:(?!\x1b\[H).)*q quit)"


class Screen:
    """A terminal on which top runs."""

    def __init__(self, queuectl: Program, *arguments: str) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        env = {"TERM": "xterm-256color"}
        self.process = queuectl.start("top", *arguments, env=env, stdin=slave, stdout=slave, stderr=subprocess.PIPE)
        self.seen = b""

    def resize(self, rows: int, columns: int) -> None:
        """Make it another size."""
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: str) -> None:
        """Press keys, and forget what was shown before."""
        self.seen = b""
        os.write(self.master, keys.encode())

    def shows(self, pattern: str) -> str:
        """Wait until the terminal was sent something."""
        deadline = time.monotonic() + DEADLINE
        while not re.search(pattern, self.text, re.DOTALL):
            assert time.monotonic() < deadline, self.text
            if select.select([self.master], [], [], 0.1)[0]:
                self.seen += os.read(self.master, 65536)
        return self.text

    def frame(self) -> str:
        """Wait until a whole screen was sent, and return it: what was left of another one may come before it."""
        frames = re.findall(_FRAME, self.shows(_FRAME), re.DOTALL)
        return str(frames[-1])

    @property
    def text(self) -> str:
        """What was sent, without colours."""
        return re.sub(r"\x1b\[[0-9;]*m", "", self.seen.decode("utf-8", "replace"))

    def close(self) -> None:
        """Give the terminal back."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.slave)
        os.close(self.master)


@pytest.fixture
def screen(queuectl: Program) -> Iterator[list[Screen]]:
    """Screens that are closed in the end."""
    screens: list[Screen] = []
    yield screens
    for each in screens:
        each.close()


def test_off_a_terminal_it_refuses(queuectl: Program) -> None:
    """And says what serves a script."""
    ran = queuectl("top", code=2)
    assert ran.out == ""
    assert ran.err.splitlines()[1] == "hint: queuectl status --json"


def test_a_change_is_shown(queuectl: Program, screen: list[Screen]) -> None:
    """Given an empty store, when jobs come and fail, then the screen tells it, without a key."""
    screen.append(top := Screen(queuectl))
    top.shows("no jobs yet")
    queuectl.enqueue({"id": "late-job", "command": "exit 3", "max_retries": 0})
    top.shows("1 job to run, and nobody to run.*1 pending.*oldest waits [0-9.]+s.*late-job +pending")
    queuectl.work()
    top.shows("1 job gave up.*1 dead.*last hour 0 completed, 1 failed runs .100.0%..*late-job +dead.*exit 3")
    top.type("q")
    assert top.process.wait(DEADLINE) == 0
    assert top.shows(r"\x1b\[\?1049l")
    assert termios.tcgetattr(top.slave) == top.before


def test_keys_choose_retry_cancel_filter_and_pause(queuectl: Program, screen: list[Screen]) -> None:
    """Each does what the last line says."""
    queuectl.dead({"id": "bad", "command": "exit 3"})
    queuectl.enqueue({"id": "new", "command": "true"})
    screen.append(top := Screen(queuectl))
    top.shows("new +pending.*bad +dead")
    top.type("jR")
    top.shows("2 pending.*retried bad")
    top.type("k")
    top.type("c")
    top.shows("1 pending.*1 cancelled.*cancelled new")
    top.type("c")
    top.shows("job 'new' is cancelled; only")
    top.type("f")
    top.shows("no worker runs.*bad +pending")
    assert "new " not in top.text.split("bad")[1]
    top.type("p")
    top.shows("PAUSED")
    queuectl.enqueue({"id": "unseen", "command": "true"})
    top.type("k")
    top.shows("1 pending")
    assert "unseen" not in top.text
    top.type("p")
    top.shows("2 pending.*unseen")
    top.process.send_signal(2)
    assert top.process.wait(DEADLINE) == 0


def test_two_keys_mend_what_gave_up(queuectl: Program, screen: list[Screen]) -> None:
    """Given dead jobs, then A says how many there are, another key lets it be, and A again retries them all."""
    queuectl.dead({"id": "bad-1", "command": "exit 3"}, {"id": "bad-2", "command": "exit 4"})
    screen.append(top := Screen(queuectl))
    top.shows("2 jobs gave up")
    top.type("A")
    top.shows("A again: retry 2 dead jobs")
    top.type("kA")
    top.shows("A again: retry 2 dead jobs")
    top.type("A")
    top.shows("2 pending.*retried 2 jobs")
    top.type("A")
    top.shows("no job gave up")


def test_arrows_lead_on_to_older_jobs(queuectl: Program, screen: list[Screen]) -> None:
    """And back; d shows those that gave up alone, and all again."""
    queuectl.dead({"id": "first", "command": "exit 3"})
    queuectl.enqueue(*({"id": f"job-{number:02d}", "command": "true"} for number in range(30)))
    screen.append(top := Screen(queuectl))
    assert "first " not in top.shows("job-29.*job-15")
    top.type("\x1b[B" * 31)
    top.shows("first +dead")
    top.type("\x1b[A" * 31)
    top.shows("job-29")
    top.type("d")
    assert "job-29" not in top.shows("showing dead.*first +dead").rpartition("showing dead")[2]
    top.type("d")
    top.shows("job-29")


@pytest.mark.parametrize("columns", [100, 58, 30])
def test_every_line_fits_and_none_loses_its_end(queuectl: Program, screen: list[Screen], columns: int) -> None:
    """Given a terminal of another size, then what is shown fits it, also after it has grown."""
    queuectl.dead({"id": "bad", "command": "exit 3 #" + "x" * 300})
    screen.append(top := Screen(queuectl))
    top.shows("bad +dead")
    queuectl.enqueue(*({"id": f"job-{number:02d}", "command": "true"} for number in range(40)))
    for rows in (10, 45):
        top.resize(rows, columns)
        top.type("k")
        top.shows("job-39")
        top.type("k")
        lines = top.frame().replace("\x1b[2K", "").replace("\r", "").split("\n")
        assert len(lines) == rows and max(map(len, lines)) <= columns
        assert lines[0].startswith("40 jobs to run") and any(line.startswith("job-39") for line in lines)
    assert "job-05" in top.text
    assert "\x1b[K" not in top.text and "\x1b[J" not in top.text  # they would take the last character of a full line


def test_a_store_that_is_gone_is_told(queuectl: Program, screen: list[Screen]) -> None:
    """As long as it is away; what was seen last stays in view."""
    queuectl.enqueue({"id": "seen", "command": "true"})
    screen.append(top := Screen(queuectl))
    top.shows("seen +pending")
    aside = queuectl.home.with_name("aside")
    queuectl.home.rename(aside)
    top.seen = b""
    top.shows("STALE for .*seen +pending")
    aside.rename(queuectl.home)
    top.shows("STALE.*nobody to run them.*seen +pending")


def test_hostile_text_moves_no_cursor(queuectl: Program, screen: list[Screen]) -> None:
    """A command with escapes is shown as what it is."""
    queuectl.enqueue({"id": "evil", "command": "echo \x1b[2Jgone \u202e \x9b31m"})
    screen.append(top := Screen(queuectl))
    top.shows(r"echo \\x1b\[2Jgone \\u202e \\x9b31m")
    assert "\x1b[2J" not in top.text


def test_one_queue_may_be_looked_at(queuectl: Program, screen: list[Screen]) -> None:
    """The counts are those of all."""
    queuectl.enqueue({"id": "letter", "command": "true", "queue": "mail"}, {"id": "other", "command": "true"})
    screen.append(top := Screen(queuectl, "--queue", "mail"))
    assert "other" not in top.shows("2 pending.*letter")
