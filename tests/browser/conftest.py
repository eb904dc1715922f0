"""A real browser before a real dashboard: the program itself, on a store that real workers may run."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect, sync_playwright

import queuectl
from queuectl.config import load_config
from queuectl_postgres import Postgres

HERE = Path(__file__).parent
DEADLINE = 60_000
COMMAND = (sys.executable, "-m", "queuectl")


def beside(name: str) -> ModuleType:
    """Import a module that lies beside this one: tests are no package."""
    spec = importlib.util.spec_from_file_location(f"browser_{name}", HERE / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests of a process. Without one the tests are skipped, and loudly; CI fails."""
    chromium = beside("chromium")
    program = chromium.find()
    if program is None:
        reason = f"no browser: {chromium.REMEDY}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    expect.set_options(timeout=DEADLINE)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        yield launched
        launched.close()


@dataclass
class Dashboard:
    """The program, on a store of its own."""

    home: Path
    arguments: tuple[str, ...] = ()
    command: tuple[str, ...] = COMMAND
    store: Mapping[str, str] = field(default_factory=dict)
    running: list[subprocess.Popen[str]] = field(default_factory=list)
    address: str = ""

    def start(self, port: int = 0) -> None:
        """Start it, and note its address."""
        log = (self.home.parent / "dashboard.log").open("a")
        call = [*self.command, "dashboard", "--port", str(port), *self.arguments]
        process = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=log, env=self.environment, text=True)
        log.close()
        self.running.append(process)
        assert process.stdout is not None
        self.address = process.stdout.readline().strip()

    @property
    def environment(self) -> dict[str, str]:
        """Where the store is."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("QUEUECTL_", "XDG_"))}
        return kept | {"QUEUECTL_HOME": str(self.home), "QUEUECTL_BACKOFF__BASE": "0.1", **self.store}

    @property
    def port(self) -> int:
        """The port that it listens on."""
        found = re.search(r":(\d+)/", self.address)
        assert found is not None
        return int(found[1])

    def path(self, path: str) -> str:
        """Return the address of a page."""
        return f"http://127.0.0.1:{self.port}{path}"

    def queue(self) -> queuectl.Queue:
        """Open the store, as another program does."""
        return queuectl.open(load_config(environ={"QUEUECTL_HOME": str(self.home), **self.store}))

    def work(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a worker."""
        call = [*COMMAND, "worker", "start", *arguments]
        process = subprocess.Popen(call, stderr=subprocess.DEVNULL, env=self.environment, text=True)
        self.running.append(process)
        return process

    def stop(self) -> None:
        """End all that runs."""
        for process in self.running:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        for process in self.running:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        self.running.clear()


@contextmanager
def dashboard_at(
    home: Path, *arguments: str, command: tuple[str, ...] = COMMAND, store: Mapping[str, str] | None = None
) -> Iterator[Dashboard]:
    """Start a dashboard on the store below a home; nothing that it started is left behind."""
    home.mkdir(parents=True, exist_ok=True)
    made = Dashboard(home, ("--token-file", str(home / "token"), *arguments), command, store or {})
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def dashboard(tmp_path: Path) -> Iterator[Dashboard]:
    """A dashboard on an empty store."""
    with dashboard_at(tmp_path / "home") as made:
        yield made


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Dashboard]:
    """A dashboard on an empty store that changes nothing."""
    with dashboard_at(tmp_path / "home", "--read-only") as made:
        yield made


@pytest.fixture
def on_postgres(tmp_path: Path, postgres: Postgres) -> Iterator[Dashboard]:
    """A dashboard on an empty store in PostgreSQL."""
    store = {
        "QUEUECTL_STORAGE__PLUGIN": "postgres",
        "QUEUECTL_STORAGE__DSN": postgres.dsn,
        "QUEUECTL_STORAGE__SCHEMA": postgres.schema,
    }
    with dashboard_at(tmp_path / "home", store=store) as made:
        yield made


NEARSIGHTED = """
from queuectl.cli import main
from queuectl.engine import console
from queuectl_sqlite import selecting
selecting.LOOKED_AT, console.SEARCH_PATIENCE = 10, 0.0
main()
"""


@pytest.fixture
def nearsighted(tmp_path: Path) -> Iterator[Dashboard]:
    """A dashboard that looks at ten jobs at a time when it searches."""
    with dashboard_at(tmp_path / "home", command=(sys.executable, "-c", NEARSIGHTED)) as made:
        yield made


@dataclass(frozen=True)
class Showcase:
    """A dashboard on a store as an evening at work leaves it, and jobs there that are worth a look."""

    dashboard: Dashboard
    ids: dict[str, str]


@pytest.fixture(scope="session")
def showcase(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showcase]:
    """One for all tests that only look."""
    home = tmp_path_factory.mktemp("showcase") / "home"
    ids = beside("showcase").fill(home, hostile="QUEUECTL_TEST_DRAW" not in os.environ)
    with dashboard_at(home) as made:
        yield Showcase(made, ids)


Opener = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opener]:
    """Opens a page in a browser that is signed in, and fails the test for any error in the page's console."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def open(dashboard: Dashboard, path: str = "/", *, signed_in: bool = True, **settings: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 860}, **settings})
        contexts.append(context)
        context.set_default_timeout(DEADLINE)
        page = context.new_page()
        if signed_in:
            page.goto(dashboard.address)
            page.wait_for_url(dashboard.path("/"))
            page.wait_for_selector("#attention", state="attached")
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        if path != "/" or not signed_in:
            page.goto(dashboard.path(path))
        return page

    yield open
    for context in contexts:
        try:
            context.close()
        except Error as error:
            wrong.append(str(error))
    # A server that is away, or knows somebody not, is what some tests are about, and no error of the page's.
    expected = (
        "ERR_CONNECTION_REFUSED",
        "ERR_CONNECTION_RESET",
        "ERR_EMPTY_RESPONSE",
        "ERR_INCOMPLETE",
        "status of 401",
        "status of 404",
        "status of 409",
        "status of 503",
    )
    assert [text for text in wrong if not any(part in text for part in expected)] == []


def is_live(page: Page) -> None:
    """Wait until a page follows the server."""
    expect(page.locator("#live")).to_have_attribute("data-state", "live")
