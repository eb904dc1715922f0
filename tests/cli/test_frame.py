"""Global options mean the same wherever they stand, for every command there is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
import pytest

from queuectl import cli
from queuectl.commands import frame, options
from queuectl.commands.group import VERBS, Verbs, verbs

if TYPE_CHECKING:
    from tests.cli.conftest import Program

OPTIONS = {
    "--config FILE": ("config_file", "FILE"),
    "--set a=1": ("overrides", ["a=1"]),
    "--json": ("json", True),
    "--quiet": ("quiet", True),
    "-q": ("quiet", True),
    "--no-color": ("color", False),
    "--debug": ("debug", True),
}


def tree(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words of every command that ends a line, `("dlq", "retry")`."""
    if not isinstance(command, click.Group):
        yield path
        return
    context = click.Context(command)
    names = VERBS if isinstance(command, Verbs) else command.list_commands(context)
    for name in names:
        below = command.get_command(context, name)
        assert below is not None, (*path, name)
        yield from tree(below, (*path, name))


def everything() -> list[tuple[str, ...]]:
    """Return every command of the real command tree."""
    return list(tree(verbs()))


def session_after(arguments: list[str]) -> frame.Session:
    """Parse a call without running it, and return the session that its options have set."""
    session = frame.Session()
    command: click.Command = verbs()
    context = command.make_context("queuectl", arguments, obj=session, resilient_parsing=True)
    while isinstance(command, click.Group):
        rest = [*context._protected_args, *context.args]  # what a group leaves for its verbs
        found = command.get_command(context, rest[0])
        assert found is not None, rest
        command, context = found, found.make_context(rest[0], rest[1:], parent=context, resilient_parsing=True)
    return session


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("words", everything(), ids=" ".join)
def test_a_global_option_stands_before_and_after_every_verb(words: tuple[str, ...], option: str) -> None:
    """`queuectl --json dlq list`, `queuectl dlq --json list` and `queuectl dlq list --json` are one call."""
    name, value = OPTIONS[option]
    for place in range(len(words) + 1):
        session = session_after([*words[:place], *option.split(), *words[place:]])
        assert getattr(session, name) == value, place


def test_the_last_value_wins_and_overrides_add_up() -> None:
    """The nearer to the verb, the later."""
    session = session_after(
        ["--config", "a", "--set", "x=1", "status", "--set", "y=2", "--config", "b", "--set", "z=3"]
    )
    assert session.config_file == "b"
    assert session.overrides == ["x=1", "y=2", "z=3"]


def test_a_flag_given_twice_is_given() -> None:
    """And a flag that is given above is not taken back below."""
    assert session_after(["--json", "--json", "status"]).json
    assert session_after(["--no-color", "status", "--debug"]).color is False


def test_what_follows_dashes_is_kept_apart() -> None:
    """A command may ask which of its arguments stood after `--`, where nothing is an option."""
    session = session_after(["enqueue", "--queue", "mail", "--", "ls", "--json", "-q"])
    assert session.literal == ("ls", "--json", "-q")
    assert not session.json and not session.quiet
    assert session_after(["enqueue", "ls"]).literal == ()


def test_a_value_that_looks_like_dashes_is_a_value() -> None:
    """Only the parser knows what `--` is."""
    assert session_after(["enqueue", "--tag", "--", "ls"]).literal == ()


def test_a_command_of_a_plugin_takes_the_global_options_too() -> None:
    """But for names that it has taken for itself."""

    @click.command("greet")
    @click.option("-q", "--questions", is_flag=True)
    @click.pass_obj
    def greet(session: frame.Session, questions: bool) -> None: ...

    @click.group("greetings")
    def greetings() -> None: ...

    greetings.add_command(greet)
    options.accept_global_options(greetings)
    names = {name for param in greet.params for name in param.opts}
    assert {"--json", "--config", "--set", "--no-color", "--debug", "-q", "--questions"} <= names
    assert "--quiet" not in names
    assert greetings.get_help(click.Context(greetings))


def test_the_exit_code_is_what_the_command_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is 0."""
    for result in (None, 0, 5, 124):

        @frame.command("status")
        def command(session: frame.Session, result: int | None = result) -> int | None:
            return result

        monkeypatch.setattr("queuectl.commands.status.command", command)
        assert cli.run(["status"]) == (result or 0)


def test_all_three_names_are_the_same_program(queuectl: Program) -> None:
    """`python -m queuectl`, `python -m queuectl.cli` and the script."""
    script = [sys.executable.replace("python3", "queuectl").replace("python", "queuectl")]
    calls = [[sys.executable, "-m", "queuectl"], [sys.executable, "-m", "queuectl.cli"], script]
    shown = [queuectl("--help", command=command, code=0).out for command in calls]
    assert shown[0] == shown[1] == shown[2]
    assert "Usage: queuectl [OPTIONS] COMMAND" in shown[0]
