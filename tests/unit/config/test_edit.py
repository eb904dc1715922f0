"""Changing one key of a file: what is not the key stays, byte for byte."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl.config.edit import line_of, set_in, unset_in
from queuectl.config.tree import Source
from queuectl.config.yaml import read_yaml
from queuectl.errors import ConfigError

SOURCE = Source("q.yaml")


def path(text: str) -> tuple[str, ...]:
    """Take a simple key path apart."""
    return tuple(text.split("."))


@pytest.mark.parametrize(
    ("before", "key", "value", "after"),
    [
        # a key that is there
        ("jobs: {max-retries: 5} # c\n", "jobs.max-retries", 3, "jobs: {max-retries: 3} # c\n"),
        ("jobs:\n  max_retries:   5   # c\n", "jobs.max-retries", 3, "jobs:\n  max_retries:   3   # c\n"),
        ('"jobs":\n  "timeout": "3" # c\n', "jobs.timeout", "5m", '"jobs":\n  "timeout": 5m # c\n'),
        ("a: 'é😀'\njobs: {timeout: 1}", "jobs.timeout", 2, "a: 'é😀'\njobs: {timeout: 2}"),
        ("jobs:\n  retry-on: [1, 2]\n", "jobs.retry-on", [75], "jobs:\n  retry-on: [75]\n"),
        ("jobs:\r\n  timeout: 1\r\n# e\r\n", "jobs.timeout", 2, "jobs:\r\n  timeout: 2\r\n# e\r\n"),
        # a key without a value
        ("jobs:\n  timeout:\n  priority: 1", "jobs.timeout", "5m", "jobs:\n  timeout: 5m\n  priority: 1"),
        ("jobs:\n  timeout:   # c\n", "jobs.timeout", "5m", "jobs:\n  timeout: 5m   # c\n"),
        ("jobs: {timeout}\n", "jobs.timeout", 3, "jobs: {timeout: 3}\n"),
        ("jobs: {timeout: , priority: 1}\n", "jobs.timeout", 3, "jobs: {timeout: 3, priority: 1}\n"),
        # a new key in a section
        ("jobs: {}", "jobs.timeout", 3, "jobs: {timeout: 3}"),
        ("jobs: {priority: 3,}", "jobs.timeout", 3, "jobs: {priority: 3, timeout: 3,}"),
        (
            "jobs: {\n  priority: 3 # x\n}\n",
            "jobs.timeout",
            3,
            "jobs: {\n  priority: 3, timeout: 3 # x\n}\n",
        ),
        ("jobs:\n", "jobs.timeout", 3, "jobs:\n  timeout: 3\n"),
        ("jobs: # c\n\nworker: {}\n", "jobs.timeout", 3, "jobs: # c\n  timeout: 3\n\nworker: {}\n"),
        ("jobs: null\n", "jobs.timeout", 3, "jobs: {timeout: 3}\n"),
        ("jobs:\n  priority: 1", "jobs.timeout", 3, "jobs:\n  priority: 1\n  timeout: 3"),
        (
            "jobs:\r\n    priority: 1  # t\r\n\r\n# e\r\nworker: {}\r\n",
            "jobs.timeout",
            3,
            "jobs:\r\n    priority: 1  # t\r\n    timeout: 3\r\n\r\n# e\r\nworker: {}\r\n",
        ),
        (
            "jobs:\n  priority: 1\n  # timeout: 5m\nworker: {}\n",
            "jobs.timeout",
            3,
            "jobs:\n  priority: 1\n  timeout: 3\n  # timeout: 5m\nworker: {}\n",
        ),
        (
            "storage:\n  path: |\n    x\n    y\n\n# c\n",
            "storage.durability",
            "full",
            "storage:\n  path: |\n    x\n    y\n  durability: full\n\n# c\n",
        ),
        ("jobs:\n  a: &a 1\n  b: *a\n", "jobs.timeout", 4, "jobs:\n  a: &a 1\n  b: *a\n  timeout: 4\n"),
        # a new section
        ("", "jobs.timeout", 3, "jobs:\n  timeout: 3\n"),
        ("# c", "jobs.timeout", 3, "# c\njobs:\n  timeout: 3\n"),
        ("---\n", "jobs.timeout", 3, "---\njobs:\n  timeout: 3\n"),
        ("jobs:\n    priority: 1\n", "worker.count", 3, "jobs:\n    priority: 1\nworker:\n    count: 3\n"),
        ("jobs:\n  priority: 1\n...\n", "worker.count", 3, "jobs:\n  priority: 1\nworker:\n  count: 3\n...\n"),
        ("notifications:\n- plugin: log\n", "worker.count", 3, "notifications:\n- plugin: log\nworker:\n  count: 3\n"),
        ("{jobs: {timeout: 3}}", "worker.count", 3, "{jobs: {timeout: 3}, worker: {count: 3}}"),
        (
            "queues:\n  mail:\n    timeout: 3\n",
            "queues.sms.backoff.delay",
            3,
            "queues:\n  mail:\n    timeout: 3\n  sms:\n    backoff:\n      delay: 3\n",
        ),
        ("queues:\n  mail: {}\n", "queues.mail.backoff.delay", 3, "queues:\n  mail: {backoff: {delay: 3}}\n"),
        # a section that is a plugin's name alone
        ("backoff: fixed\n", "backoff.delay", 3, "backoff: {plugin: fixed, delay: 3}\n"),
        (
            "queues:\n  mail:\n    backoff: fixed # c\n",
            "queues.mail.backoff.delay",
            3,
            "queues:\n  mail:\n    backoff: {plugin: fixed, delay: 3} # c\n",
        ),
    ],
)
def test_a_key_is_set_and_all_else_stays(before: str, key: str, value: Any, after: str) -> None:
    """Comments, blank lines, quotes, indentation and line ends are the author's."""
    assert set_in(before, path(key), value, SOURCE) == after


