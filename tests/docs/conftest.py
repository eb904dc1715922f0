"""Runs the examples of a page as a person would type them, in one shell on a terminal, and compares what is shown.

A ```console block is run: `$ ` begins a command, `> ` goes on with it, the other lines are what it shows. A block with
`file=NAME` after its language is written to that file; ```python without one is run. `<!-- run: … -->` is a command
that readers do not see. A line of `…` stands for any lines, `…` within a line for any text. Ids, times, process ids and
the reader's home differ from run to run: an id of the page stands for the same real one all over the page.

`plugin=NAME` beside `file=MODULE.py` installs that module as a plugin. `<!-- environment: FOLDER -->` gives the page a
virtual environment into which it may install things; what the tests have installed is lent to it.
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
import uuid
import venv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

ROOT = Path(__file__).parents[2]
DEADLINE = 180.0
COLUMNS = 100
HOME = "/home/ada"
"""The reader's home, as the pages write it."""

HOST = "desk"
"""The reader's machine."""

BLOCK = re.compile(r"^(?P<fence>```+)(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=fence)[ \t]*$", re.MULTILINE | re.DOTALL)
HIDDEN = re.compile(r"<!-- (?P<what>run|environment): (?P<command>.*?) -->", re.DOTALL)
ID = re.compile(r"\b\d[0-9a-hjkmnp-tv-z]{12}\b")
ANYTHING = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?"), "<date>"),
    (re.compile(r"\b\d+(\.\d+)?(ms|s|m|h|d)( \d+(ms|s|m|h))?\b(?! after)"), "<span>"),
    (re.compile(r"\b\d+(\.\d+)? [KMG]iB\b"), "<size>"),
    (re.compile(r"[ \t]+"), " "),
    (re.compile(rf"\b(pid |supervisor |{HOST}[ :])\d+"), r"\1<pid>"),
    (re.compile(r"\bworker-[\d-]+\.log"), "worker-<time>.log"),
    (re.compile(r"^[.s]+ \[ *\d+%\]$", re.MULTILINE), "<dots>"),
    (re.compile(r"\b\d+ passed(, \d+ (skipped|deselected))*"), "<n> passed"),
)
"""What may differ from run to run, and by what it is replaced before the page and the terminal are compared."""

PROGRAMS = {"pip": " --no-index --no-build-isolation --quiet", "pytest": "", "queuectl": ""}
"""What a page's virtual environment has to type, beside its Python, and what is typed silently behind it."""

LOOP = r'while IFS= read -r -d "" typed <&9; do eval "$typed"; printf "\036%d\036" "$?"; done'
"""Reads commands from a pipe, so that standard input stays the terminal; a mark after each tells its exit code."""


@dataclass(frozen=True)
class Step:
    """Something that a page does: a command with what it shows (None: not compared), or a file that it has.

    `plugin` is the name under which the file is installed, `environment` a folder for a virtual environment.
    """

    line: int
    command: str = ""
    shown: str | None = None
    file: str | None = None
    plugin: str | None = None
    environment: str | None = None


def steps(text: str) -> list[Step]:
    """Read the examples out of a page, in order."""
    found: list[tuple[int, list[Step]]] = []
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start()) + 2
        found.append((block.start(), _of_block(line, block["info"].split(), block["body"])))
    for hidden in HIDDEN.finditer(text):
        line = text.count("\n", 0, hidden.start()) + 1
        step = Step(line, hidden["command"]) if hidden["what"] == "run" else Step(line, environment=hidden["command"])
        found.append((hidden.start(), [step]))
    return [step for _, group in sorted(found, key=lambda pair: pair[0]) for step in group]


def _of_block(line: int, info: list[str], body: str) -> list[Step]:
    given = dict(word.split("=", 1) for word in info if "=" in word)
    if "file" in given:
        return [Step(line, body, file=given["file"], plugin=given.get("plugin"))]
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
            self._write(step.file, step.command)
            if step.plugin is not None:
                self._install(step.plugin, Path(step.file).stem)
            return None
        if step.environment is not None:
            self._lend(self.work / step.environment)
            return None
        code, shown = self.type(step.command)
        if step.shown is None:
            return None if code == 0 else f"exit code {code}: {shown}"
        if not self._same(step.shown, shown):
            return f"$ {step.command}\nthe page shows:\n{step.shown}\nthe terminal shows:\n{shown}\n(exit code {code})"
        return None

    def _write(self, file: str, text: str) -> None:
        place = self.work / file.replace(HOME, str(self.home)).replace("~", str(self.home))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def _install(self, plugin: str, module: str) -> None:
        """Make a module of the page a plugin, as an installed distribution that says so would."""
        about = f"{module}-1.0.dist-info"
        self._write(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {module.replace('_', '-')}\nVersion: 1.0\n")
        self._write(f"{about}/entry_points.txt", f"[queuectl]\n{plugin} = {module}\n")
        self.type('export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"')

    def _lend(self, folder: Path) -> None:
        """Make a virtual environment that finds what this one has, offline, and enter it."""
        venv.create(folder, with_pip=False, symlinks=True)
        site = sysconfig.get_path("purelib", "venv", vars={"base": str(folder)})
        (Path(site) / "lent.pth").write_text("".join(f"{path}\n" for path in sys.path if os.path.isdir(path)))
        for program, options in PROGRAMS.items():
            script = folder / "bin" / program
            script.write_text(f'#!/bin/sh\nexec "{folder}/bin/python" -P -m {program} "$@"{options}\n')
            script.chmod(0o755)
        self.type(f'. "{folder}/bin/activate"')

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
                pattern += _anything(piece, begun=bool(pattern) and not pattern.endswith("\n"))
            else:
                pattern += re.escape(self.ids.get(piece, piece))
        match = re.fullmatch(pattern, plain(terminal))
        if match is not None:
            self.ids |= {name: match[f"id{number}"] for number, name in enumerate(names)}
        return match is not None


def _anything(piece: str, *, begun: bool) -> str:
    """Return the pattern for a `…` of the page: within a line, as a line of its own, or as the last one."""
    if piece.endswith("\n"):
        return r"(?:[^\n]*\n)*?"
    return r"[^\n]*" if begun else r"(?s:.*)"


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
def postgres_variables(postgres_dsn: str) -> Iterator[str]:
    """Return a command that exports where an empty database is: what a page says need not name it."""
    name = f"docs_{uuid.uuid4().hex}"
    told = psycopg.conninfo.conninfo_to_dict(postgres_dsn)
    found = {"PGHOST": told["host"], "PGPORT": told["port"], "PGUSER": told["user"], "PGDATABASE": name}
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield "export " + " ".join(f"{key}={value}" for key, value in found.items())
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def check(shell: Shell, request: pytest.FixtureRequest) -> Callable[[Path], None]:
    """Runs a page from top to bottom and fails at the first example that is not true."""

    def run(page: Path) -> None:
        text = page.read_text(encoding="utf-8")
        if "<!-- postgres -->" in text:
            assert shell.play(Step(0, request.getfixturevalue("postgres_variables"))) is None
        for step in steps(text):
            difference = shell.play(step)
            assert difference is None, f"{page.relative_to(ROOT)}:{step.line}: {difference}"

    return run
