"""The notifier `feed`: appends each event to a file, for others to follow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from msgspec import Meta
from queuectl import EVENT_NAMES, Context, Notifier, Provider, hookimpl

queuectl_api = 1

JOBS = frozenset(name for name in EVENT_NAMES if name.startswith("job."))
"""What is told unless the configuration says otherwise. Storages write only events that somebody wants."""


@dataclass(frozen=True, kw_only=True)
class Feed:
    """What an entry of `notifications:` may say beside `plugin: feed`; `events` is queuectl's own key."""

    path: Annotated[Path | None, Meta(description="the file; null means events.jsonl in the data directory")] = None


def create(settings: Feed, context: Context) -> Notifier:
    """Build the notifier."""
    from queuectl_example.feed.writer import FeedWriter

    return FeedWriter(settings.path or context.data / "events.jsonl")


@hookimpl
def queuectl_notifiers() -> Iterable[Provider]:
    """Offer the notifier under the name of its entry point."""
    yield Provider("feed", Feed, create, summary="appends each event to a file, a line of JSON each", events=JOBS)
