"""A guard around a third party's storage: whatever it raises is an error of a storage, and names the plugin."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from queuectl.errors import QueuectlError, StorageError
from queuectl.model.lease import Beat, Exchange
from queuectl.registry.blame import brief, shown
from queuectl.registry.found import Found
from queuectl.registry.making import name_in
from queuectl.registry.seams import Proxy, methods_of

ANSWERS: dict[str, type] = {"exchange": Exchange, "beat": Beat}
"""What workers live by: from an answer of another type they would die, one after the other."""


def guarded(found: Found, storage: Any) -> Proxy:
    """Return a storage that raises errors of ours alone, each with the plugin's name.

    Errors that answer a question, such as that an id is taken, pass as they are.
    """
    methods: dict[str, object] = {
        name: _guard(found, name, getattr(storage, name), ANSWERS.get(name)) for name in methods_of("storage", storage)
    }
    methods["interrupt"] = _interrupt(found, storage.interrupt)
    return Proxy(storage, methods)


def _guard(found: Found, name: str, method: Callable[..., Any], answer: type | None) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            result = method(*args, **kwargs)
        except KeyboardInterrupt:  # is not the plugin's doing
            raise
        except StorageError as error:
            name_in(error, str(found))
            raise
        except QueuectlError:
            raise
        except BaseException as error:  # a wall: it is a plugin's code
            raise StorageError(f"{found} failed in {name}: {brief(error)}") from error
        if answer is not None and not isinstance(result, answer):
            raise StorageError(f"{found} returned {shown(result)} from {name}, not {answer.__name__}")
        return result

    return call


def _interrupt(found: Found, method: Callable[[], None]) -> Callable[[], None]:
    """Guard what is called where nobody could deal with an error: a wait that is not interrupted ends by itself."""
    told = False

    def interrupt() -> None:
        nonlocal told
        try:
            method()
        except BaseException as error:  # a wall: it is a plugin's code
            if not told and sys.stderr is not None:
                told = True
                sys.stderr.write(f"warning: {found} failed in interrupt: {brief(error)}\n")

    return interrupt
