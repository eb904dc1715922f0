"""Runs the examples of a page as a person would type them, in one shell on a terminal, and compares what is shown.

A ```console block is run: `$ ` begins a command, `> ` goes on with it, the other lines are what it shows. A block with
`file=NAME` after its language is written to that file; ```python without one is run. `<!-- run: … -->` is a command
that readers do not see. A line of `…` stands for any lines, `…` within a line for any text. Ids, times, process ids and
the reader's home differ from run to run: an id of the page stands for the same real one all over the page.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import sysconfig
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEADLINE = 60.0
COLUMNS = 100
HOME = "/home/ada"
"""The reader's home, as the pages write it."""

HOST = "desk"
"""The reader's machine."""

BLOCK = re.compile(r"^(?P<fence>```+)(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=fence)[ \t]*$", re.MULTILINE | re.DOTALL)
HIDDEN = re.compile(r"<!-- run: (?P<command>.*?) -->", re.DOTALL)
ID = re.compile(r"\b\d[0-9a-hjkmnp-tv-z]{12}\b")
ANYTHING = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?"), "<date>"),
    (re.compile(r"\b\d+(\.\d+)?(ms|s|m|h|d)( \d+(ms|s|m|h))?\b(?! after)"), "<span>"),
    (re.compile(r"\b\d+(\.\d+)? [KMG]iB\b"), "<size>"),
    (re.compile(r"[ \t]+"), " "),
    (re.compile(rf"\b(pid |supervisor |{HOST}[ :])\d+"), r"\1<pid>"),
    (re.compile(r"\bworker-[\d-]+\.log"), "worker-<time>.log"),
)
"""What may differ from run to run, and by what it is replaced before the page and the terminal are compared."""

LOOP = r'while IFS= read -r -d "" typed <&9; do eval "$typed"; printf "\036%d\036" "$?"; done'
"""Reads commands from a pipe, so that standard input stays the terminal; a mark after each tells its exit code."""


@dataclass(frozen=True)
class Step:
    """Something that a page does: a command with what it shows (None: not compared), or a file that it has."""

    line: int
    command: str = ""
    shown: str | None = None
    file: str | None = None


def steps(text: str) -> list[Step]:
    """Read the examples out of a page, in order."""
    found: list[tuple[int, list[Step]]] = []
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start()) + 2
        found.append((block.start(), _of_block(line, block["info"].split(), block["body"])))
    for hidden in HIDDEN.finditer(text):
        line = text.count("\n", 0, hidden.start()) + 1
        found.append((hidden.start(), [Step(line, hidden["command"])]))
    return [step for _, group in sorted(found, key=lambda pair: pair[0]) for step in group]


def _of_block(line: int, info: list[str], body: str) -> list[Step]:
    names = [word.removeprefix("file=") for word in info if word.startswith("file=")]
    if names:
        return [Step(line, body, file=names[0])]
    if info[:1] == ["console"]:
        return list(_typed(line, body.splitlines()))
    if info == ["python"]:
        return [Step(line, f"python - <<'PAGE'\n{body}PAGE")]
    return []


def _typed(line: int, lines: list[str]) -> Iterator[Step]:
    command: list[str] = []
    shown: list[str] = []
    begun = line
    for number, text in enumerate(lines, line):
        if text.startswith("$ "):
            if command:
                yield Step(begun, "\n".join(command), "\n".join(shown))
            begun, command, shown = number, [text[2:]], []
        elif text.startswith("> ") and not shown:
            command.append(text[2:])
        else:
            shown.append(text)
    if command:
        yield Step(begun, "\n".join(command), "\n".join(shown))


