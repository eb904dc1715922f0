"""The distribution as people get it: built from the source archive, installed into an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEADLINE = 280.0

MakeEnvironment = Callable[..., Path]


@dataclass(frozen=True)
class Distribution:
    """What a build makes."""

    sdist: Path
    wheel: Path


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel in it, and what its programs need to run far from the checkout."""

    folder: Path
    home: Path

    @property
    def python(self) -> str:
        """The environment's Python."""
        return str(self.folder / "bin" / "python")

    @property
    def queuectl(self) -> str:
        """The environment's program."""
        return str(self.folder / "bin" / "queuectl")

    def run(self, command: Sequence[str], code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command in an empty folder; fail unless it exits with `code`."""
        cwd = self.home / "work"
        cwd.mkdir(parents=True, exist_ok=True)
        env = {"HOME": str(self.home), "PATH": os.environ["PATH"], "QUEUECTL_HOME": str(self.home / "queuectl")}
        done = subprocess.run(
            command,
            cwd=cwd,
            env=env,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == code, done
        return done


@pytest.fixture(scope="session")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Distribution:
    """Build the source archive, and the wheel from what is in it."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=DEADLINE)
    return Distribution(next(out.glob("*.tar.gz")), next(out.glob("*.whl")))


@pytest.fixture(scope="session")
def make_environment(tmp_path_factory: pytest.TempPathFactory) -> MakeEnvironment:
    """Install wheels into an environment; the libraries they need are lent by the one that runs the tests."""

    def make(*wheels: Path) -> Path:
        folder = tmp_path_factory.mktemp("environment")
        venv.create(folder, with_pip=False, symlinks=True)
        python = str(folder / "bin" / "python")
        install = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", "--quiet"]
        subprocess.run([*install, *map(str, wheels)], check=True, capture_output=True, timeout=DEADLINE)
        place = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        site = Path(subprocess.check_output(place, text=True).strip())
        # Its own site-packages comes first on the path, so our installed copy there is what counts.
        (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
        return folder

    return make


@pytest.fixture(scope="session")
def environment(distribution: Distribution, make_environment: MakeEnvironment) -> Path:
    """An environment with our wheel in it."""
    return make_environment(distribution.wheel)


@pytest.fixture
def installed(environment: Path, tmp_path: Path) -> Installed:
    """The environment, with a home of its own."""
    return Installed(environment, tmp_path / "home")
