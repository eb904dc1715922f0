"""Which plugins are installed beside the built-in ones. Only this module imports `importlib.metadata`, and late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from queuectl.errors import PluginError
from queuectl.registry.builtins import kind_of
from queuectl.registry.found import Entry

GROUP = "queuectl"
"""The group of entry points."""

OURS = "queuectl"
"""Our own distribution, whose entry points the static table repeats."""


def installed_entries() -> Mapping[str, tuple[Entry, ...]]:
    """Return the third parties' entry points by name, each with every distribution that has one of that name."""
    from importlib.metadata import entry_points

    found: dict[str, list[Entry]] = {}
    for point in entry_points(group=GROUP):
        distribution = point.dist
        name = distribution.name if distribution else "unknown distribution"
        if name != OURS:
            entry = Entry(point.name, point.value, name, distribution.version if distribution else None)
            found.setdefault(point.name, []).append(entry)
    return {name: tuple(found[name]) for name in sorted(found)}


def the_only(entries: Sequence[Entry]) -> Entry:
    """Return the one entry; raise PluginError when several distributions use the name."""
    if len(entries) > 1:
        owners = " and ".join(str(entry).partition(" (")[2].rstrip(")") for entry in entries)
        raise PluginError(
            f"plugin '{entries[0].name}' is installed by more than one distribution: {owners}",
            hint="uninstall all but one of them",
        )
    return entries[0]


def replaces_nothing(entry: Entry) -> None:
    """Raise PluginError when a third party's entry point has a built-in name: it is never used."""
    if kind_of(entry.name) is not None:
        raise PluginError(f"{entry} has a name that is built in and cannot be replaced")
