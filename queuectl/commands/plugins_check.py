"""`queuectl plugins check`: what is wrong with the plugins, and with what the configuration names."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from queuectl.commands.escape import visible
from queuectl.commands.frame import Session
from queuectl.commands.output import Column, message, print_json, print_records, write
from queuectl.commands.people import count
from queuectl.commands.plugins_examined import Examined, configured, examine, installed, judge, named
from queuectl.commands.plugins_probe import Configured
from queuectl.commands.terminal import has_color, is_terminal, painted


@dataclass(frozen=True)
class Line:
    """One plugin, or the configuration, and what is wrong with it."""

    name: str
    kind: str = ""
    distribution: str = ""
    version: str = ""
    faults: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """`ok` or `wrong`."""
        return "wrong" if self.faults else "ok"


COLUMNS = (
    Column("STATE", lambda line: line.state),
    Column("NAME", lambda line: line.name),
    Column("KIND", lambda line: line.kind),
    Column("DISTRIBUTION", lambda line: line.distribution),
    Column("VERSION", lambda line: line.version),
    Column("FAULTS", lambda line: "; ".join(line.faults)),
)


def check(session: Session, name: str | None, patience: float) -> int:
    """Check one plugin, or all and the configuration; return the exit code."""
    if name is None:
        found = judge(examine(installed(), patience))
        settings = configured(session.config_file, session.overrides, patience)
    else:
        found, settings = judge(named(name, patience)), None
    lines = [_line(each) for each in found]
    if settings is not None:
        lines.append(Line("configuration", distribution=settings.file or "", faults=settings.problems))
    wrong = sum(bool(line.faults) for line in lines)
    if session.json:
        print_json({"ok": not wrong, "plugins": [_to_json(each) for each in found], **_configuration(settings)})
    else:
        _print(session, [line for line in lines if line.faults or not session.quiet])
        message(session, f"{count(wrong, 'plugin')} of {len(lines)} wrong" if wrong else "all is well")
    return 1 if wrong else 0


def _line(examined: Examined) -> Line:
    kinds = ", ".join(dict.fromkeys(kind for kind, _ in examined.offers() if kind))
    return Line(examined.entry.name, kinds, examined.distribution, examined.version or "", examined.faults)


def _to_json(examined: Examined) -> dict[str, Any]:
    return {
        "name": examined.entry.name,
        "kinds": [kind for kind, _ in examined.offers() if kind],
        "distribution": examined.distribution,
        "version": examined.version,
        "module": examined.entry.module,
        "location": examined.report.location,
        "ok": not examined.faults,
        "faults": examined.faults,
    }


def _configuration(settings: Configured | None) -> dict[str, Any]:
    if settings is None:
        return {}
    told = {"file": settings.file, "ok": not settings.problems, "faults": settings.problems}
    return {"configuration": told}


def _print(session: Session, lines: Sequence[Line]) -> None:
    """Print a line each; on a terminal too nothing is cut, since what is wrong is what people came for."""
    if not is_terminal(sys.stdout):
        print_records(session, lines, COLUMNS, lambda line: line)
        return
    color = has_color(sys.stdout, session.color)
    width = max((len(line.name) for line in lines), default=0)
    for line in lines:
        state = painted(line.state.ljust(len("wrong")), "red" if line.faults else "green", color)
        origin = " ".join(filter(None, (line.kind, line.distribution, line.version)))
        faults = f": {'; '.join(line.faults)}" if line.faults else ""
        write(f"{state}  {line.name.ljust(width)}  {visible(origin + faults)}\n")
