"""Whatever a plugin raises becomes one line."""

from __future__ import annotations

import pytest

from queuectl.errors import PluginError
from queuectl.registry.blame import brief, shown, walled


class MuteError(Exception):
    """An error that fails at telling what it is."""

    def __str__(self) -> str:
        raise ValueError


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (KeyError("x"), "KeyError: 'x'"),
        (RuntimeError(" one\ntwo"), "RuntimeError: one"),
        (RuntimeError(), "RuntimeError"),
        (SystemExit(), "SystemExit"),
        (MuteError(), "MuteError, which cannot be told"),
    ],
)
def test_an_error_becomes_one_line(error: BaseException, line: str) -> None:
    """Its kind and the first line of what it says."""
    assert brief(error) == line


def act(what: object) -> object:
    """Do as a plugin might."""
    if isinstance(what, BaseException):
        raise what
    return what


def blame(why: str) -> PluginError:
    """Name the plugin."""
    return PluginError(f"plugin 'a' broke: {why}")


def test_a_wall_lets_answers_through() -> None:
    """As they are."""
    assert walled(blame, act, "answer") == "answer"


@pytest.mark.parametrize("error", [RuntimeError("no"), SystemExit(0), GeneratorExit()])
def test_a_wall_keeps_everything_else_in(error: BaseException) -> None:
    """With what was raised as the cause, for whoever wants the traceback."""
    with pytest.raises(PluginError, match=f"plugin 'a' broke: {type(error).__name__}") as caught:
        walled(blame, act, error)
    assert caught.value.__cause__ is error


def test_a_wall_is_none_for_a_persons_interrupt() -> None:
    """Ctrl-C ends a command, whatever it does at the moment."""
    with pytest.raises(KeyboardInterrupt):
        walled(blame, act, KeyboardInterrupt())


def test_a_value_is_shown_in_one_short_line() -> None:
    """Whatever its `repr` makes of it."""

    class Lines:
        def __repr__(self) -> str:
            return "one\ntwo"

    assert [shown(Lines()), shown("x" * 100), shown(None)] == ["one", f"'{'x' * 79}", "None"]
