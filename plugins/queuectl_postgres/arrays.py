"""Arrays: many values at once, written as PostgreSQL reads them.

psycopg writes them item by item, in Python: for a thousand jobs that takes as long as the server needs to store them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg


def array(values: Sequence[Any]) -> str:
    """Return texts, numbers or truth values, all of one kind but for None, as the text of an array.

    Raises psycopg.DataError for a text with a null character, as psycopg does.
    """
    missing = values.count(None)
    if missing == len(values):  # `unnest` fills a short column with NULL
        return "{}"
    if any(type(value) is str for value in values[: missing + 1]):
        return _texts(values, missing)
    items = map(str, values) if not missing else ("NULL" if value is None else str(value) for value in values)
    return f"{{{','.join(items)}}}"


def arrays(rows: Iterable[Sequence[Any]]) -> list[str]:
    """Return rows as an array for each column: what a statement makes rows of again."""
    return [array(column) for column in zip(*rows, strict=True)]


def columns(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> dict[str, str]:
    """Return rows as an array for each column, by name."""
    return dict(zip(names, arrays(rows), strict=True))


def columns_or_same(columns: Mapping[str, Sequence[Any]]) -> dict[str, str | None]:
    """Return columns as arrays; where all of one have one value, that as `same_…`, and no array."""
    told: dict[str, str | None] = {}
    for name, values in columns.items():
        first = values[0]
        is_same = values.count(first) == len(values)
        told[name] = "{}" if is_same else array(values)
        told[f"same_{name}"] = str(first) if is_same and first is not None else None
    return told


def _texts(values: Sequence[Any], missing: int) -> str:
    """Quote all texts in one go: no null character may be in any, so it may stand between them."""
    texts = [value for value in values if value is not None] if missing else values
    joined = "\0".join(texts)
    if joined.count("\0") != len(texts) - 1:
        raise psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    quoted = joined.replace("\\", "\\\\").replace('"', '\\"')
    if not missing:
        return '{"' + quoted.replace("\0", '","') + '"}'
    items = iter(quoted.split("\0"))
    return "{" + ",".join("NULL" if value is None else f'"{next(items)}"' for value in values) + "}"
