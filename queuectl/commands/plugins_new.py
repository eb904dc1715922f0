"""`queuectl plugins new`: the project of a plugin, to start from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from queuectl.commands.escape import visible
from queuectl.commands.frame import Session
from queuectl.commands.output import message, print_json, write

if TYPE_CHECKING:
    from queuectl.commands.scaffold.names import Names

SELECTED = {
    "storage": "set `storage: {{plugin: {name}}}` in the configuration",
    "executor": "set `executor: {{plugin: {name}}}` in the configuration, or for one queue",
    "backoff": "set `backoff: {{plugin: {name}}}` in the configuration, or for one queue",
    "notifier": "add `{{plugin: {name}}}` to `notifications` in the configuration",
}
"""How a plugin of each kind comes to be used."""


def new(session: Session, typed: str, kind: str, directory: str | None) -> None:
    """Write the project, and tell what was written and what comes next."""
    from queuectl.commands.scaffold.names import names_of
    from queuectl.commands.scaffold.project import project_of, write_project

    names = names_of(typed)
    target = Path(typed if directory is None else directory)
    project = project_of(kind, names)
    write_project(project, Path.cwd() / target)
    if session.json:
        print_json(_told(kind, names, target, list(project)))
        return
    for path in project:
        write(f"{visible(str(target / path))}\n")
    _tell_next(session, kind, names, target)


def _told(kind: str, names: Names, target: Path, files: list[str]) -> dict[str, object]:
    return {
        "name": names.name,
        "kind": kind,
        "distribution": names.distribution,
        "package": names.package,
        "directory": str(Path.cwd() / target),
        "files": files,
    }


def _tell_next(session: Session, kind: str, names: Names, target: Path) -> None:
    import shlex

    message(session, "next:")
    message(session, f"  cd {shlex.quote(str(target))}")
    message(session, "  python -m pip install --editable '.[test]'")
    message(session, "  pytest")
    message(session, f"  queuectl plugins check {names.name}")
    message(session, f"then {SELECTED[kind].format(name=names.name)}")