@dataclass
class Shell:
    """One bash on a terminal, with a home of its own."""

    home: Path
    ids: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.work = self.home / "work"
        self.work.mkdir(parents=True)
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
        attributes = termios.tcgetattr(slave)
        attributes[1] &= ~termios.ONLCR
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(slave, termios.TCSANOW, attributes)
        commands, self._pipe = os.pipe()
        self._bash = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "-c", f"exec 9<&{commands} {commands}<&-; {LOOP}"],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=self.work,
            env=self._environment(),
            pass_fds=[commands],
            start_new_session=True,
        )
        os.close(slave)
        os.close(commands)

    def _environment(self) -> dict[str, str]:
        scripts = os.pathsep.join([sysconfig.get_path("scripts"), os.path.dirname(sys.executable)])
        return {
            "HOME": str(self.home),
            "PATH": f"{scripts}:{os.environ['PATH']}",
            "TERM": "dumb",
            "NO_COLOR": "1",
            "LANG": "C.UTF-8",
            "USER": "ada",
            "EXAMPLES": str(ROOT / "examples"),
            "TMPDIR": str(self.home),
        }

    def type(self, command: str) -> tuple[int, str]:
        """Type a command; return its exit code and what the terminal showed."""
        for written, real in self.ids.items():
            command = command.replace(written, real)
        os.write(self._pipe, command.replace(HOME, str(self.home)).encode() + b"\0")
        seen = b""
        deadline = time.monotonic() + DEADLINE
        while not seen.endswith(b"\036"):
            assert time.monotonic() < deadline, f"{command}: still running, having shown {seen.decode()!r}"
            if select.select([self._master], [], [], 0.5)[0]:
                seen += os.read(self._master, 65536)
        shown, code, _ = seen.decode().rsplit("\036", 2)
        return int(code), _written(shown, str(self.home)).rstrip("\n")

    def close(self) -> None:
        """End the shell and whatever it started."""
        os.close(self._pipe)
        if self._bash.poll() is None:
            os.killpg(self._bash.pid, signal.SIGTERM)
        self._bash.wait()
        os.close(self._master)

    def play(self, step: Step) -> str | None:
        """Do a step; return how the terminal differs from the page, or None."""
        if step.file is not None:
            file = Path(step.file.replace(HOME, str(self.home)).replace("~", str(self.home)))
            place = self.work / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(step.command)
            return None
        code, shown = self.type(step.command)
        if step.shown is None:
            return None if code == 0 else f"exit code {code}: {shown}"
        if not self._same(step.shown, shown):
            return f"$ {step.command}\nthe page shows:\n{step.shown}\nthe terminal shows:\n{shown}\n(exit code {code})"
        return None

    def _same(self, page: str, terminal: str) -> bool:
        """Compare, and learn which real id each id of the page stands for."""
        names: list[str] = []
        pattern = ""
        for piece in re.split(rf"({ID.pattern}|^…\n?|…)", plain(page), flags=re.MULTILINE):
            if not piece:
                continue
            if ID.fullmatch(piece) and piece not in self.ids:
                pattern += f"(?P<id{len(names)}>{ID.pattern})" if piece not in names else f"(?P=id{names.index(piece)})"
                names += [piece] if piece not in names else []
            elif piece.startswith("…"):
                pattern += r"[^\n]*" if piece == "…" and not pattern.endswith("\n") and pattern else r"(?:.*\n?)*?"
            else:
                pattern += re.escape(self.ids.get(piece, piece))
        match = re.fullmatch(pattern, plain(terminal))
        if match is not None:
            self.ids |= {name: match[f"id{number}"] for number, name in enumerate(names)}
        return match is not None


def _written(shown: str, home: str) -> str:
    """Return what a terminal showed as a page writes it."""
    return re.sub(rf"\b{re.escape(socket.gethostname())}(?=:\d| +\d)", HOST, shown.replace(home, HOME))


def plain(text: str) -> str:
    """Take out what differs from run to run."""
    for changing, name in ANYTHING:
        text = changing.sub(name, text)
    return "\n".join(line.strip() for line in text.strip("\n").splitlines())


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell for one page, with a home of its own."""
    home = tmp_path / "home"
    made = Shell(home)
    yield made
    made.close()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def check(shell: Shell) -> Callable[[Path], None]:
    """Runs a page from top to bottom and fails at the first example that is not true."""

    def run(page: Path) -> None:
        for step in steps(page.read_text(encoding="utf-8")):
            difference = shell.play(step)
            assert difference is None, f"{page.relative_to(ROOT)}:{step.line}: {difference}"

    return run
