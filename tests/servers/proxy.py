"""A proxy between a client and a server, that can cut what goes through it, or let it vanish."""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

Mood = Literal["open", "silent", "shut"]


@dataclass(eq=False)
class Proxy:
    """Passes bytes on while it is `open`.

    While it is `silent` it takes what comes and passes nothing on, as a network does that loses every packet: nobody
    hears that a connection is gone. While it is `shut` it has no connections, and takes no new ones.
    """

    host: str
    server: int
    mood: Mood = "open"
    port: int = field(init=False)
    _pairs: dict[socket.socket, socket.socket] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._ear, self._hand = socket.socketpair()
        self._selector.register(self._ear, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def become(self, mood: Mood) -> None:
        """Change its mood; what vanished meanwhile stays lost, so connections that were silent are closed."""
        self.mood = mood
        self._hand.send(b"m")

    def close(self) -> None:
        """End it, with all its connections."""
        self._hand.send(b"q")
        self._thread.join()
        for each in (self._listener, self._ear, self._hand):
            each.close()

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                source = key.fileobj
                assert isinstance(source, socket.socket)
                if source is self._ear:
                    told = self._ear.recv(1)
                    if told == b"q" or self.mood != "silent":
                        self._drop_all()
                    if told == b"q":
                        return
                elif source is self._listener:
                    self._accept()
                elif source in self._pairs:
                    self._pass_on(source)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        if self.mood == "shut":
            client.close()
            return
        server = socket.create_connection((self.host, self.server))
        for one, other in ((client, server), (server, client)):
            self._pairs[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _pass_on(self, source: socket.socket) -> None:
        try:
            data = source.recv(65536)
        except OSError:
            data = b""
        if self.mood == "silent":
            if not data:  # whoever closed is gone; the other end hears nothing of it
                self._selector.unregister(source)
            return
        try:
            if data:
                self._pairs[source].sendall(data)
                return
        except OSError:
            pass
        self._drop(source)

    def _drop(self, source: socket.socket) -> None:
        for each in (source, self._pairs.pop(source)):
            self._pairs.pop(each, None)
            with suppress(KeyError):
                self._selector.unregister(each)
            each.close()

    def _drop_all(self) -> None:
        while self._pairs:
            self._drop(next(iter(self._pairs)))
