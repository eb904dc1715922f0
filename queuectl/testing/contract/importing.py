"""Importing: what a plugin does to whoever merely imports it, and what it imports itself."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

import queuectl

_HEAVY = (
    *("asyncio", "email", "http.client", "importlib.metadata", "multiprocessing", "ssl", "unittest", "urllib.request"),
    *("pytest", "rich", "structlog"),
)
"""What takes ten milliseconds and more. Not click: whoever asks plugins for commands has imported it long before."""

_PROBE = """
import importlib, json, os, sys, threading
import msgspec, queuectl.hookspecs, queuectl.model.event, queuectl.model.storage, queuectl.units
before = set(sys.modules)
importlib.import_module(sys.argv[1])
found = {"modules": sorted(set(sys.modules) - before), "threads": threading.active_count() - 1, "has_children": True}
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    found["has_children"] = False
os.write(int(sys.argv[2]), json.dumps(found).encode())
"""

_PLACES = ("here", "home", "temporary")


@dataclass(frozen=True)
class Import:
    """What happened when a fresh interpreter imported a plugin. `modules` are those that came with it."""

    failed: bool
    printed: str
    files: Sequence[str]
    modules: Sequence[str] = ()
    threads: int = 0
    has_children: bool = False


class Importing:
    """The clauses of the import. `plugin` is the fixture to override."""

    patience: float = 60.0
    """How many seconds the import may take in a fresh interpreter, before a clause calls it stuck."""

    _imports: ClassVar[dict[str, Import]] = {}

    @pytest.fixture
    def plugin(self) -> str:
        """Return the import name of the plugin's module."""
        raise NotImplementedError("override the fixture plugin: return the name of the module")

    @pytest.fixture
    def imported(self, plugin: str, tmp_path: Path) -> Import:
        """Import the plugin in a fresh interpreter, whose home and current directory are empty."""
        if plugin not in self._imports:
            self._imports[plugin] = _import(plugin, tmp_path, self.patience)
        return self._imports[plugin]

    def test_it_can_be_imported(self, imported: Import) -> None:
        """A fresh interpreter can import it."""
        assert not imported.failed, imported.printed

    def test_its_import_is_silent(self, imported: Import) -> None:
        """Its import prints nothing: standard output belongs to whatever command was typed."""
        assert imported.failed or imported.printed == ""

    def test_its_import_starts_nothing(self, imported: Import) -> None:
        """Its import starts neither threads nor processes: `create` is the place for that."""
        assert (imported.threads, imported.has_children) == (0, False)

    def test_its_import_writes_nothing(self, imported: Import) -> None:
        """Its import leaves no file in the current directory, the home or the directory for temporary files."""
        assert imported.files == []

    def test_its_import_is_light(self, imported: Import) -> None:
        """Its import brings nothing that takes long, for which every command would wait: `create` is the place."""
        assert [name for name in _HEAVY if name in imported.modules] == []

    def test_it_imports_what_queuectl_exports(self, plugin: str) -> None:
        """Of queuectl it imports the names in `queuectl.__all__`, and nothing inside it, which may change any day."""
        assert [each for path in _sources(plugin) for each in _private_imports(path)] == []


def _import(plugin: str, folder: Path, patience: float) -> Import:
    for name in _PLACES:
        (folder / name).mkdir()
    try:
        ended, report = _probe(plugin, folder, patience)
    except subprocess.TimeoutExpired:
        return Import(failed=True, printed=f"it did not end within {patience:g} s", files=())
    files = [path.relative_to(folder).as_posix() for name in _PLACES for path in (folder / name).rglob("*")]
    return Import(failed=ended.returncode != 0, printed=ended.stdout, files=sorted(files), **json.loads(report or "{}"))


def _probe(plugin: str, folder: Path, patience: float) -> tuple[subprocess.CompletedProcess[str], str]:
    """Run the probe, whose report comes through a pipe of its own, since standard output is looked at."""
    reader, writer = os.pipe()
    with open(reader, encoding="utf-8") as report:
        try:
            ended = subprocess.run(
                [sys.executable, "-c", _PROBE, plugin, str(writer)],
                cwd=folder / "here",
                env=_surroundings(folder),
                pass_fds=[writer],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=patience,
                check=False,
            )
        finally:
            os.close(writer)
        return ended, report.read()


def _surroundings(folder: Path) -> dict[str, str]:
    left_out = ("QUEUECTL_", "XDG_", "COV", "PYTHONWARNINGS", "PYTHONVERBOSE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return kept | {
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "temporary"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }


def _sources(plugin: str) -> list[Path]:
    """Return the plugin's files, as far as they are there to be read, but for tests that are shipped with it."""
    spec = importlib.util.find_spec(plugin)
    if spec is None or spec.origin is None:
        return []
    if spec.submodule_search_locations is None:
        return [Path(spec.origin)]
    found = [path for folder in spec.submodule_search_locations for path in Path(folder).rglob("*.py")]
    return [path for path in sorted(found) if "tests" not in path.parts and not path.name.startswith("test_")]


def _private_imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (f"{path.name}:{node.lineno}: {name}" for name in names if _is_private(name))


def _is_private(name: str) -> bool:
    package, _, inside = name.partition(".")
    return package == "queuectl" and inside != "" and inside not in {"*", *queuectl.__all__}
