"""The wheel holds the program and nothing else; the source archive all that is needed to build and to judge it."""

from __future__ import annotations

import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project() -> Any:
    """What pyproject.toml says."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture
def wheel_names(distribution: Any) -> list[str]:
    """The files in the wheel."""
    with zipfile.ZipFile(distribution.wheel) as wheel:
        return wheel.namelist()


@pytest.fixture
def sdist_names(distribution: Any) -> list[str]:
    """The files in the source archive, without its first folder."""
    with tarfile.open(distribution.sdist) as sdist:
        return [name.partition("/")[2] for name in sdist.getnames()]


def test_the_wheel_holds_the_packages_and_nothing_else(wheel_names: list[str], project: Any) -> None:
    """Tests, examples and configurations are not installed into anybody's site-packages."""
    packages = {Path(package).name for package in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]}
    tops = {name.split("/")[0] for name in wheel_names}
    assert {top for top in tops if not top.endswith(".dist-info")} == packages


def test_the_wheel_holds_every_module(wheel_names: list[str]) -> None:
    """What is in the source tree is in the wheel, with the markers of typed packages."""
    source = {path.relative_to(ROOT).as_posix() for path in (ROOT / "queuectl").rglob("*.py")}
    plugins = {path.relative_to(ROOT / "plugins").as_posix() for path in (ROOT / "plugins").rglob("*.py")}
    assert source | plugins <= set(wheel_names)
    tops = {name.split("/")[0] for name in source | plugins}
    assert {f"{top}/py.typed" for top in tops} <= set(wheel_names)


def test_the_wheel_holds_the_pages_of_the_dashboard(wheel_names: list[str]) -> None:
    """Templates, the style and the scripts are no modules, and without them there is no page."""
    folder = ROOT / "plugins" / "queuectl_dashboard"
    files = [path for part in ("templates", "static") for path in (folder / part).iterdir()]
    assert len(files) > 15
    assert {path.relative_to(ROOT / "plugins").as_posix() for path in files} <= set(wheel_names)


def test_the_wheel_says_what_it_is(distribution: Any, project: Any) -> None:
    """Name, version, licence, extras and entry points are in its metadata."""
    with zipfile.ZipFile(distribution.wheel) as wheel:
        folder = next(name.split("/")[0] for name in wheel.namelist() if ".dist-info/" in name)
        metadata = wheel.read(f"{folder}/METADATA").decode()
        points = wheel.read(f"{folder}/entry_points.txt").decode()
        assert f"{folder}/licenses/LICENSE" in wheel.namelist()
    assert f"Version: {project['project']['version']}" in metadata
    assert "License-Expression: MIT" in metadata
    assert "Provides-Extra: testing" in metadata
    for name, module in project["project"]["entry-points"]["queuectl"].items():
        assert f"{name} = {module}" in points


def test_the_source_archive_holds_what_is_needed_to_judge_it(sdist_names: list[str]) -> None:
    """Tests, documentation, configurations and examples come with the source; what a build left behind does not."""
    for name in ("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "tox.ini", ".ci/run"):
        assert name in sdist_names
    for folder in ("tests", "docs", "config", "examples", "benchmarks", "plugins", "queuectl"):
        assert any(name.startswith(f"{folder}/") for name in sdist_names), folder
    assert [name for name in sdist_names if "__pycache__" in name or name.startswith((".venv", "out/", ".tox"))] == []
