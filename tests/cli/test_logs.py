"""`logs` prints what a job wrote: byte for byte to a pipe, harmless to a terminal, while it is written and later."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Program

Eventually = Callable[[Callable[[], object]], None]


def raw(queuectl: Program, *arguments: str) -> bytes:
    """Return the bytes that `logs` prints to a pipe."""
    process = queuectl.start("logs", *arguments)
    out, err = process.communicate(timeout=180)
    assert process.returncode == 0, err
    return out


def test_both_streams_come_in_order(queuectl: Program) -> None:
    """Standard output and standard error as they were written; the first characters of the id will do."""
    (id,) = queuectl.enqueue("echo out; echo err >&2; echo end")
    queuectl.work()
    assert queuectl("logs", id, code=0).out == "out\nerr\nend\n"
    assert queuectl("logs", id[:-2], code=0).out == "out\nerr\nend\n"


def test_a_pipe_gets_the_bytes(queuectl: Program) -> None:
    """Whatever they are."""
    (id,) = queuectl.enqueue(r"printf '\377\000\033[1m\r\n\tx'")
    queuectl.work()
    assert raw(queuectl, id) == raw(queuectl, id, "--raw") == b"\xff\x00\x1b[1m\r\n\tx"


def test_a_terminal_gets_no_control_characters(queuectl: Program) -> None:
    """They are shown escaped, and what is not UTF-8 replaced; --raw writes all as it is."""
    (id,) = queuectl.enqueue(r"printf 'é\033]0;title\007\n\tx\377'")
    queuectl.work()
    assert queuectl.on_terminal("logs", id, code=0).out.expandtabs() == "é\\x1b]0;title\\x07\n        x\ufffd\n"
    (id,) = queuectl.enqueue(r"printf '\033[1mbold'")
    queuectl.work()
    assert queuectl.on_terminal("logs", id, "--raw", code=0).out == "\x1b[1mbold"


def test_each_run_has_its_output(queuectl: Program) -> None:
    """The last one is printed unless another is asked for; an unknown one is 3."""
    (id,) = queuectl.enqueue(
        {"command": "echo run $QUEUECTL_ATTEMPT; exit 1", "max_retries": 1, "backoff": {"plugin": "fixed", "delay": 0}}
    )
    queuectl.work()
    assert queuectl("logs", id, code=0).out == "run 2\n"
    assert queuectl("logs", id, "--attempt", "1", code=0).out == "run 1\n"
    assert "no attempt 3" in queuectl("logs", id, "--attempt", "3", code=3).err
    assert "no attempt 3" in queuectl("logs", id, "--attempt", "3", "-f", code=3).err
    queuectl("logs", id, "--attempt", "0", code=2)


def test_json_has_it_as_text(queuectl: Program) -> None:
    """With the number of the run; what is no UTF-8 is replaced, and nobody waits for more."""
    (id,) = queuectl.enqueue(r"printf '\303\251\377\n'")
    expected: dict[str, Any] = {"id": id, "attempt": None, "output": "", "error_output": None}
    assert queuectl("logs", id, "--json", code=0).json == expected
    queuectl.work()
    expected |= {"attempt": 1, "output": "é\ufffd\n"}
    assert queuectl("logs", id, "--json", code=0).json == expected
    assert queuectl("logs", id, "--attempt", "1", "--json", code=0).json == expected
    assert queuectl("logs", id, "--attempt", "2", "--json", code=3).error["code"] == "not-found"
    assert "--json" in queuectl("logs", id, "-f", "--json", code=2).error["message"]


def test_a_job_that_has_not_run_is_no_error(queuectl: Program) -> None:
    """It is told on standard error; an unknown job is 3."""
    (id,) = queuectl.enqueue("true")
    ran = queuectl("logs", id, code=0)
    assert ran.out == "" and "has not run" in ran.err
    queuectl("logs", "none", code=3)
    queuectl("logs", "none", "-f", code=3)
    queuectl("cancel", id, code=0)
    assert "has not run" in queuectl("logs", id, "-f", code=0).err


def test_a_long_output_is_printed_whole(queuectl: Program) -> None:
    """From the file that is kept; without it the last 64 KiB, and that is told."""
    (id,) = queuectl.enqueue("seq 100000")
    queuectl.work()
    whole = "".join(f"{n}\n" for n in range(1, 100001))
    assert queuectl("logs", id, code=0).out == whole
    (attempt,) = queuectl("show", id, "--json", code=0).json["attempts_log"]
    os.unlink(attempt["output_path"])
    ran = queuectl("logs", id, code=0)
    assert ran.out == whole[-65536:]
    assert "the last 64 KiB of" in ran.err


def test_a_dropped_middle_is_told(queuectl: Program) -> None:
    """It is left out, not printed as zeros."""
    (id,) = queuectl.enqueue("seq 100000")
    queuectl.work()
    (attempt,) = queuectl("show", id, "--json", code=0).json["attempts_log"]
    path = attempt["output_path"]
    with open(path, "rb") as file:
        whole = file.read()
    with open(path, "wb") as file:
        file.write(whole[:65536])
        file.seek(65536 * 5)
        file.write(whole[65536 * 5 :])
    if os.stat(path).st_blocks * 512 >= len(whole):
        pytest.skip("this file system has no holes")
    ran = queuectl("logs", id, code=0)
    assert ran.out.encode() == whole[:65536] + whole[65536 * 5 :]
    assert "256 KiB in the middle were dropped" in ran.err


def test_errors_that_are_kept_apart_go_apart(queuectl: Program) -> None:
    """To standard error."""
    (queuectl.cwd / "queuectl.yaml").write_text("executor:\n  plugin: subprocess\n  split: true\n")
    (id,) = queuectl.enqueue("echo out; echo err >&2")
    queuectl("--config", "queuectl.yaml", "worker", "start", "--drain", code=0)
    for arguments in ([id], [id, "-f"]):
        ran = queuectl("logs", *arguments, code=0)
        assert (ran.out, ran.err) == ("out\n", "err\n")
    found = queuectl("logs", id, "--json", code=0).json
    assert (found["output"], found["error_output"]) == ("out\n", "err\n")


def test_a_running_job_can_be_read(queuectl: Program, eventually: Eventually) -> None:
    """What it has written so far, as its next attempt by number too."""
    (id,) = queuectl.enqueue("echo hello; touch began; sleep 300")
    queuectl.start("worker", "start", "--drain")
    eventually((queuectl.cwd / "began").exists)
    assert queuectl("logs", id, code=0).out == "hello\n"
    assert queuectl("logs", id, "--attempt", "1", code=0).out == "hello\n"
    assert queuectl("logs", id, "--json", code=0).json["attempt"] == 1
    queuectl("cancel", id, code=0)
    assert queuectl("logs", id, "-f", code=0).out == "hello\n"


def test_following_goes_on_over_retries_and_ends_by_itself(queuectl: Program) -> None:
    """It waits for the first run, prints while the job writes, and ends when the job is in a final state."""
    command = "echo run $QUEUECTL_ATTEMPT; until [ -e go ]; do sleep 0.05; done; rm go; echo bye; exit 1"
    job: dict[str, Any] = {"command": command, "max_retries": 1, "backoff": {"plugin": "fixed", "delay": "100ms"}}
    (id,) = queuectl.enqueue(job)
    following = queuectl.start("logs", "-f", id, stderr=subprocess.DEVNULL)
    assert following.stdout is not None
    queuectl.start("worker", "start", "--drain")
    for number in (1, 2):
        assert following.stdout.readline() == b"run %d\n" % number
        assert following.poll() is None
        (queuectl.cwd / "go").touch()
        assert following.stdout.readline() == b"bye\n"
    assert following.stdout.readline() == b""
    assert following.wait(120) == 0


def test_following_what_has_ended_prints_it(queuectl: Program) -> None:
    """And ends at once."""
    (id,) = queuectl.dead("echo hello; exit 1")
    assert queuectl("logs", id, "--follow", code=0).out == "hello\n"
