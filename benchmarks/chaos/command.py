"""The command that all jobs run: compiled where there is a compiler, so that it costs next to nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def build(folder: Path) -> list[str]:
    """Return the beginning of a job's command, built in a folder."""
    return compiled(folder) or interpreted()


def compiled(folder: Path) -> list[str] | None:
    """Compile the command; None where that does not work."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    program = folder / "deed"
    command = [compiler, "-O1", "-o", str(program), str(HERE / "deed.c")]
    done = subprocess.run(command, capture_output=True, check=False)
    return [str(program)] if done.returncode == 0 else None


def interpreted() -> list[str]:
    """Return the command that needs no compiler."""
    return [sys.executable, "-I", "-S", str(HERE / "deed.py")]
