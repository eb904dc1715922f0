"""`queuectl config` as people and scripts use it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Program

FIBONACCI = """
from dataclasses import dataclass
from typing import Annotated
from msgspec import Meta
from queuectl import Provider, hookimpl

@dataclass(frozen=True, kw_only=True)
class Fibonacci:
    unit: Annotated[float, Meta(gt=0, description="seconds of the first wait")] = 1.0

@hookimpl
def queuectl_backoffs():
    yield Provider("fibonacci", Fibonacci)
"""


def test_a_key_that_is_set_persists(queuectl: Program) -> None:
    """The example of the documentation, to the letter."""
    queuectl("config", "set", "max-retries", "3", code=0)
    assert queuectl("config", "get", "max-retries", code=0).out == "3\n"
    assert queuectl("config", "get", "jobs.max_retries", "--json", code=0).json == 3
    assert (queuectl.home / "queuectl.yaml").read_text() == "jobs:\n  max-retries: 3\n"
    assert not (queuectl.cwd / "queuectl.yaml").exists()


def test_comments_and_all_other_bytes_stay(queuectl: Program) -> None:
    """The file is the person's; one line changes."""
    file = queuectl.cwd / "queuectl.yaml"
    file.write_bytes(b"# ours\r\njobs:   # defaults\r\n    max-retries: 5    # five\r\n\r\n# the end")
    ran = queuectl("config", "set", "max-retries", "3", code=0)
    assert ran.out == "jobs.max-retries: 5 -> 3 (queuectl.yaml:3)\n"
    assert file.read_bytes() == b"# ours\r\njobs:   # defaults\r\n    max-retries: 3    # five\r\n\r\n# the end"


def test_a_change_can_be_read_by_scripts(queuectl: Program) -> None:
    """What, from what, to what, and where."""
    ran = queuectl("config", "set", "max-retries", "4", "backoff-base", "3", "--json", code=0)
    file = str(queuectl.home / "queuectl.yaml")
    assert ran.json == [
        {"key": "jobs.max-retries", "old": "3", "new": "4", "file": file, "line": 2, "hidden_by": None},
        {"key": "backoff.base", "old": "2", "new": "3", "file": file, "line": 4, "hidden_by": None},
    ]
    assert queuectl("config", "set", "max-retries", "5", "-q", code=0).out == ""


def test_a_value_that_does_not_fit_is_bad_configuration(queuectl: Program) -> None:
    """One clear line, and no file."""
    ran = queuectl("config", "set", "max-retries", "many", code=78)
    assert ran.err == "error: jobs.max-retries: expected an integer, got 'many'\n"
    assert not queuectl.home.exists()


def test_a_key_that_does_not_exist_is_wrong_usage(queuectl: Program) -> None:
    """With the key that may have been meant."""
    for verb in (("get", "max-retrys"), ("set", "max-retrys", "3"), ("unset", "max-retrys"), ("explain", "max-retrys")):
        if verb[0] == "unset":
            queuectl("config", "set", "priority", "1", code=0)
        ran = queuectl("config", *verb, code=2)
        assert ran.err == "error: no such key: max-retrys\nhint: did you mean jobs.max-retries?\n"


def test_an_ambiguous_key_is_wrong_usage(queuectl: Program) -> None:
    """All that it may mean is listed."""
    ran = queuectl("config", "get", "plugin", code=2)
    assert ran.err.endswith("hint: it may mean storage.plugin, executor.plugin, backoff.plugin\n")


def test_set_needs_pairs(queuectl: Program) -> None:
    """A key without a value is half a command."""
    assert "a value is missing" in queuectl("config", "set", "max-retries", code=2).err
    queuectl("config", "set", code=2)
    assert queuectl("config", "set", "priority", "-5", code=0).out.startswith("jobs.priority: 0 -> -5 ")


def test_unset_lets_the_default_serve_again(queuectl: Program) -> None:
    """And says which that is."""
    queuectl("config", "set", "max-retries", "9", code=0)
    ran = queuectl("config", "unset", "max-retries", code=0)
    assert ran.out == f"jobs.max-retries: 9 -> 3 ({queuectl.home / 'queuectl.yaml'}, the default)\n"
    assert queuectl("config", "get", "max-retries", code=0).out == "3\n"
    assert queuectl("config", "unset", "max-retries", code=3).err.startswith("error: jobs.max-retries is not set in ")


