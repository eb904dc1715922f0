"""What the reference pages say is what the program says."""

from __future__ import annotations

import importlib.util
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import queuectl
from queuectl import hookspecs
from queuectl.commands.group import verbs
from queuectl.config import load_config
from queuectl.config.explain import DEFAULT, settings_of
from queuectl.engine.wire import attempt_to_dict, job_to_dict

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


def rows(text: str) -> list[list[str]]:
    """The cells of all tables on a page."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("| ---")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def names(cell: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


@pytest.fixture(scope="module")
def writer() -> Iterator[ModuleType]:
    """The script that writes the pages."""
    spec = importlib.util.spec_from_file_location("write_reference", REFERENCE / "write.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["write_reference"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["write_reference"]


@pytest.mark.parametrize("page", ["commands.md", "configuration.md"])
def test_written_pages_are_up_to_date(writer: ModuleType, page: str) -> None:
    """When it fails: python docs/reference/write.py."""
    assert (REFERENCE / page).read_text(encoding="utf-8") == writer.PAGES[page]()


def test_the_readme_names_every_command(writer: ModuleType) -> None:
    """The table in the README is the real tree of commands."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## Commands\n")[2].partition("\n## ")[0]
    told = [name for row in rows(section) for name in names(row[0])]
    real = [" ".join(path) for path, _ in writer.leaves(verbs())]
    assert sorted(told) == sorted(real)


def test_every_hook_is_documented_with_its_arguments() -> None:
    """An author finds each hook by a heading with its exact arguments, or in the table of hooks."""
    page = (REFERENCE / "hooks.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (queuectl_\w+\([^)]*\))", page, re.MULTILINE)
    real = []
    for name, hook in inspect.getmembers(hookspecs, inspect.isfunction):
        if name.startswith("queuectl_"):
            real.append(f"{name}({', '.join(inspect.signature(hook).parameters)})")
    assert sorted(headings) == sorted(real)
    assert all(f"| `{hook}` |" in page for hook in real)


def test_every_event_is_documented() -> None:
    """The list of events is whole."""
    page = (REFERENCE / "hooks.md").read_text(encoding="utf-8")
    table = page.partition("| event | when |")[2].partition("\n\n")[0]
    assert {name for row in rows(table) for name in names(row[0])} == queuectl.EVENT_NAMES


def test_every_error_is_documented() -> None:
    """The table of errors has each class that queuectl exports, its code and its exit code."""
    page = (REFERENCE / "errors.md").read_text(encoding="utf-8")
    told = {names(row[0])[0]: (names(row[1])[0], int(row[2])) for row in rows(page) if names(row[0]) and len(row) == 4}
    real = {
        name: (kind.code, kind.exit_code)
        for name in queuectl.__all__
        if inspect.isclass(kind := getattr(queuectl, name)) and issubclass(kind, queuectl.QueuectlError)
    }
    assert told == real


def test_every_exit_code_of_an_error_is_documented() -> None:
    """The page on exit codes has the code of every error beside its exit code."""
    page = (REFERENCE / "exit-codes.md").read_text(encoding="utf-8").partition("\n## ")[0]
    told = {(int(row[0]), code) for row in rows(page)[1:] for code in names(row[2])}
    kinds = [queuectl.QueuectlError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    assert told == {(kind.exit_code, kind.code) for kind in kinds if kind.__module__ == "queuectl.errors"}


def test_every_state_is_documented() -> None:
    """The table of states is whole, and in their order."""
    page = (REFERENCE / "states.md").read_text(encoding="utf-8")
    table = page.partition("| state |")[2].partition("\n\n")[0]
    assert [names(row[0])[0] for row in rows(table)] == [state.value for state in queuectl.State]


def test_every_field_of_a_job_is_documented() -> None:
    """What `show --json` prints is on the page, and what the page names is printed."""
    page = (REFERENCE / "job-fields.md").read_text(encoding="utf-8")
    given, _, made = page.partition("## What queuectl sets")
    table = made.partition("\n\nTimes")[0]
    told = {name for row in [*rows(given), *rows(table)] for name in names(row[0])}
    now = 1_800_000_000.0
    job = queuectl.Job(
        id="one",
        command="true",
        state=queuectl.State.PENDING,
        queue="default",
        priority=0,
        attempts=0,
        max_retries=3,
        created_at=now,
        updated_at=now,
    )
    assert told == {*job_to_dict(job), "delay", "attempts_log"}


def test_every_field_of_an_attempt_is_documented() -> None:
    """What `attempts_log` holds is on the page, in its order."""
    page = (REFERENCE / "job-fields.md").read_text(encoding="utf-8")
    table = page.partition("## Attempts")[2].partition("\n## ")[0]
    attempt = queuectl.Attempt(
        job="one",
        number=1,
        result=queuectl.Result.COMPLETED,
        outcome=queuectl.Outcome(exit_code=0),
        started_at=1.0,
        finished_at=2.0,
        worker="w",
        host="h",
        worker_pid=1,
    )
    assert [name for row in rows(table) for name in names(row[0])] == list(attempt_to_dict(attempt))


def test_the_configuration_in_the_readme_is_the_default(tmp_path: Path) -> None:
    """The YAML that the README calls the defaults says what is in force without a file."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    file = tmp_path / "queuectl.yaml"
    file.write_text(re.findall(r"^```yaml\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)[0])
    environ = {"QUEUECTL_HOME": str(tmp_path / "home")}
    bare = {setting.key: setting.value for setting in settings_of(load_config(environ=environ, cwd=tmp_path / "home"))}
    told = {setting.key: setting for setting in settings_of(load_config(file, environ=environ))}
    assert {key: setting.value for key, setting in told.items()} == bare
    assert {key for key, setting in told.items() if setting.origin == DEFAULT} <= {"executor.split"}
