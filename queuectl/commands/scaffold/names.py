"""What a new plugin is called, wherever it has a name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from queuectl.commands.escape import visible
from queuectl.errors import UsageError
from queuectl.registry import BUILTINS
from queuectl.registry.builtins import kind_of

PREFIX = "queuectl-"
KINDS = tuple(BUILTINS)
LONGEST = 30
WORDS_OF_YAML = frozenset({"null", "true", "false"})
"""What YAML does not read as a text, so that `plugin: null` selects nothing."""

_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")


@dataclass(frozen=True)
class Names:
    """The names of a plugin: `name` is the word in the YAML."""

    name: str

    @property
    def distribution(self) -> str:
        """What is installed."""
        return PREFIX + self.name

    @property
    def package(self) -> str:
        """What is imported."""
        return self.distribution.replace("-", "_")


def names_of(typed: str) -> Names:
    """Return the names that follow from one, with or without `queuectl-` before it.

    Raises UsageError when no plugin may be called so.
    """
    name = typed.removeprefix(PREFIX)
    if not _NAME.fullmatch(name):
        what = f"'{visible(typed)}' cannot be the name of a plugin: only small letters, digits and single '-' inside"
        raise UsageError(what, hint=_remedy(name))
    if len(name) > LONGEST:
        raise UsageError(f"'{typed}' is too long for the name of a plugin: {len(name)} characters of {LONGEST}")
    if name in WORDS_OF_YAML:
        raise UsageError(f"'{name}' cannot be the name of a plugin: YAML has its own meaning for that word")
    kind = kind_of(name)
    if kind is not None:
        raise UsageError(f"'{name}' is the name of a built-in {kind}, and cannot be replaced")
    names = Names(name)
    if any(names.package in modules.values() for modules in BUILTINS.values()):
        raise UsageError(f"'{name}' is taken: {names.package} is a package of queuectl itself")
    return names


def _remedy(name: str) -> str | None:
    near = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-0123456789")
    return f"for instance {near}" if _NAME.fullmatch(near) else None
