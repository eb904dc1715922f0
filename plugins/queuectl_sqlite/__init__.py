"""The built-in storage: one SQLite database on this host, shared by any number of processes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from queuectl import Context, Provider, hookimpl

if TYPE_CHECKING:
    from queuectl_sqlite.storage import SqliteStorage

queuectl_api = 1


@dataclass(frozen=True, kw_only=True)
class Sqlite:
    """One file on a local disk, shared by all processes of this host."""

    path: Annotated[
        str | None, msgspec.Meta(description="the database file; null means jobs.db in the data directory")
    ] = None
    durability: Annotated[
        Literal["enqueue", "full"],
        msgspec.Meta(
            description="what is on the disk when a call returns: `enqueue` all that people typed, "
            "`full` claims and results too"
        ),
    ] = "enqueue"


def create(settings: Sqlite, context: Context) -> SqliteStorage:
    """Open the database, and make it if there is none."""
    from queuectl_sqlite.storage import SqliteStorage  # brings apsw, which not every command needs

    path = context.data / "jobs.db" if settings.path is None else Path(settings.path).expanduser()
    return SqliteStorage(path, always_sync=settings.durability == "full", events=context.events, clock=context.clock)


@hookimpl
def queuectl_storages() -> Iterable[Provider]:
    """Offer the storage `sqlite`."""
    yield Provider("sqlite", Sqlite, create, summary="one file on a local disk, shared by all processes of this host")