def test_list_tells_every_key_with_its_origin(queuectl: Program) -> None:
    """A pipe gets key, value and origin, tab-separated."""
    (queuectl.cwd / "queuectl.yaml").write_text("jobs:\n  max-retries: 5\n")
    environ = {"QUEUECTL_WORKER__COUNT": "2"}
    ran = queuectl("--set", "worker.lease=1m", "config", "list", env=environ, code=0)
    rows = {row[0]: row[1:] for row in ran.rows}
    assert rows["jobs.max-retries"] == ["5", "queuectl.yaml:2:16"]
    assert rows["worker.count"] == ["2", "QUEUECTL_WORKER__COUNT"]
    assert rows["worker.lease"] == ["1m", "--set"]
    assert rows["backoff.base"] == ["2", "default"]
    listed = queuectl("config", "list", "--json", code=0).json
    assert {each["key"]: each for each in listed}["jobs.max-retries"] == {
        "key": "jobs.max-retries",
        "value": 5,
        "origin": "queuectl.yaml:2:16",
        "default": 3,
    }


def test_get_without_a_key_is_everything(queuectl: Program) -> None:
    """As JSON, nested as in the file; a section likewise."""
    everything = queuectl("config", "get", "--json", code=0).json
    assert everything["jobs"]["max-retries"] == 3
    assert everything["worker"] == {"count": 1, "concurrency": 1, "lease": 30, "outputs": None}
    assert queuectl("config", "get", "worker", "--json", code=0).json == everything["worker"]
    assert queuectl("config", "get", "worker", code=0).rows[0] == ["worker.count", "1"]


def test_path_tells_which_file_is_read(queuectl: Program) -> None:
    """Nothing when there is none."""
    ran = queuectl("config", "path", code=0)
    assert ran.out == ""
    assert "no configuration file is read" in ran.err
    (queuectl.cwd / "queuectl.yaml").write_text("jobs: [broken")
    assert queuectl("config", "path", code=0).out == f"{queuectl.cwd / 'queuectl.yaml'}\n"
    told = queuectl("config", "path", "--json", code=0).json
    assert told["file"] == str(queuectl.cwd / "queuectl.yaml")
    assert told["data"] == str(queuectl.home)
    assert [each["path"] for each in told["candidates"] if each["exists"]] == [told["file"]]


def test_init_writes_a_file_to_start_from(queuectl: Program) -> None:
    """At the user's place, and never over a file that is there."""
    file = queuectl.home / "queuectl.yaml"
    assert queuectl("config", "init", code=0).out == f"{file}\n"
    before = file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600
    assert queuectl("config", "init", code=4).err.startswith(f"error: there is a file already: {file}")
    assert file.read_bytes() == before
    queuectl("config", "validate", code=0)
    assert queuectl("config", "init", "--path", "mine.yaml", code=0).out == f"{queuectl.cwd / 'mine.yaml'}\n"
    environ = {"QUEUECTL_CONFIG": "named.yaml"}
    assert queuectl("config", "init", env=environ, code=0).out == f"{queuectl.cwd / 'named.yaml'}\n"


def test_set_on_the_starter_file_keeps_its_comments(queuectl: Program) -> None:
    """The first real key comes after them."""
    queuectl("config", "init", code=0)
    file = queuectl.home / "queuectl.yaml"
    before = file.read_text()
    queuectl("config", "set", "max-retries", "7", code=0)
    assert file.read_text() == f"{before}jobs:\n  max-retries: 7\n"


def test_validate_reports_all_errors_at_once(queuectl: Program) -> None:
    """With file, line and column, and exit code 78; for scripts as JSON."""
    assert queuectl("config", "validate", code=0).out == "ok\n"
    (queuectl.cwd / "queuectl.yaml").write_text("worker: {count: many}\nmax-retrys: 3\nbackoff: fibonaci\n")
    lines = [
        "queuectl.yaml:1:17: worker.count: expected an integer, got 'many'",
        "queuectl.yaml:2:1: max-retrys: unknown key; did you mean 'jobs.max-retries'?",
        "queuectl.yaml:3:10: backoff.plugin: no backoff 'fibonaci' is installed",
    ]
    ran = queuectl("config", "validate", code=78)
    assert ran.out == ""
    assert ran.err.startswith("error: the configuration has 3 errors\n  " + "\n  ".join(lines))
    error = queuectl("config", "validate", "--json", code=78).error
    assert (error["code"], error["details"][:3]) == ("config", lines)


