"""Lines are written so that whoever is killed while writing spoils nobody's."""

from __future__ import annotations

from pathlib import Path

import msgspec

from benchmarks.chaos.checker import check
from benchmarks.chaos.final import Final, Stored
from benchmarks.chaos.journal import Journal, now
from benchmarks.chaos.lines import Began, Ended, Signalled
from benchmarks.chaos.reading import FINAL, read_history, read_lines


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """A run is put together from its two lines, and beside it stands what was there in the end."""
    journal = Journal(tmp_path / "commands.jsonl")
    began = Began(job="a", attempt=1, lease="host.w.7", alone=True, **now())
    journal.write(began)
    journal.write(Ended(job="a", attempt=1, lease="host.w.7", code=3, **now()))
    journal.close()
    (tmp_path / FINAL).write_bytes(msgspec.json.encode(Final(jobs=(Stored(id="a", state="dead"),))))
    history = read_history(tmp_path)
    (run,) = history.runs
    assert (run.worker, run.token, run.begin, run.code) == ("host.w", 7, began.mono, 3)
    assert history.stored["a"].state == "dead"


def test_a_torn_line_spoils_no_other(tmp_path: Path) -> None:
    """What a killed process wrote half of did not happen; the next line is whole."""
    path = tmp_path / "storm.jsonl"
    path.write_text('\n{"line":"signalled","pid":1,"wa')
    journal = Journal(path)
    line = Signalled(signal="SIGKILL", role="worker", to=17, **now())
    journal.write(line)
    journal.close()
    assert [*read_lines(tmp_path)] == [line]


def test_a_run_that_was_cut_off_is_not_sound(tmp_path: Path) -> None:
    """What is stored was never written down, so nothing is known to be right."""
    assert [*check(read_history(tmp_path))] == ["store, host and run are sound in the end"]
