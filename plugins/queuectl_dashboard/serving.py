"""Serving: the socket, the address that is printed, and an end without delay."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from queuectl import ConflictError, Console, UsageError
from queuectl_dashboard import rendering
from queuectl_dashboard.application import application
from queuectl_dashboard.command import LOOPBACK
from queuectl_dashboard.desk import Desk
from queuectl_dashboard.guard import Guard
from queuectl_dashboard.tokens import Token
from queuectl_dashboard.watching import Watcher

PATIENCE = 3
"""Seconds that an answer may still take when the server is told to end."""

EVERYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  # to recognise it, not to listen there


@dataclass(frozen=True, slots=True)
class Place:
    """Where to listen, and by which further names the server may be called."""

    host: str
    port: int
    names: tuple[str, ...] = ()

    def allowed(self) -> list[str]:
        """Return all names that a browser may call it by."""
        own = list(LOOPBACK) if self.host in {*LOOPBACK, *EVERYWHERE} else [self.host]
        return [*own, *([] if self.host in LOOPBACK else [socket.gethostname()]), *self.names]

    def address(self, port: int) -> str:
        """Return the address to open."""
        name = self.names[0] if self.names else "127.0.0.1" if self.host in EVERYWHERE else self.host
        return f"http://{f'[{name}]' if ':' in name else name}:{port}/"


class Server(uvicorn.Server):
    """A server whose streams end as soon as it is told to end."""

    def __init__(self, config: uvicorn.Config, watcher: Watcher) -> None:
        super().__init__(config)
        self._watcher = watcher

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Have the streams end themselves; a second signal waits for nobody."""
        super().handle_exit(sig, frame)
        self._watcher.end_streams()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Hear signals while it serves; to have been told to end is no failure, so none is raised again."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(config: Any, place: Place, token: Token, *, read_only: bool, quiet: bool) -> None:
    """Serve until a signal comes."""
    with Console(config, read_only=read_only) as console, listening_at(place) as listening:
        console.totals()  # what is wrong with the store is told before anybody opens the page
        port = int(listening.getsockname()[1])
        watcher = Watcher(console.another())
        cookie = f"queuectl-{port}"
        site = application(console, watcher, token, cookie)
        app = Guard(site, place.allowed(), token, cookie)
        _announce(place.address(port), token, read_only=read_only, quiet=quiet)
        watcher.start()
        threading.Thread(target=_prepare, args=[site.state.desk], name="preparing", daemon=True).start()
        try:
            asyncio.run(Server(settings_for(app), watcher).serve(sockets=[listening]))
        finally:
            watcher.close()
            site.state.desk.close()


def _prepare(desk: Desk) -> None:
    rendering.prepare()
    desk.prepare()


def settings_for(app: ASGIApp) -> uvicorn.Config:
    """Return how it is served: nothing that a proxy claims is believed, nothing is logged but what goes wrong."""
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=PATIENCE,
    )


def listening_at(place: Place) -> socket.socket:
    """Return a socket that listens. Raises ConflictError for a port that is taken, UsageError for no host of ours."""
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    try:
        socket.getaddrinfo(place.host or None, place.port, family, socket.SOCK_STREAM)
        made = socket.create_server((place.host, place.port), family=family, backlog=128)
    except (socket.gaierror, UnicodeError) as error:
        raise UsageError(f"--host {place.host}: {getattr(error, 'strerror', None) or 'it is no name'}") from None
    except OSError as error:
        told = os.strerror(error.errno) if error.errno else str(error)
        if error.errno == errno.EADDRNOTAVAIL:
            raise UsageError(f"--host {place.host}: {told}") from None
        hint = "queuectl dashboard --port 0 takes any that is free"
        raise ConflictError(f"{place.host}:{place.port}: {told}", hint=hint) from None
    # Made anew, it knows that it is TCP: only then asyncio sends what is written at once, not 40 ms later.
    return socket.socket(fileno=made.detach())


def _announce(address: str, token: Token, *, read_only: bool, quiet: bool) -> None:
    sys.stdout.write(f"{address}#token={token.text}\n")
    sys.stdout.flush()
    if not quiet:
        only = ", read-only" if read_only else ""
        sys.stderr.write(f"open the address above in a browser{only}; Ctrl-C ends it\n")
