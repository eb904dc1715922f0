"""The house of one run: its folder, its configuration, and the processes that are started in it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from benchmarks.chaos.command import build
from benchmarks.chaos.journal import Journal, now
from benchmarks.chaos.lines import Acknowledged, Answered, Asked, Intended, Signalled
from benchmarks.chaos.prey import Territory

ROOT = Path(__file__).resolve().parents[2]
LEASE = 2.0
"""Seconds; short, so that a worker that is stopped is taken for dead now and then."""

CONFIGURATION: Mapping[str, Mapping[str, Any]] = {
    "executor": {"plugin": "subprocess", "kill-after": 0.3},
    "backoff": {"plugin": "fixed", "delay": 0.2},
    "worker": {"lease": LEASE},
}
RECORDER = "chaos"

Process = subprocess.Popen[bytes]


@dataclass(slots=True)
class Typed:
    """A command that somebody typed."""

    order: int
    process: Process
    batch: str | None = None


@dataclass(slots=True)
class House:
    """Makes the folder, and starts processes that write their history there. `storage` is a YAML file."""

    folder: Path
    storage: Path | None = None
    journal: Journal = field(init=False)
    command: list[str] = field(init=False)
    territory: Territory = field(init=False)
    environment: dict[str, str] = field(init=False)
    supervisors: list[Process] = field(default_factory=list)
    enqueuers: list[Process] = field(default_factory=list)
    typed: list[Typed] = field(default_factory=list)
    orders: int = 0

    def __post_init__(self) -> None:
        for name in ("home", "history/locks", "site"):
            (self.folder / name).mkdir(parents=True, mode=0o700)
        self.journal = Journal(self.history / "storm.jsonl")
        self.command = build(self.folder)
        self.territory = Territory(self.history)
        unwanted = ("QUEUECTL_", "PYTHONDONTWRITEBYTECODE")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
        self.environment = kept | {
            "QUEUECTL_HOME": str(self.home),
            "CHAOS_HISTORY": str(self.history),
            "PYTHONPYCACHEPREFIX": str(self.folder / "bytecode"),  # who is killed early must at least start fast
            "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "plugins", self.folder / "site"))),
        }
        self._configure()
        self._install_recorder()

    @property
    def home(self) -> Path:
        """The data directory."""
        return self.folder / "home"

    @property
    def history(self) -> Path:
        """Where the history is written."""
        return self.folder / "history"

    def start(self, *arguments: str) -> Process:
        """Start a supervisor."""
        process = self._open(["-m", "queuectl", "worker", "start", *arguments], log="workers.log")
        self.supervisors.append(process)
        return process

    def enqueue(self, name: str, count: int, rate: float, seed: str) -> Process:
        """Start a program that enqueues."""
        arguments = ["-m", "benchmarks.chaos.enqueuer", name, str(count), str(rate), seed, *self.command]
        process = self._open(arguments, log="enqueuers.log")
        self.enqueuers.append(process)
        return process

    def type(self, action: str, *jobs: str) -> int:
        """Type a command, and do not wait for it; return its process."""
        self.orders += 1
        self.journal.write(Asked(order=self.orders, action=action, jobs=jobs, **now()))
        return self._type(Typed(self.orders, self._open(["-m", "queuectl", *action.split(), *jobs], log="typed.log")))

    def type_enqueue(self, some: Sequence[Mapping[str, Any]]) -> int:
        """Type a command that enqueues jobs."""
        self.orders += 1
        batch, ids = f"typed {self.orders}", tuple(job["id"] for job in some)
        self.journal.write(Intended(batch=batch, jobs=ids, **now()))
        self.journal.write(Asked(order=self.orders, action="enqueue", jobs=ids, **now()))
        process = self._open(["-m", "queuectl", "enqueue", json.dumps(some)], log="typed.log")
        return self._type(Typed(self.orders, process, batch))

    def _type(self, typed: Typed) -> int:
        self.typed.append(typed)
        return typed.process.pid

    def look(self) -> None:
        """Note what has ended meanwhile."""
        for typed in [typed for typed in self.typed if typed.process.poll() is not None]:
            code = typed.process.returncode
            self.journal.write(Answered(order=typed.order, code=code, **now()))
            if typed.batch is not None and code == 0:
                self.journal.write(Acknowledged(batch=typed.batch, **now()))
            self.typed.remove(typed)
        self.supervisors = [process for process in self.supervisors if process.poll() is None]
        self.enqueuers = [process for process in self.enqueuers if process.poll() is None]

    def send(self, pid: int, number: int, role: str) -> bool:
        """Send a signal to a process of the house, a command's whole group, and note it; whether there was one."""
        which = signal.Signals(number)
        if not self.territory.send(pid, which, group=role == "command"):
            return False
        self.journal.write(Signalled(signal=which.name, role=role, to=pid, **now()))
        return True

    def move_in(self) -> None:
        """Have this process find the store and the plugins of the house, as all that it starts do."""
        os.environ.update(self.environment)
        sys.path.append(str(self.folder / "site"))

    def clear(self) -> None:
        """Kill whatever is left: children, and then all that carry the mark of the house."""
        for process in [*self.supervisors, *self.enqueuers, *(typed.process for typed in self.typed)]:
            process.kill()
            process.wait()
        empty = 0
        while empty < 2:  # who was interrupted while it started something looks once more, when that has its mark
            left = [*self.territory.processes()]
            for pid in left:
                self.territory.send(pid, signal.SIGKILL)
            empty = 0 if left else empty + 1
            time.sleep(0.02)

    def logs(self) -> Iterator[Path]:
        """Yield the files that processes wrote their complaints to."""
        yield from sorted(self.folder.glob("*.log"))

    def _open(self, arguments: Sequence[str], *, log: str) -> Process:
        with (self.folder / log).open("ab") as errors:
            return subprocess.Popen(
                [sys.executable, *arguments],
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )

    def _configure(self) -> None:
        given = yaml.safe_load(self.storage.read_text()) if self.storage else {}
        configuration = {**CONFIGURATION, **given, "notifications": [], "plugins": [RECORDER]}
        path = self.home / "queuectl.yaml"
        path.write_text(yaml.safe_dump(configuration))
        path.chmod(0o600)

    def _install_recorder(self) -> None:
        """Install the plugin as pip would."""
        information = self.folder / "site" / "queuectl_chaos-1.dist-info"
        information.mkdir()
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: queuectl-chaos\nVersion: 1\n")
        (information / "entry_points.txt").write_text(f"[queuectl]\n{RECORDER} = benchmarks.chaos.recorder\n")
