"""`prune` deletes what ended long ago, and nothing else."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Program


@pytest.fixture
def stored(queuectl: Program) -> dict[str, str]:
    """Return the ids of jobs by what became of them; `old` ones ended ten days ago."""
    completed, old, other = queuectl.enqueue("true", "true", {"command": "true", "queue": "mail"})
    (dead,) = queuectl.dead("exit 3")
    queuectl.work()
    (cancelled, waiting) = queuectl.enqueue("true", "true")
    queuectl("cancel", cancelled, code=0)
    ids = {"completed": completed, "old": old, "mail": other, "dead": dead, "cancelled": cancelled, "waiting": waiting}
    connection = sqlite3.connect(queuectl.home / "jobs.db")
    aged = json.dumps([old, other, dead, cancelled])
    connection.execute(
        "UPDATE job SET finished_at = finished_at - 864000, updated_at = updated_at - 864000 "
        "WHERE seq IN (SELECT seq FROM spec WHERE id IN (SELECT value FROM json_each(?)))",
        (aged,),
    )
    connection.commit()
    connection.close()
    return ids


def left(queuectl: Program, stored: dict[str, str]) -> set[str]:
    """Return what is still stored."""
    ids = {job["id"] for job in queuectl("list", "--json", code=0).json}
    return {name for name, id in stored.items() if id in ids}


def test_old_ones_go(queuectl: Program, stored: dict[str, str]) -> None:
    """Completed and cancelled; young ones, dead ones and those that wait stay."""
    assert queuectl("prune", "--older-than", "7d", "--yes", "--json", code=0).json == {"pruned": 3}
    assert left(queuectl, stored) == {"completed", "dead", "waiting"}
    assert queuectl("prune", "--older-than", "7d", "--yes", code=0).out == "pruned 0 jobs\n"


def test_states_may_be_named(queuectl: Program, stored: dict[str, str]) -> None:
    """Then only those, dead ones too."""
    queuectl("prune", "--older-than", "7d", "--state", "dead", "--yes", code=0)
    assert left(queuectl, stored) == set(stored) - {"dead"}
    queuectl("prune", "--older-than", "7d", "--state", "completed", "--queue", "mail", "--yes", code=0)
    assert left(queuectl, stored) == set(stored) - {"dead", "mail"}


def test_jobs_with_work_to_do_are_never_pruned(queuectl: Program, stored: dict[str, str]) -> None:
    """Their states are refused."""
    ran = queuectl("prune", "--older-than", "0s", "--state", "pending", "--yes", code=2)
    assert "pending jobs have not ended" in ran.err
    assert left(queuectl, stored) == set(stored)


def test_it_asks(queuectl: Program, stored: dict[str, str]) -> None:
    """On a terminal; elsewhere it wants --yes."""
    assert "--yes" in queuectl("prune", "--older-than", "7d", code=2).err
    queuectl.on_terminal("prune", "--older-than", "7d", answer=("[y/N] ", "n\n"), code=1)
    assert left(queuectl, stored) == set(stored)
    queuectl.on_terminal("prune", "--older-than", "7d", answer=("[y/N] ", "y\n"), code=0)
    assert left(queuectl, stored) == {"completed", "dead", "waiting"}


@pytest.mark.parametrize("age", ["soon", "-1d", ""])
def test_an_age_must_be_one(queuectl: Program, age: str) -> None:
    """2, with the form."""
    assert "--older-than" in queuectl("prune", "--older-than", age, "--yes", code=2).err


def test_long_outputs_go_with_their_jobs(queuectl: Program) -> None:
    """The files that only their attempts referred to are removed."""
    queuectl.enqueue("head -c 200000 /dev/zero")
    queuectl.work()
    assert [*(queuectl.home / "logs").iterdir()] != []
    queuectl("prune", "--older-than", "0s", "--yes", code=0)
    assert [*(queuectl.home / "logs").iterdir()] == []


def test_thousands_go(queuectl: Program) -> None:
    """As many as there are."""
    queuectl("enqueue", "-q", "-", input='{"command": "true"}\n' * 1200, code=0)
    connection = sqlite3.connect(queuectl.home / "jobs.db")
    connection.execute("UPDATE job SET state = 3, phase = 4, finished_at = 1")
    connection.execute("UPDATE count SET state = 3")
    connection.commit()
    connection.close()
    assert queuectl("prune", "--older-than", "1d", "--yes", "--json", code=0).json == {"pruned": 1200}
