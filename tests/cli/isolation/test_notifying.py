"""A notifier that raises, exits or hangs delays no job and no other notifier, and the next worker goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cli.isolation.telling import logged

if TYPE_CHECKING:
    from tests.cli.isolation.conftest import Site

NOTIFIERS = """
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queuectl import Provider, hookimpl

@dataclass(frozen=True, kw_only=True)
class Notifier:
    def notify(self, event):
        if self.breaks and "HEALED" not in os.environ:
            self.fail()
        with open(type(self).__name__, "a") as heard:
            heard.write(f"{event.job.id}\\n")

    breaks = True

class Good(Notifier):
    breaks = False

class Raises(Notifier):
    def fail(self):
        raise RuntimeError("no")

class Exits(Notifier):
    def fail(self):
        sys.exit(0)

class Hangs(Notifier):
    def fail(self):
        Path("hanging").touch()
        ThreadPoolExecutor().submit(time.sleep, 600).result()

@hookimpl
def queuectl_notifiers():
    for kind in (Raises, Exits, Hangs, Good):
        yield Provider(kind.__name__.lower(), kind, events={"job.completed"})
"""

LISTENER = """
import os
import sys
from queuectl import hookimpl

@hookimpl
def queuectl_notify(event):
    if "HEALED" not in os.environ:
        sys.exit(0)
    if event.name == "job.completed":
        with open("Listener", "a") as heard:
            heard.write(f"{event.job.id}\\n")
"""

NAMES = ("Raises", "Exits", "Hangs", "Good", "Listener")


def test_broken_notifiers_delay_nobody_and_lose_nothing(site: Site) -> None:
    """Given a notifier that hangs among others that fail, when a worker drains, then all jobs run and it ends.

    The second job begins only when the notifier hangs in telling of the first. What was not told the next worker tells,
    once the notifiers are healed, from the beginning and in order.
    """
    here = site.program.cwd
    site.install("faulty", NOTIFIERS, points=[name.lower() for name in NAMES if name != "Listener"])
    site.install("listener", LISTENER)
    site.configure("notifications: [raises, exits, hangs, good]\nplugins: [listener]\n")
    ids = site.program.enqueue("true", "until [ -e hanging ]; do sleep 0.02; done", "true")
    ran = site.program("worker", "start", "--drain", code=0)
    assert {job["state"] for job in site.jobs().values()} == {"completed"}
    assert {name for name in NAMES if (here / name).exists()} == {"Good"}
    told = {name: logged(ran.err, name.lower(), "faulty") for name in ("Raises", "Exits", "Hangs")}
    assert {(line["event"], line["error"]) for line in told["Raises"]} == {
        ("the notifier raised, its event comes again", "RuntimeError: no")
    }
    assert {line["error"] for line in told["Exits"]} == {"SystemExit: 0"}
    assert "the notifier is not done; the next worker delivers what is left" in {
        line["event"] for line in told["Hangs"]
    }
    assert {line["error"] for line in logged(ran.err, "listener")} == {"SystemExit: 0"}
    assert "starting another" not in ran.err

    site.program("worker", "start", "--drain", env={"HEALED": "1"}, code=0)
    assert {name: (here / name).read_text().split() for name in NAMES} == dict.fromkeys(NAMES, ids)
