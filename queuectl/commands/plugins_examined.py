"""Every installed plugin, each third party's imported in a process of its own that has a time to do it."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, distribution, version

import msgspec
from msgspec import Struct

from queuectl.commands.plugins_probe import Configured, Errand, Probe
from queuectl.commands.plugins_report import Report, report_of, roles
from queuectl.commands.plugins_requires import unmet
from queuectl.errors import NotFoundError
from queuectl.registry import Entry, Registry
from queuectl.registry.suggestion import did_you_mean

PATIENCE = 10.0
"""Seconds that a plugin may take."""

AT_ONCE = max(2, os.cpu_count() or 1)


class Examined(Struct, frozen=True, kw_only=True):
    """An installed plugin with what was found of it."""

    entry: Entry
    report: Report

    @property
    def distribution(self) -> str:
        """What it was installed with."""
        return self.entry.distribution or "queuectl"

    @property
    def version(self) -> str | None:
        """The version of that."""
        return self.entry.version or (version("queuectl") if self.entry.distribution is None else None)

    def offers(self) -> list[tuple[str | None, str]]:
        """Return kind and name of each provider; a plugin without one is told by what else it does."""
        if self.report.providers:
            return [(provider["kind"], provider["name"]) for provider in self.report.providers]
        return [(", ".join(roles(self.report.hooks)) or None, self.entry.name)]

    @property
    def faults(self) -> tuple[str, ...]:
        """All that is wrong with it."""
        error = self.report.error
        return (*(() if error is None else (error,)), *self.report.faults)


def installed() -> list[Entry]:
    """Return every installed plugin, without importing any."""
    return Registry().entries()


def examine(entries: Sequence[Entry], patience: float = PATIENCE) -> list[Examined]:
    """Import plugins, and tell what they offer and what is wrong with each.

    Our own are imported here, each other in a process of its own that is ended after `patience` seconds.
    """
    siblings = _siblings(installed())
    reports = {entry: report_of(entry, siblings[_home(entry)]) for entry in entries if entry.distribution is None}
    foreign = [entry for entry in entries if entry.distribution is not None]
    for start in range(0, len(foreign), AT_ONCE):
        with ExitStack() as stack:
            errands = [Errand(entry=each, siblings=siblings[_home(each)]) for each in foreign[start : start + AT_ONCE]]
            probes = [(errand, stack.enter_context(Probe(errand, patience))) for errand in errands]
            reports |= {errand.entry: _report(errand.entry, probe) for errand, probe in probes if errand.entry}
    return [Examined(entry=entry, report=reports[entry]) for entry in entries]


def named(name: str, patience: float = PATIENCE) -> list[Examined]:
    """Return the plugins of a name; rivals may have the same. Raises NotFoundError when there is none."""
    entries = installed()
    chosen = [entry for entry in entries if entry.name == name]
    if not chosen:
        near = did_you_mean(name, {entry.name for entry in entries})
        raise NotFoundError(f"no plugin '{name}' is installed{near}", hint="queuectl plugins list shows all")
    return examine(chosen, patience)


def judge(found: Sequence[Examined]) -> list[Examined]:
    """Add what can be told only from outside of a plugin: whom it needs, and whose names it doubles."""
    rivals = _rivals(found)
    return [_with_faults(each, [*_unmet(each.entry), *rivals[each.entry]]) for each in found]


def configured(config_file: str | None, overrides: Sequence[str], patience: float = PATIENCE) -> Configured:
    """Check the configuration with all that it names, in a process of its own."""
    with Probe(Errand(config_file=config_file, overrides=tuple(overrides)), patience) as probe:
        answers, ending = probe.answers()
    if ending is not None:
        return Configured(problems=(f"a plugin that it names {ending}",))
    return msgspec.json.decode(answers[0], type=Configured)


def _report(entry: Entry, probe: Probe) -> Report:
    answers, ending = probe.answers()
    report = msgspec.json.decode(answers[-1], type=Report) if answers else Report()
    return report if ending is None else msgspec.structs.replace(report, error=f"{entry} {ending}")


def _siblings(entries: Sequence[Entry]) -> dict[tuple[str | None, str], tuple[str, ...]]:
    """Return all the names that lead to each module."""
    names: defaultdict[tuple[str | None, str], list[str]] = defaultdict(list)
    for entry in entries:
        names[_home(entry)].append(entry.name)
    return {home: tuple(found) for home, found in names.items()}


def _home(entry: Entry) -> tuple[str | None, str]:
    return entry.distribution, entry.module


def _unmet(entry: Entry) -> Iterator[str]:
    if entry.distribution is not None:
        try:
            wanted = unmet(distribution(entry.distribution).requires or [], version("queuectl"))
        except PackageNotFoundError:
            return
        if wanted is not None:
            yield f"{entry.distribution} requires {wanted}, this is {version('queuectl')}"


def _rivals(found: Sequence[Examined]) -> defaultdict[Entry, list[str]]:
    """Return which plugins offer the same as another one, and which other."""
    owners: defaultdict[tuple[str, str], list[Entry]] = defaultdict(list)
    for each in found:
        for provider in each.report.providers:
            owners[provider["kind"], provider["name"]].append(each.entry)
    faults: defaultdict[Entry, list[str]] = defaultdict(list)
    for (kind, name), entries in owners.items():
        for entry in entries:
            others = sorted({str(other) for other in entries if _home(other) != _home(entry)})
            if others:
                faults[entry].append(f"the {kind} '{name}' is offered by {' and '.join(others)} too")
    return faults


def _with_faults(examined: Examined, faults: Sequence[str]) -> Examined:
    report = msgspec.structs.replace(examined.report, faults=(*examined.report.faults, *faults))
    return Examined(entry=examined.entry, report=report)
