"""Look for everything that is wrong with a configuration, before any of it is used."""

from __future__ import annotations

from queuectl.config.bind import Binder
from queuectl.config.choice import Chooser
from queuectl.config.config import Config
from queuectl.config.keys import written
from queuectl.config.problems import Problems
from queuectl.config.settings import CORE, PER_QUEUE, PLUGGED, SECTIONS
from queuectl.errors import PluginError


def check(config: Config, *, deep: bool = False) -> None:
    """Raise ConfigError with all that is wrong.

    Unless `deep`, plugins that are not built in are left for when they are used: none is imported for a command that
    does not need it.
    """
    problems = problems_of(config, deep=deep)
    problems.raise_any()


def problems_of(config: Config, *, deep: bool = False) -> Problems:
    """Return all that is wrong."""
    problems = Problems()
    if config.tree is not None:
        Binder(config.places, problems).entries(config.tree, "", SECTIONS)
    _check_core(config, problems)
    _check_plugged(config, problems, deep=deep)
    _check_notifications(config, problems, deep=deep)
    _check_queues(config, problems, deep=deep)
    if deep:
        config.load_each(problems)
    else:
        config.plugin_names(problems)
    return problems


def _check_core(config: Config, problems: Problems) -> None:
    for name, settings in CORE.items():
        section = config.section(name)
        if section is not None:
            Binder(config.places, problems).settings(settings, section, name)


def _check_plugged(config: Config, problems: Problems, *, deep: bool) -> None:
    for kind in PLUGGED:
        if deep or config.section(kind) is not None:
            _check_section(config, problems, kind, None, deep=deep)


def _check_section(config: Config, problems: Problems, kind: str, queue: str | None, *, deep: bool) -> None:
    section, where = config.plugged(kind, queue)
    try:
        Chooser(config.registry, config.places, problems).choose(kind, section, where, deep=deep)
    except PluginError as error:
        # The plugin serves by default, and no line of the file names it.
        if section is not None:
            problems.add_error(section.origin, where, error)
        elif deep:
            raise


def _check_notifications(config: Config, problems: Problems, *, deep: bool) -> None:
    if not deep and config.section("notifications") is None:
        return
    for where, node in config.notifications(problems):
        Chooser(config.registry, config.places, problems).choose("notifier", node, where, deep=deep)


def _check_queues(config: Config, problems: Problems, *, deep: bool) -> None:
    section = config.section("queues")
    if section is not None and not isinstance(section.value, dict):
        problems.add(section.origin, "queues", "expected a mapping of queues by name")
        return
    for queue in config.queues:
        _check_name(config, queue, problems)
        config.job_values(queue, problems)
        own = config.queue_section(queue)
        for kind in PER_QUEUE:
            if own is not None and own.get(kind) is not None:
                _check_section(config, problems, kind, queue, deep=deep)


def _check_name(config: Config, queue: str, problems: Problems) -> None:
    section = config.section("queues")
    if section is not None and (not queue or not queue.isprintable()):
        where = written(("queues", queue))
        problems.add(section.keys[queue].origin, where, "a queue's name is printable and not empty")