@pytest.mark.parametrize(
    ("before", "key", "after"),
    [
        ("jobs: {priority: 5} # c\nworker: {count: 1}\n", "jobs.priority", "worker: {count: 1}\n"),
        ("jobs: {priority: 5, timeout: 3}\n", "jobs.priority", "jobs: {timeout: 3}\n"),
        ("jobs: {priority: 5, timeout: 3}\n", "jobs.timeout", "jobs: {priority: 5}\n"),
        ("jobs:\n  max_retries: 5 # c\n  timeout: 3\n", "jobs.max-retries", "jobs:\n  timeout: 3\n"),
        ("jobs:\n  # x\n  priority: 5\nworker: {}\n", "jobs.priority", "  # x\nworker: {}\n"),
        ("jobs:\r\n  priority: 5\r\n  timeout: 3", "jobs.timeout", "jobs:\r\n  priority: 5\r\n"),
        ("jobs:\n  priority: 5", "jobs.priority", ""),
        ("# a\n\njobs:\n  priority: 5\n\n# b\n", "jobs.priority", "# a\n\n\n# b\n"),
        (
            "queues:\n  mail:\n    backoff:\n      plugin: fixed\n  sms:\n    timeout: 3\n",
            "queues.mail.backoff.plugin",
            "queues:\n  sms:\n    timeout: 3\n",
        ),
        ("{jobs: {timeout: 3}}", "jobs.timeout", "{}"),
        ("notifications:\n- plugin: log\n# x\njobs: {timeout: 1}", "notifications", "# x\njobs: {timeout: 1}"),
        ("jobs:\n  cwd: |\n    x\n    # y\n\n  priority: 1\n", "jobs.cwd", "jobs:\n\n  priority: 1\n"),
        ("jobs:\n  a: &a 1\n  b: *a\n", "jobs.b", "jobs:\n  a: &a 1\n"),
    ],
)
def test_a_key_is_removed_with_the_sections_that_this_empties(before: str, key: str, after: str) -> None:
    """Comments stay, and so does everything else."""
    assert unset_in(before, path(key), SOURCE) == after


