"""Help says what a command is for, shows it, then explains."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING

import click
import pytest

from queuectl import cli
from queuectl.commands.group import EXAMPLES, SECTIONS, VERBS, Verbs, verbs
from queuectl.commands.page import purpose_of

if TYPE_CHECKING:
    from tests.cli.conftest import Program


def tree(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command and noun with its words."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in VERBS if isinstance(command, Verbs) else command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None, (*path, name)
            yield from tree(below, (*path, name))


TREE = {words: command for words, command in tree(verbs()) if not command.hidden}
every_command = pytest.mark.parametrize("words", TREE, ids=lambda words: " ".join(words) or "queuectl")


@every_command
def test_help_begins_with_the_purpose_and_examples(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """The examples come before usage and options; `-h` and `--help` say the same, on standard output."""
    shown, err = called(capsys, *words, "--help")
    assert err == ""
    assert called(capsys, *words, "-h")[0] == shown
    purpose, examples = shown.split("\n\n")[:2]
    assert purpose[0].isupper() and purpose.endswith(".")
    assert examples.startswith("Examples:\n  ")
    assert shown.index("Examples:") < shown.index(f"Usage: {' '.join(['queuectl', *words])}")


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str]:
    """Call the program in this process, and return what it wrote to the two streams."""
    assert cli.run(list(arguments)) == 0
    return capsys.readouterr()


@every_command
def test_help_has_a_text_for_every_option(words: tuple[str, ...]) -> None:
    """An option that needs no word of explanation does not exist."""
    options = [param for param in TREE[words].params if isinstance(param, click.Option) and not param.hidden]
    assert [option.opts for option in options if not option.help] == []


@every_command
def test_every_example_is_a_call_that_parses(words: tuple[str, ...]) -> None:
    """Each line of the examples that calls queuectl names a command and options that exist."""
    lines = [line for line in TREE[words].page.examples if line.lstrip().startswith("queuectl ")]  # type: ignore[attr-defined]
    assert lines, "no example"
    for line in lines:
        call = shlex.split(line.replace("…", ""), comments=True)[1:]
        for stop in ("|", ">", "<", "&&", ";", "||", "&"):
            call = call[: call.index(stop)] if stop in call else call
        parse(call)


def parse(call: list[str]) -> None:
    """Parse a call down to its last command, without running it."""
    command: click.Command = verbs()
    context = command.make_context("queuectl", call)
    while isinstance(command, click.Group):
        rest = [*context._protected_args, *context.args]
        _, found, rest_ = command.resolve_command(context, rest)
        assert found is not None, call
        try:
            command, context = found, found.make_context(rest[0], rest_, parent=context)
        except click.exceptions.Exit:
            return


@pytest.mark.parametrize("verb", VERBS)
def test_the_table_says_what_the_module_says(verb: str) -> None:
    """So that the list of verbs needs no import of them all."""
    command = import_module(f"queuectl.commands.{verb}").command
    assert command.name == verb
    assert purpose_of(command).startswith(VERBS[verb].rstrip("."))


def test_the_main_help_lists_every_verb_with_its_purpose(queuectl: Program) -> None:
    """In sections, with the exit codes at the end."""
    shown = queuectl("--help", code=0).out
    for title in SECTIONS:
        assert f"{title}:" in shown
    flat = " ".join(shown.split())
    for verb, purpose in VERBS.items():
        assert f"{verb} {purpose}" in flat
    assert "78 bad configuration" in flat
    assert [line for line in EXAMPLES.split("\n") if line and f"  {line}" not in shown] == []


def test_a_bare_call_shows_the_help(queuectl: Program) -> None:
    """Whoever types the name alone asks what it can do; the same for a noun."""
    assert queuectl(code=0).out == queuectl("--help").out
    assert queuectl("dlq", code=0).out == queuectl("dlq", "--help").out


def test_options_without_a_verb_are_a_wrong_call(queuectl: Program) -> None:
    """A script that lost its verb must not go on."""
    assert queuectl("--json", code=2).error["message"] == "missing command"
    assert queuectl("dlq", "--quiet", code=2).err.startswith("error: missing command")


@pytest.mark.parametrize("columns", [60, 80, 120])
@every_command
def test_help_fits_the_terminal(
    words: tuple[str, ...], columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only examples, which must stay whole, and the exit codes may be longer."""
    monkeypatch.setenv("COLUMNS", str(columns))
    command = TREE[words]
    whole = {*command.page.examples, *map(str.strip, (command.epilog or "").splitlines())}  # type: ignore[attr-defined]
    lines = called(capsys, *words, "--help")[0].splitlines()
    assert [line for line in lines if len(line) > columns and line.strip() not in whole] == []


def test_what_is_hidden_is_not_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Verbs that the program keeps for itself are nobody's business."""
    hidden = [words for words, command in tree(verbs()) if command.hidden]
    assert hidden
    for words in hidden:
        assert f"  {words[-1]} " not in called(capsys, *words[:-1], "--help")[0]


def test_the_version_is_that_of_the_distribution(queuectl: Program) -> None:
    """One line, to be pasted into a report."""
    from importlib.metadata import version

    assert queuectl("--version", code=0).out == f"queuectl {version('queuectl')}\n"
