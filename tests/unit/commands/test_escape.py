"""Job text cannot move the cursor, reorder what is read, or break a record apart."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl.commands.escape import tsv_field, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("naïve 日本 🎉", "naïve 日本 🎉"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x9b31m", r"\x9b31m"),
        ("a\tb\nc\rd\0", r"a\tb\nc\rd\x00"),
        ("abc\u202ecba", r"abc\u202ecba"),
        ("\u2066x\u2069", r"\u2066x\u2069"),
        ("\udc80", r"\udc80"),
        ("\U000e0041", r"\U000e0041"),
        ("a\u2028b", r"a\u2028b"),
        (r"C:\temp", r"C:\temp"),
        ("[bold]x[/bold]", "[bold]x[/bold]"),
    ],
)
def test_people_see_what_a_text_contains(text: str, shown: str) -> None:
    """Control, bidirectional and invisible characters are written out; all others stay as they are."""
    assert visible(text) == shown


@given(st.text(st.characters()))
def test_a_field_can_be_read_back(text: str) -> None:
    """A field of a tab-separated line holds neither tab nor line end, and unescaping gives the text back."""
    written = tsv_field(text)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", written)
    assert _read(written) == text


def _read(field: str) -> str:
    short = {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}
    escape = re.compile(r"\\(?:x(..)|u(.{4})|U(.{8})|(.))")
    return escape.sub(
        lambda match: short[match[4]] if match[4] else chr(int(match[1] or match[2] or match[3], 16)), field
    )
