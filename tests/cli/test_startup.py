"""Everyday commands start fast: they import what they need and nothing else."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Program

HEAVY = {
    "asyncio",
    "concurrent.futures",
    "email",
    "http",
    "importlib.metadata",
    "jinja2",
    "json",
    "logging",
    "multiprocessing",
    "queuectl_dashboard",
    "rich",
    "socket",
    "sqlite3",
    "ssl",
    "starlette",
    "structlog",
    "subprocess",
    "tempfile",
    "traceback",
    "unittest",
    "urllib.request",
    "uvicorn",
}
"""Modules that take milliseconds each, or bring others that do."""

DRIVER = """
import os, sys
from queuectl.cli import run
code = run(sys.argv[1:])
os.write(3, "\\n".join(sys.modules).encode())
sys.exit(code)
"""


def imported(queuectl: Program, *arguments: str, shown_on: int | None = None) -> set[str]:
    """Return the modules in memory after a call; `shown_on` is a terminal's width, without it a pipe is written to."""
    report = queuectl.cwd / "modules"
    shell = [
        "/bin/sh",
        "-c",
        'report="$1"; shift; exec "$@" 3>"$report"',
        "sh",
        str(report),
        sys.executable,
        "-c",
        DRIVER,
    ]
    if shown_on is None:
        queuectl(*arguments, command=shell, code=0)
    else:
        queuectl.on_terminal(*arguments, columns=shown_on, command=shell, code=0)
    return set(report.read_text().split())


@pytest.mark.parametrize(
    "call",
    [
        ["enqueue", "true"],
        ["enqueue", '{"command": "true", "backoff": "linear"}'],
        ["status"],
        ["status", "--json"],
        ["list"],
        ["list", "--json"],
        ["dlq", "list"],
    ],
    ids=" ".join,
)
def test_a_command_into_a_pipe_imports_nothing_heavy(queuectl: Program, call: list[str]) -> None:
    """With a configuration file, a store, and jobs in it."""
    (queuectl.cwd / "queuectl.yaml").write_text("jobs: {max-retries: 2}\nbackoff: {plugin: fixed, delay: 1s}\n")
    queuectl.enqueue("echo one", {"command": ["echo", "two"]})
    modules = imported(queuectl, *call)
    assert "queuectl.commands.frame" in modules
    assert HEAVY & modules == set()


def test_a_table_imports_of_rich_only_what_measures_text(queuectl: Program) -> None:
    """Wide characters need its tables of widths, and nothing of the rest."""
    queuectl.enqueue("echo one")
    modules = imported(queuectl, "list", shown_on=80)
    assert {module for module in modules if module.split(".")[0] == "rich"} <= {
        "rich",
        "rich.cells",
        "rich._extension",
    } | {module for module in modules if module.startswith(("rich._unicode", "rich._cell"))}


def test_a_verb_imports_no_other_verb(queuectl: Program) -> None:
    """One module per verb, imported when it is called."""
    modules = imported(queuectl, "status")
    verbs = {"enqueue", "list", "show", "logs", "wait", "retry", "cancel", "dlq", "worker", "config", "plugins"}
    assert {f"queuectl.commands.{verb}" for verb in verbs} & modules == set()


def test_status_imports_nothing_of_claims_and_queries(queuectl: Program) -> None:
    """It counts, and asks who works."""
    queuectl.enqueue("echo one")
    modules = imported(queuectl, "status")
    assert {"queuectl.model.worker", "queuectl_sqlite.workers"} <= modules
    assert {f"queuectl.model.{name}" for name in ("attempt", "lease", "query")} & modules == set()
    assert "queuectl_sqlite.settling" not in modules


def test_the_main_help_imports_no_verb(queuectl: Program) -> None:
    """The list of verbs is a table."""
    modules = imported(queuectl, "--help")
    assert {"queuectl.commands.enqueue", "queuectl.commands.status", "queuectl.engine.queue"} & modules == set()


def test_completion_loads_no_plugin_and_no_engine(queuectl: Program) -> None:
    """Tab must feel instant."""
    queuectl.env |= {"_QUEUECTL_COMPLETE": "bash_complete", "COMP_WORDS": "queuectl list --state d", "COMP_CWORD": "3"}
    modules = imported(queuectl)
    assert "queuectl.commands.list" in modules
    assert {"importlib.metadata", "queuectl.registry", "queuectl.engine.queue", "apsw"} & modules == set()


@pytest.mark.parametrize(
    "leave",
    [
        "import atexit; atexit.register(print, 'done')",
        "import threading as t; t.Thread(target=lambda: (t.main_thread().join(), print('done', flush=True))).start()",
    ],
    ids=["a function", "a thread"],
)
def test_what_is_left_for_the_end_is_done(queuectl: Program, leave: str) -> None:
    """The program ends without taking itself apart, unless something was left to be done."""
    script = f"{leave}\nimport sys; from queuectl.cli import main; main(sys.argv[1:])"
    ran = queuectl("status", "--json", command=[sys.executable, "-c", script], code=0)
    assert '"workers"' in ran.out
    assert ran.out.endswith("done\n")
