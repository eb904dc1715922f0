"""The built-in notifier `log`: each event is a line of the worker's log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from queuectl import Context, Notifier, Provider, hookimpl

queuectl_api = 1


@dataclass(frozen=True, kw_only=True)
class Log:
    """Nothing can be set; `events` of the configuration chooses what is logged."""


def create(settings: Log, context: Context) -> Notifier:
    """Build the notifier. The log itself is set up by the worker."""
    import structlog  # brings asyncio, which only workers can afford

    from queuectl_log.notifier import LogNotifier

    return LogNotifier(structlog.get_logger("queuectl.events"))


@hookimpl
def queuectl_notifiers() -> Iterable[Provider]:
    """Offer the notifier `log`."""
    yield Provider("log", Log, create, summary="writes each event to the worker's log")
