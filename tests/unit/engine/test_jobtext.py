"""Jobs are read from JSON text, and every mistake has its place."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl.engine.jobtext import parse_jobs
from queuectl.errors import UsageError


def refusal(data: bytes | str, source: str = "jobs.jsonl") -> str:
    """The message with which a text is refused."""
    with pytest.raises(UsageError) as caught:
        parse_jobs(data, source)
    assert caught.value.message.isprintable()
    return caught.value.message


def test_an_object_is_a_job() -> None:
    """On one line."""
    assert parse_jobs('{"command": "true"}') == [("", {"command": "true"})]
    assert parse_jobs(b'{"command": "true"}\n', "job.json") == [("job.json:1", {"command": "true"})]


def test_an_object_may_take_several_lines() -> None:
    """As an editor or `jq .` writes it."""
    text = '\n{\n  "command": "true",\n  "tags": ["a"]\n}\n'
    assert parse_jobs(text) == [("", {"command": "true", "tags": ["a"]})]
    assert parse_jobs(text, "job.json") == [("job.json", {"command": "true", "tags": ["a"]})]


def test_json_lines_know_their_lines() -> None:
    """Blank lines count and are passed over."""
    text = b'{"command": "a"}\n\n  \r\n{"command": "b"}\r\n'
    assert parse_jobs(text, "f") == [("f:1", {"command": "a"}), ("f:4", {"command": "b"})]
    assert parse_jobs(text) == [("line 1", {"command": "a"}), ("line 4", {"command": "b"})]


def test_lines_without_a_gap_are_read_alike() -> None:
    """The quick way and the careful one agree."""
    lines = [b'{"command": "%d"}' % number for number in range(50)]
    quick = parse_jobs(b"\n".join(lines), "f")
    careful = parse_jobs(b"\n\n".join(lines), "f")
    assert [job for _, job in quick] == [job for _, job in careful]
    assert [place for place, _ in quick] == [f"f:{number}" for number in range(1, 51)]
    assert [place for place, _ in parse_jobs(b"\n".join(lines))] == [f"line {number}" for number in range(1, 51)]


def test_an_array_counts_its_items() -> None:
    """From 1, however its lines are."""
    text = '[{"command": "a"},\n\n {"command": "b"}]'
    assert parse_jobs(text, "f") == [("f: item 1", {"command": "a"}), ("f: item 2", {"command": "b"})]
    assert [place for place, _ in parse_jobs(text)] == ["item 1", "item 2"]


@pytest.mark.parametrize("text", ["", " \n\r\n", "[]", "\ufeff", "\ufeff\n"])
def test_nothing_is_no_jobs(text: str) -> None:
    """A program that had nothing to enqueue has made no mistake."""
    assert parse_jobs(text) == []


def test_a_byte_order_mark_is_passed_over() -> None:
    """Some editors write it."""
    assert parse_jobs(b'\xef\xbb\xbf{"command": "true"}') == [("", {"command": "true"})]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"command": "a"}\n{"command" "b"}\n', "f:2:12: no JSON: expected ':'"),
        (b'{"command": "a"}\n{"command": "b"', "f:2: no JSON: it ends too early"),
        (b'{"command": "a",}\n{"command": "b"}\n', "f:1:17: no JSON: trailing comma in object"),
        (b'{"command": "a"} {"command": "b"}\n', "f:1:18: no JSON: something follows the end of the object or array"),
        (b'{"command": "a"}\n[{"command": "b"}]\n', "f:2: expected a JSON object, got [{'command': 'b'}]"),
        (b'{"command": "a"}\n5\n', "f:2: expected a JSON object, got 5"),
        (b'{"command": "a"}\nsleep 2\n', "f:2:1: no JSON: invalid character"),
        ('{"command": "äö" x}\n', "f:1:18: no JSON: expected ',' or '}'"),
        (b'{"a": NaN}', "f:1:7: no JSON: invalid character"),
        (b'{"a": 1, "b": 1e999}', "f:1: b: a number is out of range"),
        (b'{"a": ' + b"9" * 5000 + b"}", "f:1: a: a number is out of range"),
        (b'{"a": [1e999]}', "f:1: no JSON: a number is out of range"),
        (b'{\n "command": "a",\n "b" 5\n}\n', "f:3:6: no JSON: expected ':'"),
        (b'{\n "command": "a"\n', "f: no JSON: it ends too early"),
        (b'{\n "a": 1\n}\n{\n "a": 2\n}\n', "f:4:1: no JSON: something follows the end of the object or array"),
        (b'[{"command": "a"}, 5]', "f: item 2: expected a JSON object, got 5"),
        (b'[{"command": "a"}', "f: no JSON: it ends too early"),
        (b'[{"command": "a"}]\n{}', "f:2:1: no JSON: something follows the end of the object or array"),
        (b'"true"', "f:1:1: expected a JSON object, an array of objects, or an object a line"),
        (b"\n  sleep 2", "f:2:3: expected a JSON object, an array of objects, or an object a line"),
        (b'{"a": "\xff"}', "f:1:8: not UTF-8: byte 0xff"),
        ('{"a": 1}\n{"é": "'.encode() + b'\xc3"}', "f:2:8: not UTF-8: byte 0xc3"),
        ('{"a": 1}'.encode("utf-16"), "f:1:1: not UTF-8: byte 0xff"),
        (b'{"a": "x\x00"}', "f:1:9: no JSON: invalid character"),
    ],
)
def test_a_mistake_has_its_place(text: bytes | str, message: str) -> None:
    """The line, and the column where it is known, as editors count them."""
    assert refusal(text, "f") == message


@pytest.mark.parametrize(
    "text",
    [
        '{"command": "a"}\n{"command"\n{"command": "b"}\n5 6\n',
        '{"command": "a"}\n7\n{"command": "b"}\n"x"\n',
        '{"command": "a"}\n{"id": 1, "id": 2}\n{"command": "b"}\n{"tags": 1, "tags": 2}\n',
    ],
)
def test_all_mistakes_of_a_kind_are_told(text: str) -> None:
    """A line each."""
    with pytest.raises(UsageError) as caught:
        parse_jobs(text, "f")
    assert caught.value.message.startswith("f:2:")
    assert [line[:4] for line in caught.value.details] == ["f:4:"]


def test_all_mistakes_in_an_array_are_told() -> None:
    """By the number of the item."""
    with pytest.raises(UsageError) as caught:
        parse_jobs('[5, {"command": "a"}, "x"]')
    assert (caught.value.message[:7], caught.value.details[0][:7]) == ("item 1:", "item 3:")


def test_without_a_source_the_place_is_in_words() -> None:
    """A word of the command line has no name."""
    assert refusal('{"command" 5}', "") == "line 1, column 12: no JSON: expected ':'"
    assert refusal('{"command": "a"', "") == "no JSON: it ends too early"
    assert refusal('{"command": "a"}\n{"command": ', "") == "line 2: no JSON: it ends too early"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (r'{"a": "\ud800"}', "f:1:14"),
        (r'{"a": "\ud800 and more to follow"}', "f:1:14"),
        (r'{"a": "\udc00"}', "f:1:14"),
        (r'{"a": "\ud800\u0041"}', "f:1:20"),
        ('{"a": 1}\n' + r'{"a": "\ud800"}', "f:2:14"),
        (r'{"a": "\ud800"}' + '\n{"a": 1}', "f:1:14"),
        ('[{"a":\n' + r'"\ud800"}]', "f:2:8"),
    ],
)
def test_half_a_character_is_refused(text: str, place: str) -> None:
    """JSON can write half of a surrogate pair, which no program can be given."""
    assert refusal(text, "f") == f"{place}: no JSON: half of a surrogate pair stands alone"


def test_an_argument_that_is_not_utf8_is_refused() -> None:
    """The system hands it over with surrogates."""
    assert refusal(b'{"command": "\xe9"}'.decode("utf-8", "surrogateescape")) == "jobs.jsonl:1:14: not UTF-8: byte 0xe9"


@pytest.mark.parametrize("text", ['{"a":' * 100_000, "[" * 100_000, '{"a": 1}\n' + '{"a":' * 100_000])
def test_a_depth_that_nobody_means_is_refused(text: str) -> None:
    """It does not bring the program down."""
    assert refusal(text).endswith("no JSON: it is nested too deeply")


def test_a_depth_that_only_one_decoder_takes_is_refused_alike() -> None:
    """Where a field may stand twice a second one looks, which gives up earlier: at what depth depends on the stack."""
    for depth in range(800, 1001):
        text = f'{{"command": "a", "options": {{"command": {"[" * depth}{"]" * depth}}}}}'
        for whole in (text, f"[{text}]", f"{text}\n{text}"):
            try:
                parse_jobs(whole)
            except UsageError as error:
                assert error.message.endswith("no JSON: it is nested too deeply")  # noqa: PT017  # most do not raise


def test_single_quotes_are_explained() -> None:
    """What Python shows is no JSON."""
    with pytest.raises(UsageError) as caught:
        parse_jobs("{'command': 'true'}")
    assert caught.value.hint is not None
    assert "double quotes" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"command": "a", "command": "b"}', "the field 'command' stands twice"),
        ('{"command": "a"}\n{"id": "x", "command": "a", "id": "y"}', "line 2: the field 'id' stands twice"),
        ('[{"command": "a"}, {"command": "b", "command": "b"}]', "item 2: the field 'command' stands twice"),
        ('{\n"command": "a",\n"command": "b"\n}', "the field 'command' stands twice"),
        (r'{"command": "a", "\u0063ommand": "b"}', "the field 'command' stands twice"),
    ],
)
def test_a_field_that_stands_twice_is_refused(text: str, message: str) -> None:
    """Nobody knows which is meant."""
    assert refusal(text, "") == message


@pytest.mark.parametrize(
    "job",
    [
        {"command": "id", "id": "command"},
        {"command": 'echo "command"', "tags": ["id", "command"]},
        {"command": "a", "env": {"command": "b", "id": "c"}},
        {"command": "a", "options": {"command": {"command": "b"}}},
    ],
)
def test_a_field_whose_name_is_said_elsewhere_stands_once(job: dict[str, Any]) -> None:
    """As a value, or within another field."""
    text = json.dumps(job)
    assert parse_jobs(text) == [("", job)]
    assert parse_jobs(f"[{text}, {text}]") == [("item 1", job), ("item 2", job)]
    assert [parsed for _, parsed in parse_jobs(f"{text}\n{text}\n")] == [job, job]


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
LEAF = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | TEXT
BRANCH = LEAF | st.lists(LEAF, max_size=3) | st.dictionaries(TEXT, LEAF, max_size=3)
JSON = BRANCH | st.lists(BRANCH, max_size=2) | st.dictionaries(TEXT, BRANCH, max_size=2)


@given(st.lists(st.dictionaries(TEXT, JSON, max_size=4), max_size=5), st.booleans())
def test_what_json_writes_is_read_back(jobs: list[dict[str, Any]], ascii_only: bool) -> None:
    """As an array, as lines, and laid out over lines when there is one."""
    array = json.dumps(jobs, ensure_ascii=ascii_only)
    lines = "".join(json.dumps(job, ensure_ascii=ascii_only) + "\n" for job in jobs)
    assert [job for _, job in parse_jobs(array)] == jobs
    assert [job for _, job in parse_jobs(lines)] == jobs
    if len(jobs) == 1:
        assert [job for _, job in parse_jobs(json.dumps(jobs[0], indent=2, ensure_ascii=ascii_only))] == jobs


@given(st.binary(max_size=60))
def test_any_bytes_are_jobs_or_are_refused(data: bytes) -> None:
    """Never an error of another kind."""
    for prefix in (b"", b"{", b"["):
        with suppress(UsageError):
            parse_jobs(prefix + data, "f")
