"""`queuectl plugins` tells what is installed, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from queuectl.registry import BUILTINS

if TYPE_CHECKING:
    from tests.cli.conftest import Program

FIBONACCI = '''
from dataclasses import dataclass
from typing import Annotated
from msgspec import Meta
from queuectl import Provider, hookimpl

@dataclass(frozen=True, kw_only=True)
class Fibonacci:
    """Waits as long as the Fibonacci numbers."""
    unit: Annotated[float, Meta(gt=0, description="seconds of the first wait")] = 1.0

@hookimpl
def queuectl_backoffs():
    yield Provider("fibonacci", Fibonacci, summary="1, 1, 2, 3, 5 ... seconds")
'''

FIREBIRD = """
from dataclasses import dataclass
from queuectl import Provider, hookimpl

@dataclass(frozen=True, kw_only=True)
class Firebird:
    dsn: str
    password: str | None = None

@hookimpl
def queuectl_storages():
    yield Provider("firebird", Firebird)
"""


def place(site: Path, name: str, source: str, points: str = "") -> None:
    """Install a distribution of one module."""
    information = site / f"queuectl_{name}-1.2.3.dist-info"
    information.mkdir(parents=True)
    (site / f"queuectl_{name}.py").write_text(source)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: queuectl-{name}\nVersion: 1.2.3\n")
    (information / "entry_points.txt").write_text(f"[queuectl]\n{points or f'{name} = queuectl_{name}'}\n")


@pytest.fixture
def installed(queuectl: Program, tmp_path: Path) -> Program:
    """The program, with two good plugins and a broken one beside it."""
    site = tmp_path / "site"
    for name, source in (("fibonacci", FIBONACCI), ("firebird", FIREBIRD), ("broken", "raise RuntimeError('no')\n")):
        place(site, name, source)
    queuectl.env["PYTHONPATH"] = str(site)
    return queuectl


def test_list_tells_every_plugin_with_its_state(installed: Program) -> None:
    """Name, kind, distribution, version, module, location, state."""
    rows = {row[0]: row for row in installed("plugins", "list", code=0).rows}
    assert {name for names in BUILTINS.values() for name in names} <= rows.keys()
    assert rows["sqlite"][1:3] == ["storage", "queuectl"]
    location = f"{installed.env['PYTHONPATH']}/queuectl_fibonacci.py"
    about = ["queuectl-fibonacci", "1.2.3", "queuectl_fibonacci", location]
    assert rows["fibonacci"] == ["fibonacci", "backoff", *about, "ok"]
    assert rows["broken"][5] == location.replace("fibonacci", "broken")
    assert rows["broken"][6] == "plugin 'broken' (queuectl-broken 1.2.3) failed to import: RuntimeError: no"
    listed = {each["name"]: each for each in installed("plugins", "list", "--json", code=0).json}
    assert (listed["fibonacci"]["error"], listed["broken"]["kind"]) == (None, None)
    assert (listed["fibonacci"]["state"], listed["broken"]["state"]) == ("ok", "broken")


def test_show_tells_the_settings(installed: Program) -> None:
    """Types with limits, defaults and what they mean."""
    told = installed("plugins", "show", "fibonacci", "--json", code=0).json
    assert (told["distribution"], told["version"], told["error"]) == ("queuectl-fibonacci", "1.2.3", None)
    (provider,) = told["providers"]
    assert (provider["kind"], provider["summary"]) == ("backoff", "1, 1, 2, 3, 5 ... seconds")
    assert provider["settings"] == [
        {
            "key": "unit",
            "takes": "a number above 0",
            "limits": {"gt": 0},
            "required": False,
            "default": 1.0,
            "default_typed": "1",
            "description": "seconds of the first wait",
        }
    ]
    assert "unit\ta number above 0\t1\tseconds of the first wait\n" in installed("plugins", "show", "fibonacci").out


def test_show_of_a_built_in_plugin_is_of_that_one_alone(queuectl: Program) -> None:
    """Five backoffs stand in one module."""
    told = queuectl("plugins", "show", "fixed", "--json", code=0).json
    assert [provider["name"] for provider in told["providers"]] == ["fixed"]
    assert told["distribution"] == "queuectl"


def test_show_of_a_broken_plugin_says_why(installed: Program) -> None:
    """It is installed, and there is something to tell of it."""
    told = installed("plugins", "show", "broken", "--json", code=0).json
    assert told["error"].endswith("failed to import: RuntimeError: no")


@pytest.mark.parametrize("deed", ["sys.exit()", "os._exit(0)", "os.kill(os.getpid(), 9)", "print('[]')"])
def test_no_plugin_harms_a_command_that_tells_of_it(queuectl: Program, tmp_path: Path, deed: str) -> None:
    """Given one that ends whoever imports it, or prints, then the others are told as ever, and this one too."""
    place(tmp_path / "site", "hostile", f"import os, sys\n{deed}\n")
    queuectl.env["PYTHONPATH"] = str(tmp_path / "site")
    listed = {each["name"]: each for each in queuectl("plugins", "list", "--json", code=0).json}
    assert listed["sqlite"]["state"] == "ok"
    assert listed["hostile"]["location"] == str(tmp_path / "site" / "queuectl_hostile.py")
    told = queuectl("plugins", "show", "hostile", "--json", code=0).json
    assert told["error"] == listed["hostile"]["error"]
    assert (told["error"] is None) == deed.startswith("print")


def test_names_that_lead_to_one_module_are_told_apart(queuectl: Program, tmp_path: Path) -> None:
    """Each name has what is offered under it, and no more."""
    both = FIBONACCI + '    yield Provider("slow", Fibonacci)\n'
    place(tmp_path / "site", "fibonacci", both, points="fibonacci = queuectl_fibonacci\nslow = queuectl_fibonacci\n")
    queuectl.env["PYTHONPATH"] = str(tmp_path / "site")
    names = [row[0] for row in queuectl("plugins", "list", code=0).rows]
    assert (names.count("fibonacci"), names.count("slow")) == (1, 1)
    told = queuectl("plugins", "show", "slow", "--json", code=0).json
    assert [provider["name"] for provider in told["providers"]] == ["slow"]


def test_a_plugin_that_is_not_installed_is_not_found(queuectl: Program) -> None:
    """With the one that may have been meant."""
    ran = queuectl("plugins", "show", "sqlit", code=3)
    assert ran.err.startswith("error: no plugin 'sqlit' is installed; did you mean 'sqlite'?")


def test_a_plugin_can_be_selected_once_it_is_installed(installed: Program) -> None:
    """Its settings are checked, listed and explained like any other's."""
    installed("config", "set", "backoff.plugin", "fibonacci", "backoff.unit", "0.5", code=0)
    assert installed("config", "get", "backoff", "--json", code=0).json == {"plugin": "fibonacci", "unit": 0.5}
    assert installed("config", "set", "backoff-unit", "0", code=78).err == (
        "error: backoff.unit: expected a number above 0, got 0\n"
    )
    assert "fibonacci" in installed("config", "schema", code=0).out


