"""What is written on one line is read back as it was."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl.config.tree import Source
from queuectl.config.writing import write
from queuectl.config.yaml import read_yaml
from queuectl.units import Duration, Size

SOURCE = Source("test.yaml")
CHARACTERS = st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("\n\t\r\x00\x07\x1b\x85\u2028")
TEXTS = st.text(CHARACTERS) | st.text("a:- ,#[]{}!TEXTS = st.text(CHARACTERS)*%@")
SCALARS = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | TEXTS
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=8)


def read(text: str) -> Any:
    """Read a value as it stands below a key."""
    node = read_yaml(f"key: {text}\n", SOURCE)
    assert node is not None
    return node.plain()["key"]


@given(VALUES)
def test_values_survive(value: Any) -> None:
    """Whatever is written means the same when it is read, in a block and in a flow mapping."""
    assert read(write(value)) == value
    assert read(write({"a": value, "b": 1})) == {"a": value, "b": 1}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("30s", "30s"),
        ("/var/lib/x.db", "/var/lib/x.db"),
        ("10", "'10'"),
        ("null", "'null'"),
        ("yes", "yes"),
        ("a: b", "'a: b'"),
        ("it's", "'it''s'"),
        ("# no comment", "'# no comment'"),
        ("", "''"),
        ("two\nlines", '"two\\nlines"'),
        (2.0, "2"),
        (None, "null"),
        (True, "true"),
        (Duration(90), "1m30s"),
        (Size(2**20), "1MiB"),
        ((75, 100), "[75, 100]"),
        (frozenset({"b", "a"}), "[a, b]"),
        ({"plugin": "fixed", "delay": 3}, "{plugin: fixed, delay: 3}"),
    ],
)
def test_values_are_written_as_people_would(value: object, text: str) -> None:
    """Quotes stand only where they are needed."""
    assert write(value) == text
