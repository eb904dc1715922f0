"""Playing a scene, and what must hold of the store whatever became of the player."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from queuectl import NewJob, State
from queuectl_sqlite.storage import SqliteStorage
from tests.crash.faults.interposing import Interposer, Operation
from tests.crash.faults.scenes import NOTES, SCENES, STORE

REPOSITORY = Path(__file__).resolve().parents[3]
PATIENCE = 200.0


def environment(interposer: Interposer | None = None) -> Mapping[str, str]:
    """Return the environment of a program over whose disk the interposer stands."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("QUEUECTL_", "FAULTS_"))}
    return {**kept, **(interposer.env if interposer is not None else {})}


class Players:
    """A process that plays scenes, each in a child of its own: to start Python anew for each takes far longer."""

    def __init__(self, interposer: Interposer) -> None:
        self._interposer = interposer
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.faults.scenes"],
            cwd=REPOSITORY,
            env={**environment(), "LD_PRELOAD": str(interposer.library)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def play(
        self, scene: str, *, log: Path | None = None, at: int = 0, until: int | None = None, error: int = 0
    ) -> int:
        """Play a scene, and return its exit code: -9 where the operation `at` was met by SIGKILL."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        last = at if until is None else until
        order = {"scene": scene, "root": str(self._interposer.root), "log": log and str(log)}
        self._process.stdin.write(json.dumps({**order, "at": at, "until": last, "error": error}) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """Let them go."""
        self._process.communicate(timeout=PATIENCE)


def set_stage(scene: str, root: Path) -> None:
    """Make the store that a scene finds, if it finds one."""
    if scene != "create":
        SCENES["create"](root)


def reset(root: Path, stage: Path) -> None:
    """Bring what is below `root` to what is below `stage`."""
    shutil.rmtree(root)
    shutil.copytree(stage, root)


def is_note(operation: Operation) -> bool:
    """Whether an operation is a scene's own note of what it was promised."""
    return operation.path.name == NOTES


def notes(root: Path) -> list[tuple[str, str]]:
    """Return what was acknowledged: whether a job was stored or settled, and its id."""
    path = root / NOTES
    text = path.read_text() if path.exists() else ""
    return [(what, id) for what, _, id in (line.partition(" ") for line in text.rpartition("\n")[0].splitlines())]


def is_sound(root: Path, acknowledged: list[tuple[str, str]]) -> None:
    """Check that a store has no fault, holds all that was acknowledged, and goes on working."""
    with closing(SqliteStorage(root / STORE)) as storage:
        assert list(storage.check()) == []
        for what, id in acknowledged:
            job = storage.get(id)
            assert job is not None, f"{id} was acknowledged, and is not there"
            assert what == "stored" or job.state is State.COMPLETED, f"{id} was settled, and is {job.state}"
        storage.enqueue([NewJob(id="afterwards", command="true")])
