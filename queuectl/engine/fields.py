"""The fields of a new job: each is read by one function, which returns the value as it is stored.

They raise ValueError with what was expected and what was given instead; whoever calls them knows the place.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from queuectl.config.settings import INTEGER
from queuectl.engine.times import parse_time
from queuectl.model.job import Command
from queuectl.units import Duration

LONGEST = 36_525 * 86_400
"""A hundred years in seconds: no delay and no timeout is longer."""

_DEEPEST = 32


def read_command(value: Any) -> Command:
    """Read a text for the shell, or a program with its arguments."""
    if isinstance(value, str):
        if not value or value.isspace():
            raise ValueError(f"expected a command, got {shown(value)}")
        return _argument(value)
    if not isinstance(value, list | tuple):
        raise ValueError(f"expected a text, or a list of texts, got {shown(value)}")
    if not value:
        raise ValueError("expected a program and its arguments, got an empty list")
    for index, part in enumerate(value):
        if not isinstance(part, str):
            raise ValueError(f"expected a list of texts, got {shown(part)} as its item {index + 1}")
    if not value[0]:
        raise ValueError("the name of the program is empty")
    return tuple(map(_argument, value))


def read_name(value: Any) -> str:
    """Read the name of a job, a queue or a tag: 1 to 128 characters that can be seen, no space at either end."""
    if not isinstance(value, str):
        raise ValueError(f"expected a text, got {shown(value)}")
    # Control, format (the bidirectional ones are among them), surrogate and unassigned characters are not printable.
    if not (0 < len(value) <= 128 and value.isprintable()) or value[0] == " " or value[-1] == " ":
        raise ValueError(f"{_objection(value)}, got {shown(value)}")
    return _exact(value)


def read_tags(value: Any) -> tuple[str, ...]:
    """Read a list of tags; one that stands there twice counts once."""
    if not isinstance(value, list | tuple | set | frozenset):
        raise ValueError(f"expected a list of texts, got {shown(value)}")
    return tuple(dict.fromkeys(map(read_name, value)))


def read_env(value: Any) -> dict[str, str]:
    """Read environment variables. Values are not repeated in errors: they may be secrets."""
    if not isinstance(value, Mapping):
        raise ValueError(f"expected names with texts, got {kind(value)}")
    return {_variable(name): _variable_text(name, text) for name, text in value.items()}


def read_cwd(value: Any) -> str:
    """Read a directory; it need not exist yet."""
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(path, str) or not path:
        raise ValueError(f"expected a directory, got {shown(value)}")
    return _argument(path)


def read_timeout(value: Any) -> float:
    """Read how long a run may take."""
    seconds = read_delay(value)
    if seconds == 0:
        raise ValueError(f"expected a duration above 0, got {shown(value)}")
    return seconds


def read_delay(value: Any) -> float:
    """Read a duration in seconds, or as `90s` or `1h30m`."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"expected a duration such as 90s or 1h30m, got {shown(value)}")
    if isinstance(value, int) and abs(value) > LONGEST:  # it may be too long for a float too
        raise ValueError(f"expected a duration from 0 to 100 years, got {shown(value)}")
    seconds = float(Duration(value))
    if seconds > LONGEST:
        raise ValueError(f"expected a duration from 0 to 100 years, got {shown(value)}")
    return seconds


def read_run_at(value: Any) -> float:
    """Read a moment."""
    from datetime import datetime

    if not isinstance(value, str | datetime):
        raise ValueError(f"expected a time such as 2026-01-02T03:04:05Z, got {shown(value)}")
    return parse_time(value)


def read_priority(value: Any) -> int:
    """Read a priority."""
    return _integer(value, -INTEGER)


def read_count(value: Any) -> int:
    """Read how many: of runs that may follow the first, for instance."""
    return _integer(value, 0)


def read_settings(value: Any) -> dict[str, Any]:
    """Read a mapping of settings; whoever they are for checks them."""
    if not isinstance(value, Mapping):
        raise ValueError(f"expected a mapping of settings, got {shown(value)}")
    settings: dict[str, Any] = _plain(value)
    return settings


def read_backoff(value: Any) -> str | dict[str, Any]:
    """Read the name of a backoff, or a mapping as in the configuration."""
    if isinstance(value, str):
        return read_name(value)
    if not isinstance(value, Mapping):
        raise ValueError(f"expected a backoff's name, or a mapping with `plugin` and its settings, got {shown(value)}")
    return read_settings(value)


READERS: Mapping[str, Callable[[Any], Any]] = {
    "id": read_name,
    "command": read_command,
    "queue": read_name,
    "priority": read_priority,
    "run_at": read_run_at,
    "delay": read_delay,
    "timeout": read_timeout,
    "max_retries": read_count,
    "cwd": read_cwd,
    "env": read_env,
    "tags": read_tags,
    "backoff": read_backoff,
    "options": read_settings,
}
"""What may be given, in the order in which people are told."""


def shown(value: object) -> str:
    """Show a value, cut where it is long."""
    try:
        text = repr(value)
    except ValueError:  # an integer of more digits than Python writes
        return "a very long number"
    except RecursionError:
        return "something nested very deeply"
    return text if len(text) <= 60 else f"{text[:57]}…"


def kind(value: object) -> str:
    """Say what kind of value it is, for values that are not to be shown."""
    if isinstance(value, Mapping):
        return "a mapping"
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list"}
    return "null" if value is None else kinds.get(type(value), type(value).__name__)


def _variable(name: object) -> str:
    if not isinstance(name, str) or not name or "=" in name:
        raise ValueError(f"expected the name of a variable, got {shown(name)}")
    return _argument(name)


def _variable_text(name: str, text: object) -> str:
    if not isinstance(text, str):
        raise ValueError(f"{shown(name)}: expected a text, got {kind(text)}")
    try:
        return _argument(text)
    except ValueError as error:
        raise ValueError(f"{shown(name)}: {error}") from None


def _exact(text: str) -> str:
    """Return a text that is no more than a text, such as the member of an enumeration is."""
    return text if type(text) is str else str.__str__(text)


def _argument(text: str) -> str:
    """Return a text that can be handed to a program."""
    if "\0" in text:
        raise ValueError("holds a NUL character, which no program can be given")
    if not text.isascii():
        _encodable(text)
    return _exact(text)


def _encodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"holds {text[error.start]!a}, which is no character") from None


def _objection(name: str) -> str:
    if not name or len(name) > 128:
        return "expected 1 to 128 characters"
    if not name.isprintable():
        return "expected characters that can be seen, no control, invisible or bidirectional ones"
    return "expected no space at the beginning or the end"


def _integer(value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= INTEGER:
        raise ValueError(f"expected an integer from {least} to {INTEGER}, got {shown(value)}")
    return int(value)


def _plain(value: Any, depth: int = 0) -> Any:
    """Return a value as JSON has it: no other types, no NaN, nothing that is shared with the caller."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        _encodable(value)
        return _exact(value)
    if isinstance(value, float) and isfinite(value):
        return float(value)
    if depth == _DEEPEST:
        raise ValueError("is nested too deeply")
    if isinstance(value, list | tuple):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, Mapping):
        return {_key(key): _plain(item, depth + 1) for key, item in value.items()}
    raise ValueError(f"expected what JSON can hold, got {shown(value)}")


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise ValueError(f"expected a key that is a text, got {shown(key)}")
    _encodable(key)
    return _exact(key)
