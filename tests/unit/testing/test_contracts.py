"""The contracts ask all that they seem to ask, and say what differs."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from queuectl.testing import BackoffContract, ExecutorContract, NotifierContract, PluginContract, StorageContract

_CONTRACTS = [BackoffContract, ExecutorContract, NotifierContract, PluginContract, StorageContract]
_each_contract = pytest.mark.parametrize("contract", _CONTRACTS)

_AUTHORS_TESTS = """
from functools import partial
import pytest
from queuectl import Outcome
from queuectl.testing import *

class Forgetful(MemoryStorage):
    def get(self, id):
        job = super().get(id)
        return None if job and job.state == "completed" else job

class TestForgetful(StorageContract):
    @pytest.fixture
    def storage_factory(self):
        return partial(Forgetful, MemoryStore())

class Negative:
    def delay(self, failure):
        return 10.0 - failure.attempts

class TestNegative(BackoffContract):
    @pytest.fixture
    def backoff(self):
        return Negative()

class AlwaysSeven:
    def execute(self, job, context):
        return Outcome(exit_code=7)

class TestAlwaysSeven(ExecutorContract):
    @pytest.fixture
    def executor(self):
        return AlwaysSeven()

class Hangs:
    def notify(self, event):
        import time
        time.sleep(20)

class TestHangs(NotifierContract):
    patience = 0.1

    @pytest.fixture
    def notifier(self):
        return Hangs()

class TestWordless(PluginContract):
    @pytest.fixture
    def plugin(self):
        return "wordless"

class TestNoStorage(StorageContract):
    pass

class TestNoBackoff(BackoffContract):
    pass

class TestNoExecutor(ExecutorContract):
    pass

class TestNoNotifier(NotifierContract):
    pass

class TestNoPlugin(PluginContract):
    pass

class TestWrongClaim(ExecutorContract):
    capabilities = frozenset({"outptu"})
    executor = TestAlwaysSeven.executor
"""
_CHOSEN = """
test_completed or test_a_store_is_there or test_no_delay_is_negative or TestHangs or test_a_cancel_ends
or test_its_providers_have_summaries or (TestAlwaysSeven and test_an_exit_code_is_told)
or (TestNo and (test_an_unknown_job_is_none or test_every_delay_is_finite or test_a_run_ends or test_it_comes_to_an_end
or test_it_can_be_imported)) or (TestWrongClaim and test_a_run_ends)
"""
_WORDLESS = """
from dataclasses import dataclass
from queuectl import Provider, hookimpl

@dataclass(frozen=True)
class Wordless:
    pass

@hookimpl
def queuectl_notifiers():
    yield Provider("wordless", Wordless)
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return what pytest tells the author of plugins with defects."""
    folder: Path = tmp_path_factory.mktemp("author")
    (folder / "test_author.py").write_text(_AUTHORS_TESTS)
    (folder / "wordless.py").write_text(_WORDLESS)
    chosen = " ".join(_CHOSEN.split())
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rs", "-k", chosen, str(folder)]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 1, ended.stderr
    return ended.stdout


@_each_contract
def test_no_clause_hides_another(contract: type) -> None:
    """Clauses of different concepts have different names: of two with one name only one would be run."""
    names = Counter(name for part in contract.__mro__ for name in vars(part) if name.startswith("test_"))
    assert [name for name, count in names.items() if count > 1] == []


@_each_contract
def test_every_clause_has_its_docstring(contract: type) -> None:
    """The docstring of a clause is what a plugin promises, and what the reference prints."""
    clauses = [name for name in dir(contract) if name.startswith("test_")]
    assert clauses
    assert [name for name in clauses if not (getattr(contract, name).__doc__ or "").strip().endswith(".")] == []


@_each_contract
def test_a_contract_is_no_test_by_itself(contract: type) -> None:
    """An author who imports a contract does not run it: pytest collects classes whose names begin with Test."""
    assert not contract.__name__.startswith("Test")


@pytest.mark.parametrize(
    "values",
    [
        "assert None is not None",
        "AssertionError: 'a' is not stored",
        "assert [-1.0, -2.0,",
        "assert '7' == '3'",
        "AssertionError: it did not return within 0.1 s",
        "assert ['wordless'] == []",
    ],
    ids=["storage", "step of a clause", "backoff", "executor", "notifier", "plugin"],
)
def test_a_failure_says_what_differs(told: str, values: str) -> None:
    """Assertions inside the kit are rewritten: an author sees values, not a bare AssertionError."""
    assert values in told


@pytest.mark.parametrize("capability", ["the storage does not claim durable", "the executor does not claim cancel"])
def test_what_is_not_claimed_is_skipped(told: str, capability: str) -> None:
    """A clause on a capability that is not claimed is skipped, and the reason names it."""
    assert capability in told


def test_what_would_hang_too_is_skipped(told: str) -> None:
    """Where nothing comes to an end, one clause waits for it, and the others say which."""
    assert "this makes no sense before test_it_comes_to_an_end passes" in told


@pytest.mark.parametrize("fixture", ["storage_factory", "backoff", "executor", "notifier", "plugin"])
def test_a_forgotten_fixture_is_named(told: str, fixture: str) -> None:
    """An author who overrides nothing is told what to override."""
    assert f"override the fixture {fixture}: return" in told


def test_a_misspelled_claim_is_named(told: str) -> None:
    """A capability that there is not would else ask for nothing in silence."""
    assert "no such capabilities: outptu" in told
