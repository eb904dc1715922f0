"""The power fails at each sync: what was acknowledged is there, whatever else the disk kept."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.crash.faults.disk import Disk, lay_out
from tests.crash.faults.interposing import Interposer, Operation, recorded
from tests.crash.faults.scenes import NOTES
from tests.crash.faults.staging import Players, is_note, is_sound

SEEDS = 3
"""How many different parts of what was not synced are kept at each moment, besides all of it and nothing."""


@pytest.mark.parametrize("scene", ["create", "enqueue", "work", "take_over"])
def test_what_was_acknowledged_survives_a_loss_of_power(
    interposer: Interposer, players: Players, quick_path: Path, scene: str
) -> None:
    """Before and after every sync, with all, with nothing, and with torn parts of what was not synced."""
    log = quick_path / "log"
    for each in dict.fromkeys(["create", scene]):
        assert players.play(each, log=log) == 0
    operations = list(recorded(log))
    disk = Disk()
    acknowledged: list[tuple[str, str]] = []
    states = 0
    for index, operation in enumerate(operations):
        acknowledged += _noted(operation)
        if operation.kind == "S" or index + 1 == len(operations):
            states += _survives(disk, acknowledged, interposer.root, quick_path / f"{index}-before")
        disk.do(operation)
        if operation.kind == "S" or _noted(operation):
            states += _survives(disk, acknowledged, interposer.root, quick_path / f"{index}-after")
    assert states >= 5 * 10


def _noted(operation: Operation) -> Sequence[tuple[str, str]]:
    if not is_note(operation) or operation.kind != "W":
        return ()
    words = [line.split(" ") for line in operation.data.decode().splitlines()]
    return [(what, id) for what, id in words]


def _survives(disk: Disk, acknowledged: list[tuple[str, str]], root: Path, place: Path) -> int:
    """Check some of the states in which the disk may be after a loss of power now; return how many."""
    outcomes = [disk.after_power_loss(None), disk.after_power_loss(None, lose=True)]
    outcomes += [disk.after_power_loss(random.Random(f"{place.name} {seed}")) for seed in range(SEEDS)]
    for number, outcome in enumerate(outcomes):
        there = place.with_name(f"{place.name}-{number}")
        there.mkdir(mode=0o700)
        lay_out({path: content for path, content in outcome.items() if path.name != NOTES}, root, there)
        is_sound(there, acknowledged)
    return len(outcomes)
