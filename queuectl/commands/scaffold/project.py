"""A project out of the templates, written whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from queuectl.commands.scaffold.names import Names
from queuectl.errors import ConflictError, UsageError

SUMMARIES = {
    "storage": "SQLite with a trail of who asked for what",
    "executor": "calls of Python functions, each in a process of its own",
    "backoff": "waits that grow as the Fibonacci numbers",
    "notifier": "each event as a line of JSON in a file",
}
"""What the example of each kind does."""

SUFFIX = ".tmpl"
"""Ends the name of every template: the tools that look after our own code leave them alone."""


def project_of(kind: str, names: Names) -> Mapping[str, str]:
    """Return the files of a new plugin, by their path within its project."""
    values = {
        "name": names.name,
        "distribution": names.distribution,
        "package": names.package,
        "kind": kind,
        "a_kind": f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}",
        "summary": SUMMARIES[kind][0].upper() + SUMMARIES[kind][1:],
        "summary_inside": SUMMARIES[kind],
    }
    own = dict(_filled(files(__package__) / "templates" / kind, values))
    values |= {"about": own.pop("about.md").strip(), "yaml": own.pop("use.yaml").strip()}
    return dict(sorted((dict(_filled(files(__package__) / "templates" / "any", values)) | own).items()))


def write_project(project: Mapping[str, str], target: Path) -> None:
    """Write the files of a project into a new directory.

    It is made under another name beside its place, and renamed once it is complete. Raises ConflictError when something
    is there already, UsageError when there is no place for it.
    """
    if os.path.lexists(target):
        raise ConflictError(f"{target} exists already", hint="--directory names another place")
    if not target.parent.is_dir():
        raise UsageError(f"there is no directory {target.parent}")
    unfinished = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        for path, text in project.items():
            file = unfinished / target.name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        os.rename(unfinished / target.name, target)
    except OSError as error:
        if os.path.lexists(target):  # made by somebody else meanwhile
            raise ConflictError(f"{target} exists already") from error
        error.filename = error.filename or str(target)  # a full disk does not say where
        raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _filled(folder: Traversable, values: Mapping[str, str], path: str = "") -> Iterator[tuple[str, str]]:
    for item in folder.iterdir():
        name = item.name.replace("PACKAGE", values["package"]).removesuffix(SUFFIX)
        name = "." + name.removeprefix("dot-") if name.startswith("dot-") else name
        if item.is_dir():
            yield from _filled(item, values, f"{path}{name}/")
        elif item.name.endswith(SUFFIX):
            yield path + name, Template(item.read_text(encoding="utf-8")).substitute(values)
