"""What unit tests of several modules need."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a distribution with one module and its entry points, as pip would."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(
        distribution: str,
        source: str,
        *,
        version: str = "1.2.3",
        module: str = "",
        points: Mapping[str, str] | None = None,
    ) -> None:
        module = module or distribution.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(dedent(source))
        information = tmp_path / f"{distribution.replace('-', '_')}-{version}.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        names = points if points is not None else {distribution.rpartition("-")[2]: module}
        lines = "".join(f"{name} = {value}\n" for name, value in names.items())
        (information / "entry_points.txt").write_text(f"[queuectl]\n{lines}")

    yield install
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]
