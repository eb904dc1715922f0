"""`queuectl status`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from queuectl.commands.columns import STATE_STYLE
from queuectl.commands.escape import visible
from queuectl.commands.frame import Session
from queuectl.commands.frame import command as define
from queuectl.commands.output import message, print_json, print_pairs, write
from queuectl.commands.people import count
from queuectl.commands.terminal import has_color, is_terminal, painted
from queuectl.model.job import State

EXAMPLES = """
queuectl status
queuectl status --json
queuectl status --json | jq .jobs.dead
"""


@define("status", examples=EXAMPLES)
def command(session: Session) -> None:
    """Count the jobs by state, and the workers.

    --json prints {"jobs": {state: number, …}, "workers": {"active": number}, "store": …, "config": …}, a pipe gets
    the same as lines of a name, a tab and a value. `config` is the file that was read, nothing if there is none.
    """
    status = session.queue().status()
    if session.json:
        print_json(status)
    elif is_terminal(sys.stdout):
        _overview(session, status)
        _next_steps(session, status)
    else:
        places = {name: status[name] for name in ("store", "config")}
        print_pairs(session, {**status["jobs"], "workers": status["workers"]["active"], **places})


def _overview(session: Session, status: Mapping[str, Any]) -> None:
    color = has_color(sys.stdout, session.color)
    width = max(len(f"{n:,}") for n in status["jobs"].values())
    for state, n in status["jobs"].items():
        style = STATE_STYLE[State(state)] if n else "dim"
        write(painted(f"{n:>{width},}  {state}", style, color) + "\n")
    rows = (
        ("workers", f"{status['workers']['active']:,} active"),
        ("store", status["store"]),
        ("config", status["config"] or "none: the defaults serve"),
    )
    write("\n")
    for name, value in rows:
        write(f"{painted(name.ljust(7), 'bold', color)}  {visible(value)}\n")


def _next_steps(session: Session, status: Mapping[str, Any]) -> None:
    jobs = status["jobs"]
    waiting = jobs["pending"] + jobs["failed"]
    hints = []
    if waiting and not status["workers"]["active"]:
        hints.append(f"hint: {count(waiting, 'job')} to run and no worker: queuectl worker start --count 2")
    if jobs["dead"]:
        hints.append(f"hint: {count(jobs['dead'], 'job')} gave up: queuectl dlq list")
    if hints:
        message(session, "\n".join(["", *hints]))