@pytest.mark.parametrize("verb", [["status"], ["list"], ["enqueue", "true"], ["worker", "start", "--drain"]])
def test_a_wrong_file_stops_every_command(queuectl: Program, verb: list[str]) -> None:
    """Before anything is written."""
    (queuectl.cwd / "queuectl.yaml").write_text("worker:\n  concurrency: many\n")
    ran = queuectl(*verb, code=78)
    assert ran.out == ""
    assert ran.err == "error: queuectl.yaml:2:16: worker.concurrency: expected an integer, got 'many'\n"
    assert not queuectl.home.exists()


def test_a_wrong_file_can_be_mended(queuectl: Program) -> None:
    """The command that mends it is not stopped by it."""
    (queuectl.cwd / "queuectl.yaml").write_text("worker:\n  concurrency: many\n")
    queuectl("config", "set", "concurrency", "4", code=0)
    assert queuectl("config", "get", "concurrency", code=0).out == "4\n"


def test_a_file_that_is_no_yaml_is_not_touched(queuectl: Program) -> None:
    """The place of the error is told."""
    file = queuectl.cwd / "queuectl.yaml"
    file.write_text("jobs:\n\tmax-retries: 3\n")
    for verb in (["set", "max-retries", "3"], ["unset", "max-retries"], ["validate"], ["list"]):
        ran = queuectl("config", *verb, code=78)
        assert ran.err == "error: queuectl.yaml:2:1: a tab stands here, but YAML is indented by spaces\n"
    assert file.read_text() == "jobs:\n\tmax-retries: 3\n"


def test_a_variable_that_hides_the_change_is_named(queuectl: Program) -> None:
    """Else the person would look for the reason in the file."""
    ran = queuectl("config", "set", "max-retries", "3", env={"QUEUECTL_JOBS__MAX_RETRIES": "9"}, code=0)
    assert ran.err == (
        "note: QUEUECTL_JOBS__MAX_RETRIES has the last word on jobs.max-retries, whatever the file says\n"
    )


def test_explain_tells_all_of_a_key(queuectl: Program) -> None:
    """What it means, what it takes, what it is, who says so, and which variable would."""
    assert queuectl("config", "explain", "max-retries", "--json", code=0).json == {
        "key": "jobs.max-retries",
        "meaning": "runs after the first before a failing job is dead",
        "takes": "an integer of at least 0",
        "default": "3",
        "value": "3",
        "origin": "default",
        "variable": "QUEUECTL_JOBS__MAX_RETRIES",
    }
    assert queuectl("config", "explain", "worker", code=0).out.count("origin\tdefault") == 4


@pytest.mark.parametrize(
    ("calls", "code"),
    [
        (["--set worker.count status", "--set worker..count=1 status", "config get nosuch", "config set nosuch 1"], 2),
        (["config set max-retries", "config explain nosuch", "--nosuch status", "worker start --count 0"], 2),
        (["--set nosuch=1 status", "--set jobs.nosuch=1 status", "--set worker.count=x status"], 78),
        (["--config nowhere.yaml status", "config set max-retries many", "--set backoff=nosuch config validate"], 78),
    ],
)
def test_the_call_may_be_wrong_or_the_configuration(queuectl: Program, calls: list[str], code: int) -> None:
    """2 for the form of the call, 78 for what the configuration says, a flag's part of it too."""
    assert [queuectl(*call.split()).code for call in calls] == [code] * len(calls)


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({"QUEUECTL_JOBS__NOSUCH": "1"}, ""),
        ({"QUEUECTL_JOBS_TIMEOUT": "1"}, ""),
        ({"QUEUECTL_WORKER__COUNT": "x"}, ""),
        ({}, "jobs: {nosuch: 1}"),
        ({}, "worker: {count: x}"),
        ({}, "- not: a mapping"),
        ({}, "jobs: ["),
    ],
)
def test_a_variable_and_a_file_are_the_configuration(queuectl: Program, environ: dict[str, str], text: str) -> None:
    """Whoever calls it so made no mistake in the call."""
    (queuectl.cwd / "queuectl.yaml").write_text(text)
    queuectl("status", env=environ, code=78)


