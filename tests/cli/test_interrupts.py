"""Ctrl-C while a command is still being put together."""

from __future__ import annotations

import subprocess
import sys

import pytest

SNIPPETS = {
    "in a dataclass": """
class Interrupting:
    def __set_name__(self, *_): raise KeyboardInterrupt
try:
    type("Class", (), {"name": Interrupting()})
except RuntimeError as error:
    raise error
""",
    "in an exec": 'exec("raise KeyboardInterrupt")',
    "in a callback": """
import time, weakref
class Thing: pass
thing = Thing()
def callback(_): raise KeyboardInterrupt
reference = weakref.ref(thing, callback)
del thing
time.sleep(60)
""",
}


@pytest.mark.parametrize("where", SNIPPETS)
def test_an_interrupt_always_ends_it(where: str) -> None:
    """As 130, in silence, wherever Python was."""
    program = f"""
from queuectl import cli
def call(*_):
    exec({SNIPPETS[where]!r}, {{}})
cli._call = call
cli.main([])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
