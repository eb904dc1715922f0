"""`queuectl plugins`: what is installed, what is wrong with it, and how to begin one of your own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from queuectl.commands.frame import Session, group
from queuectl.commands.output import Column, print_json, print_pairs, print_records, write
from queuectl.errors import UsageError

if TYPE_CHECKING:
    from queuectl.commands.plugins_examined import Examined

KINDS = ("backoff", "executor", "notifier", "storage")


@group(
    "plugins",
    examples="""
queuectl plugins list
queuectl plugins show sqlite
queuectl plugins check
queuectl plugins new fibonacci --kind backoff
""",
)
def command() -> None:
    """List, show, check and begin plugins.

    A plugin offers a storage, an executor, a backoff or a notifier under a name, which the configuration selects.
    Plugins may also listen to events, wrap executions and add commands.
    """


@command.command("list", examples=["queuectl plugins list", "queuectl plugins list --json"])
def list_(session: Session) -> None:
    """List the installed plugins, and what is wrong with those that cannot be used.

    A pipe gets a line of tab-separated fields for each: name, kind, distribution, version, module, location, state
    (ok, or what is wrong). Each third party's plugin is imported in a process of its own, and given up after 10 s.
    """
    columns = (
        Column("NAME", lambda row: row["name"]),
        Column("KIND", lambda row: row["kind"]),
        Column("DISTRIBUTION", lambda row: row["distribution"], rank=2),
        Column("VERSION", lambda row: row["version"], rank=3),
        Column("MODULE", lambda row: row["module"], rank=1),
        Column("LOCATION", lambda row: row["location"], rank=4),
        Column("STATE", lambda row: row["error"] or row["state"], least=20),
    )
    print_records(session, _rows(), columns, lambda row: row)


@command.command("show", examples=["queuectl plugins show sqlite", "queuectl plugins show exponential --json"])
@click.argument("name", metavar="NAME")
def show(session: Session, name: str) -> None:
    """Show a plugin and its settings: types, limits, defaults and what they mean."""
    from queuectl.commands.plugins_examined import named

    told = [_about(each) for each in named(name)]
    if session.json:
        print_json(told[0] if len(told) == 1 else told)
        return
    for index, plugin in enumerate(told):
        write("\n" if index else "")
        _print_plugin(session, plugin)


@command.command(
    "check",
    examples="""
queuectl plugins check
queuectl plugins check fibonacci
queuectl plugins check --json | jq '.plugins[] | select(.ok | not)'
""",
)
@click.argument("name", metavar="[NAME]", required=False)
@click.option("--timeout", metavar="S", help="How many seconds, or 90s, 5m, each plugin may take; by default 10.")
def check(session: Session, name: str | None, timeout: str | None) -> int:
    """Import every plugin, or one, and look for what is wrong; then look at all that the configuration names.

    Looked for: an import that fails, exits, hangs or prints; another version of the API, or of queuectl, than this;
    hooks that there are not, or that lack @hookimpl; providers that cannot be used; names that are built in, doubled,
    or lead nowhere; settings without a description, of a type that YAML cannot give, or with a default that they do not
    take themselves. Nothing is created, so no store is opened and no server is called: what `create` makes is tested by
    `PluginContract` of `queuectl.testing`.

    Ends with 1 when something is wrong. --quiet leaves out what is well. A pipe gets a line of tab-separated fields for
    each: ok or wrong, name, kind, distribution, version, what is wrong. The last line is that of the configuration,
    with its file in the place of the distribution.
    """
    from queuectl.commands.plugins_check import check as check_them
    from queuectl.commands.plugins_examined import PATIENCE

    return check_them(session, name, PATIENCE if timeout is None else _seconds(timeout))


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


def _rows() -> Iterator[dict[str, Any]]:
    from queuectl.commands.plugins_examined import examine, installed

    for each in examine(installed()):
        for kind, name in each.offers():
            yield {"name": name, "kind": kind, **_origin(each)}


def _origin(examined: Examined) -> dict[str, Any]:
    return {
        "distribution": examined.distribution,
        "version": examined.version,
        "module": examined.entry.module,
        "location": examined.report.location,
        "state": "ok" if examined.report.error is None else "broken",
        "error": examined.report.error,
    }


def _about(examined: Examined) -> dict[str, Any]:
    report = examined.report
    about = {"name": examined.entry.name, **_origin(examined), "hooks": list(report.hooks)}
    return {**about, "providers": list(report.providers)}


def _print_plugin(session: Session, plugin: dict[str, Any]) -> None:
    head = {name: plugin[name] for name in ("name", "distribution", "version", "module", "location")}
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
            write("\n")
            print_records(session, provider["settings"], columns, lambda row: row)


def _seconds(timeout: str) -> float:
    from queuectl.engine.fields import read_delay

    try:
        return read_delay(timeout)
    except ValueError as error:
        raise UsageError(f"--timeout: {error}") from None
