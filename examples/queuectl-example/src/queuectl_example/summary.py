"""The command `queuectl summary`: each queue in a line, and below it what its dead jobs died of.

It reaches the jobs through `queuectl.open`, as any program may. A command joins `queuectl` as soon as it is installed:
no configuration need name it. Its plugin is imported for verbs that queuectl does not know, and for `--help`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import click
import queuectl
from queuectl import Group, Query, Queue, QueueState, State, hookimpl

queuectl_api = 1


class Session(Protocol):
    """What `click.pass_obj` hands over: the global options, whether they stood before the verb or after it."""

    config_file: str | None
    overrides: Sequence[str]
    json: bool


@click.command("summary")
@click.pass_obj
def command(session: Session) -> None:
    """Show what became of the jobs of each queue, and what the dead ones died of.

    The first paragraph stands in `queuectl --help`. Nothing is caught here: an error of queuectl's ends the command
    with one line and the right exit code.
    """
    with queuectl.open(session.config_file, overrides=session.overrides) as queue:
        told = [_about(queue, state) for state in queue.queues()]
    if session.json:
        click.echo(json.dumps(told))
        return
    for each in told:
        click.echo("\n".join(_lines(each)))


def _about(queue: Queue, state: QueueState) -> Mapping[str, Any]:
    dead = Query(states=frozenset({State.DEAD}), queue=state.name)
    return {
        "queue": state.name,
        "jobs": {name.value: count for name, count in state.counts.items() if count},
        "causes": [_cause(group) for group in queue.storage.groups(dead)],
    }


def _cause(group: Group) -> Mapping[str, Any]:
    ending = f"exit {group.exit_code}" if group.signal is None else f"signal {group.signal}"
    return {"count": group.count, "cause": group.error or ending, "newest": group.newest.id}


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    counts = ", ".join(f"{count} {state}" for state, count in told["jobs"].items())
    yield f"{told['queue']}: {counts or 'no jobs'}"
    for cause in told["causes"]:
        # What a job left behind may hold anything, also what would move the cursor or ring the bell.
        text = "".join(character if character.isprintable() else "?" for character in cause["cause"])
        yield f"  {cause['count']} x {text}, the newest {cause['newest']}"


@hookimpl
def queuectl_commands(group: click.Group) -> None:
    """Add the command."""
    group.add_command(command)
