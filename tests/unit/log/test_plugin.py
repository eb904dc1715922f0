"""The notifier as a worker gets it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from structlog.testing import capture_logs

import queuectl_log
from queuectl import Context, Event


def test_it_writes_to_the_log_of_the_worker() -> None:
    """Whatever the worker set structlog up for."""
    (provider,) = queuectl_log.queuectl_notifiers()
    assert provider.name == "log"
    assert provider.create is not None
    notifier = provider.create(provider.settings(), Context(data=Path()))
    with capture_logs() as lines:
        notifier.notify(Event(id=1, name="queue.drained", at=0.0, queue="mail"))
    assert lines == [
        {
            "event": "queue.drained",
            "log_level": "info",
            "event_id": 1,
            "at": "1970-01-01T00:00:00.000Z",
            "queue": "mail",
        }
    ]


def test_it_is_offered_without_structlog() -> None:
    """Only workers pay for it."""
    look = "import sys, queuectl_log; list(queuectl_log.queuectl_notifiers()); print('structlog' in sys.modules)"
    seen = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout
    assert seen.strip() == "False"
