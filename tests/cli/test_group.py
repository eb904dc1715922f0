"""Verbs of plugins join those that are built in, and cannot harm them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Program

GREETING = """
import click
from queuectl import hookimpl

print("imported", file=__import__("sys").stderr)

@click.command("greet", help="Greet a person.\\n\\nPolitely.")
@click.argument("name")
@click.pass_obj
def greet(session, name):
    click.echo(f"hello {name} {session.json} {session.overrides}")

@click.command("status", help="Not the status that you know.")
def status():
    click.echo("replaced")

@hookimpl
def queuectl_commands(group):
    group.add_command(greet)
    group.add_command(status)
"""


def install(queuectl: Program, name: str, source: str) -> None:
    """Put a plugin where the program's Python finds it, as an installed distribution."""
    site = queuectl.cwd / "site"
    about = site / f"queuectl_{name}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: queuectl-{name}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[queuectl]\n{name} = queuectl_{name}\n")
    (site / f"queuectl_{name}.py").write_text(source)
    queuectl.env["PYTHONPATH"] = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])


def test_a_verb_of_a_plugin_runs(queuectl: Program) -> None:
    """With the session, and with the global options before and after it."""
    install(queuectl, "greeting", GREETING)
    assert queuectl("greet", "you", code=0).out == "hello you False []\n"
    assert queuectl("--json", "greet", "you", "--set", "a=1", code=0).out == "hello you True ['a=1']\n"


def test_a_plugin_adds_verbs_as_to_any_group_of_click(queuectl: Program) -> None:
    """With `@group.command()` too, whose function gets the session only if it asks for it, and its options as ever."""
    source = """
import click
from queuectl import hookimpl

@hookimpl
def queuectl_commands(group):
    @group.command()
    @click.option("--loud", is_flag=True)
    def bare(loud):
        click.echo(f"bare {loud}")

    @group.command("asking")
    @click.pass_obj
    def asking(session):
        click.echo(f"asking {session.json}")

    @group.group()
    def noun():
        pass

    @noun.command("verb")
    @click.pass_obj
    def verb(session):
        click.echo(f"verb {session.json}")
"""
    install(queuectl, "idioms", source)
    assert queuectl("bare", "--loud", code=0).out == "bare True\n"
    assert queuectl("asking", "--json", code=0).out == "asking True\n"
    assert queuectl("noun", "verb", "--json", code=0).out == "verb True\n"


def test_help_lists_the_verbs_of_plugins(queuectl: Program) -> None:
    """In a section of their own; a near miss is pointed to them too."""
    install(queuectl, "greeting", GREETING)
    shown = queuectl("--help", code=0).out
    section = shown.partition("From plugins:\n")[2].partition("\n\n")[0]
    assert section.split() == ["greet", "Greet", "a", "person."]
    assert "did you mean queuectl greet" in queuectl("gret", code=2).err


def test_a_plugin_cannot_replace_a_verb(queuectl: Program) -> None:
    """Nor is it imported for one that is built in."""
    install(queuectl, "greeting", GREETING)
    queuectl("greet", "you", code=0)
    ran = queuectl("completion", "bash", code=0)
    assert ran.err == ""
    assert "Not the status" not in queuectl("status", "--help", code=0).out + queuectl("--help", code=0).out


@pytest.mark.parametrize(
    "source",
    [
        "raise RuntimeError('broken')",
        "import no_such_module",
        "def broken(:",
        "from queuectl import hookimpl\n@hookimpl\ndef queuectl_commands(group):\n    raise RuntimeError('broken')",
    ],
    ids=["raises", "lacks a module", "is no Python", "fails in the hook"],
)
def test_a_broken_plugin_is_named_and_harms_nobody(queuectl: Program, source: str) -> None:
    """The others still work, and so does help."""
    install(queuectl, "broken", source)
    install(queuectl, "greeting", GREETING)
    ran = queuectl("greet", "you", code=0)
    assert ran.out == "hello you False []\n"
    assert "queuectl-broken 1.0" in ran.err and "Traceback" not in ran.err
    assert "queuectl-broken 1.0" in queuectl("--help", code=0).err
    assert "broken" not in queuectl("completion", "bash", code=0).err


def test_an_error_in_a_verb_of_a_plugin_is_reported_as_any_other(queuectl: Program) -> None:
    """Through the same wall, with the same form."""
    source = GREETING.replace('click.echo(f"hello', 'from queuectl import ConflictError; raise ConflictError(f"no')
    install(queuectl, "greeting", source)
    assert queuectl("greet", "you", code=4).err.endswith("error: no you False []\n")
    assert queuectl("greet", code=2).err.endswith(
        "error: missing argument 'NAME'\nhint: queuectl greet --help shows how it is called\n"
    )


def test_a_name_that_is_a_path_imports_nothing(queuectl: Program) -> None:
    """Only names of the table are ever imported."""
    for name in ("frame", "..frame", "os", "__init__", "list.py", "-", ""):
        assert queuectl(name, code=2).err.startswith("error: no such command"), name
