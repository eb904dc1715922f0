"""A dashboard that serves a store of its own over real HTTP, in a thread of the test's."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from queuectl import Console
from queuectl.config import load_config
from queuectl_dashboard.application import application
from queuectl_dashboard.guard import Guard
from queuectl_dashboard.serving import Place, Server, listening_at, settings_for
from queuectl_dashboard.tokens import Token
from queuectl_dashboard.watching import Watcher

DEADLINE = 60.0


@dataclass(frozen=True)
class Answer:
    """What the server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as a text."""
        return self.body.decode()

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Site:
    """A running dashboard. Calls carry the token unless `as_stranger` is used."""

    console: Console
    watcher: Watcher
    token: Token
    port: int
    headers: dict[str, str] = field(default_factory=dict)

    def __call__(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, form: Any = None, body: Any = None
    ) -> Answer:
        """Ask for something; `form` and `body` are what is sent, as a form or as JSON."""
        sent = dict(self.headers) | dict(headers or {})
        data: bytes | None = None
        if form is not None:
            written = form if isinstance(form, str) else urlencode(form, doseq=True)
            data, sent["content-type"] = written.encode(), "application/x-www-form-urlencoded"
        elif body is not None:
            data, sent["content-type"] = json.dumps(body).encode(), "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            connection.request(method, path, data, sent)
            answer = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, told, answer.read())
        finally:
            connection.close()

    def whole(self, request: str) -> str:
        """Send a request as it is written, and return all of the answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE) as line:
            line.sendall(request.replace("\n", "\r\n").encode())
            return line.makefile("rb").read().decode()

    def raw(self, request: str) -> str:
        """Send a request as it is written, and return the first line of the answer."""
        return self.whole(request).partition("\n")[0]

    def get(self, path: str, **headers: str) -> Answer:
        """Ask for a page."""
        return self("GET", path, headers=headers)

    def post(self, path: str, **form: Any) -> Answer:
        """Send a form, as a page of the site's own does."""
        return self("POST", path, form=form, headers={"sec-fetch-site": "same-origin"})

    def as_stranger(self, method: str, path: str, headers: Mapping[str, str] | None = None, **sent: Any) -> Answer:
        """Ask without the token."""
        return Site(self.console, self.watcher, self.token, self.port)(method, path, headers=headers, **sent)

    @property
    def cookie(self) -> str:
        """The cookie of a browser that is signed in."""
        return f"queuectl-{self.port}={self.token.cookie}"


@contextmanager
def serving(environment: Mapping[str, str], *, read_only: bool = False) -> Iterator[Site]:
    """Serve the store that an environment names."""
    config = load_config(environ=dict(environment))
    with Console(config, read_only=read_only) as console, listening_at(Place("127.0.0.1", 0)) as listening:
        console.totals()
        port = listening.getsockname()[1]
        token, watcher, cookie = Token.made(), Watcher(console.another()), f"queuectl-{port}"
        made = application(console, watcher, token, cookie)
        app = Guard(made, Place("127.0.0.1", port).allowed(), token, cookie)
        server = Server(settings_for(app), watcher)
        server.capture_signals = contextmanager(lambda: iter([None]))  # type: ignore[method-assign]  # not the main thread
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])))
        watcher.start()
        thread.start()
        try:
            yield Site(console, watcher, token, port, {"authorization": f"Bearer {token.text}"})
        finally:
            server.should_exit = True
            watcher.end_streams()
            thread.join(DEADLINE)
            watcher.close()
            made.state.desk.close()
        assert not thread.is_alive()


ON_EVERY_STORAGE = frozenset({"test_actions", "test_api", "test_pages", "test_streams"})
"""The modules whose tests are run on each storage that there is."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what is shown and done on each storage."""
    name = metafunc.module.__name__.rpartition(".")[2]
    if "kind" in metafunc.fixturenames and name in ON_EVERY_STORAGE:
        metafunc.parametrize("kind", ["sqlite", "postgres"])


@pytest.fixture
def kind() -> str:
    """Return the storage of a test."""
    return "sqlite"


@pytest.fixture
def environment(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Mapping[str, str]:
    """Return what names an empty store of this test's own."""
    place = {"QUEUECTL_HOME": str(tmp_path / "home")}
    if kind == "sqlite":
        return place
    settings = request.getfixturevalue("postgres")
    return place | {
        "QUEUECTL_STORAGE__PLUGIN": "postgres",
        "QUEUECTL_STORAGE__DSN": settings.dsn,
        "QUEUECTL_STORAGE__SCHEMA": settings.schema,
    }


@pytest.fixture
def site(environment: Mapping[str, str]) -> Iterator[Site]:
    """A dashboard on an empty store."""
    with serving(environment) as site:
        yield site


@pytest.fixture
def read_only(environment: Mapping[str, str], site: Site) -> Iterator[Site]:
    """Another one on the same store, that changes nothing."""
    with serving(environment, read_only=True) as other:
        yield other
