"""No command shows a secret that nobody asked for by its own key."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Program

PAGER = """
from dataclasses import dataclass, field
from enum import Enum
from queuectl import Duration, Provider, hookimpl

class Tone(Enum):
    LOW = "low"

@dataclass(frozen=True, kw_only=True)
class Login:
    user: str = "me"
    pin: str = ""

@dataclass(frozen=True, kw_only=True)
class Pager:
    url: str
    stripe_key: str = ""
    passphrase: int = 0
    credentials: Login = Login()
    headers: dict[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()
    auth: Tone = Tone.LOW

@dataclass(frozen=True, kw_only=True)
class Asking:
    api_token: str = ""
    wait: Duration = Duration(9)

    def delay(self, failure):
        raise RuntimeError("cannot ask https://me:hunter2@example.org")

def refuse(settings, context):
    raise RuntimeError(f"cannot reach {settings.url}")

@hookimpl
def queuectl_notifiers():
    yield Provider("pager", Pager, refuse)

@hookimpl
def queuectl_backoffs():
    yield Provider("asking", Asking)
"""

FILE = """
backoff: {plugin: asking, api-token: hunter2}
notifications: [log, {plugin: pager, events: [job.dead], PAGER}]
"""

SETTINGS = (
    "url: 'https://me:hunter2@example.org/page?token=hunter2', stripe-key: hunter2, passphrase: 44442222, "
    "credentials: {user: hunter2, pin: hunter2}, headers: {Authorization: Bearer hunter2, Accept: json}, "
    "cookies: [hunter2, hunter2]"
)


@pytest.fixture
def guarded(queuectl: Program, tmp_path: Path) -> Program:
    """The program with plugins whose settings hold secrets."""
    information = tmp_path / "queuectl_pager-1.2.3.dist-info"
    information.mkdir()
    (tmp_path / "queuectl_pager.py").write_text(PAGER)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: queuectl-pager\nVersion: 1.2.3\n")
    (information / "entry_points.txt").write_text("[queuectl]\npager = queuectl_pager\nasking = queuectl_pager\n")
    (queuectl.cwd / "queuectl.yaml").write_text(FILE.replace("PAGER", SETTINGS))
    queuectl.env["PYTHONPATH"] = str(tmp_path)
    return queuectl


def assert_nothing_is_told(queuectl: Program, calls: Sequence[Sequence[str]], code: int) -> None:
    """Check that calls end so and show no secret."""
    for call in calls:
        ran = queuectl(*call, code=code)
        assert "hunter2" not in ran.out + ran.err, ran
        assert "44442222" not in ran.out + ran.err, ran


def test_the_configuration_is_shown_without_them(guarded: Program) -> None:
    """Also those that stand in lists, in mappings, in addresses, or are numbers."""
    verbs = [["list"], ["get"], ["get", "notifications"], ["get", "backoff"], ["explain", "backoff"]]
    verbs += [["explain", "notifications"], ["schema"], ["validate"], ["path"]]
    assert_nothing_is_told(guarded, [["config", *verb, *form] for verb in verbs for form in ([], ["--json"])], 0)
    pager = guarded("config", "get", "notifications", "--json", code=0).json[1]
    assert pager["url"] == "https://me:***@example.org/page?token=***"
    assert pager["headers"] == {"Authorization": "***", "Accept": "json"}
    assert guarded("config", "get", "api-token", code=0).out == "hunter2\n"


def test_a_change_is_told_without_them(guarded: Program) -> None:
    """Neither what was nor what is."""
    calls = [["config", "set", "api-token", "hunter2"], ["config", "set", "backoff.api-token", "hunter2", "--json"]]
    calls.append(["config", "set", "notifications", "[{plugin: pager, url: 'x://y:hunter2@z', stripe-key: hunter2}]"])
    assert_nothing_is_told(guarded, [*calls, ["config", "unset", "api-token"]], 0)


def test_errors_are_told_without_them(guarded: Program) -> None:
    """A value that does not fit is shown, unless it is a secret or has one in it."""
    calls = [
        ["--set", "backoff.api-token=[hunter2]", "config", "validate"],
        ["--set", "backoff.wait=x://me:hunter2@y", "config", "validate"],
        ["config", "set", "notifications", "[{plugin: pager, url: x, credentials: hunter2}]"],
        ["config", "set", "notifications", "[{plugin: pager, url: x, credentials: {user: [hunter2]}}]"],
        ["config", "set", "notifications", "[{plugin: pager, url: x, auth: hunter2}]"],
        ["config", "set", "notifications", "[{plugin: pager, url: x, passphrase: hunter2}]"],
    ]
    assert_nothing_is_told(guarded, calls, 78)
    backoff = ["enqueue", "--backoff", '{"plugin": "asking", "api-token": {"x": "hunter2"}}', "true"]
    assert_nothing_is_told(guarded, [backoff, ["enqueue", '{"command": "true", "env": {"KEY": ["hunter2"]}}']], 2)


def test_jobs_are_shown_without_them(guarded: Program, eventually: Callable[[Callable[[], object]], None]) -> None:
    """In whatever way they are printed; and so is what a worker logs of the plugins."""
    env = {"STRIPE_KEY": "hunter2", "PGPASSFILE": "/hunter2", "PLACE": "pg://me:hunter2@db"}
    job = json.dumps(
        {"id": "a", "command": "exit 3", "env": env, "backoff": {"plugin": "asking", "api_token": "hunter2"}}
    )
    assert_nothing_is_told(guarded, [["enqueue", job, "--json"]], 0)
    assert_nothing_is_told(guarded, [["worker", "start", "--drain"]], 78)
    (guarded.cwd / "queuectl.yaml").write_text("backoff: {plugin: asking, api-token: hunter2}\njobs: {max-retries: 1}")
    worker = guarded.start("worker", "start", "--drain")
    try:
        eventually(lambda: guarded("show", "a", "--json", code=0).json["state"] == "failed")
        calls = [["show", "a"], ["show", "a", "--json"], ["list", "--json"], ["status", "--json"]]
        assert_nothing_is_told(guarded, calls, 0)
        assert "hunter2" not in guarded.on_terminal("show", "a", code=0).out
    finally:
        guarded("cancel", "a")
    _, log = worker.communicate(timeout=180)
    assert "hunter2" not in log.decode()
    assert "cannot ask https://me:***@example.org" in log.decode()
