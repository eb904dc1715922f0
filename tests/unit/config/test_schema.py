"""The JSON Schema that editors use says what the program says."""

from __future__ import annotations

import json
from contextlib import nullcontext
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
from tests.unit.conftest import Install

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / "config").glob("*.yaml"))


PAGER = """
    from dataclasses import dataclass
    from enum import Enum
    from typing import Annotated, Literal
    from msgspec import Meta
    from queuectl import Duration, Provider, Size, hookimpl

    class Tone(Enum):
        LOW = "low"
        HIGH = "high"

    @dataclass(frozen=True, kw_only=True)
    class Pager:
        url: Annotated[str, Meta(pattern="^https://", description="where to send pages")]
        api_key: str
        tries: Annotated[int, Meta(ge=1, le=5, description="how often")] = 2
        patience: Annotated[Duration, Meta(description="how long to wait for an answer")] = Duration("5s")
        largest: Size = Size("1MiB")
        tone: Tone = Tone.LOW
        level: Literal["info", "alarm"] = "alarm"
        headers: dict[str, str] | None = None

    @dataclass(frozen=True, kw_only=True)
    class Store:
        dsn: str
        pool_size: Annotated[int, Meta(ge=1)] = 4

    @hookimpl
    def queuectl_notifiers():
        yield Provider("pager", Pager, lambda settings, context: settings, "pages whoever is on duty")

    @hookimpl
    def queuectl_storages():
        yield Provider("pager-store", Store, lambda settings, context: settings)
"""
"""A third party's plugin, with settings of many kinds."""


@pytest.fixture
def with_pager(install: Install) -> dict[str, Any]:
    """The schema with that plugin installed."""
    install("queuectl-pager", PAGER, points={"pager": "queuectl_pager", "pager-store": "queuectl_pager"})
    plugins = Registry().installed()
    return schema(found for info in plugins for found in info.offers if found.name == info.entry.name)


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
        "storage: {plugin: firebird, dsn: x}",
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


def rule(schema: dict[str, Any], kind: str, plugin: str) -> dict[str, Any]:
    """What holds where a section names a plugin."""
    rules = schema["definitions"][kind]["anyOf"][-1]["allOf"]
    found: dict[str, Any] = next(
        each["then"] for each in rules if each["if"]["properties"]["plugin"]["const"] == plugin
    )
    return found


def test_an_installed_plugin_is_suggested_with_its_summary(with_pager: dict[str, Any]) -> None:
    """In both forms of the section: its name alone, and as its `plugin`."""
    short, _, long = with_pager["definitions"]["notifier"]["anyOf"]
    for named in (short, long["properties"]["plugin"]["anyOf"][0]):
        assert named == {
            "enum": ["log", "pager"],
            "enumDescriptions": ["writes each event to the worker's log", "pages whoever is on duty"],
        }


def test_each_setting_of_a_plugin_has_type_limits_default_and_description(with_pager: dict[str, Any]) -> None:
    """All that an editor shows, below the plugin's name and nowhere else."""
    told = rule(with_pager, "notifier", "pager")
    assert told["properties"]["url"] == {
        "description": "where to send pages (required)",
        "type": "string",
        "pattern": "^https://",
    }
    assert told["properties"]["tries"] == {
        "description": "how often",
        "default": 2,
        "type": "integer",
        "minimum": 1,
        "maximum": 5,
    }
    patience = told["properties"]["patience"]
    assert (patience["default"], patience["description"]) == ("5s", "how long to wait for an answer")
    assert told["properties"]["largest"]["default"] == "1MiB"
    assert told["properties"]["tone"] == {"default": "low", "enum": ["low", "high"]}
    assert told["properties"]["level"] == {"default": "alarm", "enum": ["info", "alarm"]}
    assert told["additionalProperties"] is False
    assert told["patternProperties"].keys() == {"^api_key$"}


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("notifications: [{plugin: pager, url: 'https://x', api-key: k}]", True),
        ("notifications: [{plugin: pager, url: 'https://x', api_key: k, tone: high, headers: {a: b}}]", True),
        ("notifications: [{plugin: pager, url: 'https://x', api_key: k, patience: 3, largest: 1kB}]", True),
        ("notifications: [{plugin: pager, url: 'https://x'}]", False),
        ("notifications: [{plugin: pager, url: 'http://x', api-key: k}]", False),
        ("notifications: [{plugin: pager, url: 'https://x', api-key: k, tries: 6}]", False),
        ("notifications: [{plugin: pager, url: 'https://x', api-key: k, tone: shrill}]", False),
        ("notifications: [{plugin: pager, url: 'https://x', api-key: k, headers: {a: 1}}]", False),
        ("storage: {plugin: pager-store, pool_size: 0}", False),
        ("storage: {plugin: pager-store, dsn: x, pool-size: 9}", True),
    ],
)
def test_the_settings_of_an_installed_plugin_are_checked(
    with_pager: dict[str, Any], text: str, valid: bool, tmp_path: Path
) -> None:
    """The editor marks what the program refuses."""
    assert fits(plain(text), with_pager, with_pager) is valid
    (tmp_path / "queuectl.yaml").write_text(text)
    config = load_config(environ={"HOME": str(tmp_path)}, cwd=tmp_path)
    with nullcontext() if valid else pytest.raises(ConfigError, match=r"^queuectl\.yaml:1:\d+: "):
        config.resolve_all()


def test_what_the_environment_may_add_is_not_missed(with_pager: dict[str, Any], tmp_path: Path) -> None:
    """A password belongs into no file, so a section without it is whole to an editor."""
    text = "storage: {plugin: pager-store, pool-size: 9}"
    assert fits(plain(text), with_pager, with_pager)
    (tmp_path / "queuectl.yaml").write_text(text)
    environ = {"HOME": str(tmp_path), "QUEUECTL_STORAGE__DSN": "x"}
    load_config(environ=environ, cwd=tmp_path).resolve_all()
