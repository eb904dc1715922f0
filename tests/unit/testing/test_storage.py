"""The contract asks all that it seems to ask, and says what differs."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from queuectl.testing import StorageContract

_CONCEPTS = [each for each in StorageContract.__mro__ if any(name.startswith("test_") for name in vars(each))]
_CLAUSES = [(concept, name) for concept in _CONCEPTS for name in vars(concept) if name.startswith("test_")]

_AUTHORS_TESTS = """
from functools import partial
import pytest
from queuectl.testing import MemoryStorage, MemoryStore, StorageContract

class Forgetful(MemoryStorage):
    def get(self, id):
        job = super().get(id)
        return None if job and job.state == "completed" else job

class TestForgetful(StorageContract):
    @pytest.fixture
    def storage_factory(self):
        return partial(Forgetful, MemoryStore())

class TestNobody(StorageContract):
    pass
"""


def test_no_clause_hides_another() -> None:
    """Clauses of different concepts have different names: of two with one name only one would be run."""
    twice = [name for name, count in Counter(name for _, name in _CLAUSES).items() if count > 1]
    assert twice == []


def test_every_clause_is_one_sentence() -> None:
    """The docstring of a clause is what a storage promises."""
    silent = [name for concept, name in _CLAUSES if not (getattr(concept, name).__doc__ or "").endswith(".")]
    assert silent == []


@pytest.fixture(scope="module")
def authors_run(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return what pytest tells the author of a storage with a defect."""
    folder: Path = tmp_path_factory.mktemp("author")
    (folder / "test_forgetful.py").write_text(_AUTHORS_TESTS)
    chosen = "test_completed or test_a_store_is_there or (TestNobody and test_an_unknown_job_is_none)"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rs", "-k", chosen, str(folder)]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 1, ended.stderr
    return ended.stdout


def test_a_failure_says_what_differs(authors_run: str) -> None:
    """Assertions inside the kit are rewritten: an author sees values, not a bare AssertionError."""
    assert "AssertionError: 'a' is not stored" in authors_run
    assert "assert None is not None" in authors_run


def test_what_is_not_claimed_is_skipped(authors_run: str) -> None:
    """A clause on a capability that the storage does not claim is skipped, and the reason names it."""
    assert "the storage does not claim durable" in authors_run


def test_a_forgotten_fixture_is_named(authors_run: str) -> None:
    """An author who overrides nothing is told what to override."""
    assert "override the fixture storage_factory" in authors_run
