"""Plugins are shown without being imported, unless they are used."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from queuectl.config import load_config
from queuectl.engine.plugged import plugged

if TYPE_CHECKING:
    from tests.unit.conftest import Install

BACKOFF = """
from dataclasses import dataclass
from queuectl import Provider, hookimpl

@dataclass(frozen=True, kw_only=True)
class Never:
    def delay(self, failure):
        return None

@hookimpl
def queuectl_backoffs():
    yield Provider("{name}", Never, summary="gives up")
"""


def test_a_plugin_that_nobody_uses_is_not_imported(install: Install, tmp_path: Path) -> None:
    """Of one that is used all is told; of another only where it comes from."""
    install("queuectl-never", BACKOFF.format(name="never"))
    install("queuectl-idle", BACKOFF.format(name="idle"))
    file = tmp_path / "queuectl.yaml"
    file.write_text("queues: {mail: {backoff: never}}\n")
    config = load_config(file, environ={"QUEUECTL_HOME": str(tmp_path / "home")})
    rows = {row["name"]: row for row in plugged(config)}
    assert rows["never"]["used"] and rows["never"]["kind"] == "backoff" and rows["never"]["summary"] == "gives up"
    assert not rows["idle"]["used"] and rows["idle"]["kind"] is None
    assert rows["idle"]["distribution"] == "queuectl-idle"
    assert "queuectl_idle" not in sys.modules


def test_what_comes_with_queuectl_is_told_by_what_it_offers(tmp_path: Path) -> None:
    """A command is one too."""
    rows = {row["name"]: row for row in plugged(load_config(environ={"QUEUECTL_HOME": str(tmp_path)}))}
    assert rows["dashboard"]["kind"] == "command" and rows["sqlite"]["kind"] == "storage"
