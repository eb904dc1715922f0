"""The child: is told on standard input what to call, and calls it.

It is run as a file, and imports nothing of queuectl, so that it starts as fast as Python does. What the function
returns is printed; an exception is a traceback and exit code 1, and `sys.exit(75)` exit code 75, as in any program.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from operator import attrgetter


def main() -> None:
    """Call the function."""
    told = json.load(sys.stdin)
    _sign(told["mark"])
    sys.path[:0] = [*told["search"], os.getcwd()]
    result = _found(told["function"])(*told["words"], **told["arguments"])
    if result is not None:
        print(result)


def _found(function: str) -> Callable[..., object]:
    """Import `module:name`, where the name may have dots in it."""
    module, _, name = function.partition(":")
    found: Callable[..., object] = attrgetter(name)(import_module(module))
    return found


def _sign(mark: int) -> None:
    """Say in the mark who this is. A process that the function forks must not keep the mark locked after us."""
    os.pwrite(mark, str(os.getpid()).encode(), 0)
    os.set_inheritable(mark, False)
    os.register_at_fork(after_in_child=partial(os.close, mark))


if __name__ == "__main__":
    main()
