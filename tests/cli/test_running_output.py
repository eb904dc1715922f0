"""What becomes of output that is kept apart, or too long, from the command to `logs`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Program


def test_kept_apart_it_comes_out_apart(queuectl: Program) -> None:
    """Given `split`, when a job writes to both streams, then `logs` gives each on its own."""
    (id,) = queuectl.enqueue("echo out; echo err >&2; echo again")
    queuectl("worker", "start", "--drain", "--set", "executor.split=true", code=0)
    shown = queuectl("logs", id, code=0)
    assert (shown.out, shown.err) == ("out\nagain\n", "err\n")
    assert queuectl("logs", id, "--json").json["error_output"] == "err\n"


def test_together_it_keeps_its_order(queuectl: Program) -> None:
    """As a terminal would show it."""
    (id,) = queuectl.enqueue("echo out; echo err >&2; echo again")
    queuectl.work()
    shown = queuectl("logs", id, code=0)
    assert (shown.out, shown.err) == ("out\nerr\nagain\n", "")


def test_the_middle_of_a_very_long_one_takes_no_space(
    queuectl: Program, eventually: Callable[[Callable[[], object]], None], tmp_path: Path
) -> None:
    """Given `max-output`, when a job has written far more, then its head and tail stay, and `logs` says what went."""
    sparse = tmp_path / "sparse"
    sparse.write_bytes(b"x" * 65536)
    if not holes(sparse):
        pytest.skip("the file system of the temporary directory cannot punch holes: nothing is dropped there")
    write = "echo the head; head -c 8000000 /dev/zero | tr '\\0' x; echo; echo the tail"
    (id,) = queuectl.enqueue(f"{write}; while ! test -e go; do sleep 0.02; done")
    queuectl.start("worker", "start", "--drain", "--set", "executor.max-output=400KiB")
    logs = queuectl.home / "logs"
    eventually(lambda: any(path.stat().st_size > 8_000_000 for path in logs.glob("*.out")))
    (output,) = logs.glob("*.out")
    eventually(lambda: output.stat().st_blocks * 512 < 1_000_000)
    (queuectl.cwd / "go").touch()
    eventually(lambda: queuectl("show", id, "--json").json["state"] == "completed")
    shown = queuectl("logs", id, "--raw", code=0)
    assert shown.out.startswith("the head\n")
    assert shown.out.endswith("\nthe tail\n")
    assert len(shown.out) < 1_000_000
    assert "in the middle were dropped" in shown.err


def holes(file: Path) -> bool:
    """Whether a hole can be made in a file."""
    from queuectl_subprocess.kernel import punch_hole

    with file.open("rb+") as opened:
        return punch_hole(opened.fileno(), 0, 32768)
