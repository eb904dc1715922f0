"""The programs that are measured with: ours, the C ones that are compiled for it, and those of others."""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from array import array
from collections.abc import Mapping
from pathlib import Path

SOURCES = Path(__file__).parent
PEERS = SOURCES / "peers"
QUEUECTL = (sys.executable, "-m", "queuectl")
TRUE = "/bin/true"

_LEFT_OUT = ("QUEUECTL_", "PYTHONDONTWRITEBYTECODE")
"""An installed program was compiled once."""


@functools.cache
def compiled(name: str) -> Path | None:
    """Compile a program, once; None where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    program = Path(tempfile.mkdtemp(prefix="queuectl-speed-")) / name
    subprocess.run([compiler, "-O2", "-o", program, SOURCES / f"{name}.c"], check=True)
    return program


def forget_compiled() -> None:
    """Remove what was compiled."""
    for name in ("spawn", "stamp"):
        program = compiled(name)
        if program is not None:
            shutil.rmtree(program.parent)


def lacks_compiler() -> str | None:
    """Say what is missing where nothing can be compiled."""
    return None if compiled("spawn") else "no C compiler"


def lacks_command(*names: str) -> str | None:
    """Say what is missing where none of these commands is installed."""
    return None if any(shutil.which(name) for name in names) else f"{names[0]} is not installed"


@functools.cache
def lacks_module(name: str) -> str | None:
    """Say what is missing where a module is not installed, or cannot be imported here."""
    if importlib.util.find_spec(name) is None:
        return f"{name} is not installed"
    tried = subprocess.run([sys.executable, "-c", f"import {name}"], capture_output=True, check=False, text=True)
    return f"{name} cannot be used here: {tried.stderr.strip().splitlines()[-1]}" if tried.returncode else None


def environment(folder: Path) -> Mapping[str, str]:
    """Return the environment for a queuectl whose data lies in a folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)}
    return {**kept, "QUEUECTL_HOME": str(folder / "home")}


def run(folder: Path, *words: str | Path, text: str | None = None) -> str:
    """Run a program in a folder, and return what it printed. Raises CalledProcessError."""
    done = subprocess.run(
        words, cwd=folder, env=environment(folder), input=text, capture_output=True, check=True, text=True
    )
    return done.stdout


def stamps(path: Path) -> list[float]:
    """Return the monotonic times, in seconds, that jobs wrote into a file, in order."""
    times = array("q", path.read_bytes() if path.exists() else b"")
    return sorted(nanoseconds / 1e9 for nanoseconds in times)


def rate(times: list[float]) -> float:
    """Return how many a second there were, from the first to the last: what starts and stops does not count."""
    return (len(times) - 1) / (times[-1] - times[0])
