"""What `queuectl plugins new` writes works as it is: installed beside the wheel, tested, checked, and used by YAML."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import queuectl
from queuectl.commands.scaffold.names import LONGEST, names_of
from queuectl.commands.scaffold.project import project_of, write_project

DEADLINE = 280.0

NAMES = {"backoff": "own-waits", "executor": "own-calls", "notifier": "own-lines", "storage": "own-trail"}
"""The name of a new plugin of each kind."""

TESTS = 25
"""Each project has at least so many tests, its contracts among them."""

SLOW = "tests/test_storage.py::TestStorage::test_any_history_ends_as_in_memory"
"""Takes longer than all others together, and is run for SQLite, on which the storage rests, with its own tests."""


@dataclass(frozen=True)
class Projects:
    """The projects of all kinds, installed into one environment."""

    environment: Path
    folder: Path

    def run(self, *words: str, cwd: Path, python: str = "") -> str:
        """Run a module of Python in the environment, and return what it prints; fail unless it succeeds."""
        done = subprocess.run(
            [python or str(self.environment / "bin" / "python"), "-m", *words],
            cwd=cwd,
            env={"HOME": str(self.folder), "PATH": "/usr/bin:/bin", "QUEUECTL_HOME": str(cwd / "state")},
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, f"{done.args}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def projects(make_environment: Any, distribution: Any, tmp_path_factory: pytest.TempPathFactory) -> Projects:
    """Let the installed program write a project of each kind, and install what it wrote."""
    made = Projects(make_environment(distribution.wheel), tmp_path_factory.mktemp("projects"))
    for kind, name in NAMES.items():
        made.run("queuectl", "plugins", "new", name, "--kind", kind, cwd=made.folder)
    python = str(made.environment / "bin" / "python")
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", "--quiet"]
    folders = [str(made.folder / name) for name in NAMES.values()]
    subprocess.run([*install, "--no-build-isolation", *folders], check=True, capture_output=True, timeout=DEADLINE)
    return made


@pytest.mark.parametrize(("kind", "name"), NAMES.items())
def test_a_new_plugin_passes_its_own_tests(projects: Projects, kind: str, name: str) -> None:
    """Given what was written, untouched, then its tests and the contracts that they take over pass."""
    options = ["-q", "-p", "no:xdist", "-p", "no:cacheprovider", "--deselect", SLOW]
    summary = projects.run("pytest", *options, cwd=projects.folder / name).splitlines()[-1]
    assert int(summary.split(" passed")[0]) >= TESTS
    assert "xfailed" not in summary
    skipped = summary.partition(" passed, ")[2].partition(" skipped")[0] or "0"
    # Transactions of the caller's, which it does not claim, and the backlog, of which it does not tell.
    assert int(skipped) == (3 + 5 if kind == "storage" else 0)


def test_new_plugins_are_typed(projects: Projects) -> None:
    """Given the settings of each project, which are strict, then mypy finds nothing."""
    for name in NAMES.values():
        projects.run("mypy", "--cache-dir", str(projects.folder / "types"), cwd=projects.folder / name)


@pytest.mark.parametrize("name", ["a", "x-" * (LONGEST // 2 - 1) + "xx", "own"])
def test_new_plugins_are_tidy(projects: Projects, tmp_path: Path, name: str) -> None:
    """However long the name is, ruff would neither complain nor write a line otherwise."""
    for kind in NAMES:
        write_project(project_of(kind, names_of(name)), tmp_path / kind)
    for verb in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        projects.run("ruff", *verb, ".", cwd=tmp_path, python=sys.executable)


def test_new_plugins_are_checked_and_found_good(projects: Projects) -> None:
    """Given all of them installed, then `plugins check` has nothing to say."""
    told = json.loads(projects.run("queuectl", "plugins", "check", "--json", cwd=projects.folder))
    assert {each["name"]: each["faults"] for each in told["plugins"] if each["name"] in NAMES.values()} == {
        name: [] for name in NAMES.values()
    }
    assert told["ok"] is True


Work = Callable[..., Any]


@pytest.fixture
def work(projects: Projects, tmp_path: Path) -> Work:
    """Runs one job under a YAML file, and returns what is known of it in the end."""

    def work(yaml: str, *words: str) -> Mapping[str, Any]:
        (tmp_path / "queuectl.yaml").write_text(yaml)
        projects.run("queuectl", "enqueue", "--id", "a", *words, cwd=tmp_path)
        projects.run("queuectl", "worker", "start", "--drain", cwd=tmp_path)
        told: Mapping[str, Any] = json.loads(projects.run("queuectl", "show", "a", "--json", cwd=tmp_path))
        return told

    return work


def test_a_new_backoff_decides_how_long_a_job_waits(
    work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a job that fails for ever, then it waits as the plugin says: 10, 10 and 20 ms, and not 2, 4 and 8 s."""
    job = work("backoff: {plugin: own-waits, unit: 10ms}\n", "--max-retries", "3", "exit 3")
    assert (job["state"], job["attempts"]) == ("dead", 4)
    monkeypatch.setenv("QUEUECTL_HOME", str(tmp_path / "state"))
    with queuectl.open() as queue:
        stored = queue.get("a")
    assert stored.previous_delay == 0.02


def test_a_new_executor_runs_a_job(work: Work, projects: Projects, tmp_path: Path) -> None:
    """Given a job that names a function, then that was called, and what it printed is the output."""
    job = work("executor: {plugin: own-calls}\n", "builtins:print 'hello from' python")
    assert (job["state"], job["exit_code"], job["error"]) == ("completed", 0, None)
    assert projects.run("queuectl", "logs", "a", cwd=tmp_path) == "hello from python\n"


def test_a_new_notifier_hears_of_a_job(work: Work, tmp_path: Path) -> None:
    """Given a path in the file, then the events that were asked for are lines there."""
    work("notifications: [{plugin: own-lines, path: events.jsonl, events: [job.completed]}]\n", "true")
    (line,) = map(json.loads, (tmp_path / "events.jsonl").read_text().splitlines())
    assert (line["event"], line["job"], line["exit_code"]) == ("job.completed", "a", 0)


def test_a_new_storage_keeps_a_job(work: Work, tmp_path: Path) -> None:
    """Given its name in the file, then command and worker meet in it, and its trail tells who asked."""
    job = work("storage: {plugin: own-trail, trail: requests.jsonl}\n", "true")
    assert job["state"] == "completed"
    first, *_ = map(json.loads, (tmp_path / "requests.jsonl").read_text().splitlines())
    assert (first["asked"], first["jobs"]) == ("enqueue", ["a"])