def test_a_plugin_that_needs_a_setting_is_selected_together_with_it(installed: Program) -> None:
    """Neither half of the change would be sound on its own."""
    dsn = "postgres://me:hunter2@db/jobs"
    ran = installed("config", "set", "storage.plugin", "firebird", code=78)
    assert ran.err == "error: storage.dsn: is missing: a text is required\n"
    installed("config", "set", "storage.plugin", "firebird", "storage.dsn", dsn, code=0)
    assert installed("config", "get", "dsn", code=0).out == f"{dsn}\n"


def test_secrets_are_masked_where_many_are_listed(installed: Program) -> None:
    """Whoever asks for the one key gets it."""
    text = "storage: {plugin: firebird, dsn: 'postgres://me:hunter2@db/jobs', password: hunter2}\n"
    (installed.cwd / "queuectl.yaml").write_text(text)
    for verb in (["list"], ["list", "--json"], ["get"], ["get", "storage", "--json"], ["explain", "storage.dsn"]):
        ran = installed("config", *verb, code=0)
        assert "hunter2" not in ran.out
        assert "***" in ran.out
    assert installed("config", "get", "password", code=0).out == "hunter2\n"


def test_a_broken_plugin_that_is_selected_is_named(installed: Program) -> None:
    """With its place in the file."""
    (installed.cwd / "queuectl.yaml").write_text("storage: {plugin: broken}\n")
    ran = installed("list", code=78)
    assert ran.err.startswith(
        "error: queuectl.yaml:1:19: storage.plugin: plugin 'broken' (queuectl-broken 1.2.3) failed to import: "
    )


def test_a_broken_plugin_that_nobody_selected_harms_nobody(installed: Program) -> None:
    """Nothing of it is heard."""
    assert installed("config", "get", "max-retries", code=0).err == ""
