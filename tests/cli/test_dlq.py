"""`dlq` looks after the jobs that gave up, and touches no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Program


def states(queuectl: Program) -> dict[str, str]:
    """Return the state of every job by its id."""
    return {job["id"]: job["state"] for job in queuectl("list", "--json", code=0).json}


def test_list_shows_dead_jobs_only(queuectl: Program) -> None:
    """Newest first, by queue if asked, as one array under --json."""
    first, second = queuectl.dead("exit 3", {"command": "exit 4", "queue": "mail"})
    queuectl.enqueue("true")
    jobs = queuectl("dlq", "list", "--json", code=0).json
    assert [(job["id"], job["state"], job["exit_code"]) for job in jobs] == [(second, "dead", 4), (first, "dead", 3)]
    assert [job["id"] for job in queuectl("dlq", "list", "--queue", "mail", "--json", code=0).json] == [second]
    assert [job["id"] for job in queuectl("dlq", "list", "--limit", "1", "--json", code=0).json] == [second]
    assert queuectl("dlq", "list", "-q", code=0).out.split() == [second, first]


def test_list_says_why(queuectl: Program) -> None:
    """A line of fields in a pipe, a table on a terminal."""
    (id,) = queuectl.dead("exit 3")
    job = queuectl("dlq", "list", "--json", code=0).json[0]
    ((found, queue, attempts, finished, why, command),) = queuectl("dlq", "list", code=0).rows
    assert (found, queue, attempts, finished, command) == (id, "default", "1", job["finished_at"], "exit 3")
    assert "3" in why
    shown = queuectl.on_terminal("dlq", "list", env={"NO_COLOR": "1"}, code=0).out
    assert why in shown and id in shown and "1/1" in shown


def test_an_empty_queue_is_no_error(queuectl: Program) -> None:
    """To a person it says so."""
    assert queuectl("dlq", "list", "--json", code=0).json == []
    assert queuectl("dlq", "list", code=0).out == ""
    assert queuectl.on_terminal("dlq", "list", code=0).out == "no dead jobs\n"


def test_show_tells_all_of_a_dead_job(queuectl: Program) -> None:
    """As `show` does, by the first characters of the id too."""
    (id,) = queuectl.dead("echo hello; exit 3")
    shown = queuectl("dlq", "show", id, "--json", code=0).json
    assert (shown["id"], shown["state"], shown["exit_code"]) == (id, "dead", 3)
    assert len(shown["attempts_log"]) == 1
    assert queuectl("dlq", "show", id[:-2], "--json", code=0).json == shown
    assert queuectl("show", id, "--json", code=0).json == shown
    assert queuectl("dlq", "show", id, code=0).out == queuectl("show", id, code=0).out


def test_show_refuses_a_job_that_is_not_dead(queuectl: Program) -> None:
    """Wrong state, 4; unknown, 3."""
    (id,) = queuectl.enqueue("true")
    ran = queuectl("dlq", "show", id, code=4)
    assert ran.err == f"error: {id} is pending, not dead\nhint: queuectl show {id}\n"
    assert queuectl("dlq", "show", "nonsense", "--json", code=3).error["code"] == "not-found"


def test_retry_makes_named_jobs_pending(queuectl: Program) -> None:
    """With no attempts counted and the error cleared; others stay dead."""
    first, second, third = queuectl.dead("exit 3", "exit 4", "exit 5")
    ran = queuectl("dlq", "retry", first, second, code=0)
    assert ran.rows == [["retried", first, "pending"], ["retried", second, "pending"]]
    assert states(queuectl) == {first: "pending", second: "pending", third: "dead"}
    job = queuectl("show", first, "--json", code=0).json
    assert (job["attempts"], job["exit_code"], job["error"]) == (0, None, None)


def test_retry_all_says_how_many(queuectl: Program) -> None:
    """Every dead job, or every one of a queue; none is no error."""
    ids = queuectl.dead("exit 3", {"command": "exit 4", "queue": "mail"}, {"command": "exit 5", "queue": "mail"})
    assert queuectl("dlq", "retry", "--all", "--queue", "mail", code=0).out == "retried 2 jobs\n"
    assert queuectl("dlq", "retry", "--all", code=0).out == "retried 1 job\n"
    assert set(states(queuectl).values()) == {"pending"} and len(ids) == 3
    assert queuectl("dlq", "retry", "--all", code=0).out == "retried 0 jobs\n"


def test_retry_prints_ids_or_jobs_when_asked(queuectl: Program) -> None:
    """-q the ids, --json the jobs."""
    first, second = queuectl.dead("exit 3", "exit 4")
    assert queuectl("dlq", "retry", first, "-q", code=0).out == first + "\n"
    jobs = queuectl("dlq", "retry", "--all", "--json", code=0).json
    assert [(job["id"], job["state"]) for job in jobs] == [(second, "pending")]


def test_an_id_named_twice_counts_once(queuectl: Program) -> None:
    """It cannot be retried twice."""
    (id,) = queuectl.dead("exit 3")
    assert queuectl("dlq", "retry", id, id, code=0).rows == [["retried", id, "pending"]]


@pytest.mark.parametrize("verb", [["retry"], ["purge", "--yes"]], ids=["retry", "purge"])
def test_all_named_jobs_must_be_dead(queuectl: Program, verb: list[str]) -> None:
    """One that is not (4), or is unknown (3), and nothing happens to any."""
    (dead,) = queuectl.dead("exit 3")
    (done,) = queuectl.enqueue("true")
    queuectl.work()
    (pending,) = queuectl.enqueue("true")
    before = states(queuectl)
    ran = queuectl("dlq", *verb, dead, pending, done, code=4)
    assert ran.err.startswith(f"error: {pending} is pending, not dead\n  {done} is completed, not dead\nhint: ")
    assert "nonsense" in queuectl("dlq", *verb, dead, "nonsense", code=3).err
    assert queuectl("dlq", *verb, dead[:-1], code=3).out == ""
    assert states(queuectl) == before


def test_retry_wants_to_know_which(queuectl: Program) -> None:
    """Neither nothing nor everything twice."""
    assert "queuectl dlq retry --all" in queuectl("dlq", "retry", code=2).err
    assert queuectl("dlq", "retry", "x", "--all", code=2).err.startswith("error: ids and --all exclude each other")
    assert queuectl("dlq", "retry", "x", "--queue", "mail", code=2).err.startswith("error: ids and --queue exclude")


def test_purge_without_yes_is_refused_where_nobody_can_answer(queuectl: Program) -> None:
    """It neither hangs nor deletes, and it touches no store."""
    ran = queuectl("dlq", "purge", input="y\n", code=2)
    assert ran.err.endswith("hint: add --yes to go ahead\n")
    assert not queuectl.home.exists()
    queuectl.dead("exit 3")
    queuectl("dlq", "purge", code=2)
    queuectl.on_terminal("dlq", "purge", piped=["stdin"], code=2)
    assert list(states(queuectl).values()) == ["dead"]


def test_purge_deletes_dead_jobs_only(queuectl: Program) -> None:
    """All of them, of a queue, or by id."""
    first, _, _ = queuectl.dead("exit 3", {"command": "exit 4", "queue": "mail"}, "exit 5")
    (pending,) = queuectl.enqueue("true")
    assert queuectl("dlq", "purge", first, "--yes", code=0).out == "deleted 1 job\n"
    assert queuectl("dlq", "purge", "--queue", "mail", "-y", code=0).out == "deleted 1 job\n"
    assert queuectl("dlq", "purge", "--yes", code=0).out == "deleted 1 job\n"
    assert states(queuectl) == {pending: "pending"}
    assert queuectl("dlq", "purge", "--yes", code=0).out == "deleted 0 jobs\n"
    queuectl("show", first, code=3)


@pytest.mark.parametrize(
    ("answer", "code", "left"), [("y", 0, []), ("YES", 0, []), ("n", 1, ["dead"]), ("", 1, ["dead"])]
)
def test_purge_asks_a_person(queuectl: Program, answer: str, code: int, left: list[str]) -> None:
    """With the number of jobs; only yes is yes."""
    queuectl.dead("exit 3")
    ran = queuectl.on_terminal("dlq", "purge", answer=("[y/N]", f"{answer}\n"), code=code)
    assert "Delete 1 dead job for good? [y/N]" in ran.out
    assert ("nothing was changed" in ran.out) is bool(left)
    assert list(states(queuectl).values()) == left


def test_purge_of_an_empty_queue_asks_nothing(queuectl: Program) -> None:
    """There is nothing to decide."""
    assert queuectl.on_terminal("dlq", "purge", code=0).out == "deleted 0 jobs\n"
