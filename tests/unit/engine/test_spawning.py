"""Starting a worker as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from queuectl.engine import spawning
from queuectl.engine.spawning import Child, program, spawn
from queuectl.engine.supervisor import Plan

from .conftest import until

STANDS_IN = """
import json, os, sys
terms = json.loads(sys.argv[-1])
os.write(terms["ready"], b"1")
os.close(terms["ready"])
os.read(terms["life"], 1)
print(json.dumps(terms["queues"]), os.getpgid(0) == os.getpid(), file=sys.stderr, flush=True)
"""


def test_a_worker_is_told_its_terms_and_says_when_it_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in a group of its own, and notices when its supervisor is gone."""
    monkeypatch.setattr(spawning, "program", lambda: [sys.executable, "-c", STANDS_IN])
    life = os.pipe()
    log = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    child = spawn(Plan(count=1, concurrency=2, queues=("a",), stderr=log), supervisor="s", index=0, life=life)
    until(child.is_ready)
    assert (tmp_path / "log").read_text() == ""
    os.close(life[1])
    assert os.waitpid(child.pid, 0)[1] == 0
    child.close()
    child.close()
    child.send(signal.SIGTERM)
    assert (tmp_path / "log").read_text() == '["a"] True\n'
    os.close(life[0])
    os.close(log)


def test_one_that_cannot_be_started_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried again later, and again."""
    monkeypatch.setattr(spawning, "program", lambda: ["/nowhere"])
    life = os.pipe()
    before = os.listdir("/proc/self/fd")
    with pytest.raises(FileNotFoundError):
        spawn(Plan(count=1, concurrency=1), supervisor="s", index=0, life=life)
    assert len(os.listdir("/proc/self/fd")) == len(before)
    for end in life:
        os.close(end)


def test_one_that_died_early_is_not_ready() -> None:
    """The pipe ended without a word."""
    reading, writing = os.pipe()
    process = subprocess.Popen(["true"])
    child = Child(process, reading)
    os.set_blocking(reading, False)
    assert not child.is_ready()
    os.close(writing)
    assert not child.is_ready()
    process.wait()
    child.close()


def test_the_current_directory_is_not_where_the_program_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module of that name there would be run in its place; unless it is the program itself."""
    monkeypatch.chdir(tmp_path)
    assert "-P" in program()
    monkeypatch.chdir(Path(spawning.__file__).parents[2])
    assert "-P" not in program()
