"""`list` gives scripts every job that matches, and people what fits their terminal."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len

if TYPE_CHECKING:
    from tests.cli.conftest import Program

NASTY = "printf '\x1b[31m%s' \\x\t[bold]y[/bold]\n\u202eexe.cod"


def test_json_is_one_array_of_all_jobs_newest_first(queuectl: Program) -> None:
    """With the fields of a job as they are given in, and nothing else on standard output."""
    ids = queuectl.enqueue("one", {"command": ["two", "a b"], "queue": "mail", "priority": 7, "tags": ["x"]}, "three")
    jobs = queuectl("list", "--json", code=0).json
    assert [job["id"] for job in jobs] == ids[::-1]
    assert [job["command"] for job in jobs] == ["three", ["two", "a b"], "one"]
    assert {"id", "command", "state", "attempts", "max_retries", "created_at", "updated_at"} <= set(jobs[0])
    assert (jobs[1]["queue"], jobs[1]["priority"], jobs[1]["tags"]) == ("mail", 7, ["x"])


def test_an_empty_list_is_an_empty_array(queuectl: Program) -> None:
    """Nothing found is no error."""
    assert queuectl("list", "--json", code=0).out == "[]\n"
    assert queuectl("list", code=0).out == ""


def test_json_and_pipes_hold_more_than_a_screenful(queuectl: Program) -> None:
    """The fifty of a terminal, and the pages of the store, do not show."""
    queuectl.enqueue(*(f"echo {number}" for number in range(1203)))
    jobs = queuectl("list", "--json", code=0).json
    assert [job["command"] for job in jobs] == [f"echo {number}" for number in range(1202, -1, -1)]
    assert len(queuectl("list", code=0).rows) == 1203
    assert len(queuectl("list", "--limit", "700", code=0).rows) == 700


def test_a_terminal_shows_the_newest_fifty_and_says_so(queuectl: Program) -> None:
    """The table on standard output, the remark on standard error."""
    queuectl.enqueue(*(f"echo {number}" for number in range(60)))
    ran = queuectl.on_terminal("list", piped=["stderr"], code=0)
    assert len(ran.out.splitlines()) == 51
    assert "echo 59" in ran.out.splitlines()[1]
    assert ran.err == "the newest 50 of 60 jobs: --limit N shows more\n"
    assert queuectl.on_terminal("list", "-q", piped=["stderr"], code=0).err == ""


def test_a_limit_holds_on_a_terminal_too(queuectl: Program) -> None:
    """Above fifty and below, without a remark."""
    queuectl.enqueue(*(f"echo {number}" for number in range(60)))
    for limit in (3, 55):
        ran = queuectl.on_terminal("list", "--limit", str(limit), piped=["stderr"], code=0)
        assert len(ran.out.splitlines()) == limit + 1
        assert ran.err == ""


def test_jobs_are_chosen_by_state_queue_and_tag(queuectl: Program) -> None:
    """Every option narrows; states add up."""
    (dead,) = queuectl.dead({"command": "exit 3", "queue": "mail"})
    mail, tagged, other = queuectl.enqueue(
        {"command": "true", "queue": "mail"}, {"command": "true", "queue": "mail", "tags": ["t"]}, "true"
    )

    def ids(*arguments: str) -> list[str]:
        return queuectl("list", "-q", *arguments, code=0).out.split()

    assert ids() == [other, tagged, mail, dead]
    assert ids("--state", "dead") == [dead]
    assert ids("--state", "PENDING") == [other, tagged, mail]
    assert ids("--state", "dead", "--state", "pending", "--queue", "mail") == [tagged, mail, dead]
    assert ids("--queue", "mail", "--tag", "t") == [tagged]
    assert ids("--queue", "nowhere") == []
    assert ids("--queue", "mail", "--limit", "1") == [tagged]


def test_a_pipe_gets_fields_that_can_be_read_back(queuectl: Program) -> None:
    """No head, no cut, one line per job: id, state, queue, attempts, created_at, command."""
    long = "echo " + "x" * 3000
    first, second, third = queuectl.enqueue(long, NASTY, {"command": ["echo", "a b"], "queue": "mail"})
    jobs = queuectl("list", "--json", code=0).json
    assert queuectl("list", code=0).rows == [
        [third, "pending", "mail", "0", jobs[0]["created_at"], "echo 'a b'"],
        [second, "pending", "default", "0", jobs[1]["created_at"], NASTY_FIELD],
        [first, "pending", "default", "0", jobs[2]["created_at"], long],
    ]


NASTY_FIELD = r"printf '\x1b[31m%s' \\x\t[bold]y[/bold]\n\u202eexe.cod"


def test_job_text_has_no_power_over_a_terminal(queuectl: Program) -> None:
    """Escape sequences and mark-up are shown as what they are."""
    queuectl.enqueue(NASTY)
    shown = queuectl.on_terminal("list", columns=160, code=0, env={"NO_COLOR": "1"}).out
    assert r"printf '\x1b[31m%s' \x\t[bold]y[/bold]\n\u202eexe.cod" in shown
    assert "\x1b" not in shown and "\u202e" not in shown


@pytest.mark.parametrize("columns", [40, 80, 120, 200])
def test_a_table_fits_the_terminal(queuectl: Program, columns: int) -> None:
    """Long commands, wide characters and long queue names included; ids stay whole."""
    ids = queuectl.enqueue("echo " + "x" * 300, "echo " + "日本" * 60, {"command": "true", "queue": "q" * 30})
    ids += queuectl.dead({"command": "exit 3", "queue": "mail"})
    lines = queuectl.on_terminal("list", columns=columns, env={"NO_COLOR": "1"}, code=0).out.splitlines()
    assert [line for line in lines if cell_len(line) > columns] == []
    assert {line.split()[0] for line in lines[1:]} == set(ids)
    assert all("…" in line for line in lines if "echo" in line and columns < 200)


def test_a_long_id_is_never_cut(queuectl: Program) -> None:
    """It is what people copy."""
    id = "nightly-" + "x" * 100
    queuectl.enqueue({"command": "true", "id": id})
    assert id in queuectl.on_terminal("list", columns=60, code=0).out


def test_a_terminal_without_utf_8_gets_plain_dots(queuectl: Program) -> None:
    """The mark of a cut is one that the terminal can show."""
    queuectl.enqueue("echo " + "x" * 300)
    env = {"PYTHONIOENCODING": "ascii", "NO_COLOR": "1"}
    line = queuectl.on_terminal("list", env=env, code=0).out.splitlines()[1]
    assert line.endswith("x...")
    assert len(line) == 80


def test_a_person_without_jobs_is_told_how_to_begin(queuectl: Program) -> None:
    """On standard error; a filter that matches nothing says only that."""
    assert queuectl.on_terminal("list", code=0).out == "no jobs yet: queuectl enqueue 'echo hello' stores one\n"
    assert queuectl.on_terminal("list", "--state", "dead", code=0).out == "no such jobs\n"


def test_quiet_prints_ids_alone(queuectl: Program) -> None:
    """To be handed to another command."""
    ids = queuectl.enqueue("true", "true")
    assert queuectl("list", "--quiet", code=0).out.split() == ids[::-1]
    assert queuectl.on_terminal("list", "-q", code=0).out.split() == ids[::-1]


def test_what_looks_like_a_secret_is_masked(queuectl: Program) -> None:
    """As `show` does: a list must not tell more than a look at one job."""
    queuectl.enqueue({"command": "true", "env": {"API_TOKEN": "hunter2", "LANG": "C"}}, "true")
    ran = queuectl("list", "--json", code=0)
    assert "hunter2" not in ran.out
    assert [job["env"].get("LANG") for job in ran.json] == [None, "C"]


def test_quiet_prints_ids_as_they_are(queuectl: Program) -> None:
    """Nothing in an id needs an escape, and the next command takes it as it is."""
    id = "C:\\jobs\\nightly 1"
    queuectl.enqueue({"command": "true", "id": id})
    assert queuectl("list", "-q", code=0).out == id + "\n"


def test_json_on_a_terminal_is_indented(queuectl: Program) -> None:
    """The same document, for eyes."""
    queuectl.enqueue("true")
    shown = queuectl.on_terminal("list", "--json", code=0)
    assert shown.json[0]["command"] == "true"
    assert len(shown.out.splitlines()) > 10


def test_a_reader_that_goes_is_no_error(queuectl: Program) -> None:
    """`queuectl list | head -1` is silent, and ends as other programs do."""
    queuectl.enqueue(*("echo " + "x" * 100 for _ in range(3000)))
    process = queuectl.start("list")
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 141


@pytest.mark.parametrize("closing", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_do_no_harm(queuectl: Program, closing: str) -> None:
    """A descriptor that was free is not given to the store, where output would overwrite it."""
    from tests.cli.conftest import COMMAND

    for call in ("enqueue true", "list", "status --json"):
        shell = f"exec {' '.join(COMMAND)} {call} {closing}"
        done = subprocess.run(["/bin/sh", "-c", shell], env=queuectl.environment(), cwd=queuectl.cwd, check=False)
        assert done.returncode == 0
    assert [job["command"] for job in queuectl("list", "--json", code=0).json] == ["true"]
