"""The unit for systemd starts what there is, and stops it without killing its jobs."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "config" / "queuectl.service"


@pytest.fixture
def unit() -> ConfigParser:
    """The unit's sections."""
    parser = ConfigParser(interpolation=None, comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's keys have capitals
    parser.read(UNIT)
    return parser


def test_what_it_starts_is_a_command(unit: ConfigParser) -> None:
    """Given the line that systemd runs, then queuectl understands every word of it."""
    program, *words = shlex.split(unit["Service"]["ExecStart"])
    assert Path(program).name == "queuectl"
    call = [sys.executable, "-m", "queuectl", *words, "--help"]
    assert "Usage: queuectl worker start " in subprocess.check_output(call, text=True, timeout=60)


def test_stopping_it_kills_no_job(unit: ConfigParser) -> None:
    """Given a stop, then the supervisor alone gets SIGTERM, and has time."""
    service = unit["Service"]
    assert service["KillMode"] == "mixed"
    assert service["KillSignal"] == "SIGTERM"
    assert service["TimeoutStopSec"] == "1h"
    assert service["Restart"] == "on-failure"


def test_systemd_finds_no_fault(tmp_path: Path) -> None:
    """Given systemd, then it accepts every key and value."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("no systemd here")
    program = tmp_path / "queuectl"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    text = UNIT.read_text().replace("/usr/local/bin/queuectl", str(program))
    copy = tmp_path / "queuectl.service"
    copy.write_text(text)
    done = subprocess.run([analyze, "verify", str(copy)], capture_output=True, text=True, check=False, timeout=60)
    assert [line for line in done.stderr.splitlines() if "queuectl.service" in line] == []
