"""`queuectl prune`."""

from __future__ import annotations

from typing import Any

import click

from queuectl.commands.choices import StateName
from queuectl.commands.frame import Session
from queuectl.commands.frame import command as define
from queuectl.commands.output import confirm, print_json, progress, require_answer, write
from queuectl.commands.people import count
from queuectl.errors import UsageError
from queuectl.model.job import State
from queuectl.units import Duration

EXAMPLES = """
queuectl prune --older-than 30d
queuectl prune --older-than 7d --state completed --yes
queuectl prune --older-than 90d --state dead --queue mail
"""


class Age(click.ParamType):  # type: ignore[type-arg]  # generic only in newer releases of click
    """A duration such as 30d."""

    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Duration:
        """Return the duration. Raises UsageError."""
        try:
            return Duration(value)
        except ValueError as error:
            raise UsageError(f"--older-than: {error}", hint="--older-than 30d") from None


@define("prune", examples=EXAMPLES)
@click.option("--older-than", type=Age(), required=True, metavar="AGE", help="Jobs that ended longer ago than this.")
@click.option(
    "--state",
    "states",
    type=StateName(),
    multiple=True,
    metavar="STATE",
    help="Jobs in this state: completed, cancelled or dead. May be given more than once.",
)
@click.option("--queue", metavar="QUEUE", help="Only jobs of this queue.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def command(session: Session, older_than: Duration, states: tuple[State, ...], queue: str | None, yes: bool) -> None:
    """Delete jobs that ended long ago, with their attempts and output.

    Without --state the completed and the cancelled ones; dead jobs stay until you name them. It deletes a few hundred
    at a time, so that workers and others go on meanwhile. It asks first; where nobody can answer, it wants --yes.
    --json prints {"pruned": number}. Workers do the same by themselves, as the section `retention` of the configuration
    says.
    """
    from queuectl.engine.upkeep import FORGETTABLE

    chosen = frozenset(states) or FORGETTABLE
    require_answer(yes)
    kinds = " and ".join(sorted(chosen))
    confirm(session, f"Delete {kinds} jobs that ended more than {older_than} ago for good?", yes)
    with progress(None, "pruning") as bar:
        pruned = session.queue().prune(older_than, states=chosen, queue=queue, progress=bar.advance)
    if session.json:
        print_json({"pruned": pruned})
    elif session.quiet:
        write(f"{pruned}\n")
    else:
        write(f"pruned {count(pruned, 'job')}\n")
