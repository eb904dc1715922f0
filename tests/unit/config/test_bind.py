"""Settings of any plugin: every type that an author may use, with its limits and its errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta

from queuectl.config.bind import Binder
from queuectl.config.fields import fields_of
from queuectl.config.find import Places
from queuectl.config.problems import Problems
from queuectl.config.reading import INVALID
from queuectl.config.tree import Source, from_plain
from queuectl.config.yaml import read_yaml
from queuectl.errors import PluginError
from queuectl.units import Duration, Size

PLACES = Places({"HOME": "/home/me"}, Path("/here"))


class Color(Enum):
    """An enumeration."""

    RED = "red"


@dataclass(frozen=True)
class Inner:
    """Nested settings."""

    host: str
    port: Annotated[int, Meta(ge=1, le=65535)] = 25


@dataclass(frozen=True, kw_only=True)
class Everything:
    """A setting of every kind."""

    text: str = ""
    flag: bool = False
    whole: int = 0
    number: float = 0.0
    wait: Annotated[Duration, Meta(ge=1, description="how long")] = Duration(1)
    room: Annotated[Size, Meta(le=2**20)] = Size(0)
    where: Path | None = None
    many: tuple[int, ...] = ()
    names: list[str] = field(default_factory=list)
    unique: frozenset[str] = frozenset()
    paths: Sequence[Path] = ()
    labels: Mapping[str, int] = field(default_factory=dict)
    codes: dict[int, str] = field(default_factory=dict)
    mode: Literal["none", "full", 3] | None = None
    inner: Inner | None = None
    either: int | Literal["auto"] = "auto"
    short: Annotated[str, Meta(pattern="^[a-z]+$", max_length=3)] = "a"
    even: Annotated[int, Meta(multiple_of=2)] = 0
    color: Color = Color.RED
    anything: Any = None
    low: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    some: Annotated[tuple[Duration, ...], Meta(min_length=1)] = (Duration(1),)


def bind(text: str, kind: type[Any] = Everything) -> tuple[Any, list[str]]:
    """Bind the YAML of a section in /etc/queuectl.yaml, and return the settings and what is wrong."""
    problems = Problems()
    node = read_yaml(text, Source("q.yaml", Path("/etc")))
    settings = Binder(PLACES, problems).settings(kind, node, "it")
    return settings, [str(problem) for problem in problems.in_order()]


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("text: '12'", "text", "12"),
        ("text: yes", "text", "yes"),
        ("flag: true", "flag", True),
        ("whole: 0x10", "whole", 16),
        ("number: 2", "number", 2.0),
        ("wait: 1m30s", "wait", Duration(90)),
        ("wait: 2.5", "wait", Duration(2.5)),
        ("room: 64KiB", "room", Size(65536)),
        ("room: 1024", "room", Size(1024)),
        ("where: a/b", "where", Path("/etc/a/b")),
        ("where: ~/b", "where", Path("/home/me/b")),
        ("where: /b", "where", Path("/b")),
        ("where: ~", "where", None),
        ("many: [1, 2]", "many", (1, 2)),
        ("names: [a, b]", "names", ["a", "b"]),
        ("unique: [a, b, a]", "unique", frozenset({"a", "b"})),
        ("paths: [a, /b]", "paths", (Path("/etc/a"), Path("/b"))),
        ("labels: {a_b: 1, a-b: 2}", "labels", {"a_b": 1, "a-b": 2}),
        ("codes: {75: again}", "codes", {75: "again"}),
        ("mode: none", "mode", "none"),
        ("mode: 3", "mode", 3),
        ("mode: null", "mode", None),
        ("inner: {host: h}", "inner", Inner("h", 25)),
        ("either: 3", "either", 3),
        ("either: auto", "either", "auto"),
        ("short: abc", "short", "abc"),
        ("color: red", "color", Color.RED),
        ("anything: {a: [1, x]}", "anything", {"a": [1, "x"]}),
        ("low: 0.25", "low", 0.25),
        ("some: [10s, 1m]", "some", (Duration(10), Duration(60))),
    ],
)
def test_values_are_bound_to_their_types(text: str, name: str, value: object) -> None:
    """What a person writes becomes what the author declared."""
    settings, problems = bind(text)
    assert problems == []
    assert getattr(settings, name) == value
    assert type(getattr(settings, name)) is type(value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("text: 12", "q.yaml:1:7: it.text: expected a text, got 12; put it in quotes"),
        ("text: [a]", "q.yaml:1:7: it.text: expected a text, got a list"),
        ("flag: yes", "q.yaml:1:7: it.flag: expected true or false, got 'yes'"),
        ("flag: 1", "q.yaml:1:7: it.flag: expected true or false, got 1"),
        ("whole: 1.0", "q.yaml:1:8: it.whole: expected an integer, got 1.0"),
        ("whole: true", "q.yaml:1:8: it.whole: expected an integer, got true"),
        ("number: .nan", "q.yaml:1:9: it.number: expected a number, got .nan"),
        ("number: x", "q.yaml:1:9: it.number: expected a number, got 'x'"),
        ("wait: 0.5", "q.yaml:1:7: it.wait: expected a duration of at least 1s, such as 90s or 1h30m, got 0.5"),
        ("wait: -1", "q.yaml:1:7: it.wait: expected a duration from 0 to 100 years, got -1"),
        ("wait: true", "q.yaml:1:7: it.wait: expected a duration such as 90s or 1h30m, got true"),
        ("room: 2MiB", "q.yaml:1:7: it.room: expected a size of at most 1MiB, such as 64KiB or 100MiB, got '2MiB'"),
        ("room: 1.5", "q.yaml:1:7: it.room: expected a size such as 64KiB or 100MiB, got 1.5"),
        ("where: 3", "q.yaml:1:8: it.where: expected a path, got 3"),
        ("where: ''", "q.yaml:1:8: it.where: expected a path, got ''"),
        ("many: 3", "q.yaml:1:7: it.many: expected a list, got 3"),
        ("many: [1, x]", "q.yaml:1:11: it.many[1]: expected an integer, got 'x'"),
        ("labels: [a]", "q.yaml:1:9: it.labels: expected a mapping, got a list"),
        ("labels: {a: x}", "q.yaml:1:13: it.labels.a: expected an integer, got 'x'"),
        ("codes: {x: again}", "q.yaml:1:9: it.codes.x: expected an integer, got 'x'"),
        ("mode: ful", "q.yaml:1:7: it.mode: expected one of none, full, 3, got 'ful'; did you mean 'full'?"),
        ("inner: {port: 1}", "q.yaml:1:8: it.inner.host: is missing: a text is required"),
        ("inner: {host: h, port: 0}", "q.yaml:1:24: it.inner.port: expected an integer from 1 to 65535, got 0"),
        ("inner: {hst: h}", "q.yaml:1:9: it.inner.hst: unknown key; did you mean 'host'?"),
        ("either: x", "q.yaml:1:9: it.either: expected an integer or one of auto, got 'x'"),
        ("short: A", "q.yaml:1:8: it.short: expected a text that matches ^[a-z]+$ with a length of at most 3, got 'A'"),
        ("even: 3", "q.yaml:1:7: it.even: expected an integer divisible by 2, got 3"),
        ("color: blue", "q.yaml:1:8: it.color: invalid enum value 'blue'"),
        ("low: 1", "q.yaml:1:6: it.low: expected a number above 0 below 1, got 1"),
        ("some: []", "q.yaml:1:7: it.some: expected a list of durations with a length of at least 1, got a list"),
        ("wiat: 3", "q.yaml:1:1: it.wiat: unknown key; did you mean 'wait'?"),
    ],
)
def test_values_that_do_not_fit_are_refused(text: str, problem: str) -> None:
    """What was expected, and what stands there instead."""
    settings, problems = bind(text)
    assert settings is INVALID
    assert problems == [problem]


def test_long_values_are_cut_in_errors() -> None:
    """An error stays one line."""
    assert len(bind(f"whole: {'x' * 500}")[1][0]) < 150


def test_values_that_do_not_fit_are_no_reason_to_show_a_secret() -> None:
    """An error may end in a log that others read."""

    @dataclass
    class Secret:
        token: int = 0

    problems = bind("token: hunter2", local(Secret))[1]
    assert problems == ["q.yaml:1:8: it.token: expected an integer, got something else"]


def local(kind: type[Any]) -> type[Any]:
    """Give a class of a function its types, which are texts at first."""
    kind.__annotations__ = {name: eval(text) for name, text in kind.__annotations__.items()}
    return kind


def test_what_the_settings_themselves_refuse_is_an_error_of_the_section() -> None:
    """A plugin may check in `__post_init__` what no type can say."""

    @dataclass
    class Range:
        low: int = 0
        high: int = 0

        def __post_init__(self) -> None:
            if self.low > self.high:
                raise ValueError("low is above high")

    assert bind("low: 3", local(Range))[1] == ["q.yaml:1:1: it: low is above high"]


def test_a_required_setting_must_be_there() -> None:
    """The error says of which type it is."""
    assert bind("{port: 3}", Inner)[1] == ["q.yaml:1:1: it.host: is missing: a text is required"]


def test_only_fields_that_are_arguments_are_keys() -> None:
    """What a dataclass computes for itself is no setting."""

    @dataclass
    class Computed:
        a: int = 1
        b: int = field(default=2, init=False)

    assert list(fields_of(local(Computed))) == ["a"]


def test_types_that_cannot_be_read_are_the_plugins_fault() -> None:
    """For instance a type that is only imported for checkers."""

    @dataclass
    class Broken:
        a: Nowhere = None  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(PluginError, match=r"the types of .*Broken cannot be read: name 'Nowhere' is not defined"):
        fields_of(Broken)


def test_typed_sources_bind_by_type() -> None:
    """In the environment and in flags nothing is quoted."""
    source = Source("VARIABLE", Path("/here"), typed=True)
    node = from_plain({"text": 12, "many": "1,2", "names": "a, b", "where": 3, "mode": 3}, source)
    problems = Problems()
    settings = Binder(PLACES, problems).settings(Everything, node, "it")
    assert problems.found == []
    assert (settings.text, settings.many, settings.names) == ("12", (1, 2), ["a", "b"])
    assert (settings.where, settings.mode) == (Path("/here/3"), 3)


def test_a_setting_has_its_description_and_default() -> None:
    """`plugins show` tells them."""
    wait = fields_of(Everything)["wait"]
    assert (wait.description, wait.default, wait.required) == ("how long", 1, False)
    assert fields_of(Inner)["host"].required
