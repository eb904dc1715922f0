"""The trace of plugins: a line on standard error for each call into one. Imported only where it is asked for."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from queuectl.registry.blame import brief
from queuectl.registry.telling import told
from queuectl.registry.trace import P, Plugin, T
from queuectl.secrets import masked

LONGEST = 300
"""How many characters of a call, or of what came of it, are shown."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Writes a line for each call into the plugins of these names, or of all where there are none."""

    names: frozenset[str] | None = None

    def around(self, plugin: Plugin, name: str, call: Callable[P, T]) -> Callable[P, T]:
        """Return what calls it and then tells who was called with what, what came of it and how long it took."""
        if self.names is not None and plugin.name not in self.names:
            return call

        def traced(*args: P.args, **kwargs: P.kwargs) -> T:
            began = time.perf_counter()
            try:
                result = call(*args, **kwargs)
            except BaseException as error:
                ended = time.perf_counter()
                _write(plugin, _called(name, args, kwargs), f"raised {masked('', brief(error))}", ended - began)
                raise
            ended = time.perf_counter()
            _write(plugin, _called(name, args, kwargs), f"-> {told(result)}", ended - began)
            return result

        return traced


def _called(name: str, args: Collection[object], kwargs: dict[str, object]) -> str:
    given = [told(value) for value in args] + [f"{key}={told(value, key)}" for key, value in kwargs.items()]
    return f"{name}({', '.join(given)})"


def _write(plugin: Plugin, called: str, outcome: str, seconds: float) -> None:
    line = f"trace {os.getpid()} {plugin} {_cut(called)} {_cut(outcome)} in {seconds * 1000:.3f} ms\n"
    with contextlib.suppress(OSError, ValueError, AttributeError):  # a standard error that is full, closed or not there
        sys.stderr.write(line)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
