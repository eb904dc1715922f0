"""The notification seam: who hears of events."""

from __future__ import annotations

from typing import Protocol

from queuectl.model.event import Event


class Notifier(Protocol):
    """Hears of events, at least once each, in order."""

    def notify(self, event: Event) -> None:
        """Tell somebody. Raising makes the event come again later; it delays no job and no other notifier."""
        ...
