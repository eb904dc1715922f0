"""The storage `journal`: every transaction is a line of JSON at the end of one file.

This module is what queuectl imports to learn that the storage exists and what can be set, which every command does: it
holds the settings, the hook and nothing that is slow to import. The rest is behind `create`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta
from queuectl import Context, Provider, hookimpl

if TYPE_CHECKING:
    from queuectl_example.journal.storage import JournalStorage

queuectl_api = 1
"""The version of the hooks that this module is made for: another one is refused in words, not with a traceback."""


@dataclass(frozen=True, kw_only=True)
class Journal:
    """What `storage:` may say beside `plugin: journal`.

    A field of type `Path` is relative to the file that it stands in. Defaults cannot depend on the surroundings, so
    that "in the data directory" is None here, and told in the description.
    """

    path: Annotated[Path | None, Meta(description="the file; null means jobs.journal in the data directory")] = None


def create(settings: Journal, context: Context) -> JournalStorage:
    """Open the storage."""
    from queuectl_example.journal.storage import JournalStorage

    path = settings.path or context.data / "jobs.journal"
    return JournalStorage(path, events=context.events, clock=context.clock)


@hookimpl
def queuectl_storages() -> Iterable[Provider]:
    """Offer the storage under the name of its entry point."""
    yield Provider("journal", Journal, create, summary="one file of JSON lines, for a few thousand jobs of one host")
