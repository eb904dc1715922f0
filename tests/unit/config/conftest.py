"""A place of one's own: a current directory, a home and an environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from queuectl.config import Config, load_config
from queuectl.errors import ConfigError


@dataclass
class Place:
    """Reads configurations as a process with this home and current directory would."""

    cwd: Path
    home: Path

    def write(self, text: str | bytes, name: str = "queuectl.yaml") -> Path:
        """Write a file in the current directory."""
        file = self.cwd / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return file

    def environ(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return an environment with nothing in it but the home."""
        return {"HOME": str(self.home)} | dict(more or {})

    def load(
        self,
        text: str | None = None,
        *,
        overrides: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
        file: str | Path | None = None,
    ) -> Config:
        """Load the configuration, after writing `text` to ./queuectl.yaml."""
        if text is not None:
            self.write(text)
        return load_config(file, overrides=overrides, environ=self.environ(environ), cwd=self.cwd)

    def errors(
        self,
        text: str | None = None,
        *,
        overrides: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
        file: str | Path | None = None,
    ) -> list[str]:
        """Load a configuration that must be refused, and return its errors, a line each."""
        with pytest.raises(ConfigError) as caught:
            self.load(text, overrides=overrides, environ=environ, file=file)
        assert caught.value.exit_code == 78
        return list(caught.value.details) if caught.value.message.endswith("errors") else [caught.value.message]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place without any configuration."""
    (tmp_path / "work").mkdir()
    (tmp_path / "home").mkdir()
    return Place(tmp_path / "work", tmp_path / "home")
