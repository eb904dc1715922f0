"""The backoffs as a configuration gets them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import queuectl_backoff
from queuectl import Backoff
from queuectl.config import load_config

if TYPE_CHECKING:
    from tests.unit.backoff.conftest import Fail


def configured(folder: Path, text: str) -> Backoff:
    """Return the backoff of a configuration file."""
    (folder / "queuectl.yaml").write_text(f"backoff: {text}\n")
    config = load_config(folder / "queuectl.yaml", environ={"HOME": str(folder), "QUEUECTL_HOME": str(folder)})
    backoff: Backoff = config.create(config.backoff("default"))
    return backoff


def test_the_names() -> None:
    """Five, each with a summary for people."""
    providers = list(queuectl_backoff.queuectl_backoffs())
    assert [each.name for each in providers] == ["exponential", "linear", "fixed", "schedule", "none"]
    assert all(each.summary for each in providers)


@pytest.mark.parametrize(
    ("text", "delays"),
    [
        ("{}", [2, 4, 8]),
        ("{base: 3, max-delay: 10s}", [3, 9, 10]),
        ("{plugin: linear, step: 1m}", [60, 120, 180]),
        ("{plugin: fixed, delay: 1m30s}", [90, 90, 90]),
        ("{plugin: schedule, delays: [5s, 2m], then: give-up}", [5, 120, None]),
        ("{plugin: none}", [0, 0, 0]),
    ],
)
def test_from_a_file(tmp_path: Path, fail: Fail, text: str, delays: list[float | None]) -> None:
    """Each is picked and set in YAML."""
    backoff = configured(tmp_path, text)
    assert [backoff.delay(fail(attempts)) for attempts in (1, 2, 3)] == delays
