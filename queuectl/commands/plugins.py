"""`queuectl plugins`: what is installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from queuectl.commands.frame import Session, group
from queuectl.commands.output import Column, print_json, print_pairs, print_records, write
from queuectl.errors import NotFoundError, PluginError

if TYPE_CHECKING:
    from queuectl.config.fields import Field
    from queuectl.registry import Found, PluginInfo


KINDS = ("backoff", "executor", "notifier", "storage")


@group(
    "plugins",
    examples="""
queuectl plugins list
queuectl plugins show sqlite
queuectl plugins new fibonacci --kind backoff
""",
)
def command() -> None:
    """List and show plugins.

    A plugin offers a storage, an executor, a backoff or a notifier under a name, which the configuration selects.
    Plugins may also listen to events, wrap executions and add commands.
    """


@command.command("list", examples=["queuectl plugins list", "queuectl plugins list --json"])
def list_(session: Session) -> None:
    """List the installed plugins, and what is wrong with those that cannot be used.

    A pipe gets a line of tab-separated fields for each: name, kind, distribution, version, module, state.
    """
    columns = (
        Column("NAME", lambda row: row["name"]),
        Column("KIND", lambda row: row["kind"]),
        Column("DISTRIBUTION", lambda row: row["distribution"], rank=2),
        Column("VERSION", lambda row: row["version"], rank=3),
        Column("MODULE", lambda row: row["module"], rank=1),
        Column("STATE", lambda row: row["error"] or "ok", least=20),
    )
    print_records(session, list(_rows()), columns, lambda row: row)


@command.command("show", examples=["queuectl plugins show sqlite", "queuectl plugins show exponential --json"])
@click.argument("name", metavar="NAME")
def show(session: Session, name: str) -> None:
    """Show a plugin and its settings: types, limits, defaults and what they mean."""
    infos = [info for info in _installed() if info.entry.name == name or name in _names(info)]
    if not infos:
        raise _missing(name)
    told = [_about(info, name) for info in infos]
    if session.json:
        print_json(told[0] if len(told) == 1 else told)
        return
    for index, plugin in enumerate(told):
        write("\n" if index else "")
        _print_plugin(session, plugin)


@command.command(
    "new",
    examples="""
queuectl plugins new fibonacci --kind backoff
queuectl plugins new queuectl-audit --kind storage --directory src/audit
""",
)
@click.argument("name", metavar="NAME")
@click.option("--kind", type=click.Choice(KINDS), required=True, help="What the plugin offers.")
@click.option("--directory", metavar="DIR", help="Write it there, into a new directory; by default ./NAME.")
def new(session: Session, name: str, kind: str, directory: str | None) -> None:
    """Write the project of a new plugin: a small one that works, with tests, to be changed into your own.

    NAME is the word in the configuration, with or without `queuectl-` before it. What is written can be installed as
    it is, passes its own tests, and keeps the contracts of `queuectl.testing`. A directory that is there already is
    left alone (exit code 4).

    What the examples do. Backoff: waits that grow as the Fibonacci numbers. Executor: calls of Python functions, each
    in a process of its own that can be ended. Notifier: each event as a line of JSON in a file. Storage: SQLite with a
    trail of who asked for what, every method of it there to be replaced.
    """
    from queuectl.commands.plugins_new import new as write_new

    write_new(session, name, kind, directory)


def _installed() -> list[PluginInfo]:
    from queuectl.registry import Registry

    return Registry().installed()


def _rows() -> Iterator[dict[str, Any]]:
    from importlib.metadata import version

    ours = version("queuectl")
    for info in _installed():
        entry = info.entry
        where = {
            "distribution": entry.distribution or "queuectl",
            "version": entry.version or ours,
            "module": entry.module,
            "error": info.error,
        }
        for kind, name in _offers(info):
            yield {"name": name, "kind": kind, **where}


def _offers(info: PluginInfo) -> list[tuple[str | None, str]]:
    """Return kind and name of each provider; a plugin without one is told by what else it does."""
    if info.offers:
        return [(found.kind, found.name) for found in info.offers]
    kinds = {"queuectl_notify": "listener", "queuectl_execute": "wrapper", "queuectl_commands": "commands"}
    roles = [kinds[hook] for hook in info.hooks if hook in kinds]
    return [(", ".join(roles) or None, info.entry.name)]


def _names(info: PluginInfo) -> set[str]:
    return {found.name for found in info.offers}


def _missing(name: str) -> NotFoundError:
    from queuectl.registry.suggestion import did_you_mean

    near = did_you_mean(name, {found for info in _installed() for found in (info.entry.name, *_names(info))})
    return NotFoundError(f"no plugin '{name}' is installed{near}", hint="queuectl plugins list shows all")


def _about(info: PluginInfo, name: str) -> dict[str, Any]:
    entry = info.entry
    about: dict[str, Any] = {
        "name": entry.name,
        "distribution": entry.distribution or "queuectl",
        "version": entry.version,
        "module": entry.module,
        "hooks": list(info.hooks),
        "error": info.error,
    }
    if about["version"] is None:
        from importlib.metadata import version

        about["version"] = version("queuectl")
    chosen = [found for found in info.offers if found.name == name] or info.offers
    about["providers"] = [_provider(found) for found in chosen]
    return about


def _provider(found: Found) -> dict[str, Any]:
    from queuectl.config.fields import fields_of

    provider = found.provider
    about: dict[str, Any] = {"kind": found.kind, "name": found.name, "summary": provider.summary}
    if found.kind == "notifier":
        about["events"] = None if provider.events is None else sorted(provider.events)
    try:
        about["settings"] = [_setting(field) for field in fields_of(provider.settings).values()]
    except PluginError as error:
        about |= {"settings": [], "error": error.message}
    return about


def _setting(field: Field) -> dict[str, Any]:
    from queuectl.config.expectation import expected
    from queuectl.config.explain import to_json, typed
    from queuectl.config.fields import takes

    takes_null = takes(field.type, type(None))
    about = {"key": field.key, "takes": expected(field.type) + (", or null" if takes_null else "")}
    default = {} if field.required else {"default": to_json(field.default), "default_typed": typed(field.default)}
    return {**about, "required": field.required, **default, "description": field.description}


def _print_plugin(session: Session, plugin: dict[str, Any]) -> None:
    head = {name: plugin[name] for name in ("name", "distribution", "version", "module")}
    print_pairs(session, head | {"hooks": ", ".join(plugin["hooks"]), "state": plugin["error"] or "ok"})
    for provider in plugin["providers"]:
        write("\n")
        print_pairs(session, {"offers": f"{provider['kind']} {provider['name']}", "summary": provider["summary"]})
        columns = (
            Column("SETTING", lambda row: row["key"]),
            Column("TAKES", lambda row: row["takes"], least=15),
            Column("DEFAULT", lambda row: "(required)" if row["required"] else row["default_typed"]),
            Column("MEANING", lambda row: row["description"], least=20),
        )
        if provider["settings"]:
            print_records(session, provider["settings"], columns, lambda row: row)
