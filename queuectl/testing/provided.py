"""A storage by the name under which a plugin offers it: what another process needs to open the same store."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from queuectl.hookspecs import Context, Provider
from queuectl.model.event import EVENT_NAMES
from queuectl.model.storage import Storage


@dataclass(frozen=True)
class ProvidedStorage:
    """Opens the storage that the plugin `module` offers, as queuectl itself would: a `StorageFactory`.

    `settings` is an instance of the provider's settings type; `name` is needed where a module offers several.

        ProvidedStorage("queuectl_redis", RedisSettings(url="redis://localhost/7"), data=tmp_path)
    """

    module: str
    settings: Any
    data: Path
    name: str | None = None

    def __call__(self, *, clock: Callable[[], float] = time.time, events: frozenset[str] = EVENT_NAMES) -> Storage:
        """Open a handle."""
        create = self._provider().create
        storage = (
            self.settings
            if create is None
            else create(self.settings, Context(data=self.data, events=events, clock=clock))
        )
        return cast("Storage", storage)

    def _provider(self) -> Provider:
        offered: list[Provider] = list(importlib.import_module(self.module).queuectl_storages())
        chosen = [each for each in offered if self.name in {None, each.name}]
        if len(chosen) != 1:
            names = ", ".join(each.name for each in offered) or "none"
            raise LookupError(f"{self.module} offers the storages {names}: choose one by its name")
        return chosen[0]
