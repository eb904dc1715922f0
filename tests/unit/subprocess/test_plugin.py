"""The executor as a worker gets it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import queuectl_subprocess
from queuectl import ConfigError, Context, Duration, Size
from queuectl.config import load_config
from queuectl_subprocess import Subprocess


def test_defaults() -> None:
    """As the documentation has them."""
    (provider,) = queuectl_subprocess.queuectl_executors()
    settings = provider.settings()
    assert (provider.name, settings.kill_after, settings.max_output, settings.split) == (
        "subprocess",
        10,
        100 * 2**20,
        False,
    )


def test_from_a_file(tmp_path: Path) -> None:
    """Each setting has its key."""
    file = tmp_path / "queuectl.yaml"
    file.write_text("executor: {plugin: subprocess, kill-after: 1m30s, max-output: 1GiB, split: true}\n")
    config = load_config(file, environ={"QUEUECTL_HOME": str(tmp_path)})
    expected = Subprocess(kill_after=Duration(90), max_output=Size(2**30), split=True)
    assert config.executor("default").settings == expected


@pytest.mark.parametrize("text", ["kill-after: soon", "max-output: -1", "split: sometimes", "shell: bash"])
def test_nonsense(tmp_path: Path, text: str) -> None:
    """It is refused where it stands."""
    file = tmp_path / "queuectl.yaml"
    file.write_text(f"executor: {{plugin: subprocess, {text}}}\n")
    with pytest.raises(ConfigError):
        load_config(file, environ={"QUEUECTL_HOME": str(tmp_path)}).resolve_all()


def test_it_is_offered_without_ctypes() -> None:
    """Only workers pay for what runs the commands."""
    look = (
        "import sys, queuectl_subprocess as plugin; list(plugin.queuectl_executors());"
        "print(sorted({'ctypes', 'select', 'subprocess', 'queuectl_subprocess.executor'} & set(sys.modules)))"
    )
    seen = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout
    assert seen.strip() == "[]"


def test_it_is_built() -> None:
    """By the provider, with its settings."""
    (provider,) = queuectl_subprocess.queuectl_executors()
    assert provider.create is not None
    assert hasattr(provider.create(Subprocess(), Context(data=Path())), "execute")
