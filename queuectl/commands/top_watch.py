"""The loop of `queuectl top`: draws when something changes, when a key is pressed, and once a second for the times."""

from __future__ import annotations

import os
import re
import select
import shutil
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from queuectl.commands.frame import Session
from queuectl.commands.terminal import has_color
from queuectl.commands.top_view import View
from queuectl.engine.console import Console
from queuectl.errors import StorageError

TICK = 1.0
CALM = 0.25
"""Seconds in which many changes become one."""


def watch(session: Session, queue: str | None) -> None:
    """Show what happens until somebody quits."""
    with Console(session.config()) as console:
        console.totals()  # what is wrong with the store is told before the screen is taken
        view = View(console, queue, color=has_color(sys.stdout, session.color))
        with _changes(console) as bell, _screen(), suppress(KeyboardInterrupt):
            height = 0
            while not view.over:
                height = _step(view, bell, height)


def _step(view: View, bell: int, before: int) -> int:
    """Draw, and wait for something to do; return the height of the terminal, `before` the one that was looked for."""
    width, height = shutil.get_terminal_size()
    if height != before:
        view.look(height)
    # Each line is emptied before it is written: afterwards that would take the last character of a full one.
    frame = "\r\n".join(f"\x1b[2K{line}" for line in view.lines(height, width))
    sys.stdout.write(f"\x1b[H{frame}")
    sys.stdout.flush()
    ready, _, _ = select.select([sys.stdin.fileno(), bell], [], [], TICK)
    new = bool(view.trouble)
    if bell in ready:
        os.read(bell, 4096)
        new = new or not view.paused
    if sys.stdin.fileno() in ready:
        typed = _keys(os.read(sys.stdin.fileno(), 64))
        view.over = not typed  # the terminal has gone
        for key in typed:
            new = view.press(key) or new
    if new:
        view.look(height)
    return height


def _keys(typed: bytes) -> str:
    """Return what was typed, with the keys that the arrows stand for, and without other sequences."""
    text = typed.decode("utf-8", "ignore")
    for arrow, key in (("A", "k"), ("B", "j")):
        text = re.sub(rf"\x1b[\[O]{arrow}", key, text)
    return re.sub(r"\x1b(?:[\[O][0-9;]*.?)?", " ", text)


@contextmanager
def _screen() -> Iterator[None]:
    """Take the terminal's other screen, without a cursor, its keys as they are pressed; give all of it back."""
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        sys.stdout.write("\x1b[?1049h\x1b[?25l\x1b[?7l")
        yield
    finally:
        sys.stdout.write("\x1b[?7h\x1b[?25h\x1b[?1049l")
        sys.stdout.flush()
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


@contextmanager
def _changes(console: Console) -> Iterator[int]:
    """Yield a descriptor that can be read when the store has changed."""
    heard, ring = os.pipe()
    over = threading.Event()
    waiting = console.another()

    def listen() -> None:
        while not over.is_set():
            try:
                changed = waiting.wait(30.0)
            except StorageError:
                changed = True  # the next look tells what is wrong
                over.wait(TICK)
            if changed and not over.is_set():
                os.write(ring, b"!")
                over.wait(CALM)

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield heard
    finally:
        over.set()
        with suppress(StorageError):
            waiting.interrupt()
        thread.join()
        waiting.close()
        os.close(heard)
        os.close(ring)