def test_an_empty_name_is_no_file(queuectl: Program) -> None:
    """A script whose variable is unset must not work with another configuration."""
    assert queuectl("--config", "", "status", code=78).err.startswith("error: --config names no file")


def test_the_schema_is_json(queuectl: Program) -> None:
    """Ready for an editor."""
    told = queuectl("config", "schema", code=0).json
    assert told["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert told["properties"]["jobs"]["properties"]["max-retries"]["default"] == 3


def test_the_schema_knows_the_plugins_that_are_installed(queuectl: Program, tmp_path: Path) -> None:
    """Each with its settings; one that cannot be used is left out and named."""
    install(tmp_path, "fibonacci", FIBONACCI)
    install(tmp_path, "broken", "raise RuntimeError('no')\n")
    queuectl.env["PYTHONPATH"] = str(tmp_path)
    ran = queuectl("config", "schema", code=0)
    *_, rule = ran.json["definitions"]["backoff"]["anyOf"][-1]["allOf"]
    assert rule["if"]["properties"]["plugin"] == {"const": "fibonacci"}
    assert rule["then"]["properties"]["unit"] == {
        "description": "seconds of the first wait",
        "default": 1.0,
        "type": "number",
        "exclusiveMinimum": 0,
    }
    assert ran.err.startswith("left out: plugin 'broken' (queuectl-broken 1.2.3) failed to import: RuntimeError: no")


def install(site: Path, name: str, source: str) -> None:
    """Put a distribution of one module where the program finds it."""
    information = site / f"queuectl_{name}-1.2.3.dist-info"
    information.mkdir()
    (site / f"queuectl_{name}.py").write_text(source)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: queuectl-{name}\nVersion: 1.2.3\n")
    (information / "entry_points.txt").write_text(f"[queuectl]\n{name} = queuectl_{name}\n")


def test_many_that_set_at_once_lose_nothing(queuectl: Program) -> None:
    """Each change is made to what the one before left."""
    (queuectl.cwd / "queuectl.yaml").write_text("# ours\n")
    names = [f"q{number}" for number in range(6)]
    running = [queuectl.start("config", "set", f"queues.{name}.max-retries", "7") for name in names]
    assert [process.wait() for process in running] == [0] * len(names)
    assert queuectl("config", "get", "queues", "--json", code=0).json.keys() == set(names)
    assert os.listdir(queuectl.cwd) == ["queuectl.yaml"]


def test_many_that_make_the_first_file_lose_nothing(queuectl: Program) -> None:
    """The one who comes second finds a file after all."""
    names = [f"q{number}" for number in range(6)]
    running = [queuectl.start("config", "set", f"queues.{name}.max-retries", "7") for name in names]
    assert [process.wait() for process in running] == [0] * len(names)
    assert queuectl("config", "get", "queues", "--json", code=0).json.keys() == set(names)


def test_keys_are_completed(queuectl: Program) -> None:
    """Those of the selected plugins too."""
    environ = {"_QUEUECTL_COMPLETE": "bash_complete", "COMP_WORDS": "queuectl config get back", "COMP_CWORD": "3"}
    lines = queuectl(env=environ, code=0).out.splitlines()
    assert [line.partition(",")[2] for line in lines] == [
        "backoff.plugin",
        "backoff.base",
        "backoff.max-delay",
        "backoff.jitter",
    ]


def test_a_terminal_gets_a_table(queuectl: Program) -> None:
    """That fits it."""
    shown = queuectl.on_terminal("config", "list", columns=60, code=0).out
    assert "jobs.max-retries" in shown
    assert max(len(line) for line in shown.splitlines()) < 200
    assert shown.count("\t") == 0


def test_running_workers_are_told_of(queuectl: Program, eventually: Callable[[Callable[[], object]], None]) -> None:
    """They keep the configuration that they started with."""
    worker = queuectl.start("worker", "start", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    eventually(lambda: queuectl("status", "--json", code=0).json["workers"]["active"] == 1)
    ran = queuectl("config", "set", "max-retries", "9", code=0)
    assert "1 running worker keeps the configuration that it was started with" in ran.err
    queuectl("worker", "stop", code=0)
    assert worker.wait() == 0
    assert "running worker" not in queuectl("config", "set", "max-retries", "8", code=0).err
