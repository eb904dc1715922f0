"""Reading the lines that all processes of one run left in a folder.

A process may be killed in the middle of a line. Who writes begins each line on a new one, so that a torn line spoils
no other; it is passed over, as something that did not happen.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from benchmarks.chaos.final import Final
from benchmarks.chaos.history import History, put_together
from benchmarks.chaos.lines import AnyLine

FINAL = "final.json"
UNFINISHED = Final(faults=("the run did not come to its end: what is stored is not known",))

_decode = msgspec.json.Decoder(AnyLine).decode


def read_history(folder: Path) -> History:
    """Read a run of chaos: all `*.jsonl`, and what was there in the end."""
    final = folder / FINAL
    ending = msgspec.json.decode(final.read_bytes(), type=Final) if final.exists() else UNFINISHED
    return put_together(read_lines(folder), ending)


def read_lines(folder: Path) -> Iterator[AnyLine]:
    """Yield the whole lines of all files, in no order."""
    for path in sorted(folder.glob("*.jsonl")):
        with path.open("rb") as file:
            for line in file:
                if line.strip():
                    yield from _whole(line)


def _whole(line: bytes) -> Iterator[AnyLine]:
    try:
        yield _decode(line)
    except msgspec.DecodeError:
        return
