"""A host, as far as queuectl can tell: a data directory of its own, on which its workers know each other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.waiting import PATIENCE, until


@dataclass(eq=False)
class Host:
    """Runs the real program over one configuration. Nothing of it goes on after `close`."""

    root: Path
    storage: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.root.mkdir()
        (self.root / "queuectl.yaml").write_text(json.dumps({"storage": self.storage, **self.settings}))

    @property
    def env(self) -> dict[str, str]:
        """The environment of all that runs here; `HERE` names the host to jobs."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("QUEUECTL_")}
        home = {"QUEUECTL_HOME": str(self.root / "home"), "QUEUECTL_CONFIG": str(self.root / "queuectl.yaml")}
        return kept | home | {"HERE": self.root.name}

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run a command to its end, and return what it printed; standard error where it is to fail."""
        done = self._done(arguments)
        assert done.returncode == code, done.stderr
        return done.stderr if code else done.stdout

    def told(self, *arguments: str) -> str:
        """Run a command to its end, and return what it said on standard error."""
        return self._done(arguments).stderr

    def _done(self, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "queuectl", *arguments],
            env=self.env,
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start workers, and return when they work."""
        begin = len(self.log())
        with (self.root / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "queuectl", "worker", "start", *arguments],
                env=self.env,
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.started.append(process)
        until(lambda: "Ctrl-C lets running jobs finish" in self.log()[begin:] or process.poll() is not None)
        assert process.poll() is None, self.log()
        return process

    def log(self) -> str:
        """Return what workers and supervisors logged."""
        path = self.root / "log"
        return path.read_text() if path.exists() else ""

    def job(self, id: str) -> dict[str, Any]:
        """Return a job as JSON, with its attempts."""
        job: dict[str, Any] = json.loads(self.run("show", id, "--json"))
        return job

    def processes(self) -> list[int]:
        """Return all processes that have the environment of this host, commands too."""
        mark = f"QUEUECTL_HOME={self.root / 'home'}".encode()
        return [
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and int(entry.name) != os.getpid() and mark in _environment(entry)
        ]

    def lose_power(self) -> None:
        """Let all processes of this host be gone at once, as if it were switched off."""
        while found := self.processes():
            for pid in found:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            for process in self.started:
                process.wait()
            time.sleep(0.01)

    def close(self) -> None:
        """End all that runs."""
        for process in self.started:
            if process.poll() is None:
                process.terminate()
        for process in self.started:
            with suppress(subprocess.TimeoutExpired):
                process.wait(1.0)
        self.lose_power()


def _environment(entry: Path) -> list[bytes]:
    try:
        return (entry / "environ").read_bytes().split(b"\0")
    except OSError:  # it has ended, or is somebody else's
        return []
