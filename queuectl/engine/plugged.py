"""Which plugins are installed, and what of them the configuration uses."""

from __future__ import annotations

from typing import Any

from queuectl.config import Config
from queuectl.registry import Entry


def plugged(config: Config) -> list[dict[str, Any]]:
    """Return what each plugin offers, with what is in use.

    Our own plugins are imported for it, and those that the configuration uses are imported already; of the others
    nothing is known but where they come from.
    """
    used = _used(config)
    rows: list[dict[str, Any]] = []
    for entry in config.registry.entries():
        ours = entry.distribution is None
        if ours or any(name == entry.name for _, name in used):
            rows += _offered(config, entry, used)
        else:
            rows.append(_row(entry, None, "", used=False))
    return rows


def _offered(config: Config, entry: Entry, used: frozenset[tuple[str, str]]) -> list[dict[str, Any]]:
    found = config.registry.examine(entry)
    if found.error is not None:
        return [_row(entry, None, found.error, used=False)]
    listens = ("plugin", entry.name) in used
    rows = [
        _row(entry, each.kind, each.provider.summary, used=listens or (each.kind, each.name) in used)
        for each in found.offers
    ]
    return rows or [_row(entry, "command" if "queuectl_commands" in found.hooks else None, "", used=listens)]


def _row(entry: Entry, kind: str | None, summary: str, *, used: bool) -> dict[str, Any]:
    return {
        "name": entry.name,
        "kind": kind,
        "summary": summary,
        "distribution": entry.distribution or "queuectl",
        "version": entry.version,
        "module": entry.module,
        "used": used,
    }


def _used(config: Config) -> frozenset[tuple[str, str]]:
    """Return kind and name of all that the configuration names, its queues too."""
    queues = ("", *config.queues)
    return frozenset(
        {
            ("storage", config.storage.found.name),
            *(("executor", config.executor(queue).found.name) for queue in queues),
            *(("backoff", config.backoff(queue).found.name) for queue in queues),
            *(("notifier", each.found.name) for each in config.notifiers()),
            *(("plugin", name) for name in config.plugins),
        }
    )
