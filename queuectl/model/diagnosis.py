"""What a storage can tell of its own health."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable


class Health(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    """Nothing is wrong yet, but somebody should look."""
    ERROR = "error"
    """Jobs cannot be stored or run, or may be lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was looked at, in a word or two, what was found, and what to type when it is not well."""

    check: str
    health: Health
    text: str
    hint: str | None = None


@runtime_checkable
class DiagnosedStorage(Protocol):
    """A storage that can tell what of its surroundings an operator may have got wrong."""

    def diagnose(self) -> Sequence[Finding]:
        """Look at versions, places, permissions and sizes; `check` has looked at what is stored. Changes nothing."""
        ...
