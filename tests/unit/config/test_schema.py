"""The JSON Schema that editors use says what the program says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from queuectl.config.load import load_config
from queuectl.config.schema import schema
from queuectl.config.settings import SECTIONS
from queuectl.config.tree import Source
from queuectl.config.yaml import read_yaml
from queuectl.errors import ConfigError
from queuectl.registry import BUILTINS, Registry
from tests.unit.config.schema_checking import fits

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / "config").glob("*.yaml"))


@pytest.fixture(scope="module")
def generated() -> dict[str, Any]:
    """The schema with the built-in plugins."""
    registry = Registry()
    return schema(registry.provider(kind, name) for kind, names in BUILTINS.items() for name in names)


def plain(text: str) -> Any:
    """Read YAML to plain values."""
    node = read_yaml(text, Source("test.yaml"))
    return node.plain() if node is not None else None


def test_the_shipped_schema_is_the_generated_one(generated: dict[str, Any]) -> None:
    """Made anew by: queuectl config schema | python -m json.tool --no-ensure-ascii --indent 2."""
    shipped = json.loads((ROOT / "config" / "queuectl.schema.json").read_text())
    assert shipped == json.loads(json.dumps(generated))


def test_every_section_is_described(generated: dict[str, Any]) -> None:
    """Editors show it."""
    assert list(generated["properties"]) == list(SECTIONS)
    assert all(section["description"] for section in generated["properties"].values())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_files_to_start_from_are_valid(generated: dict[str, Any], file: Path) -> None:
    """An editor marks nothing in them."""
    assert fits(plain(file.read_text()), generated, generated)


@pytest.mark.parametrize(
    "text",
    [
        "jobs: {max-retries: 3, max_retries: 4}",
        "jobs:",
        "jobs: {timeout: 1h30m, retry-on: [75]}",
        "jobs: {timeout: 90}",
        "worker: {lease: 2.5}",
        "storage: {path: null}",
        "storage: {plugin: postgres, dsn: x}",
        "backoff: fixed",
        "backoff: {plugin: fixed, delay: 3}",
        "backoff: {max_delay: 3}",
        "queues: {mail: {backoff: {max-delay: 3}, max-retries: 3}}",
        "queues: {mail: {backoff: none, executor: {kill-after: 3}}}",
        "notifications: [log, {plugin: log, events: [job.dead]}]",
        "executor: {max-output: 1GiB}",
        "plugins: [metrics]",
        "{}",
    ],
)
def test_what_the_program_takes_is_valid(generated: dict[str, Any], text: str) -> None:
    """Whatever is written in either spelling, and plugins that are installed elsewhere."""
    assert fits(plain(text), generated, generated)


@pytest.mark.parametrize(
    "text",
    [
        "jbos: {}",
        "jobs: {max-retrys: 3}",
        "jobs: {max-retries: many}",
        "jobs: {max-retries: -1}",
        "jobs: {max_retries: -1}",
        "jobs: {timeout: soon}",
        "jobs: {timeout: 0}",
        "worker: {count: 0}",
        "worker: {count: 2000}",
        "storage: {plugin: sqlite, pth: x}",
        "storage: {pth: x}",
        "storage: {durability: ful}",
        "backoff: {delay: 3}",
        "backoff: {plugin: fixed, base: 3}",
        "queues: {mail: {backoff: {plugin: fixed, base: 3}}}",
        "queues: {mail: {foo: 3}}",
        "queues: [mail]",
        "notifications: [{plugin: log, events: [job.ded]}]",
        "notifications: [{events: [job.dead]}]",
        "executor: {max-output: big}",
        "plugins: metrics",
        "[]",
    ],
)
def test_what_the_program_refuses_is_invalid(generated: dict[str, Any], text: str, tmp_path: Path) -> None:
    """The editor marks it before the program is asked; and the program does refuse it."""
    assert not fits(plain(text), generated, generated)
    (tmp_path / "queuectl.yaml").write_text(text)
    with pytest.raises(ConfigError):
        load_config(environ={"HOME": str(tmp_path)}, cwd=tmp_path).resolve_all()
