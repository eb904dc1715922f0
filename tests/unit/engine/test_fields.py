"""Each field of a new job is read strictly, and what is wrong with it is said."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl.engine.fields import (
    LONGEST,
    READERS,
    kind,
    read_backoff,
    read_command,
    read_count,
    read_cwd,
    read_delay,
    read_env,
    read_name,
    read_priority,
    read_run_at,
    read_settings,
    read_tags,
    read_timeout,
    shown,
)
from queuectl.errors import UsageError
from queuectl.units import OutOfRangeError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def refusal(read: Callable[[Any], Any], value: Any) -> str | None:
    """The words with which a value is refused, None when it is read."""
    try:
        read(value)
    except UsageError as error:
        return error.message
    except ValueError as error:
        if type(error) not in {ValueError, OutOfRangeError}:
            raise
        return str(error)
    return None


@given(st.sampled_from(sorted(READERS)), JSON)
def test_a_field_is_read_or_refused_with_words(name: str, value: Any) -> None:
    """Whatever JSON holds, a reader returns a value or says what is wrong: no other error."""
    message = refusal(READERS[name], value)
    assert message is None or message.isprintable()


@pytest.mark.parametrize("text", ["true", "  sleep 2", "echo 'é → 🎉'", "a\nb", "\ttrue"])
def test_a_command_for_the_shell_is_kept_as_it_is(text: str) -> None:
    """Not a space is lost."""
    assert read_command(text) == text


def test_a_program_with_arguments_becomes_a_tuple() -> None:
    """Empty arguments are arguments."""
    assert read_command(["printf", "%s", "", "a b"]) == ("printf", "%s", "", "a b")
    assert read_command(("true",)) == ("true",)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "expected a command"),
        (" \n\t", "expected a command"),
        ("a\0b", "NUL"),
        ("a\ud800", "'\\ud800', which is no character"),
        ([], "an empty list"),
        ([""], "name of the program is empty"),
        (["a", 5], "got 5 as its item 2"),
        (["a", None], "got None as its item 2"),
        (["a", "b\0"], "NUL"),
        (["a", "\udcff"], "no character"),
        (5, "expected a text, or a list of texts, got 5"),
        (True, "expected a text"),
        ({"a": "b"}, "expected a text"),
        (b"true", "expected a text"),
    ],
)
def test_what_is_no_command_is_refused(value: Any, reason: str) -> None:
    """Nothing that could never run is stored."""
    assert reason in str(refusal(read_command, value))


@pytest.mark.parametrize("name", ["a", "x" * 128, "job 5", "über/größe", "任务", "משימה", "🎉", "-x", "../etc", "a'b"])
def test_a_name_is_any_text_that_can_be_seen(name: str) -> None:
    """Nothing but a row is named after it, so that a path is as good as any."""
    assert read_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x" * 129,
        " a",
        "a ",
        " ",
        "a\nb",
        "a\tb",
        "a\0b",
        "\x1b[31m",
        "\x7f",
        "\x85",
        "\ud800",
        *("a\u061cb", "a\u200eb", "a\u200fb", "a\u202ab", "a\u202eb", "a\u2066b", "a\u2069b"),
        *("a\u2028b", "a\u2029b", "a\u200bb", "a\ufeffb", "a\u00a0b"),
        *(5, None, True, ["a"], b"a"),
    ],
)
def test_a_name_that_people_cannot_see_is_refused(name: Any) -> None:
    """It would change the terminal, hide what follows, or not be found again. The message shows it escaped."""
    with pytest.raises(ValueError, match="expected") as caught:
        read_name(name)
    assert str(caught.value).isprintable()


def test_tags_keep_their_order_and_lose_their_doubles() -> None:
    """A tag is there or not."""
    assert read_tags(["b", "a", "b"]) == ("b", "a")
    assert read_tags(()) == ()


@pytest.mark.parametrize("value", ["nightly", [""], [1], {"a": 1}, ["a\nb"], 5])
def test_what_is_no_list_of_tags_is_refused(value: Any) -> None:
    """A single text is no list of its letters."""
    with pytest.raises(ValueError, match="expected"):
        read_tags(value)


def test_an_environment_is_copied() -> None:
    """What the caller does to it afterwards changes no job."""
    env = {"A": "1", "B": "", "C": "a=b\nc"}
    assert read_env(env) == env
    assert read_env(env) is not env
    assert read_env(MappingProxyType(env)) == env


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"": "x"}, "expected the name of a variable, got ''"),
        ({"A=B": "x"}, "expected the name of a variable"),
        ({5: "x"}, "expected the name of a variable, got 5"),
        ({"A\0": "x"}, "NUL"),
        ({"A": "x\0"}, "'A': holds a NUL"),
        ({"A": "\udc80"}, "'A': holds"),
        ({"A": 80}, "'A': expected a text, got a number"),
        ({"A": None}, "'A': expected a text"),
        ({"A": True}, "'A': expected a text, got true or false"),
        (["A=1"], "expected names with texts, got a list"),
        ("A=1", "expected names with texts, got a text"),
    ],
)
def test_what_is_no_environment_is_refused(value: Any, reason: str) -> None:
    """A number must be in quotes: nobody knows how it should be written."""
    assert reason in str(refusal(read_env, value))


def test_the_value_of_a_variable_is_not_told() -> None:
    """It may be a secret, and messages are logged."""
    for value in (12345678, "hunter2\0", ["hunter2"]):
        told = str(refusal(read_env, {"TOKEN": value}))
        assert "TOKEN" in told
        assert "hunter2" not in told
        assert "12345678" not in told


def test_a_directory_is_a_text_or_a_path() -> None:
    """It may come to be later."""
    assert read_cwd("/nowhere") == "/nowhere"
    assert read_cwd(Path("/nowhere")) == "/nowhere"


@pytest.mark.parametrize("value", ["", "a\0b", 5, b"/tmp", ["/tmp"], "\udcff"])
def test_what_is_no_directory_is_refused(value: Any) -> None:
    """Neither empty nor bytes."""
    assert refusal(read_cwd, value) is not None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(0, 0.0), (1.5, 1.5), ("90s", 90.0), ("1h30m", 5400.0), ("250ms", 0.25), ("7", 7.0), (LONGEST, LONGEST)],
)
def test_a_delay_is_a_number_or_a_text(value: Any, seconds: float) -> None:
    """Seconds in the end, as a plain number."""
    assert read_delay(value) == seconds
    assert type(read_delay(value)) is float


@pytest.mark.parametrize(
    "value",
    [-1, -0.5, math.nan, math.inf, -math.inf, 10**400, -(10**400), 1e300, "9" * 400, "soon", "", "-5s", True, None, []],
)
def test_what_is_no_delay_is_refused(value: Any) -> None:
    """From 0 to a hundred years, so that every time that comes of it can be written."""
    with pytest.raises(ValueError, match="expected a duration"):
        read_delay(value)


def test_a_timeout_is_above_zero() -> None:
    """A run that may take no time cannot run."""
    assert read_timeout("1ms") == 0.001
    for value in (0, 0.0, "0s"):
        with pytest.raises(ValueError, match="above 0"):
            read_timeout(value)


def test_a_moment_is_a_text_or_a_datetime() -> None:
    """As `parse_time` reads them."""
    assert read_run_at("1970-01-01T01:00:00+01:00") == 0.0
    assert read_run_at(datetime(1970, 1, 1, tzinfo=UTC)) == 0.0
    for value in (0, 1e9, None, True, ["2026-01-01"]):
        with pytest.raises(ValueError, match="expected a time such as"):
            read_run_at(value)


@pytest.mark.parametrize(("read", "least"), [(read_priority, -(2**31) + 1), (read_count, 0)])
def test_integers_keep_their_bounds(read: Any, least: int) -> None:
    """Every storage can keep 31 bits and a sign."""
    assert read(least) == least
    assert read(2**31 - 1) == 2**31 - 1
    for value in (least - 1, 2**31, 10**5000, 5.0, "5", True, None, math.nan):
        with pytest.raises(ValueError, match=f"expected an integer from {least} to 2147483647"):
            read(value)


def test_settings_are_plain_and_not_shared() -> None:
    """What the caller does to them afterwards changes no job."""
    inner = {"list": (1, 2.5, None, True)}
    settings = read_settings(MappingProxyType({"a": inner}))
    assert settings == {"a": {"list": [1, 2.5, None, True]}}
    assert settings["a"] is not inner


@pytest.mark.parametrize(
    "value", [{"a": math.nan}, {"a": [math.inf]}, {1: "a"}, {"a": {1, 2}}, {"a": b""}, {"a": "\ud800"}, [], "a", 5]
)
def test_what_json_cannot_hold_is_refused(value: Any) -> None:
    """It could not be stored."""
    assert refusal(read_settings, value) is not None


def test_settings_without_an_end_are_refused() -> None:
    """A mapping that holds itself, or a depth that nobody means."""
    endless: dict[str, Any] = {}
    endless["a"] = endless
    with pytest.raises(ValueError, match="nested too deeply"):
        read_settings(endless)


def test_a_backoff_is_a_name_or_a_mapping() -> None:
    """Which one there is, the configuration knows."""
    assert read_backoff("fixed") == "fixed"
    assert read_backoff({"plugin": "fixed", "delay": 1}) == {"plugin": "fixed", "delay": 1}
    for value in (5, ["fixed"], "", True):
        with pytest.raises(ValueError, match="expected"):
            read_backoff(value)


class Queue(StrEnum):
    """Programs name their queues so."""

    MAIL = "mail"


def test_the_member_of_an_enumeration_is_stored_as_its_text() -> None:
    """No storage meets a type that it does not know."""
    for value in (read_name(Queue.MAIL), read_command(Queue.MAIL), *read_env({Queue.MAIL: Queue.MAIL}).values()):
        assert value == "mail"
        assert type(value) is str
    assert type(read_settings({"a": Queue.MAIL})["a"]) is str


def test_long_values_are_cut_in_messages() -> None:
    """A message is one line."""
    assert shown("x" * 1000) == f"'{'x' * 56}…"
    assert shown("a\nb") == "'a\\nb'"
    assert shown(10**5000) == "a very long number"

    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    assert shown(nested) == "something nested very deeply"


@pytest.mark.parametrize(
    ("value", "kinds"), [(None, "null"), (True, "true or false"), (5, "a number"), ({}, "a mapping"), (b"", "bytes")]
)
def test_kinds_are_called_as_in_json(value: Any, kinds: str) -> None:
    """Who wrote `null` reads `null`."""
    assert kind(value) == kinds
