"""Key paths as people type them: `jobs.max-retries`, `max-retries`, `backoff-base`, `queues."my.queue".timeout`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from queuectl.config.fields import Field, fields_of
from queuectl.config.settings import PER_QUEUE, SECTIONS, JobDefaults
from queuectl.config.tree import dashed
from queuectl.errors import UsageError

Path = tuple[str, ...]


class Key(Struct, frozen=True):
    """A setting that exists: its path, and what is known of it (None for `plugin` and for lists of the core)."""

    path: Path
    field: Field | None = None


def written(path: Iterable[str]) -> str:
    """Write a path as it would be typed."""
    return ".".join(f'"{part}"' if "." in part or '"' in part or not part else part for part in path)


def split(text: str) -> list[str]:
    """Take a typed path apart at its dots; a part with a dot in it stands in quotes. Raises UsageError."""
    parts, rest = [], text.strip()
    while True:
        if rest[:1] in ('"', "'"):
            part, quote, rest = rest[1:].partition(rest[0])
            if not quote or rest[:1] not in ("", "."):
                raise UsageError(f"{text}: a quote in this key is not closed")
        else:
            part, rest = (rest.split(".", 1)[0], rest[len(rest.split(".", 1)[0]) :])
            if not part:
                raise UsageError(f"not a key: {text!r}", hint="queuectl config list shows all keys")
        parts.append(part)
        if not rest:
            return parts
        rest = rest[1:]


def complete(text: str, known: Sequence[Key], queues: Iterable[str]) -> Path:
    """Return the whole path of a typed key, whether or not such a setting exists.

    A short form is the setting's own name, or section and name joined by `-`. Raises UsageError when it means nothing,
    or more than one thing.
    """
    parts = split(text)
    section = dashed(parts[0])
    if section == "queues" and len(parts) > 1:
        return ("queues", *_in_queue(parts[1:], set(queues)))
    if section in SECTIONS:
        return (section, *(dashed(part) for part in parts[1:2]), *parts[2:])
    short = dashed(text.strip())
    settings = [key for key in known if key.path[0] != "queues" and len(key.path) == 2]
    meant = [key.path for key in settings if short in (key.path[-1], "-".join(key.path))]
    if len(meant) == 1 and len(parts) == 1:
        return meant[0]
    if len(meant) > 1:
        names = ", ".join(map(written, meant))
        raise UsageError(f"the key '{text}' is ambiguous", hint=f"it may mean {names}")
    raise unknown(text, known)


def unknown(text: str, known: Sequence[Key]) -> UsageError:
    """Return the error for a key that does not exist, with the nearest that does."""
    from difflib import get_close_matches

    names = {written(key.path): written(key.path) for key in known}
    names |= {key.path[-1]: written(key.path) for key in known if len(key.path) == 2 and key.path[-1] != "plugin"}
    near = get_close_matches(dashed(text), list(names), n=1)
    hint = f"did you mean {names[near[0]]}?" if near else "queuectl config list shows all keys"
    return UsageError(f"no such key: {text}", hint=hint)


def _in_queue(parts: list[str], queues: set[str]) -> Path:
    """Tell where the name of a queue, which may have dots, ends and the key begins."""
    for length in range(len(parts), 0, -1):
        if ".".join(parts[:length]) in queues:
            return _queue_path(parts, length)
    keys = {*fields_of(JobDefaults), *PER_QUEUE}
    length = next((index for index in range(1, len(parts)) if dashed(parts[index]) in keys), 1)
    return _queue_path(parts, length)


def _queue_path(parts: list[str], length: int) -> Path:
    name, rest = ".".join(parts[:length]), parts[length:]
    return (name, *(dashed(part) for part in rest[:2]), *rest[2:])
