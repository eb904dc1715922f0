"""The distribution of plugins in the examples, as somebody else would install and use it: its wheel and a YAML file."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "queuectl-example"
DEADLINE = 280.0
NOT_COPIED = ("__pycache__", "dist", ".*")

FUNCTIONS = """
import fcntl, os, sys, time

def shout(*words):
    return " ".join(words).upper()

def fail():
    sys.exit(3)

def last_at_first():
    runs = open("runs", "a")
    fcntl.flock(runs, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises when another run of this still has it
    print("run", file=runs, flush=True)
    if os.environ["QUEUECTL_ATTEMPT"] == "1":
        time.sleep(600)
"""

EVERYTHING = """
storage:  {plugin: journal, path: kept/everything.journal}
executor: {plugin: python, search: [functions]}
backoff:  {plugin: decorrelated, least: 10ms, longest: 20ms}
notifications:
  - {plugin: feed, path: feed.jsonl, events: [job.failed, job.dead, job.completed]}
  - {plugin: log, events: [job.failed]}
plugins:  [stopwatch]
"""


@pytest.fixture(scope="session")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's folder, where whatever is left behind does no harm."""
    folder = tmp_path_factory.mktemp("example") / EXAMPLE.name
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(*NOT_COPIED))
    return folder


@pytest.fixture(scope="session")
def environment(distribution: Any, copy: Path, make_environment: Callable[..., Path]) -> Path:
    """An environment with our wheel and the example's."""
    build = [sys.executable, "-m", "build", "--no-isolation", "--wheel", str(copy)]
    subprocess.run(build, check=True, capture_output=True, timeout=DEADLINE)
    return make_environment(distribution.wheel, next((copy / "dist").glob("*.whl")))


