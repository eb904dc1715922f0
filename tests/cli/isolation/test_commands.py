"""A plugin that breaks while it adds its commands is a warning; the command line goes on without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.isolation.telling import named

if TYPE_CHECKING:
    from tests.cli.isolation.conftest import Site

COMMANDS = """
import sys
import click
from queuectl import hookimpl

@click.command("VERB")
def command():
    '''Say hello.'''
    click.echo("hello from NAME")

@hookimpl
def queuectl_commands(group):
    group.add_command(command)
"""


def commands(name: str, verb: str, more: str = "") -> str:
    """A plugin that adds one command, and does something more."""
    return f"{COMMANDS}{more}".replace("VERB", verb).replace("NAME", name)


@pytest.fixture
def greeted(site: Site) -> Site:
    """A site with a sound plugin that adds `hello`."""
    site.install("greeter", commands("greeter", "hello"))
    return site


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (
            commands("odd", "odd", "    raise RuntimeError('one\\ntwo')"),
            "failed in queuectl_commands: RuntimeError: one",
        ),
        (commands("odd", "odd", "    sys.exit(3)"), "failed in queuectl_commands: SystemExit: 3"),
        ("raise RuntimeError('no')", "failed to import: RuntimeError: no"),
        ("import sys; sys.exit(3)", "failed to import: SystemExit: 3"),
        (commands("odd", "enqueue"), "adds the command 'enqueue', but there is one already"),
        (commands("odd", "hello"), "adds the command 'hello', but there is one already"),
    ],
    ids=["raises", "exits", "no import", "exits at import", "a built-in verb", "another plugin's verb"],
)
def test_a_plugin_that_cannot_add_its_commands_is_a_warning(greeted: Site, source: str, reason: str) -> None:
    """Given one that breaks beside a sound one, when help or a verb of the sound one is wanted, then it is there."""
    greeted.install("odd", source)
    warning = f"warning: {named('odd')} {reason}\n"
    ran = greeted.program("hello", code=0)
    assert (ran.out, ran.err) == ("hello from greeter\n", warning)
    help = greeted.program("--help", code=0)
    assert help.err == warning
    assert "hello" in help.out
    assert "  odd " not in help.out
    assert greeted.program("odd", code=2).err.startswith(f"{warning}error: no such command: queuectl odd\n")
    assert greeted.program("enqueue", "true", code=0).err == ""


DEBUG = "hint: run it again with --debug to see the traceback\n"


@pytest.mark.parametrize(
    ("body", "code", "err"),
    [
        (
            "raise KeyError('x')",
            1,
            f"error: {named('odd')} failed in 'queuectl odd': KeyError: 'x'\n{DEBUG}",
        ),
        ("raise click.UsageError('No.')", 2, "error: no\nhint: queuectl odd --help shows how it is called\n"),
        ("raise queuectl.ConflictError('no')", 4, "error: no\n"),
        ("raise OSError(2, 'no', 'file')", 1, "error: file: no\n"),
        ("sys.exit(7)", 7, ""),
        ("raise click.Abort", 130, ""),
    ],
    ids=["an error", "misuse", "an error of ours", "a file", "an exit", "an abort"],
)
def test_a_command_that_breaks_is_told_as_its_plugins(site: Site, body: str, code: int, err: str) -> None:
    """Given a plugin's command, when it fails by accident, then it is named; what it says on purpose stands alone."""
    source = commands("odd", "odd").replace("import sys\n", "import sys\nimport queuectl\n")
    site.install("odd", source.replace('click.echo("hello from odd")', body))
    assert site.program("odd", code=code).err == err
