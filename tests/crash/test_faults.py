"""The disk refuses an operation, each in turn: one clear error, nothing half-written, and all is well afterwards."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from tests.crash.faults.interposing import Interposer, recorded
from tests.crash.faults.scenes import REFUSED
from tests.crash.faults.staging import Players, is_note, is_sound, notes, reset, set_stage

FOR_EVER = 2**31
ALWAYS, ONCE = "from then on", "once"


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO], ids=errno.errorcode.__getitem__)
@pytest.mark.parametrize("how", [ALWAYS, ONCE])
@pytest.mark.parametrize("scene", ["create", "enqueue", "work", "take_over"])
def test_a_disk_that_refuses(
    interposer: Interposer, players: Players, quick_path: Path, scene: str, how: str, error: int
) -> None:
    """It is an error of queuectl or does no harm, and what was acknowledged is there once the disk is well again."""
    root, stage, log = interposer.root, quick_path / "stage", quick_path / "log"
    stage.mkdir(mode=0o700)
    set_stage(scene, stage)
    reset(root, stage)
    assert players.play(scene, log=log) == 0
    points = sum(not is_note(operation) for operation in recorded(log))
    refused = 0
    for point in range(1, points + 1, 2 if how == ONCE else 3):
        reset(root, stage)
        ended = players.play(scene, at=point, until=FOR_EVER if how == ALWAYS else point, error=error)
        assert ended in {0, REFUSED}, f"operation {point}"
        refused += ended == REFUSED
        is_sound(root, notes(root))
    assert refused >= 5
