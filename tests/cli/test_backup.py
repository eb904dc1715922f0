"""`backup` writes a copy that can take the place of the store."""

from __future__ import annotations

import stat
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.cli.conftest import Program


def test_a_copy_has_all_that_was_stored(queuectl: Program) -> None:
    """Jobs, attempts and states: put in the place of the store, it is the store."""
    ids = queuectl.enqueue("true", "exit 3")
    queuectl("worker", "start", "--drain", "--set", "backoff.base=0.01", code=0)
    told = queuectl("list", "--json", code=0).json
    ran = queuectl("backup", "copy.db", "--json", code=0)
    copy = queuectl.cwd / "copy.db"
    assert ran.json == {"file": str(copy), "size": copy.stat().st_size}
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    elsewhere = ("--set", f"storage.path={copy}")
    assert queuectl(*elsewhere, "list", "--json", code=0).json == told
    assert queuectl(*elsewhere, "show", ids[1], "--json", code=0).json["attempts_log"]
    queuectl(*elsewhere, "retry", ids[1], code=0)


def test_a_copy_is_taken_while_workers_write(
    queuectl: Program, eventually: Callable[[Callable[[], object]], None]
) -> None:
    """It is sound, and has every job that was there when it began."""
    ids = queuectl.enqueue(*["true"] * 400)
    queuectl.start("worker", "start", "--count", "2")
    eventually(lambda: queuectl("status", "--json").json["jobs"]["completed"])
    queuectl("backup", "copy.db", code=0)
    elsewhere = ("--set", f"storage.path={queuectl.cwd / 'copy.db'}")
    assert {job["id"] for job in queuectl(*elsewhere, "list", "--json", code=0).json} == set(ids)
    assert not [each for each in queuectl(*elsewhere, "doctor", "--json").json if each["health"] == "error"]


def test_nothing_is_replaced(queuectl: Program) -> None:
    """A file that exists is left alone, 4; so is one that is linked to."""
    queuectl.enqueue("true")
    (queuectl.cwd / "copy.db").write_text("precious")
    (queuectl.cwd / "link.db").symlink_to("nowhere.db")
    for name in ("copy.db", "link.db"):
        assert "exists already" in queuectl("backup", name, code=4).err
    assert (queuectl.cwd / "copy.db").read_text() == "precious"
    assert sorted(each.name for each in queuectl.cwd.iterdir()) == ["copy.db", "link.db"]


def test_a_place_that_is_not_there(queuectl: Program) -> None:
    """One clear line, and nothing is left behind."""
    queuectl.enqueue("true")
    ran = queuectl("backup", "no/such/place/copy.db", code=1)
    assert ran.err.startswith("error: ") and "No such file or directory" in ran.err
    assert [*queuectl.cwd.iterdir()] == []
