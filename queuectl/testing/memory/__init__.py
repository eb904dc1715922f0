"""A storage in the memory of one process, to test against and to read: the shortest honest answer to the seam."""

from __future__ import annotations

from queuectl.testing.memory.storage import MemoryStorage
from queuectl.testing.memory.store import MemoryStore

__all__ = ["MemoryStorage", "MemoryStore"]
