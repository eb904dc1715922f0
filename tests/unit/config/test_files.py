"""The files to start from: each loads, and the one with every key says the defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from queuectl.config import Config, load_config
from queuectl.config.explain import settings_of
from queuectl.config.starter import starter
from queuectl.registry import Registry

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / "config").glob("*.yaml"))


def load(file: Path | None, home: Path) -> Config:
    """Load a file as a user without any other configuration would."""
    home.joinpath("work").mkdir(exist_ok=True)
    return load_config(file, environ={"HOME": str(home)}, cwd=home / "work")


def values(config: Config) -> dict[str, Any]:
    """Every key with its value."""
    return {setting.key: setting.value for setting in settings_of(config)}


def test_there_are_files_for_several_kinds_of_deployment() -> None:
    """And the one with every key."""
    assert {file.name for file in FILES} >= {
        "queuectl.yaml",
        "laptop.yaml",
        "batch-server.yaml",
        "aggressive-retries.yaml",
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_each_loads_and_everything_that_it_names_is_there(file: Path, tmp_path: Path) -> None:
    """Whoever copies it can start at once."""
    config = load(file, tmp_path)
    config.resolve_all()
    assert config.file == file


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_key_has_a_comment(file: Path) -> None:
    """Each line that sets something says what for."""
    lines = [line for line in file.read_text().splitlines() if line.strip() and not line.strip().startswith("#")]
    assert [line for line in lines if " # " not in line] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_an_editor_finds_the_schema_beside_each(file: Path) -> None:
    """The first line names it, as the language server for YAML reads it."""
    first = file.read_text().splitlines()[0]
    named = first.removeprefix("# yaml-language-server: $schema=")
    assert named != first
    assert (file.parent / named).is_file()


def test_the_full_file_says_every_key_and_its_default(tmp_path: Path) -> None:
    """Written down twice, once for people, and held together here."""
    full = load(ROOT / "config" / "queuectl.yaml", tmp_path)
    assert values(full) == values(load(None, tmp_path))
    silent = [setting.key for setting in settings_of(full) if setting.origin == "default"]
    assert silent == []


def test_the_starter_file_changes_nothing(tmp_path: Path) -> None:
    """All its keys are comments, which show the defaults: without the marks it is the full file."""
    file = tmp_path / "starter.yaml"
    file.write_text(starter(Registry()))
    assert values(load(file, tmp_path)) == values(load(None, tmp_path))
    lines = starter(Registry()).splitlines()
    begin = next(index for index, line in enumerate(lines) if line.startswith("# storage:"))
    uncommented = [line[2:] for line in lines[begin:] if line.startswith("# ") and (line[2] == " " or ":" in line)]
    keys = [line for line in uncommented if not line[:1].isupper() and "mail" not in line]
    file.write_text("\n".join(line for line in keys if "queues" not in line and not line.startswith("    ")) + "\n")
    restored = load(file, tmp_path)
    assert values(restored) == values(load(None, tmp_path))
    assert [setting.key for setting in settings_of(restored) if setting.origin == "default"] == []
