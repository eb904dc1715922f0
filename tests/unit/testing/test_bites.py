"""The kit bites: whoever has one defect fails the clause that forbids it, and no other.

`pytest --collect-only -q` of this file lists each broken plugin with its clause.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from queuectl import Backoff, Executor, Notifier, Storage
from queuectl.testing import BackoffContract, ExecutorContract, MemoryStorage, NotifierContract, PluginContract
from tests.unit.testing.defects import backoffs, databases, executors, notifiers, plugins, storages
from tests.unit.testing.defects.executors import Sound
from tests.unit.testing.defects.plugins import Defect

_AUTHORS = Path(__file__).with_name("authors.py")
_ROOT = Path(__file__).parents[3]
_NOT_NEEDED = (
    "cacheprovider",
    "faulthandler",
    "logging",
    "terminal",
    "threadexception",
    "unraisableexception",
    "warnings",
)
_INSIDE = ("-c", os.devnull, "--noconftest", "--import-mode=importlib", f"--rootdir={_ROOT}", "-k", "not any_history")


class Observer:
    """Gives the contracts something broken, and notes which clauses fail."""

    def __init__(self, broken: object) -> None:
        self.failed: dict[str, str] = {}
        self.passed = 0
        self._broken = broken

    @pytest.fixture
    def broken(self) -> object:
        """Return what is broken."""
        return self._broken

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a clause once, whatever it is parametrised with."""
        if report.failed:
            self.failed[report.nodeid.rpartition("::")[2].partition("[")[0]] = report.longreprtext
        self.passed += report.when == "call" and report.passed

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note what cannot even be collected."""
        if report.failed:
            self.failed[report.nodeid] = report.longreprtext

    def saw_fail(self, *clauses: str) -> None:
        """Expect that these clauses failed, and no others."""
        assert self.passed + len(self.failed) > 0, "no clause was asked"
        assert sorted(self.failed) == sorted(clauses), "\n\n".join(self.failed.values())


Observe = Callable[[str, object], Observer]


@pytest.fixture
def observe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Observe:
    """Return what runs a whole contract over something broken, by a pytest of its own in this process."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    for variable in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        monkeypatch.delenv(variable, raising=False)

    def observe(author: str, broken: object) -> Observer:
        observer = Observer(broken)
        without = [f"-pno:{name}" for name in _NOT_NEEDED]
        arguments = [f"{_AUTHORS}::{author}", f"--basetemp={tmp_path / 'inside'}", *_INSIDE, *without]
        pytest.main(arguments, plugins=[observer])
        return observer

    return observe


def each_of(broken: Mapping[Any, str]) -> pytest.MarkDecorator:
    """Ask a test of each broken one and its clause."""
    ids = [f"{getattr(each, '__name__', each)}-{clause}" for each, clause in broken.items()]
    return pytest.mark.parametrize(("broken", "clause"), broken.items(), ids=ids)


@each_of(storages.BROKEN)
def test_a_broken_storage_fails_one_clause(observe: Observe, broken: type[MemoryStorage], clause: str) -> None:
    """Of all clauses but the one on whole histories, a storage with one defect fails the one that forbids it."""
    observe("TestStorage", broken).saw_fail(clause)


@each_of(databases.BROKEN)
def test_a_broken_database_fails_one_clause(
    observe: Observe, broken: type[Storage], clause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the clauses on processes, a storage with one defect fails the one that forbids it."""
    monkeypatch.syspath_prepend(_ROOT)  # for the other processes, which import it by its name
    observe("TestProcesses", broken).saw_fail(clause)


@each_of(executors.BROKEN)
def test_a_broken_executor_fails_one_clause(observe: Observe, broken: type[Executor], clause: str) -> None:
    """An executor with one defect fails the clause that forbids it, and no other."""
    observe("TestExecutor", broken).saw_fail(clause)


@each_of(backoffs.BROKEN)
def test_a_broken_backoff_fails_one_clause(observe: Observe, broken: type[Backoff], clause: str) -> None:
    """A backoff with one defect fails the clause that forbids it, and no other."""
    observe("TestBackoff", broken).saw_fail(clause)


@each_of(notifiers.BROKEN)
def test_a_broken_notifier_fails_one_clause(observe: Observe, broken: type[Notifier], clause: str) -> None:
    """A notifier with one defect fails the clause that forbids it, and no other."""
    observe("TestNotifier", broken).saw_fail(clause)


Install = Callable[[Defect], str]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Return what makes a plugin importable, and installed where it says so; it is forgotten afterwards."""
    folder, before = tmp_path / "site", set(sys.modules)
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.chdir(tmp_path)

    def install(defect: Defect) -> str:
        name = f"queuectl_{defect.name.lower()}"
        if defect.points:
            (folder / name).mkdir()
            (folder / name / "__init__.py").write_text(defect.source)
            information = folder / f"{name}-1.0.dist-info"
            information.mkdir()
            (information / "METADATA").write_text(
                f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{defect.metadata}"
            )
            lines = "".join(f"{point} = {name}\n" for point in defect.points)
            (information / "entry_points.txt").write_text(f"[queuectl]\n{lines}")
        else:
            (folder / f"{name}.py").write_text(defect.source)
        return name

    yield install
    for name in set(sys.modules) - before:
        if name.startswith("queuectl_"):
            del sys.modules[name]


@each_of(plugins.BROKEN)
def test_a_broken_plugin_fails_one_clause(observe: Observe, install: Install, broken: Defect, clause: str) -> None:
    """A plugin with one defect fails the clause that forbids it, and no other."""
    observe("TestPlugin", install(broken)).saw_fail(clause)


@pytest.mark.parametrize(
    ("contract", "broken"),
    [
        (BackoffContract, backoffs.BROKEN),
        (ExecutorContract, executors.BROKEN),
        (NotifierContract, notifiers.BROKEN),
        (PluginContract, plugins.BROKEN),
    ],
)
def test_every_clause_bites(contract: type, broken: Mapping[Any, str]) -> None:
    """No clause is there for nothing: each is broken by somebody."""
    assert {name for name in dir(contract) if name.startswith("test_")} == set(broken.values())


@pytest.mark.parametrize("points", [(), ("steady",)], ids=["a module", "installed"])
def test_a_sound_plugin_fails_none(observe: Observe, install: Install, points: Sequence[str]) -> None:
    """What the broken plugins are made of is not broken."""
    observe("TestPlugin", install(Defect("Sound", points=tuple(points)))).saw_fail()


def test_a_sound_executor_fails_none(observe: Observe) -> None:
    """What the broken executors are made of is not broken."""
    observe("TestExecutor", Sound).saw_fail()
