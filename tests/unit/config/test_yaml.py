"""Reading YAML: every value with its place, and nothing in it that could do harm."""

from __future__ import annotations

import pytest

from queuectl.config.tree import Node, Source
from queuectl.config.yaml import LARGEST, read_yaml
from queuectl.errors import ConfigError

SOURCE = Source("queuectl.yaml")


def read(text: str) -> Node:
    """Read a document that is there."""
    node = read_yaml(text, SOURCE)
    assert node is not None
    return node


def error(text: str) -> str:
    """Read a document that must be refused."""
    with pytest.raises(ConfigError) as caught:
        read_yaml(text, SOURCE)
    assert "\n" not in caught.value.message
    return caught.value.message


def test_every_value_and_key_has_its_place() -> None:
    """Errors can name line and column, counted from 1."""
    root = read("worker:\n  concurrency: many\n")
    worker = root.items()["worker"]
    assert str(worker.items()["concurrency"].origin) == "queuectl.yaml:2:16"
    assert str(worker.keys["concurrency"].origin) == "queuectl.yaml:2:3"


def test_columns_count_characters() -> None:
    """A column is where an editor shows it, whatever the characters take in bytes."""
    assert str(read("'ü😀': x").items()["ü😀"].origin) == "queuectl.yaml:1:7"


def test_quoted_scalars_are_texts() -> None:
    """Quotes say that something is a text."""
    assert read("[10, '10', \"true\", !  3]").plain() == [10, "10", "true", "3"]


@pytest.mark.parametrize("text", ["", "# nothing\n", "\n\n", "---\n"])
def test_an_empty_document_is_nothing(text: str) -> None:
    """A file of comments is as good as none."""
    node = read_yaml(text, SOURCE)
    assert node is None or node.value is None


def test_anchors_and_aliases_are_followed() -> None:
    """An alias means what its anchor stands for, and has a place of its own."""
    root = read("a: &x {b: 1}\nc: *x\n")
    assert root.plain() == {"a": {"b": 1}, "c": {"b": 1}}
    assert str(root.items()["c"].origin) == "queuectl.yaml:2:4"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "queuectl.yaml:3:1: duplicate key 'a' (first on line 1)"),
        ("a: 1\n'a': 2\n", "queuectl.yaml:2:1: duplicate key 'a' (first on line 1)"),
        ("a: 1\n---\nb: 2\n", "queuectl.yaml:2:1: a second document begins here, but only one is read"),
        ("a:\n\tb: 1\n", "queuectl.yaml:2:1: a tab stands here, but YAML is indented by spaces"),
        ("a: *nowhere\n", "queuectl.yaml:1:4: no anchor &nowhere stands before this"),
        ("a: &a [*a]\n", "queuectl.yaml:1:8: no anchor &a stands before this"),
        ("? [a]\n: 1\n", "queuectl.yaml:1:3: a key must be a word, not a collection"),
        (
            "a: !!python/object/apply:os.system [id]\n",
            "queuectl.yaml:1:4: tags such as !!python/object/apply:os.system",
        ),
        ("a: !!str 1\n", "queuectl.yaml:1:4: tags such as !!str are not read"),
        ("a: \x07\n", "queuectl.yaml:1:4: control characters are not allowed"),
        ("a: b: c\n", "queuectl.yaml:1:5: mapping values are not allowed in this context"),
        ("a: 'x\n", "queuectl.yaml:2:1: while scanning a quoted scalar: found unexpected end of stream"),
        ("a: [1, 2\n", "queuectl.yaml:2:1: while parsing a flow sequence: did not find expected ',' or ']'"),
    ],
)
def test_errors_are_one_line_with_the_place(text: str, message: str) -> None:
    """What is wrong is said on one line that begins with file, line and column."""
    assert error(text).startswith(message)


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 100_000, "{a: " * 100_000, "a: " + "[" * 60 + "]" * 60])
def test_deep_nesting_is_refused(text: str) -> None:
    """No depth of brackets or dashes exhausts the stack."""
    assert error(text).endswith(("nested too deeply", "exceeded maximum nesting depth"))  # newer parsers have a limit


def test_aliases_cannot_multiply_beyond_reason() -> None:
    """A few lines of aliases that stand for billions of values are refused before they are followed."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 12)]
    assert error("\n".join(lines)).endswith("too many values")


def test_a_large_file_is_refused() -> None:
    """More values than any configuration has are refused."""
    assert error("[" + "1," * (LARGEST + 1) + "]").endswith("too many values")
