"""`queuectl doctor`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from queuectl.commands.escape import visible
from queuectl.commands.frame import Session
from queuectl.commands.frame import command as define
from queuectl.commands.output import Column, message, print_records, write
from queuectl.commands.people import count
from queuectl.commands.terminal import has_color, is_terminal, painted
from queuectl.model.diagnosis import Finding, Health

EXAMPLES = """
queuectl doctor
queuectl doctor --json | jq '.[] | select(.health != "ok")'
queuectl doctor --quiet
"""

STYLE = {Health.OK: "green", Health.WARNING: "yellow", Health.ERROR: "red"}

COLUMNS = (
    Column("HEALTH", lambda finding: finding.health.value),
    Column("CHECK", lambda finding: finding.check),
    Column("FINDING", lambda finding: finding.text),
    Column("HINT", lambda finding: finding.hint),
)


@define("doctor", examples=EXAMPLES)
def command(session: Session) -> int:
    """Look at what can be wrong, and say what to type.

    The configuration and its plugins, the data directory, the disk, the store and its surroundings, the clock, workers
    that died, queues that nobody serves, jobs that are stuck. It changes nothing.

    Ends with 1 when there is an error, with 78 when the configuration is one, with 0 when there are warnings at most.
    --quiet leaves out what is well. A pipe gets a line of tab-separated fields for each: ok, warning or error, what was
    looked at, what was found, what to type.
    """
    from queuectl.engine.examination import examine

    findings = [*examine(session.config)]
    shown = [each for each in findings if not (session.quiet and each.health is Health.OK)]
    if session.json or not is_terminal(sys.stdout):
        print_records(session, shown, COLUMNS, _to_json)
    else:
        _print(session, shown)
        message(session, _summary(findings))
    return _exit_code(findings)


def _to_json(finding: Finding) -> object:
    return {"check": finding.check, "health": finding.health, "text": finding.text, "hint": finding.hint}


def _print(session: Session, findings: Sequence[Finding]) -> None:
    color = has_color(sys.stdout, session.color)
    width = max((len(each.check) for each in findings), default=0)
    for each in findings:
        health = painted(each.health.ljust(len(Health.WARNING)), STYLE[each.health], color)
        write(f"{health}  {each.check.ljust(width)}  {visible(each.text)}\n")
        if each.hint:
            write(f"{'':{len(Health.WARNING) + width + 4}}{visible(each.hint)}\n")


def _summary(findings: Sequence[Finding]) -> str:
    errors = sum(each.health is Health.ERROR for each in findings)
    warnings = sum(each.health is Health.WARNING for each in findings)
    if not errors and not warnings:
        return "all is well"
    return ", ".join(count(n, what) for n, what in ((errors, "error"), (warnings, "warning")) if n)


def _exit_code(findings: Sequence[Finding]) -> int:
    errors = [each for each in findings if each.health is Health.ERROR]
    if not errors:
        return 0
    return 78 if errors[0].check == "configuration" else 1
