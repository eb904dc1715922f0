"""What a host is, and since when."""

from __future__ import annotations

import socket
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from queuectl.engine import boot


def test_all_processes_of_a_boot_agree() -> None:
    """Another process reads the same."""
    code = "from queuectl.engine.boot import boot_id; print(boot_id())"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == boot.boot_id() != ""


def test_where_no_file_tells_it_the_system_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS, for what stays the same when its clock is set."""
    monkeypatch.setattr(boot, "sys", SimpleNamespace(platform="darwin"))
    asked: list[Any] = []

    def run(call: list[str], **_: object) -> object:
        asked.append(call)
        return SimpleNamespace(stdout="0D7B8A3C-0000-4000-8000-000000000001\n")

    monkeypatch.setattr(subprocess, "run", run)
    assert boot.boot_id() == "0D7B8A3C-0000-4000-8000-000000000001"
    assert asked[0][-1] == "kern.bootsessionuuid"


def test_the_name_is_for_people() -> None:
    """It is what they call the host."""
    assert boot.host_name() == socket.gethostname()
