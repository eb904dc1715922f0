"""Third parties' plugins, installed beside the real program as pip would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Program


@dataclass(frozen=True)
class Site:
    """A directory of installed distributions, and the program that finds them."""

    folder: Path
    program: Program

    def install(self, name: str, source: str, *, points: Sequence[str] = ()) -> None:
        """Install the distribution `queuectl-NAME` 1.2.3 with one module, behind these entry points or that name."""
        module = f"queuectl_{name}"
        (self.folder / f"{module}.py").write_text(dedent(source))
        information = self.folder / f"{module}-1.2.3.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: queuectl-{name}\nVersion: 1.2.3\n")
        lines = "".join(f"{point} = {module}\n" for point in points or [name])
        (information / "entry_points.txt").write_text(f"[queuectl]\n{lines}")

    def configure(self, text: str) -> None:
        """Write the configuration."""
        (self.program.cwd / "queuectl.yaml").write_text(dedent(text))

    def jobs(self) -> dict[str, Any]:
        """All jobs by their ids, as JSON."""
        return {job["id"]: job for job in self.program("list", "--json", code=0).json}


@pytest.fixture
def site(queuectl: Program, tmp_path: Path) -> Site:
    """Where plugins are installed."""
    folder = tmp_path / "site"
    folder.mkdir()
    queuectl.env["PYTHONPATH"] = str(folder)
    return Site(folder, queuectl)
