"""The loop of `queuectl top`: draws when something changes, when a key is pressed, and once a second for the times."""

from __future__ import annotations

import os
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
            view.look(shutil.get_terminal_size().lines)
            while not view.over:
                _step(view, bell)


def _step(view: View, bell: int) -> None:
    height = shutil.get_terminal_size().lines
    frame = "\x1b[K\r\n".join(view.lines(height))
    sys.stdout.write(f"\x1b[H{frame}\x1b[K\x1b[J")
    sys.stdout.flush()
    ready, _, _ = select.select([sys.stdin.fileno(), bell], [], [], TICK)
    new = False
    if bell in ready:
        os.read(bell, 4096)
        new = not view.paused
    if sys.stdin.fileno() in ready:
        typed = os.read(sys.stdin.fileno(), 64).decode("utf-8", "ignore")
        view.over = not typed  # the terminal has gone
        for key in typed:
            new = view.press(key) or new
    if new:
        view.look(height)


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
