"""What the reference pages say is what the program says."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import queuectl
from queuectl import hookspecs, testing
from queuectl.commands.frame import Session
from queuectl.commands.group import verbs
from queuectl.config import load_config
from queuectl.config.explain import DEFAULT, settings_of
from queuectl.engine.wire import attempt_to_dict, job_to_dict
from queuectl.registry.soundness import hook_names

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


def rows(text: str) -> list[list[str]]:
    """The cells of all tables on a page."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("| ---")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def names(cell: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def signatures(page: str) -> list[str]:
    """What a page shows as the exact way to call something."""
    return re.findall(r"^```python signature\n(.*)\n```$", (REFERENCE / page).read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def writer() -> Iterator[ModuleType]:
    """The script that writes the pages."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(REFERENCE))
        yield importlib.import_module("write")
        for name in [name for name in sys.modules if name == "write" or name.partition(".")[0] == "written"]:
            del sys.modules[name]


@pytest.mark.parametrize("page", ["commands.md", "configuration.md", "seams.md", "testing.md"])
def test_written_pages_are_up_to_date(writer: ModuleType, page: str) -> None:
    """When it fails: python docs/reference/write.py."""
    assert (REFERENCE / page).read_text(encoding="utf-8") == writer.PAGES[page]()


def test_the_readme_names_every_command(writer: ModuleType) -> None:
    """The table in the README is the real tree of commands."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## Commands\n")[2].partition("\n## ")[0]
    told = [name for row in rows(section) for name in names(row[0])]
    real = [" ".join(path) for path, _ in writer.commands.leaves(verbs())]
    assert sorted(told) == sorted(real)


def test_every_hook_is_documented_with_its_arguments(writer: ModuleType) -> None:
    """An author finds each hook by a heading, with its exact arguments and answer, and in the table of hooks."""
    page = (REFERENCE / "hooks.md").read_text(encoding="utf-8")
    hooks = {name: hook for name, hook in inspect.getmembers(hookspecs, inspect.isfunction) if name in hook_names()}
    headings = re.findall(r"^## (\w+)\n\n```python signature\n(.*)\n```$", page, re.MULTILINE)
    told = [(name, code) for name, code in headings if name.startswith("queuectl_")]
    assert sorted(told) == sorted((name, writer.kit.signature(hook)) for name, hook in hooks.items())
    assert all(f"| [`{name}`](#{name}) |" in page for name in hooks)


@pytest.mark.parametrize("name", ["Provider", "Context"])
def test_what_a_hook_gives_and_gets_is_documented(writer: ModuleType, name: str) -> None:
    """The exact way to make each, and a row for every field."""
    kind = getattr(queuectl, name)
    assert writer.kit.made_by(kind) in signatures("hooks.md")
    page = (REFERENCE / "hooks.md").read_text(encoding="utf-8")
    section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    assert [names(row[0])[0] for row in rows(section)[1:]] == [field.name for field in fields(kind)]


@pytest.mark.parametrize(("table", "kind"), [("failure", queuectl.Failure), ("event", queuectl.Event)])
def test_what_a_plugin_is_told_is_documented(table: str, kind: type[Any]) -> None:
    """A row for every field of a failure and of an event, in the tables that authors look at first."""
    page = (REFERENCE / "hooks.md").read_text(encoding="utf-8")
    section = page.partition(f"| `{table}.` |")[2].partition("\n\n")[0]
    assert [names(row[0])[0] for row in rows(section)] == [field.name for field in fields(kind)]


def test_what_a_run_is_given_is_documented() -> None:
    """A row for everything that an executor's context has."""
    page = (REFERENCE / "hooks.md").read_text(encoding="utf-8")
    section = page.partition("| `context.` |")[2].partition("\n\n")[0]
    assert [names(row[0])[0].partition("(")[0] for row in rows(section)] == public(queuectl.RunContext)


def test_what_a_command_is_given_is_documented() -> None:
    """The session of a plugin's command has what the page says."""
    page = (REFERENCE / "hooks.md").read_text(encoding="utf-8")
    section = page.partition("| `session.` |")[2].partition("\n\n")[0]
    told = [name.removesuffix("()") for row in rows(section) for name in names(row[0])]
    assert told
    assert [name for name in told if not hasattr(Session(), name)] == []


@pytest.mark.parametrize("seam", ["Backoff", "Executor", "EndingExecutor", "RunContext", "Notifier", "Storage"])
def test_every_method_of_a_seam_is_documented(seam: str) -> None:
    """With all its arguments, by name and in their order."""
    kind = getattr(queuectl, seam)
    shown = signatures("seams.md")
    for name in public(kind):
        member = vars(kind).get(name)
        if inspect.isfunction(member):
            arguments = [argument for argument in inspect.signature(member).parameters if argument != "self"]
            assert arguments in [arguments_of(code) for code in shown if code.startswith(f"{name}(")], name
        else:
            assert any(code.startswith(f"{name}: ") for code in shown), name


def test_every_type_of_the_seams_is_documented(writer: ModuleType) -> None:
    """Whatever `queuectl` exports of its model, an author finds what it means."""
    told = {name for seam, types in writer.seams.SEAMS.items() for name in (seam, *types)}
    exported = {name: getattr(queuectl, name) for name in queuectl.__all__}
    real = {name for name, thing in exported.items() if getattr(thing, "__module__", "").startswith("queuectl.model.")}
    assert told == real


def test_all_of_the_kit_is_documented() -> None:
    """Each name that `queuectl.testing` exports has a heading, but for the capabilities, which are a table."""
    page = (REFERENCE / "testing.md").read_text(encoding="utf-8")
    headings = re.findall(r"^###? (\w+)$", page, re.MULTILINE)
    assert sorted(headings) == sorted({*testing.__all__} - {"EXECUTOR_CAPABILITIES"})
    assert all(f"| `{name}` | {meaning} |" in page for name, meaning in testing.EXECUTOR_CAPABILITIES.items())


@pytest.mark.parametrize("contract", [name for name in testing.__all__ if name.endswith("Contract")])
def test_every_clause_is_documented(contract: str) -> None:
    """What pytest would run of a contract is in its tables, and so is every fixture that an author overrides."""
    page = (REFERENCE / "testing.md").read_text(encoding="utf-8")
    section = page.partition(f"\n## {contract}\n")[2].partition("\n## ")[0]
    told = {name.partition("(")[0] for row in rows(section) for name in names(row[0])}
    real = {name for name in dir(getattr(testing, contract)) if name.startswith("test_")}
    assert {name for name in told if name.startswith("test_")} == real
    assert {"backoff", "executor", "notifier", "plugin", "storage_factory"} & {*dir(getattr(testing, contract))} <= told


def arguments_of(code: str) -> list[str]:
    """The names of the arguments in a signature."""
    node = ast.parse(f"def {code}: ...").body[0]
    assert isinstance(node, ast.FunctionDef)
    found = node.args
    return [each.arg for each in (*found.posonlyargs, *found.args, *found.kwonlyargs)]


def public(kind: type) -> list[str]:
    """What a class defines, in its order."""
    return [name for name in (*inspect.get_annotations(kind), *vars(kind)) if not name.startswith("_")]


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
