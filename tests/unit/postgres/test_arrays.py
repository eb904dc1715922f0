"""Arrays: what is written is what PostgreSQL reads."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from queuectl_postgres import Postgres
from queuectl_postgres.arrays import array, arrays, columns, columns_or_same

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
KINDS = {
    "text": TEXTS,
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "float8": st.floats(allow_nan=False),
    "bool": st.booleans(),
}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_server_reads_what_was_written(postgres: Postgres, kind: str, data: st.DataObject) -> None:
    """Whatever stands in a text, and wherever nothing does."""
    values = data.draw(st.lists(st.none() | KINDS[kind], min_size=1).filter(any))
    with psycopg.connect(postgres.dsn) as connection:
        read: Any = connection.execute(f"SELECT %s::{kind}[]".encode(), (array(values),)).fetchone()
    assert read[0] == values


@pytest.mark.parametrize("text", ["", "NULL", "{}", 'a"b', "a\\", "a,b", " a ", "ä\n\t€", "'"])
def test_texts_are_quoted(postgres: Postgres, text: str) -> None:
    """So that none is taken for a sign of the array's own."""
    values = [text, None, text]
    with psycopg.connect(postgres.dsn) as connection:
        assert connection.execute("SELECT %s::text[]", (array(values),)).fetchone() == (values,)


def test_what_is_missing_everywhere_is_left_out() -> None:
    """Where rows are made of the columns again the server fills it up."""
    assert columns(("a", "b"), [(1, None), (2, None)]) == {"a": "{1,2}", "b": "{}"}
    assert arrays([("x", True), (None, False)]) == ['{"x",NULL}', "{True,False}"]


@pytest.mark.parametrize("values", [["a", "b\0c"], ["\0"], ["a", None, "\0"]])
def test_null_characters_are_refused(values: list[str | None]) -> None:
    """They would cut a text in two."""
    with pytest.raises(psycopg.DataError, match="NUL"):
        array(values)


def test_what_is_the_same_everywhere_is_told_once() -> None:
    """Beside an array without items, which the server fills up."""
    told = columns_or_same({"a": [1, 1], "b": ["x", "y"], "c": [None, None]})
    assert told == {"a": "{}", "same_a": "1", "b": '{"x","y"}', "same_b": None, "c": "{}", "same_c": None}