@pytest.mark.parametrize(
    ("before", "key", "place"),
    [
        ("jobs: &a\n  timeout: 1\n", "jobs.timeout", "q.yaml:1:7"),
        ("jobs:\n  timeout: &a 1\n  priority: *a\n", "jobs.timeout", "q.yaml:2:12"),
        ("jobs:\n  timeout: &a 1\n  priority: *a\n", "jobs.priority", "q.yaml:3:13"),
        ("a: &a {timeout: 1}\njobs: *a\n", "jobs.timeout", "q.yaml:2:7"),
        ("storage:\n  path: |\n    x\n", "storage.path", "q.yaml:2:9"),
        ("storage:\n  path: 'a\n    b'\n", "storage.path", "q.yaml:2:9"),
        ("jobs:\n  retry-on:\n  - 1\n", "jobs.retry-on", "q.yaml:3:3"),
        ("jobs:\n  retry-on: [1,\n    2]\n", "jobs.retry-on", "q.yaml:2:13"),
        ("storage:\n  path: |+\n    x\n\n", "storage.durability", "q.yaml:2:3"),
        ("jobs: 3\n", "jobs.timeout", "q.yaml:1:7"),
        ("---\n# x\n...\n", "jobs.timeout", "q.yaml:3:1"),
    ],
)
def test_what_is_not_safe_is_refused_with_its_place(before: str, key: str, place: str) -> None:
    """The person then does it in an editor."""
    with pytest.raises(ConfigError) as caught:
        set_in(before, path(key), "full", SOURCE)
    assert caught.value.message.startswith(f"{place}: ")
    assert caught.value.hint == "change q.yaml with an editor"


@pytest.mark.parametrize(
    ("before", "key"),
    [
        ("jobs:\n  timeout: &a 1\n  priority: *a\n", "jobs.timeout"),
        ("jobs: {timeout: 1, # c\n  priority: 2}\n", "jobs.timeout"),
        ("? jobs\n: timeout: 1\n  priority: 2\n", "jobs.timeout"),
    ],
)
def test_what_cannot_be_removed_safely_is_refused(before: str, key: str) -> None:
    """For instance an anchor that others refer to."""
    with pytest.raises(ConfigError):
        unset_in(before, path(key), SOURCE)


def test_the_line_of_a_key_is_known() -> None:
    """So that it can be told where the new value stands."""
    text = "# c\njobs:\n  timeout: 1\n  max_retries: 2\n"
    assert [line_of(text, path(key), SOURCE) for key in ("jobs", "jobs.max-retries", "jobs.x", "y.z")] == [2, 4, 0, 0]


NAMES = st.sampled_from(["jobs", "worker", "queues", "a-b", "c"])
VALUES = st.integers(0, 99) | st.sampled_from(["5m", "a: b", "# c", ""]) | st.none() | st.lists(st.integers(0, 9))
TREES = st.dictionaries(NAMES, VALUES | st.dictionaries(NAMES, VALUES | st.dictionaries(NAMES, VALUES)))
LINES = st.sampled_from(["", "# a comment", "  # an indented comment"])


def rendered(tree: dict[str, Any], draw: st.DataObject, indent: str = "") -> list[str]:
    """Write a tree as a person might: in blocks or in braces, with comments and blank lines between."""
    from queuectl.config.writing import write

    lines: list[str] = []
    for key, value in tree.items():
        lines += draw.draw(st.lists(LINES, max_size=1))
        comment = draw.draw(st.sampled_from(["", "  # why"]))
        if isinstance(value, dict) and value and draw.draw(st.booleans()):
            lines += [f"{indent}{key}:{comment}", *rendered(value, draw, indent + "  ")]
        else:
            lines.append(f"{indent}{key}: {write(value)}{comment}")
    return lines


def plain(text: str) -> Any:
    """Read a text to plain values."""
    node = read_yaml(text, SOURCE)
    return (node.plain() if node is not None else None) or {}


@given(TREES, st.data(), st.lists(NAMES, min_size=1, max_size=3), VALUES, st.sampled_from(["\n", "\r\n"]))
def test_any_file_is_changed_right_or_not_at_all(
    tree: dict[str, Any], data: st.DataObject, keys: list[str], value: Any, newline: str
) -> None:
    """The new text says the old values and the new one, and every other old line is still there."""
    text = newline.join(rendered(tree, data)) + data.draw(st.sampled_from(["", newline]))
    try:
        after = set_in(text, tuple(keys), value, SOURCE)
    except ConfigError:
        return
    inner = plain(after)
    for key in keys[:-1]:
        inner = inner[key]
    assert inner[keys[-1]] == value
    lost = [line for line in text.splitlines() if line not in after.splitlines()]
    assert len(lost) <= 1
    assert after.count("\r\n") == (after.count("\n") if newline == "\r\n" and "\r" in text else 0)
    assert plain(unset_in(after, tuple(keys), SOURCE)) is not None
