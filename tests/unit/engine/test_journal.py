"""The log of workers: JSON for programs, lines for people, and no reason for anything to fail."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import contextlib
import sys
import structlog
from queuectl.engine import journal

journal.configure(debug={debug}, color=False, terminal={terminal})
log = structlog.get_logger().bind(worker="w")
with structlog.contextvars.bound_contextvars(job="a"):
    log.debug("detail")
    log.warning("odd", what=object, api_token="hush")
try:
    raise ValueError("wrong")
except ValueError:
    log.error("failed", exc_info=True)
with contextlib.suppress(OSError):  # what a full disk did not take is tried once more
    sys.stderr.close()
log.info("nobody hears this")
"""


def logged(*, debug: bool = False, terminal: bool | None = None, stderr: int = subprocess.PIPE) -> str:
    """Return what a process of its own logs."""
    program = PROGRAM.format(debug=debug, terminal=terminal)
    return subprocess.run([sys.executable, "-c", program], stderr=stderr, text=True, check=True).stderr or ""


def test_a_program_reads_a_json_object_a_line() -> None:
    """With all that is bound, a time in UTC, no secrets, and exceptions as text; details only when asked for."""
    odd, failed = map(json.loads, logged().splitlines())
    assert (odd["event"], odd["level"], odd["worker"], odd["job"]) == ("odd", "warning", "w", "a")
    assert odd["timestamp"].endswith("Z")
    assert (odd["api_token"], odd["what"]) == ("***", "<class 'object'>")
    assert "ValueError: wrong" in failed["exception"]
    assert "job" not in failed
    assert [json.loads(line)["event"] for line in logged(debug=True).splitlines()] == ["detail", "odd", "failed"]


def test_people_read_lines() -> None:
    """With the traceback below its line, and no secrets either."""
    text = logged(terminal=True)
    assert "hush" not in text
    assert "\x1b" not in text
    assert [line for line in text.splitlines() if line.startswith("ValueError: wrong")]


def test_a_log_that_cannot_be_written_stops_nothing() -> None:
    """As on a full disk; the process ends well."""
    with open("/dev/full", "w") as full:
        logged(stderr=full.fileno())