class Place:
    """A folder with a configuration file, in which the installed program is used."""

    def __init__(self, installed: Any, yaml: str) -> None:
        self.installed = installed
        self.work: Path = installed.home / "work"
        self.home: Path = installed.home / "queuectl"
        (self.work / "functions").mkdir(parents=True)
        (self.work / "functions" / "functions.py").write_text(FUNCTIONS)
        (self.work / "queuectl.yaml").write_text(yaml)

    def __call__(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run `queuectl`; fail unless it exits with `code`."""
        done: subprocess.CompletedProcess[str] = self.installed.run([self.installed.queuectl, *arguments], code)
        return done

    def job(self, id: str) -> Any:
        """Return a job with all that is known of it."""
        return json.loads(self("show", id, "--json").stdout)

    def drain(self) -> list[Any]:
        """Run a worker until nothing is left to do; return what it logged."""
        lines = self("worker", "start", "--drain").stderr.splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    @contextmanager
    def working(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run a worker, and stop it at the end."""
        env = {"HOME": str(self.installed.home), "PATH": os.environ["PATH"], "QUEUECTL_HOME": str(self.home)}
        command = [self.installed.queuectl, "worker", "start"]
        with (self.installed.home / "worker.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=self.work, env=env, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(DEADLINE)


@pytest.fixture
def place(installed: Any) -> Callable[[str], Place]:
    """Make a folder with that configuration."""
    return lambda yaml: Place(installed, yaml)


Use = Callable[[str], Place]


def until(holds: Callable[[], object]) -> None:
    """Wait for something that must come."""
    deadline = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)


def retry_delays(log: list[Any]) -> list[float]:
    """Return how long each failed job was to wait, as the log of the worker tells it."""
    return [line["retry_in"] for line in log if line["event"] == "job.failed"]


def test_its_own_tests_pass_where_it_is_installed(installed: Any, copy: Path) -> None:
    """Given both wheels in an environment, then the contracts that the example keeps are kept."""
    tests = [installed.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(copy), str(copy)]
    done = installed.run([*tests, "-c", str(copy / "pyproject.toml")])
    assert " passed" in done.stdout
    assert "failed" not in done.stdout


def test_all_of_it_is_selected_by_nothing_but_yaml(place: Use) -> None:
    """Given one file that names them, then storage, executor, backoff, notifiers, wrapper and command do their part."""
    queuectl = place(EVERYTHING)
    queuectl("enqueue", "--id", "good", "--", "functions:shout", "well", "done")
    queuectl("enqueue", "--id", "bad", "--max-retries", "2", "functions:fail")
    log = queuectl.drain()
    assert queuectl("logs", "good").stdout == "WELL DONE\n"
    assert queuectl.job("bad")["exit_code"] == 3
    assert (queuectl.work / "kept" / "everything.journal").exists()
    assert not (queuectl.home / "jobs.db").exists()
    assert len(retry_delays(log)) == 2
    assert max(retry_delays(log)) <= 0.02
    told = [json.loads(line) for line in (queuectl.work / "feed.jsonl").read_text().splitlines()]
    assert sorted((each["job"], each["event"]) for each in told) == [
        ("bad", "job.dead"),
        ("bad", "job.failed"),
        ("bad", "job.failed"),
        ("good", "job.completed"),
    ]
    assert sorted(line["job"] for line in log if line["event"] == "stopwatch") == ["bad", "bad", "bad", "good"]
    assert queuectl("summary").stdout == "default: 1 completed, 1 dead\n  1 x exit 3, the newest bad\n"


def test_the_file_beside_it_selects_all_of_it(place: Use) -> None:
    """Given the configuration that comes with the example, then it is valid, and a job runs by it."""
    queuectl = place((EXAMPLE / "queuectl.yaml").read_text())
    queuectl("config", "validate")
    queuectl("enqueue", "--id", "a", "--", "platform:python_implementation")
    queuectl.drain()
    assert queuectl("logs", "a").stdout.strip() == sys.implementation.name.replace("cpython", "CPython")
    assert (queuectl.home / "events.jsonl").exists()


def test_the_storage_works_with_what_is_built_in(place: Use) -> None:
    """Given that storage alone, then shell commands are kept in it from one process to the next."""
    queuectl = place("storage: {plugin: journal}\n")
    queuectl("enqueue", "--id", "a", "echo hello")
    queuectl.drain()
    assert queuectl("logs", "a").stdout == "hello\n"
    assert (queuectl.home / "jobs.journal").exists()
    assert not (queuectl.home / "jobs.db").exists()


def test_the_executor_works_with_what_is_built_in(place: Use) -> None:
    """Given that executor for one queue alone, then its jobs are functions, and the others' are shell commands."""
    queuectl = place("queues:\n  functions: {executor: {plugin: python, search: [functions]}}\n")
    queuectl("enqueue", "--id", "function", "--queue", "functions", "--", "functions:shout", "hello")
    queuectl("enqueue", "--id", "command", "--", "echo", "hello")
    queuectl.drain()
    assert queuectl("logs", "function").stdout == "HELLO\n"
    assert queuectl("logs", "command").stdout == "hello\n"
    assert (queuectl.home / "jobs.db").exists()


def test_the_backoff_works_with_what_is_built_in(place: Use) -> None:
    """Given that backoff alone, then failed commands wait as it says."""
    queuectl = place("backoff: {plugin: decorrelated, least: 10ms, longest: 20ms}\n")
    queuectl("enqueue", "--max-retries", "3", "exit 3")
    delays = retry_delays(queuectl.drain())
    assert [0.01 <= delay <= 0.02 for delay in delays] == [True] * 3


def test_the_notifier_works_with_what_is_built_in(place: Use) -> None:
    """Given that notifier alone, then it hears of what the file says."""
    queuectl = place("notifications: [{plugin: feed, events: [job.completed]}]\n")
    queuectl("enqueue", "--id", "a", "true")
    queuectl.drain()
    (told,) = map(json.loads, (queuectl.home / "events.jsonl").read_text().splitlines())
    assert (told["event"], told["job"], told["exit_code"]) == ("job.completed", "a", 0)


def test_the_wrapper_works_with_what_is_built_in(place: Use) -> None:
    """Given that wrapper alone, then each command is timed, and its outcome is its own."""
    queuectl = place("plugins: [stopwatch]\n")
    queuectl("enqueue", "--id", "a", "--max-retries", "0", "exit 3")
    (timed,) = [line for line in queuectl.drain() if line["event"] == "stopwatch"]
    assert (timed["job"], timed["attempt"]) == ("a", 1)
    assert queuectl.job("a")["exit_code"] == 3


def test_the_listener_works_with_what_is_built_in(place: Use) -> None:
    """Given that listener alone, then a terminal's bell rings when the queue is drained."""
    queuectl = place("plugins: [bell]\n")
    queuectl("enqueue", "true")
    on_terminal = [queuectl.installed.python, "-c", "import pty, sys; pty.spawn(sys.argv[1:])"]
    shown = queuectl.installed.run([*on_terminal, queuectl.installed.queuectl, "worker", "start", "--drain"]).stdout
    assert "\a" in shown


def test_the_command_works_with_what_is_built_in(place: Use) -> None:
    """Given a configuration that names nothing of it, then its command is there, and takes the global options."""
    queuectl = place("{}\n")
    queuectl("enqueue", "true")
    assert queuectl("summary").stdout == "default: 1 pending\n"
    (told,) = json.loads(queuectl("summary", "--json").stdout)
    assert told["jobs"] == {"pending": 1}
    assert queuectl("summary", "--set", "storage.path=elsewhere.db").stdout == ""
    assert "summary" in queuectl("--help").stdout


def test_what_a_killed_worker_left_is_ended_and_run_again(place: Use) -> None:
    """Given a function that runs when its worker is killed, then it is ended, and the job runs once more."""
    queuectl = place(EVERYTHING)
    queuectl("enqueue", "--id", "a", "--", "functions:last_at_first")
    runs = queuectl.work / "runs"
    with queuectl.working():
        until(lambda: runs.exists() and runs.read_text())
        (worker,) = json.loads(queuectl("worker", "list", "--json").stdout)
        os.kill(worker["pid"], signal.SIGKILL)
        queuectl("wait", "a", "--timeout", "60")
    assert [attempt["result"] for attempt in queuectl.job("a")["attempts_log"]] == ["lost", "completed"]
    assert runs.read_text() == "run\nrun\n"
    assert list((queuectl.home / "python").iterdir()) == []


def test_what_nobody_names_is_not_imported(installed: Any) -> None:
    """Given an installed distribution that no configuration names, then an enqueue does not touch it."""
    program = (
        "import sys; from queuectl.cli import run; code = run(['enqueue', 'true']);"
        "sys.exit(code or any(name.startswith('queuectl_example') for name in sys.modules))"
    )
    installed.run([installed.python, "-c", program])
