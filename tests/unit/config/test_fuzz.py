"""Whatever stands in a file, the environment or a flag: there is a configuration, or an error that says why not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from queuectl.commands.encoding import to_json as encode
from queuectl.config import load_config
from queuectl.config.explain import settings_of, to_json
from queuectl.config.settings import PER_QUEUE, SECTIONS
from queuectl.errors import ConfigError, UsageError
from queuectl.registry import BUILTINS, Registry

FEW = settings(max_examples=120, deadline=None, derandomize=True, database=None)
"""Enough to come through every reader; the suite must stay quick, and the same today and tomorrow."""

SETTINGS = ("max_output", "delay", "delays", "step", "then", "events", *PER_QUEUE)

REGISTRY = Registry()
"""One for all, since nothing in it depends on a configuration."""

ODD = (
    *(
        "",
        "~",
        "null",
        "true",
        "yes",
        "0",
        "-1",
        "010",
        "0o17",
        "0xff",
        "1.5",
        "1e999",
        "-1e999",
        ".nan",
        ".inf",
        "-.inf",
    ),
    *("9" * 400, "9" * 5000, "-" + "9" * 399, "0x" + "f" * 390, "9" * 300 + ".5", "1e308", "9" * 398 + "d", "99999d"),
    *(
        "90s",
        "1h30m",
        "5 m",
        "64KiB",
        "9" * 390 + "GiB",
        "1.5KiB",
        "1e9GB",
        "12:30",
        "~/x",
        "~nobody-at-all/x",
        "\udcff",
        "'\udcff'",
        "a\0b",
    ),
    *(
        "*a",
        "&a x",
        "!!int 3",
        "!x y",
        "[",
        "}",
        "'",
        '"',
        '"\\ud800"',
        "'\ud800'",
        "<<",
        "---",
        "...",
        "%YAML 1.1",
        "|",
        ">-",
    ),
    *(
        "\t",
        "# x",
        "a: b",
        "{a: b}",
        "[a, {b: c}]",
        "[1, 2]",
        "75,100",
        "job.dead",
        "[job.dead]",
        "[job.ded]",
        "\u202e",
    ),
    *(name for names in BUILTINS.values() for name in names),
)
"""Texts at which something bends."""

KEYS = [setting.key for setting in settings_of(load_config(environ={"HOME": "/"}, cwd=Path("/"), registry=REGISTRY))]

texts = st.sampled_from(ODD) | st.text(max_size=12) | st.integers().map(str) | st.floats().map(repr)
sections = st.sampled_from([*SECTIONS, "nosuch"])
names = st.sampled_from([*{part for key in KEYS for part in key.split(".")}, "mail", *SETTINGS]) | st.text(max_size=8)
keys = st.sampled_from(KEYS) | st.lists(sections | names, max_size=4).map(".".join)


def written(value: Any) -> str:
    """Write a value in the flow style, with nothing quoted that was not quoted already."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {written(item)}" for key, item in value.items()) + "}"
    return "[" + ", ".join(map(written, value)) + "]" if isinstance(value, list) else str(value)


values = st.recursive(
    texts, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4), max_leaves=8
)
documents = st.dictionaries(sections, values, max_size=4).map(
    lambda document: "\n".join(f"{key}: {written(value)}" for key, value in document.items())
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home and current directory for all examples."""
    return tmp_path_factory.mktemp("fuzz")


def try_out(
    home: Path, *, data: bytes = b"", environ: dict[str, str] | None = None, overrides: Sequence[str] = ()
) -> None:
    """Use all of a configuration, if there is one."""
    (home / "queuectl.yaml").write_bytes(data)
    try:
        config = load_config(
            overrides=overrides, environ={"HOME": str(home)} | (environ or {}), cwd=home, registry=REGISTRY
        )
        config.resolve_all()
    except (ConfigError, UsageError):
        return
    for queue in (*config.queues, "default"):
        assert config.jobs(queue).max_retries >= 0
        config.create(config.backoff(queue))
        config.create(config.executor(queue))
    assert config.worker.count > 0
    assert config.wanted_events() is not None
    for setting in settings_of(config):
        assert setting.text is not None
        assert encode(to_json(setting.masked().value))


@FEW
@given(st.binary(max_size=60))
def test_any_bytes_are_a_configuration_or_an_error(home: Path, data: bytes) -> None:
    """A file may hold anything."""
    try_out(home, data=data)


@FEW
@given(st.text(max_size=80) | documents)
@example("backoff: {base: " + "9" * 400 + "}")
@example("backoff: {max-delay: " + "9" * 5000 + "}")
@example("executor: {max-output: 0x" + "f" * 390 + "}")
def test_any_text_is_a_configuration_or_an_error(home: Path, text: str) -> None:
    """One that is near to a configuration, or not."""
    try_out(home, data=text.encode("utf-8", "surrogatepass"))


variables = keys.filter(lambda key: not {"\0", "="} & set(key)).map(
    lambda key: "QUEUECTL_" + key.upper().replace(".", "__").replace("-", "_")
)


@FEW
@given(variables, texts.filter(lambda text: "\0" not in text))
@example("QUEUECTL_BACKOFF__BASE", "9" * 400)
@example("QUEUECTL_JOBS__TIMEOUT", "9" * 5000)
def test_any_variable_is_a_configuration_or_an_error(home: Path, name: str, text: str) -> None:
    """Whatever its name and value."""
    try_out(home, data=b"queues: {mail: {priority: 3}}", environ={name: text})


@FEW
@given(st.lists(keys, min_size=1, max_size=2), texts)
@example(["backoff.base"], "9" * 400)
@example(["worker.lease"], "9" * 5000)
def test_any_override_is_a_configuration_or_an_error(home: Path, keys: list[str], text: str) -> None:
    """Whatever follows `--set`."""
    try_out(home, data=b"queues: {mail: {priority: 3}}", overrides=[f"{key}={text}" for key in keys])
